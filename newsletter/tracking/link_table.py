"""The links of an edition as a small file, so that a click is redirected with the database down.

One file `<edition id>.json` per edition, written when it is planned and never changed afterwards.
"""

import json
import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from newsletter.errors import RefusedError
from newsletter.i18n import _

_OURS = re.compile(r"(https?://[^/\s\\@]|mailto:|tel:)[^\s\\]*\Z", re.IGNORECASE)
_KEPT = "!#$%&'()*+,/:;=?@[]~"  # what an address may already hold (RFC 3986), so that nothing is encoded twice


def write(folder: Path, edition_id: int, links: Mapping[int, str]) -> None:
    """Write the table of an edition: number of the link → where it leads. Atomic and idempotent.

    Raises RefusedError for a target that is not a plain http, https, mailto or tel address (SEC-01), and then writes
    nothing.
    """
    targets = {str(number): _target(url) for number, url in sorted(links.items())}
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="ascii", dir=folder, suffix=".new", delete=False) as file:
        json.dump(targets, file)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(folder / f"{edition_id}.json")


def _target(url: str) -> str:
    """The address in ASCII, as the Location field wants it."""
    if not _OURS.match(url) or not url.isprintable():
        raise RefusedError(
            _(
                "Un lien ne peut pas être suivi : {url}. Il doit commencer par https://, http://, mailto: ou tel:."
            ).format(url=url[:80] if "@" not in url else "…")
        )
    return quote(url, safe=_KEPT)


@dataclass(slots=True)
class LinkTable:
    """The link tables of a folder, each read once, at the first click on its edition."""

    folder: Path
    _read: dict[int, dict[str, str]] = field(default_factory=dict)

    def url(self, edition_id: int, number: int) -> str | None:
        """Where this link leads; None when the edition or the link is not known."""
        table = self._read.get(edition_id) or self._open(edition_id)
        return table.get(str(number))

    def _open(self, edition_id: int) -> dict[str, str]:
        """The table from its file. One that is not there yet is looked for again at the next click."""
        try:
            stored = json.loads((self.folder / f"{edition_id}.json").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return {}
        table = {number: url for number, url in stored.items() if _OURS.match(url)}
        self._read[edition_id] = table
        return table
