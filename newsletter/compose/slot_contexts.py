"""Where in an HTML page a slot may stand: its context decides whether escaping makes a value harmless (SEC-11).

A value is escaped the same way for text and for a quoted attribute. In an address only links may stand; in a style, a
script or an attribute without quotes nothing may.
"""

import re
from html.parser import HTMLParser

from newsletter.compose.placeholders import EXPRESSION, Placeholders
from newsletter.compose.sources import slots_used
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

_ADDRESSES = frozenset({"href", "src", "action", "background", "cite", "data", "formaction", "poster", "srcset"})
_LINKS = re.compile(r"view|unsubscribe|preferences|link_\d+|\w+_url")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


def check_slot_contexts(page: str, placeholders: Placeholders) -> None:
    """Raise TemplateError for a slot that stands where its value would not be harmless."""
    checker = _ContextChecker(placeholders)
    checker.feed(page)
    checker.close()


class _ContextChecker(HTMLParser):
    def __init__(self, placeholders: Placeholders) -> None:
        super().__init__()
        self._placeholders = placeholders

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._no_slot_in(_QUOTED.sub("", self.get_starttag_text() or ""))
        for name, value in attrs:
            if name == "style" or name.startswith("on"):
                self._no_slot_in(value or "")
            elif name in _ADDRESSES:
                self._links_only(value or "")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem:  # a style sheet or a script
            self._no_slot_in(data)

    def _no_slot_in(self, text: str) -> None:
        for tag in self._slots_in(text):
            raise TemplateError(
                _(
                    "La balise « {tag} » se trouve dans un style, un script ou un attribut sans guillemets : mettez-la "
                    "dans le texte, ou entre guillemets."
                ).format(tag=tag)
            )

    def _links_only(self, text: str) -> None:
        for tag in self._slots_in(text):
            if not all(_LINKS.fullmatch(name) for name in slots_used(tag, markup=True)):
                raise TemplateError(
                    _(
                        "La balise « {tag} » ne peut pas faire partie d’une adresse : seuls les liens le peuvent."
                    ).format(tag=tag)
                )

    def _slots_in(self, text: str) -> list[str]:
        tags = (tag for _before, tag in self._placeholders.split(text))
        return [tag for tag in tags if tag.startswith(EXPRESSION[0])]
