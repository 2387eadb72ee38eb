"""The marketing team's own words, in Markdown."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, ClassVar

from markupsafe import Markup

from newsletter.blocks.block import Block
from newsletter.compose import markdown
from newsletter.compose.content import Values
from newsletter.compose.findings import Finding, blocking, wrong_link
from newsletter.compose.links import LinkNumbering
from newsletter.i18n import _, lazy


class TextBlock(Block):
    """Paragraphs, headings, lists and links."""

    kind: ClassVar[str] = "text"
    label: ClassVar[str] = lazy("texte")
    position: ClassVar[int] = 10

    markdown: str = ""

    def values(self, rows: Sequence[Any], links: LinkNumbering) -> Values:
        html = Markup(markdown.to_html(self.markdown, address=links.page))  # noqa: S704  cleaned by nh3
        return {"html": html, "text": markdown.to_plain_text(self.markdown, address=links.page)}

    def findings(self, rows: Sequence[Any], *, today: date) -> Iterator[Finding]:
        if not self.markdown.strip():
            yield blocking(_("Un bloc de texte est vide : écrivez-le, ou retirez-le."))
        for url, label in markdown.links_of(self.markdown):
            if not markdown.allowed(url):
                yield wrong_link(url, label)
            if not label.strip():
                yield blocking(_("Un lien n’a pas de texte : écrivez les mots sur lesquels on clique."))
