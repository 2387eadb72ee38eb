"""From lark's parse tree to the typed tree: what each rule of the grammar means."""

import re
from datetime import date
from typing import Any, TypeVar

from lark import Token
from lark.visitors import Transformer_NonRecursive

from newsletter.countries import country_code, country_names
from newsletter.horizons import HORIZON_WORDS
from newsletter.i18n import _
from newsletter.text import fold
from newsletter.words import Axis, ConsentState, Horizon
from segments.errors import SegmentError, hint_among, position_of
from segments.fields import AXIS_WORDS, STATE_WORDS, Field
from segments.tree import (
    Agreed,
    Begins,
    Bound,
    Clicked,
    Dated,
    Every,
    Everyone,
    Node,
    Not,
    OneOf,
    Plans,
    Some,
    Span,
    TextPosition,
    Topic,
    Tree,
    TypedName,
    Unit,
    word_for,
)

_CHOICES = {
    "pays": Field.country, "secteur": Field.sector, "metier": Field.sector, "partenaire": Field.partner,
    "code": Field.postcode, "commune": Field.commune, "epci": Field.epci,
}  # fmt: skip
_MONTHS = [
    "janvier", "fevrier", "mars", "avril", "mai", "juin",
    "juillet", "aout", "septembre", "octobre", "novembre", "decembre",
]  # fmt: skip
_UNITS = {"j": Unit.days, "s": Unit.weeks, "m": Unit.months, "a": Unit.years}
_MOST = {Unit.days: 36500, Unit.weeks: 5200, Unit.months: 1200, Unit.years: 100}
Meaning = TypeVar("Meaning", Axis, ConsentState, Horizon)


class Builder(Transformer_NonRecursive[Token, Any]):
    """A lark transformer: each method builds the node of the grammar rule of its name from its children."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text

    def start(self, parts: list[Node]) -> Tree:
        return parts[0] if parts else Everyone()

    def either(self, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def both(self, parts: list[Node]) -> Node:
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def negated(self, parts: list[Node]) -> Node:
        return Not(parts[0])

    def chosen(self, parts: list[Any]) -> Node:
        field = _CHOICES[parts[0].split()[0]]
        return OneOf(field, tuple(_known(field, name) for name in parts[1:]))

    def not_chosen(self, parts: list[Any]) -> Node:
        return Not(self.chosen(parts))

    def plans(self, parts: list[Any]) -> Node:
        return Plans(tuple(_meaning(HORIZON_WORDS, name) for name in parts[1:]))

    def not_plans(self, parts: list[Any]) -> Node:
        return Not(self.plans(parts))

    def begins(self, parts: list[Any]) -> Node:
        return Begins(tuple(parts[1:]))

    def agreed(self, parts: list[TypedName]) -> Node:
        return Agreed(_meaning(AXIS_WORDS, parts[0]), tuple(_meaning(STATE_WORDS, name) for name in parts[1:]))

    def not_agreed(self, parts: list[TypedName]) -> Node:
        return Not(self.agreed(parts))

    def dated(self, parts: list[Any]) -> Node:
        word, (bound, when) = parts
        return Dated(Field.joined if word.startswith("i") else Field.met, bound, when)

    def clicked(self, parts: list[Any]) -> Node:
        topic = next((part for part in parts if isinstance(part[0], Topic)), (Topic.any, None))
        since = next((when for bound, when in parts if bound is Bound.since), None)
        return Clicked(topic[0], topic[1], since)

    def not_clicked(self, parts: list[Any]) -> Node:
        return Not(self.clicked(parts))

    def about(self, parts: list[Any]) -> tuple[Topic, TypedName]:
        return (Topic.sector if parts[0].endswith("secteur") else Topic.employer, parts[1])

    def since(self, parts: list[Any]) -> tuple[Bound, date | Span]:
        return Bound.since, self._when(parts[0])

    def older(self, parts: list[Any]) -> tuple[Bound, date | Span]:
        return Bound.before, self._when(parts[0])

    before = older

    def within(self, parts: list[Token]) -> tuple[Bound, int]:
        return Bound.within, self._year(parts[0])

    def span(self, parts: list[Token]) -> Span:
        number, unit = int(parts[0][:9]), _UNITS[parts[1][0]]
        if not 0 < number <= _MOST[unit]:
            raise SegmentError(
                at=self._place(parts[0]), found=self._typed(parts[0]), hint=_("Comptez de 1 jour à 100 ans.")
            )
        return Span(number, unit)

    def bare(self, words: list[Token]) -> TypedName:
        typed = " ".join(self._typed(word) for word in words)
        return TypedName("" if fold(typed) == "inconnu" else typed, self._place(words[0]))

    def quoted(self, parts: list[Token]) -> TypedName:
        typed = self._typed(parts[0])
        name = typed[1:-1].strip() if typed[0] == "«" else re.sub('(["“”„])["“”„]', r"\1", typed[1:-1])
        if not name.strip():
            raise SegmentError(
                at=self._place(parts[0]),
                found=typed,
                hint=_("Écrivez une valeur entre les guillemets, ou « inconnu »."),
            )
        return TypedName(name, self._place(parts[0]))

    def _when(self, part: Span | Token) -> date | Span:
        if isinstance(part, Span):
            return part
        if part.type == "NUMBER":
            return date(self._year(part), 1, 1)
        try:
            return _day(part)
        except ValueError:
            raise SegmentError(
                at=self._place(part),
                found=self._typed(part),
                hint=_("Cette date n’existe pas. Écrivez par exemple 2026-06-01 ou 01/06/2026."),
            ) from None

    def _year(self, part: Token) -> int:
        if not 1900 <= int(part[:9]) <= 2100:
            raise SegmentError(
                at=self._place(part),
                found=self._typed(part),
                hint=_("Écrivez une année comme 2026, une date comme 2026-06-01, ou une durée comme 90 jours."),
            )
        return int(part)

    def _typed(self, token: Token) -> str:
        return self.text[token.start_pos : token.end_pos]

    def _place(self, token: Token) -> TextPosition:
        return position_of(self.text, token.start_pos or 0)


def _known(field: Field, name: TypedName) -> TypedName:
    """A country as its code; any other name as it is."""
    if field is not Field.country or not name.text:
        return name
    code = country_code(name.text)
    if code is None:
        raise SegmentError(
            at=name.at,
            found=name.text,
            hint=_("Ce n’est pas un pays connu.") + hint_among(name.text, country_names().values()),
        )
    return TypedName(code, name.at)


def _meaning(words: dict[str, Meaning], name: TypedName) -> Meaning:
    typed = fold(name.text or "inconnu")
    for word, meaning in words.items():
        if fold(word) == typed:
            return meaning
    first_words = {meaning: word_for(words, meaning) for meaning in words.values()}
    raise SegmentError(
        at=name.at,
        found=name.text or "inconnu",
        hint=_("On attend ici : {words}.").format(words=", ".join(first_words.values())) + hint_among(name.text, words),
    )


def _day(text: str) -> date:
    numbers = re.findall(r"\d+", text)
    if len(numbers) == 2:
        return date(int(numbers[1]), _MONTHS.index(text.split()[1]) + 1, int(numbers[0]))
    if "/" in text:
        numbers.reverse()
    return date(*(int(number) for number in numbers))
