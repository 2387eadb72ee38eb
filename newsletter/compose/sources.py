"""Compiled sources: text in which only `[[ … ]]` tags are left, one for each thing that differs per reader.

A tag is filled with a value escaped for where it stands, and a value is never read as a template (SEC-11). A source is
read in two ways that give the same text: by Jinja, or cut once into what is the same for everybody and the slots.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import jinja2
from jinja2 import meta, nodes

from newsletter.compose.placeholders import PER_READER
from newsletter.compose.templates import TemplateError, sandbox
from newsletter.i18n import _

NAMES = frozenset({"hello", "first_name"})
"""The slots that speak of the reader's name; `hello` is the whole greeting."""

SLOTS = NAMES | {"pixel", "view", "unsubscribe", "preferences"}
"""What differs per reader, beside `link_<number>`. `pixel` is a whole tag or nothing."""

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


@lru_cache(maxsize=64)
def read_source(source: str, *, markup: bool, known: frozenset[str]) -> jinja2.Template:
    """A compiled source, ready to be filled with the `known` slots (links are always known)."""
    asked = names_asked(source, markup=markup)
    unknown = sorted(name for name in asked - known if not _LINK_SLOT.fullmatch(name))
    if unknown:
        raise TemplateError(
            _("L’emplacement « {name} » n’existe pas. Les emplacements possibles sont : {known}.").format(
                name=unknown[0], known=", ".join(sorted(known))
            )
        )
    try:
        return _ENVIRONMENTS[markup].from_string(source)
    except jinja2.TemplateSyntaxError as error:
        raise _unfit(error) from None


def names_asked(source: str, *, markup: bool) -> set[str]:
    """The slots a source asks for. Raises TemplateError for a tag that cannot be read."""
    try:
        return meta.find_undeclared_variables(_ENVIRONMENTS[markup].parse(source))
    except jinja2.TemplateSyntaxError as error:
        raise _unfit(error) from None


def render_source(template: jinja2.Template, values: Mapping[str, str]) -> str:
    """The source filled by Jinja. Raises TemplateError when a tag cannot be filled with these values."""
    try:
        return template.render(values)
    except (jinja2.TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise TemplateError(
            _("Une balise « [[ … ]] » ne peut pas être remplie ({why}). Corrigez le modèle.").format(why=error)
        ) from None


def literal(text: str) -> str:
    """The source that gives exactly this text back: nothing of it is read as a tag."""
    return re.sub(r"\[(?=[\[%#]|\Z)", "[[ '[' ]]", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place to be filled per reader: a slot of that name as it is, or an expression over the reader's name."""

    name: str
    expression: jinja2.Template | None = field(default=None, compare=False)

    @property
    def of_name(self) -> bool:
        """Whether its value is made of the reader's name; if not, it is an address."""
        return self.expression is not None or self.name in NAMES


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A source, cut at its tags; or `why` it cannot be."""

    pieces: tuple[str | Slot, ...] = ()
    why: str = ""


@lru_cache(maxsize=64)
def cut(source: str, *, markup: bool) -> Cut:
    """What Jinja would write, as pieces: text that is the same for everybody is complete and escaped already.

    What the reader decides on (a condition, a loop, a filter on a link) cannot be cut.
    """
    pieces: list[str | Slot] = []
    for node in _ENVIRONMENTS[markup].parse(source).body:
        if not isinstance(node, nodes.Output):
            return Cut(why=_("la balise « {tag} » décide selon le lecteur").format(tag=_first_statement(source)))
        for part in node.nodes:
            piece = _piece(part, markup=markup)
            if piece is None:
                name = ", ".join(sorted(found.name for found in part.find_all(nodes.Name)))
                return Cut(why=_("l’emplacement « {name} » passe par un calcul").format(name=name))
            pieces.append(piece)
    return Cut(pieces=tuple(pieces))


def _piece(part: nodes.Expr, *, markup: bool) -> str | Slot | None:
    if isinstance(part, nodes.TemplateData):
        return part.data
    if isinstance(part, nodes.Name) and (part.name in SLOTS or _LINK_SLOT.fullmatch(part.name)):
        return Slot(name=part.name)
    environment = _ENVIRONMENTS[markup]
    alone = nodes.Template([nodes.Output([part], lineno=1)], lineno=1)
    alone.set_environment(environment)
    asked = meta.find_undeclared_variables(alone)
    if not asked <= NAMES:
        return None
    code = environment.compile(alone)
    template = environment.template_class.from_code(environment, code, environment.make_globals(None))
    return Slot(name=repr(part), expression=template) if asked else render_source(template, {})


def _first_statement(source: str) -> str:
    found = re.search(r"\[%[-+]?\s*(.*?)\s*[-+]?%\]", source, re.DOTALL)
    return found.group(1) if found else ""


def _unfit(error: jinja2.TemplateSyntaxError) -> TemplateError:
    return TemplateError(
        _("Ligne {line} du modèle compilé : une balise « [[ … ]] » ne convient pas ({why}).").format(
            line=error.lineno, why=error.message
        )
    )
