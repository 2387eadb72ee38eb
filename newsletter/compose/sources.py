"""Compiled sources: text in which only `[[ … ]]` tags are left, with a slot for each thing that differs per recipient.

A slot is filled with a value escaped for where it stands, and a value is never read as a template (SEC-11). A source is
read in two ways that give the same text: by Jinja, or split once into slots and the text that all mails share.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

import jinja2
from jinja2 import meta, nodes

from newsletter.compose.placeholders import COMMENT, EXPRESSION, STATEMENT
from newsletter.compose.templates import TemplateError, sandbox
from newsletter.i18n import _

NAME_SLOTS = frozenset({"hello", "first_name"})
"""The slots that are made of the recipient's name; `hello` is the whole greeting."""

RECIPIENT_SLOTS = NAME_SLOTS | {"pixel", "view", "unsubscribe", "preferences"}
"""The slots a source may use, beside `link_<number>`. `pixel` is a whole HTML tag or nothing."""

_LINK_SLOT = re.compile(r"link_\d+")
_ENVIRONMENTS = {
    markup: sandbox(
        autoescape=markup,
        variable_start_string=EXPRESSION[0],
        variable_end_string=EXPRESSION[1],
        block_start_string=STATEMENT[0],
        block_end_string=STATEMENT[1],
        comment_start_string=COMMENT[0],
        comment_end_string=COMMENT[1],
        keep_trailing_newline=True,
    )
    for markup in (True, False)
}


@lru_cache(maxsize=64)
def read_source(source: str, *, markup: bool, known: frozenset[str]) -> jinja2.Template:
    """A compiled source, ready to be filled with the `known` slots (links are always known)."""
    asked = slots_used(source, markup=markup)
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


def slots_used(source: str, *, markup: bool) -> set[str]:
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
    """What is filled in per recipient: the value of that name as it is, or an expression over the recipient's name."""

    name: str
    expression: jinja2.Template | None = field(default=None, compare=False)

    @property
    def of_name(self) -> bool:
        """Whether its value is made of the recipient's name; if not, it is an address."""
        return self.expression is not None or self.name in NAME_SLOTS


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceParts:
    """A source, split at its tags; or `why` it cannot be, as the end of a French sentence."""

    parts: tuple[str | Slot, ...] = ()
    why: str = ""


@lru_cache(maxsize=64)
def source_parts(source: str, *, markup: bool) -> SourceParts:
    """What Jinja would write, as parts: the text that all mails share is complete and escaped already.

    A source with a condition, a loop or a filter on a link cannot be split: such a tag decides per recipient.
    """
    parts: list[str | Slot] = []
    for node in _ENVIRONMENTS[markup].parse(source).body:
        if not isinstance(node, nodes.Output):
            return SourceParts(
                why=_("la balise « {tag} » décide selon le lecteur").format(tag=_first_statement(source))
            )
        for part in node.nodes:
            found = _part(part, markup=markup)
            if found is None:
                name = ", ".join(sorted(one.name for one in part.find_all(nodes.Name)))
                return SourceParts(why=_("l’emplacement « {name} » passe par un calcul").format(name=name))
            parts.append(found)
    return SourceParts(parts=tuple(parts))


def _part(part: nodes.Expr, *, markup: bool) -> str | Slot | None:
    if isinstance(part, nodes.TemplateData):
        return part.data
    if isinstance(part, nodes.Name) and (part.name in RECIPIENT_SLOTS or _LINK_SLOT.fullmatch(part.name)):
        return Slot(name=part.name)
    environment = _ENVIRONMENTS[markup]
    alone = nodes.Template([nodes.Output([part], lineno=1)], lineno=1)
    alone.set_environment(environment)
    asked = meta.find_undeclared_variables(alone)
    if not asked <= NAME_SLOTS:
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
