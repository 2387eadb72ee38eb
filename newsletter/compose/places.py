"""Where in a page a per-reader tag stands. A value is escaped the same way for text and for a quoted attribute; in an
address only links may stand, and nowhere else anything at all (SEC-11).
"""

import re
from html.parser import HTMLParser

from newsletter.compose.placeholders import PER_READER, Shield
from newsletter.compose.sources import names_asked
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

_ADDRESSES = frozenset({"href", "src", "action", "background", "cite", "data", "formaction", "poster", "srcset"})
_LEADS_SOMEWHERE = re.compile(r"view|unsubscribe|preferences|link_\d+|\w+_url")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def check_places(page: str, shield: Shield) -> None:
    """Raise TemplateError for a hidden tag that stands where its value would not be harmless."""
    looking = _Places(shield)
    looking.feed(page)
    looking.close()


class _Places(HTMLParser):
    def __init__(self, shield: Shield) -> None:
        super().__init__()
        self._shield = shield

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._nothing_in(_QUOTED.sub("", self.get_starttag_text() or ""))
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self._nothing_in(value or "")
            elif name in _ADDRESSES:
                self._links_only(value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:  # a style sheet or a script
            self._nothing_in(data)

    def _nothing_in(self, text: str) -> None:
        for tag in self._values_in(text):
            raise TemplateError(
                _(
                    "La balise « {tag} » se trouve dans un style, un script ou un attribut sans guillemets : mettez-la "
                    "dans le texte, ou entre guillemets."
                ).format(tag=tag)
            )

    def _links_only(self, text: str) -> None:
        for tag in self._values_in(text):
            if not all(_LEADS_SOMEWHERE.fullmatch(name) for name in names_asked(tag, markup=True)):
                raise TemplateError(
                    _(
                        "La balise « {tag} » ne peut pas faire partie d’une adresse : seuls les liens le peuvent."
                    ).format(tag=tag)
                )

    def _values_in(self, text: str) -> list[str]:
        tags = (tag for _before, tag in self._shield.pieces(text))
        return [tag for tag in tags if tag.startswith(PER_READER.expression[0])]
