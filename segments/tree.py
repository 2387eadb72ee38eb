"""What a segment means: a typed tree, frozen, with the canonical text of each part.

Text and tree are two forms of one thing: `parse(segment_text(tree)) == tree`. Places are kept for error messages and do
not count when trees are compared.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import assert_never

from newsletter.horizons import HORIZON_WORDS
from newsletter.text import fold
from newsletter.words import Axis, ConsentState, Horizon
from segments.fields import AXIS_WORDS, STATE_WORDS, Field


@dataclass(frozen=True, slots=True)
class TextPosition:
    """Where something stands in the text; both count from 1."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class TypedName:
    """A value as typed: a country's code, or the name of a row. Empty: nothing known (`inconnu`)."""

    text: str
    at: TextPosition = field(default=TextPosition(), compare=False, repr=False)


class Unit(StrEnum):
    days = "jours"
    weeks = "semaines"
    months = "mois"
    years = "ans"


@dataclass(frozen=True, slots=True)
class Span:
    """A length of time counted back from today."""

    number: int
    unit: Unit


class Bound(StrEnum):
    since = "depuis"  # on that day or later
    before = "avant"  # earlier than that day
    within = "en"  # in that year


class Topic(StrEnum):
    """What a click was about."""

    any = ""
    sector = "secteur"
    employer = "employeur"


@dataclass(frozen=True, slots=True)
class Everyone:
    """No condition at all."""


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Node"


@dataclass(frozen=True, slots=True)
class OneOf:
    """The country, postcode, sector, partner, commune or EPCI is one of these."""

    field: Field
    names: tuple[TypedName, ...]


@dataclass(frozen=True, slots=True)
class Begins:
    """The postcode begins with one of these."""

    prefixes: tuple[TypedName, ...]


@dataclass(frozen=True, slots=True)
class Plans:
    """When they might move is one of these."""

    horizons: tuple[Horizon, ...]


@dataclass(frozen=True, slots=True)
class Agreed:
    """Where they stand on an axis is one of these."""

    axis: Axis
    states: tuple[ConsentState, ...]


@dataclass(frozen=True, slots=True)
class Dated:
    """They joined, or were met, since or before a day, or in a year (an int)."""

    field: Field
    bound: Bound
    when: date | Span | int


@dataclass(frozen=True, slots=True)
class Clicked:
    """A human click on this topic was recorded, on that day or later."""

    topic: Topic = Topic.any
    name: TypedName | None = None
    since: date | Span | None = None


Leaf = OneOf | Begins | Plans | Agreed | Dated | Clicked
Node = Every | Some | Not | Leaf
Tree = Everyone | Node


def parts_of(tree: Tree) -> tuple[Node, ...]:
    """The branches just below; none for a leaf."""
    match tree:
        case Every(parts) | Some(parts):
            return parts
        case Not(part):
            return (part,)
        case _:
            return ()


def leaves(tree: Tree) -> list[Leaf]:
    """Every leaf, from left to right."""
    if isinstance(tree, Leaf):
        return [tree]
    return [leaf for part in parts_of(tree) for leaf in leaves(part)]


def segment_text(tree: Tree) -> str:
    """The tree as canonical text of the language."""
    match tree:
        case Everyone():
            return ""
        case Every(parts):
            return " et ".join(_bracketed(part) for part in parts)
        case Some(parts):
            return " ou ".join(_bracketed(part) for part in parts)
        case Not(part):
            return _negated(part)
        case OneOf() | Plans() | Agreed():
            return _chosen(tree, negated=False)
        case Begins(prefixes):
            return f"{Field.postcode} commence par {_listed([_word(prefix.text) for prefix in prefixes])}"
        case Dated(subject, bound, when):
            return f"{subject} {_bound(bound, when)}"
        case Clicked():
            return _clicked(tree)
        case _:
            assert_never(tree)


def _negated(part: Node) -> str:
    match part:
        case OneOf() | Plans() | Agreed():
            return _chosen(part, negated=True)
        case Clicked():
            return "n’" + _clicked(part).replace("a cliqué", "a pas cliqué", 1)
        case _:
            return "non " + _bracketed(part)


def _bracketed(part: Node) -> str:
    return f"({segment_text(part)})" if isinstance(part, Every | Some) else segment_text(part)


def _chosen(leaf: OneOf | Plans | Agreed, *, negated: bool) -> str:
    match leaf:
        case OneOf(subject, names):
            start, words = str(subject), [_word(name.text) for name in names]
        case Plans(horizons):
            start, words = str(Field.horizon), [_word(word_for(HORIZON_WORDS, horizon)) for horizon in horizons]
        case Agreed(axis, states):
            start = f"{Field.agreed} {word_for(AXIS_WORDS, axis)}"
            words = [word_for(STATE_WORDS, state) for state in states]
    if len(words) == 1:
        return f"{start} {'≠' if negated else '='} {words[0]}"
    return f"{start} {'pas ' if negated else ''}parmi {_listed(words)}"


def word_for(words: Mapping[str, StrEnum], meaning: StrEnum) -> str:
    """The word we write for this meaning."""
    return next(word for word, value in words.items() if value is meaning)


def _clicked(leaf: Clicked) -> str:
    topic = f" {leaf.topic} {_word(leaf.name.text)}" if leaf.name else ""
    since = f" {_bound(Bound.since, leaf.since)}" if leaf.since else ""
    return f"{Field.clicked}{topic}{since}"


def _bound(bound: Bound, when: date | Span | int) -> str:
    match when:
        case Span(number, unit):
            return f"depuis {'moins' if bound is Bound.since else 'plus'} de {number} {unit}"
        case date():
            return f"{bound} {when.isoformat()}"
        case _:
            return f"{bound} {when}"


def _listed(words: Iterable[str]) -> str:
    listed = list(words)
    return listed[0] if len(listed) == 1 else f"({', '.join(listed)})"


_BARE = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ0-9]+")
_RESERVED = {"et", "ou", "non", "pas", "depuis", "parmi", "inconnu"}
_QUOTE = re.compile('(["“”„])')


def _word(text: str) -> str:
    """A value, between quotation marks unless it is one plain word; a quotation mark inside is doubled."""
    if not text:
        return "inconnu"
    if _BARE.fullmatch(text) and fold(text) not in _RESERVED:
        return text
    return '"' + _QUOTE.sub(r"\1\1", text) + '"'
