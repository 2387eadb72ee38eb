"""A compiled body, filled for each reader: by Jinja here, for a page or a preview; by `slots` for the mails."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jinja2
from markupsafe import Markup

from newsletter.compose.links import ReaderLinks
from newsletter.compose.sources import SLOTS, cut, read_source, render_source
from newsletter.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who a mail is for."""

    address: str
    first_name: str
    links: ReaderLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A mail's words, ready to be written as a message."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The two bodies of a variant, read once. Raises TemplateError when a source has a tag or a slot we do not know."""

    subject: str
    html: str
    text: str
    _html: jinja2.Template = field(init=False, repr=False, compare=False)
    _text: jinja2.Template = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_html", read_source(self.html, markup=True, known=SLOTS))
        object.__setattr__(self, "_text", read_source(self.text, markup=False, known=SLOTS))

    @property
    def compiled(self) -> bool:
        """Whether its mails are joined from ready pieces; if not, Jinja fills each of them, many times slower."""
        return not self.why

    @property
    def why(self) -> str:
        """What keeps it from being compiled, as the end of a French sentence; empty when nothing does."""
        return cut(self.html, markup=True).why or cut(self.text, markup=False).why

    def fill(self, reader: Reader) -> Filled:
        """The mail of this reader. The same reader gives the same bytes."""
        values = {**name_values(reader.first_name), **link_values(reader.links)}
        return Filled(
            subject=self.subject, html=render_source(self._html, values), text=render_source(self._text, values)
        )


def name_values(first_name: str) -> dict[str, str]:
    """The values of the slots that speak of the reader's name."""
    return {"hello": greeting(first_name), "first_name": one_line(first_name)}


def link_values(links: ReaderLinks) -> Mapping[str, str]:
    """The values of the slots that lead somewhere."""
    return {
        "pixel": pixel_tag(links.pixel),
        "view": links.view,
        "unsubscribe": links.unsubscribe,
        "preferences": links.preferences,
    } | {f"link_{number}": url for number, url in links.urls.items()}


def greeting(first_name: str) -> str:
    """How a mail begins; people whose first name we do not know are greeted all the same."""
    name = one_line(first_name)
    return _("Bonjour {name},").format(name=name) if name else _("Bonjour,")


def one_line(text: str) -> str:
    """The text on one line and without control characters."""
    if not text.isprintable():
        text = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(text.split())


def pixel_tag(url: str) -> str:
    """The tag that measures opens; nothing at all for those who did not agree to it (LAW-02)."""
    tag = Markup('<img src="{}" width="1" height="1" alt="" aria-hidden="true" style="display:block;border:0">')
    return tag.format(url) if url else Markup("")
