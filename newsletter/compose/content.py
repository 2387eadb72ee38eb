"""What an issue says, resolved: compose reads no database, and a template sees plain values only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from newsletter.compose.findings import Finding
from newsletter.compose.links import LinkNumbering

Values = dict[str, Any]
"""What a template sees: texts, lists and mappings of them, never an object of the program (SEC-10)."""


class ContentBlock(Protocol):
    """A block with all that it shows. `newsletter.blocks` has the kinds."""

    def values(self, links: LinkNumbering) -> Values:
        """What a template sees of it, its `kind` among them; each link is registered in `links`, in its order."""
        ...

    def findings(self, *, today: date) -> Iterator[Finding]:
        """What preflight says of it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """Everything an issue says, in the order it says it."""

    subject: str
    preheader: str
    blocks: tuple[ContentBlock, ...]
