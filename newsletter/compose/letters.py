"""Letters: single mails outside any issue, such as the sign-up confirmation, the welcome, an adviser's new leads.

Each has its templates in `templates/letters/<name>/`: `subject.txt`, `body.mjml` and `body.txt`. They are compiled once
per process and language.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import jinja2

from newsletter.compose.build import compile_html, compile_text
from newsletter.compose.headers import SenderIdentity
from newsletter.compose.layout import identity_values
from newsletter.compose.mail_template import RenderedMail, greeting, one_line
from newsletter.compose.mime import write_message
from newsletter.compose.placeholders import Placeholders
from newsletter.compose.sources import read_source, render_source
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _, language

LETTER_VALUES: dict[str, frozenset[str]] = {
    "confirmation": frozenset({"first_name", "confirm_url"}),
    "welcome": frozenset({"first_name", "preferences_url", "unsubscribe_url"}),
    "leads": frozenset({"first_name", "count", "summary", "desk_url"}),
}
"""The letters, and the values of each one's slots. `summary` is one lead per line: names and reasons, no address."""


def write_letter(
    name: str, *, to: str, sender: SenderIdentity, message_id: str, date: datetime, values: Mapping[str, str]
) -> bytes:
    """The whole message, marked as written by a program (RFC 3834).

    Raises TemplateError when the letter does not exist or a value is missing, MessageError when one is unfit.
    """
    letter = render_letter(name, sender=sender, values=values)
    return write_message(letter, sender=sender, to=to, message_id=message_id, date=date, automatic=True)


def render_letter(name: str, *, sender: SenderIdentity, values: Mapping[str, str]) -> RenderedMail:
    """The subject and bodies of a letter. Values are escaped where they stand and never read as a template."""
    missing = sorted(_values_of(name) - values.keys())
    if missing:
        raise TemplateError(
            _("Il manque « {value} » pour écrire le message « {name} ».").format(value=missing[0], name=name)
        )
    given = dict(values) | {"hello": greeting(values["first_name"])}
    subject, html, text = _compiled(name, sender, language())
    return RenderedMail(
        subject=one_line(render_source(subject, given)),
        html=render_source(html, given),
        text=render_source(text, given),
    )


@lru_cache(maxsize=32)
def _compiled(
    name: str, sender: SenderIdentity, _language: str
) -> tuple[jinja2.Template, jinja2.Template, jinja2.Template]:
    """Subject, HTML and text, in the language of the moment, which is `_language`."""
    known = _values_of(name) | {"hello"}
    values = identity_values(sender)
    subject, text = (
        compile_text(f"letters/{name}/{file}", values, placeholders=Placeholders())
        for file in ("subject.txt", "body.txt")
    )
    html = compile_html(f"letters/{name}/body.mjml", values, placeholders=Placeholders())
    return (
        read_source(subject, markup=False, known=known),
        read_source(html, markup=True, known=known),
        read_source(text, markup=False, known=known),
    )


def _values_of(name: str) -> frozenset[str]:
    if name not in LETTER_VALUES:
        raise TemplateError(_("Le message « {name} » n’existe pas.").format(name=name))
    return LETTER_VALUES[name]
