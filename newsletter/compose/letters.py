"""Letters that are not an issue: sign-up confirmation, welcome, an adviser's new leads.

Each lives in `templates/letters/<name>/` as `subject.txt`, `body.mjml` and `body.txt`; compiled once per process.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache

import jinja2

from newsletter.compose.build import compile_html, compile_text
from newsletter.compose.layout import identity
from newsletter.compose.mime import Letterhead, write_message
from newsletter.compose.placeholders import Shield
from newsletter.compose.program import Filled, greeting, one_line
from newsletter.compose.sources import read_source, render_source
from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

LETTERS: dict[str, frozenset[str]] = {
    "confirmation": frozenset({"first_name", "confirm_url"}),
    "welcome": frozenset({"first_name", "preferences_url", "unsubscribe_url"}),
    "leads": frozenset({"first_name", "count", "summary", "desk_url"}),
}
"""The letters, and the values each is filled with. `summary` is one lead per line: names and reasons, no address."""


def write_letter(
    name: str, *, to: str, letterhead: Letterhead, message_id: str, date: datetime, values: Mapping[str, str]
) -> bytes:
    """The whole message, marked as written by a program (RFC 3834).

    Raises TemplateError when the letter does not exist or a value is missing, MessageError when one is unfit.
    """
    filled = fill_letter(name, letterhead=letterhead, values=values)
    return write_message(filled, letterhead=letterhead, to=to, message_id=message_id, date=date, automatic=True)


def fill_letter(name: str, *, letterhead: Letterhead, values: Mapping[str, str]) -> Filled:
    """The letter's words. Values are escaped where they stand and never read as a template."""
    missing = sorted(_values_of(name) - values.keys())
    if missing:
        raise TemplateError(
            _("Il manque « {value} » pour écrire la lettre « {name} ».").format(value=missing[0], name=name)
        )
    given = dict(values) | {"hello": greeting(values["first_name"])}
    subject, html, text = _compiled(name, letterhead)
    return Filled(
        subject=one_line(render_source(subject, given)),
        html=render_source(html, given),
        text=render_source(text, given),
    )


@lru_cache(maxsize=32)
def _compiled(name: str, letterhead: Letterhead) -> tuple[jinja2.Template, jinja2.Template, jinja2.Template]:
    known = _values_of(name) | {"hello"}
    values = identity(letterhead)
    subject, text = (
        compile_text(f"letters/{name}/{file}", values, shield=Shield()) for file in ("subject.txt", "body.txt")
    )
    html = compile_html(f"letters/{name}/body.mjml", values, shield=Shield())
    return (
        read_source(subject, markup=False, known=known),
        read_source(html, markup=True, known=known),
        read_source(text, markup=False, known=known),
    )


def _values_of(name: str) -> frozenset[str]:
    if name not in LETTERS:
        raise TemplateError(_("La lettre « {name} » n’existe pas.").format(name=name))
    return LETTERS[name]
