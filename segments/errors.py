"""What is wrong with a segment, where, and what to do."""

import re
from collections.abc import Iterable

from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.text import fold, nearest
from segments.fields import Field
from segments.tree import TextPosition


class SegmentError(NewsletterError):
    """The segment cannot be understood, or names what does not exist. Line and column count from 1."""

    def __init__(self, *, at: TextPosition, found: str, hint: str) -> None:
        self.line, self.column, self.hint = at.line, at.column, hint
        self.found = _fit_to_show(found)
        super().__init__(
            _("Segment, ligne {line}, colonne {column} : {what}. {hint}").format(
                line=self.line,
                column=self.column,
                what=_("« {found} » ne convient pas ici").format(found=self.found)
                if self.found
                else _("la phrase s’arrête trop tôt"),
                hint=hint,
            )
        )


def hint_among(typed: str, words: Iterable[str]) -> str:
    """« Vouliez-vous dire … ? » for the nearest word of a list; nothing when none is near."""
    known = list(words)
    near = nearest(typed, known)
    if near is None and " " in typed:
        near = nearest(typed.split(maxsplit=1)[0], known)
    return _(" Vouliez-vous dire « {word} » ?").format(word=near) if near else ""


def _fit_to_show(found: str) -> str:
    """At most 40 characters, and never an e-mail address (LAW-16)."""
    if "@" in found:
        return "…@…"
    return found if len(found) <= 40 else found[:39] + "…"


def position_of(text: str, position: int) -> TextPosition:
    """Line and column of a character."""
    line_start = text.rfind("\n", 0, position) + 1
    return TextPosition(text.count("\n", 0, position) + 1, position - line_start + 1)


_WORDS = {
    "_ET": "et", "_OU": "ou", "RPAR": ")", "LPAR": "(", "_EQUALS": "=", "_DIFFERS": "≠", "_PARMI": "parmi",
    "_BEGINS": "commence par", "_DEPUIS": "depuis", "_AVANT": "avant", "_EN": "en", "UNIT": "jours, mois ou ans",
    "NUMBER": "un nombre", "DAY": "une date (2026-06-01)", "_COMMA": ",", "WORD": "une valeur",
}  # fmt: skip


def in_french(error: UnexpectedInput, text: str) -> SegmentError:
    """A syntax error of lark as a SegmentError: one French sentence that says what to do."""
    position = error.pos_in_stream if isinstance(error.pos_in_stream, int) else len(text)
    ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
    if ended or position < 0:
        position = len(text.rstrip())
    found = re.split(r"[\s()=≠,;]", text[position:], maxsplit=1)[0] or text[position : position + 1]
    return SegmentError(at=position_of(text, position), found=found, hint=_hint(error, text, position, found))


def _hint(error: UnexpectedInput, text: str, position: int, found: str) -> str:
    allowed = _allowed(error)
    if found[:1] in tuple('"“”„«»'):
        return _("Ce guillemet n’a pas son pareil : refermez-le, ou mettez « et » ou « ou » avant.")
    if "CHOICE" in allowed and fold(found) in ("et", "ou"):
        return _("Il manque une condition avant ce mot.")
    if "CHOICE" in allowed and found:
        return _("Ce n’est pas un champ connu.") + hint_among(_first_words(text[position:]), Field)
    if "CHOICE" in allowed:
        return _("Il manque une condition, par exemple : {example}.").format(example="pays = FR")
    if "QUOTED" in allowed and not found:
        return _("Il manque une valeur.")
    if found == ")":
        return _("Cette parenthèse est en trop, ou il manque quelque chose avant elle.")
    if found == "=":
        return _("Il manque « et » ou « ou » entre deux conditions, ou une valeur est à mettre entre guillemets.")
    if not found and "RPAR" in allowed:
        return _("Une parenthèse ouverte n’est pas refermée.")
    return _("On attend ici : {words}.").format(
        words=", ".join(word for kind, word in _WORDS.items() if kind in allowed) or _("la fin du segment")
    )


def _allowed(error: UnexpectedInput) -> set[str]:
    if isinstance(error, UnexpectedToken):
        return set(error.accepts or error.expected)
    return set(error.allowed or ()) if isinstance(error, UnexpectedCharacters) else set()


def _first_words(text: str) -> str:
    return " ".join(re.split(r"[=≠(),]", text, maxsplit=1)[0].split()[:2])
