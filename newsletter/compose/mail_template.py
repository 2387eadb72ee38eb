"""The template of an edition's mails, rendered by Jinja: for a page, a preview, or where `mail_program` cannot."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import jinja2
from markupsafe import Markup

from newsletter.compose.links import RecipientLinks
from newsletter.compose.sources import RECIPIENT_SLOTS, read_source, render_source, source_parts
from newsletter.i18n import _


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who a mail is for."""

    address: str
    first_name: str
    links: RecipientLinks


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedMail:
    """The subject and bodies of one mail, ready to be written as a message."""

    subject: str
    html: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTemplate:
    """The subject and the two compiled sources of a variant.

    Raises TemplateError when a source has a tag that cannot be read, or an unknown slot.
    """

    subject: str
    html: str
    text: str
    _html: jinja2.Template = field(init=False, repr=False, compare=False)
    _text: jinja2.Template = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_html", read_source(self.html, markup=True, known=RECIPIENT_SLOTS))
        object.__setattr__(self, "_text", read_source(self.text, markup=False, known=RECIPIENT_SLOTS))

    @property
    def compiled(self) -> bool:
        """Whether its mails can be joined from ready segments; if not, Jinja renders each, many times slower."""
        return not self.why

    @property
    def why(self) -> str:
        """What keeps it from being compiled, as the end of a French sentence; empty when nothing does."""
        return source_parts(self.html, markup=True).why or source_parts(self.text, markup=False).why

    def render(self, recipient: Recipient) -> RenderedMail:
        """The mail of this recipient. The same recipient gives the same texts."""
        values = {**name_values(recipient.first_name), **link_values(recipient.links)}
        return RenderedMail(
            subject=self.subject, html=render_source(self._html, values), text=render_source(self._text, values)
        )


def name_values(first_name: str) -> dict[str, str]:
    """The values of the slots that are made of the recipient's name."""
    return {"hello": greeting(first_name), "first_name": one_line(first_name)}


def link_values(links: RecipientLinks) -> Mapping[str, str]:
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
