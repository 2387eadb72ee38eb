"""Text → tree. Case, accents and the kind of quotation mark make no difference; `#` begins a comment.

The grammar reads a copy of the text without case and accents, of the same length, so that keywords are found however
they are spelt while values and places are taken from what was typed.
"""

from string import ascii_lowercase, ascii_uppercase

from lark import Lark
from lark.exceptions import UnexpectedInput, VisitError

from newsletter.i18n import _
from segments.build import Builder
from segments.errors import SegmentError, in_french, position_of
from segments.tree import TextPosition, Tree, parts_of

_LONGEST = 4000
"""Characters in a segment."""
_DEEPEST = 25
"""Brackets and `non` within each other: what a person can still read, and every database still compiles."""

_GRAMMAR = r"""
start: either?
either: both (_OU both)*
both: part (_ET part)*
?part: (_NON | _PAS) part -> negated
    | "(" either ")"
    | CHOICE _one -> chosen
    | CHOICE _none -> not_chosen
    | PROJECT _one -> plans
    | PROJECT _none -> not_plans
    | POSTCODE _one -> chosen
    | POSTCODE _none -> not_chosen
    | POSTCODE _BEGINS (value | _values) -> begins
    | _AGREED value _one -> agreed
    | _AGREED value _none -> not_agreed
    | DATED (since | older | before | within) -> dated
    | _CLICKED about? since? -> clicked
    | _NOT_CLICKED about? since? -> not_clicked
_one: _EQUALS value | _PARMI _values
_none: (_DIFFERS | _PAS | _PAS _EQUALS) value | _PAS _PARMI _values
_values: "(" value ((_COMMA | _OU) value)* ")"
value: WORD+ -> bare
    | QUOTED -> quoted
about: _SUR? TOPIC value
since: _DEPUIS (_MOINS? span | _when)
older: _DEPUIS _PLUS span
before: _AVANT (span | _when)
within: _EN NUMBER
_when: _LE? DAY | NUMBER
span: NUMBER UNIT

CHOICE.4: /(pays|secteur|metier|partenaire|commune(\s+souhaitee)?|epci(\s+vise)?)(?![\w-])/
PROJECT.4: /projet(?![\w-])/
POSTCODE.4: /code\s+postal(?![\w-])/
_AGREED.4: /accord(?![\w-])/
DATED.4: /(inscrite?s?|rencontree?s?)(?![\w-])/
_CLICKED.4: /(a|ont)\s+clique(?![\w-])/
_NOT_CLICKED.4: /n'(a|ont)\s+pas\s+clique(?![\w-])/
_SUR.4: /sur(?![\w-])/
TOPIC.4: /(le\s+|un\s+|l'|l'\s+)?(secteur|employeur)(?![\w-])/
_ET.4: /et(?![\w'-])/
_OU.4: /ou(?![\w'-])/
_NON.4: /non(?![\w'-])/
_PAS.4: /(n'est\s+)?pas(?![\w'-])/
_PARMI.4: /parmi(?![\w-])/
_BEGINS.4: /commence\s+par(?![\w-])/
_DEPUIS.4: /depuis(?![\w-])/
_AVANT.4: /avant(?![\w-])/
_EN.4: /en(?![\w-])/
_LE.4: /le(?![\w-])/
_MOINS.4: /moins\s+de(?![\w-])/
_PLUS.4: /plus\s+de(?![\w-])/
UNIT.4: /(jours?|semaines?|mois|ans?|annees?)(?![\w-])/
DAY.4: /\d{4}-\d{2}-\d{2}|\d{1,2}\/\d{1,2}\/\d{4}|\d{1,2}(er)?\s+[a-z]+\s+\d{4}/
NUMBER.3: /\d+(?![\w-])/
_DIFFERS.4: /≠|!=|<>/
_EQUALS.4: /=|est(?![\w'-])/
_COMMA: /[,;]/
QUOTED.2: /"([^"]|"")*"|«[^»]*»/
WORD.1: /[^\s()\[\],;"«»=≠<>!#]+/
COMMENT: /#[^\n]*/
%ignore /\s+/
%ignore COMMENT
"""
_ACCENTED, _BARE = "àâäáãåçéèêëîïíìôöóòõùûüúÿñ", "aaaaaaceeeeiiiiooooouuuuyn"
# „ “ ” become straight in the copy that is read; guillemets stay themselves, so that « a "b" c » may hold them.
_SIGNS, _PLAIN_SIGNS = "’ʼ\u00a0\u202f“”„", '\'\'  """'
_KEYWORD_LETTERS = str.maketrans(
    _ACCENTED + _ACCENTED.upper() + ascii_uppercase + _SIGNS, _BARE + _BARE + ascii_lowercase + _PLAIN_SIGNS
)
"""One character for one, so that places in the copy are places in the text. Names are compared by `text.fold`."""
_language = Lark(_GRAMMAR, parser="lalr", propagate_positions=True)


def parse(text: str) -> Tree:
    """The tree of a segment; Everyone for an empty text. Knows no database: `check` looks whether the names exist.

    Raises SegmentError, with line and column, for what is not a segment.
    """
    _readable(text)
    try:
        tree = Builder(text).transform(_language.parse(text.translate(_KEYWORD_LETTERS)))
    except UnexpectedInput as error:
        raise in_french(error, text) from None
    except VisitError as error:
        raise error.orig_exc from None
    if _depth(tree) > _DEEPEST:
        raise SegmentError(
            at=TextPosition(), found="(", hint=_("Trop de parenthèses l’une dans l’autre : simplifiez le segment.")
        )
    found: Tree = tree
    return found


def _readable(text: str) -> None:
    if len(text) > _LONGEST:
        raise SegmentError(
            at=TextPosition(),
            found=text[:20],
            hint=_("Un segment tient en {most} caractères : raccourcissez-le.").format(most=_LONGEST),
        )
    for position, character in enumerate(text):
        if not character.isprintable() and not character.isspace():
            raise SegmentError(
                at=position_of(text, position), found=_("caractère invisible"), hint=_("Effacez-le ou retapez le mot.")
            )


def _depth(tree: Tree) -> int:
    level: list[Tree] = [tree]
    depth = 0
    while level:
        depth += 1
        level = [part for branch in level for part in parts_of(branch)]
    return depth
