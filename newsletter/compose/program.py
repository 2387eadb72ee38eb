"""A compiled body, filled for each reader.

The sources hold no `{{ … }}` any more, only `[[ … ]]` tags over a closed list of slots. A tag is filled with a value
escaped for where it stands, and a value is never read as a template (SEC-11).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import jinja2
from jinja2 import meta
from markupsafe import Markup

from newsletter.compose.links import ReaderLinks
from newsletter.compose.shield import PER_READER
from newsletter.compose.templates import TemplateError, sandbox
from newsletter.words import _

SLOTS = frozenset({"hello", "first_name", "pixel", "view", "unsubscribe", "preferences"})
"""What differs per reader, beside `link_<number>`. `hello` is the whole greeting, `pixel` a whole tag or nothing."""

_LINK_SLOT = re.compile(r"link_\d+")
_ENVIRONMENTS = {
    markup: sandbox(
        autoescape=markup,
        variable_start_string=PER_READER.expression[0],
        variable_end_string=PER_READER.expression[1],
        block_start_string=PER_READER.statement[0],
        block_end_string=PER_READER.statement[1],
        comment_start_string=PER_READER.comment[0],
        comment_end_string=PER_READER.comment[1],
        keep_trailing_newline=True,
    )
    for markup in (True, False)
}


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

    def fill(self, reader: Reader) -> Filled:
        """The mail of this reader. The same reader gives the same bytes."""
        values = _values(reader)
        return Filled(subject=self.subject, html=self._html.render(values), text=self._text.render(values))


def read_source(source: str, *, markup: bool, known: frozenset[str]) -> jinja2.Template:
    """A compiled source, ready to be filled with the `known` slots (links are always known)."""
    environment = _ENVIRONMENTS[markup]
    try:
        asked = meta.find_undeclared_variables(environment.parse(source))
        template = environment.from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(
            _("Ligne {line} du modèle compilé : une balise « [[ … ]] » ne convient pas ({why}).").format(
                line=error.lineno, why=error.message
            )
        ) from None
    unknown = sorted(name for name in asked - known if not _LINK_SLOT.fullmatch(name))
    if unknown:
        raise TemplateError(
            _("L’emplacement « {name} » n’existe pas. Les emplacements possibles sont : {known}.").format(
                name=unknown[0], known=", ".join(sorted(known))
            )
        )
    return template


def literal(text: str) -> str:
    """The source that gives exactly this text back: nothing of it is read as a tag."""
    return re.sub(r"\[(?=[\[%#]|\Z)", "[[ '[' ]]", text)


def greeting(first_name: str) -> str:
    """How a mail begins; people whose first name we do not know are greeted all the same."""
    name = one_line(first_name)
    return _("Bonjour {name},").format(name=name) if name else _("Bonjour,")


def one_line(text: str) -> str:
    """The text on one line and without control characters."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _values(reader: Reader) -> Mapping[str, str]:
    links = reader.links
    return {
        "hello": greeting(reader.first_name),
        "first_name": one_line(reader.first_name),
        "pixel": pixel_tag(links.pixel),
        "view": links.view,
        "unsubscribe": links.unsubscribe,
        "preferences": links.preferences,
    } | {f"link_{number}": url for number, url in links.urls.items()}


def pixel_tag(url: str) -> str:
    """The tag that measures opens; nothing at all for those who did not agree to it (LAW-02)."""
    tag = Markup('<img src="{}" width="1" height="1" alt="" aria-hidden="true" style="display:block;border:0">')
    return tag.format(url) if url else Markup("")
