"""The public addresses stand in mailboxes and on paper for ever, so one file spells them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SPELLED = re.compile(r"""["'}](/(?:[lfvpdrki]|inscription|confidentialite|medias))(?=[/"'?#])""")
SOURCES = sorted(
    path
    for folder in ("newsletter", "segments", "templates")
    for path in (ROOT / folder).rglob("*.*")
    if path.suffix in (".py", ".html", ".mjml", ".txt")
)


def test_one_file_spells_the_public_addresses() -> None:
    spelling = {str(path.relative_to(ROOT)) for path in SOURCES if SPELLED.search(path.read_text(encoding="utf-8"))}
    assert spelling == {"newsletter/urls.py"}
