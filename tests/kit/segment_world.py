"""Who the examples of segments speak of, how their files read, and any segment at all."""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TypeVar

from hypothesis import strategies as st
from sqlmodel import Session

from newsletter.store.activity import Engagement
from newsletter.store.people import Interest
from newsletter.words import Axis, ConsentState, Horizon
from segments.fields import Field
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
    Topic,
    Tree,
    TypedName,
    Unit,
)  # fmt: skip
from tests.kit.makers import a_commune, a_partner, a_sector, a_subscriber, an_employer, say

Value = TypeVar("Value")
SAMPLES = Path(__file__).parents[1] / "samples" / "segments"
TODAY = date(2026, 11, 23)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """A block of an example file."""

    text: str
    sentence: str = ""
    readers: tuple[str, ...] = ()
    wrong: str = ""  # "line:column what we say"


def examples(name: str) -> list[Example]:
    """The examples of a file: `>` lines hold the segment, `=` its sentence, `@` its readers, `✗` what is wrong."""
    blocks = (SAMPLES / name).read_text(encoding="utf-8").split("\n\n")
    return [_example(block) for block in blocks if block.startswith(">")]


def _example(block: str) -> Example:
    said: dict[str, list[str]] = {">": [], "=": [], "@": [], "✗": []}
    for line in block.strip().splitlines():
        said[line[0]].append(re.sub("^. ?", "", line))
    return Example(
        text="\n".join(said[">"]),
        sentence=" ".join(said["="]),
        readers=tuple(name.strip() for line in said["@"] for name in line.split(",") if name.strip()),
        wrong=" ".join(said["✗"]),
    )


def at(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=UTC)


def settle_the_world(session: Session) -> dict[str, int]:
    """Anna, Bram, Chloé and Dora, and what they look at; first name → id."""
    for code, name in (("industrie", "Industrie"), ("sante", "Santé"), ("numerique", "Numérique")):
        a_sector(session, code).name_fr = name
    a_commune(session)
    elves, cap = a_partner(session, "Bois des elfes"), a_partner(session, "Cap nature")
    employer = an_employer(session, "Atelier du Célé")
    anna = a_subscriber(
        session, Axis.newsletter, Axis.clicks, Axis.adviser, first_name="Anna", country="FR", postcode="46000",
        partner_id=elves.id, horizon=Horizon.this_year, wished_commune="46102", met_on=at(2026, 7, 14),
        joined_at=at(2026, 7, 14),
    )  # fmt: skip
    bram = a_subscriber(
        session, Axis.newsletter, first_name="Bram", country="NL", postcode="1012 AB", partner_id=cap.id,
        horizon=Horizon.one_to_three_years, joined_at=at(2025, 8, 2),
    )  # fmt: skip
    chloe = a_subscriber(
        session, Axis.employers, first_name="Chloé", horizon=Horizon.dreaming, joined_at=at(2026, 3, 1)
    )
    dora = a_subscriber(
        session, Axis.newsletter, Axis.clicks, first_name="Dora", country="FR", postcode="75011",
        met_on=at(2025, 7, 14), joined_at=at(2026, 10, 1),
    )  # fmt: skip
    say(session, bram, Axis.clicks, ConsentState.denied)
    say(session, chloe, Axis.newsletter, ConsentState.denied)
    found = {person.first_name: person.id or 0 for person in (anna, bram, chloe, dora)}
    _look_around(session, found, employer=employer.id or 0)
    return found


def _look_around(session: Session, people: dict[str, int], *, employer: int) -> None:
    interests = {"Anna": ["industrie"], "Bram": ["sante"], "Dora": ["numerique", "sante"]}
    session.add_all(
        Interest(subscriber_id=people[name], sector_code=code) for name, codes in interests.items() for code in codes
    )
    clicks = [
        ("Anna", "any", date(2026, 11, 1)),
        ("Anna", "sector:industrie", date(2026, 11, 1)),
        ("Dora", "any", date(2026, 10, 20)),
        ("Dora", f"employer:{employer}", date(2026, 10, 20)),
        ("Dora", "sector:industrie", date(2026, 10, 20)),
    ]
    session.add_all(
        Engagement(subscriber_id=people[name], topic=topic, last_click_day=day, clicks=1) for name, topic, day in clicks
    )
    session.flush()


def trees(names: dict[Field | Topic, st.SearchStrategy[str]] | None = None) -> st.SearchStrategy[Tree]:
    """Any segment; `names` narrows the values of a field to ones that exist."""
    some = st.recursive(_leaves(names or {}), _branches, max_leaves=8)
    return st.one_of(st.just(Everyone()), some)


def _branches(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return st.one_of(several.map(Every), several.map(Some), parts.map(Not))


ANY_TEXT = st.text(
    st.characters(exclude_categories=("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")), min_size=1, max_size=12
).filter(lambda text: text.strip() != "" and text.isprintable())
DAYS = st.dates(date(2020, 1, 1), date(2027, 12, 31))
DATED = st.sampled_from([Field.joined, Field.met])
SPANS = st.builds(Span, st.integers(1, 40), st.sampled_from(Unit))


def _leaves(names: dict[Field | Topic, st.SearchStrategy[str]]) -> st.SearchStrategy[Node]:
    return st.one_of(
        *(_one_of(field, names.get(field, known)) for field, known in _NAMES.items()),
        st.builds(Begins, _several(st.sampled_from(["4", "46", "46000", "1012 A", "SW1", "7"]).map(TypedName))),
        st.builds(Plans, _several(st.sampled_from(Horizon))),
        st.builds(Agreed, st.sampled_from(Axis), _several(st.sampled_from(ConsentState))),
        st.builds(
            Dated,
            st.sampled_from([Field.joined, Field.met]),
            st.sampled_from([Bound.since, Bound.before]),
            DAYS | SPANS,
        ),
        st.builds(Dated, st.sampled_from([Field.joined, Field.met]), st.just(Bound.within), st.integers(2024, 2027)),
        st.builds(Clicked, since=st.none() | DAYS | SPANS),
        *(
            st.builds(Clicked, st.just(topic), names.get(topic, ANY_TEXT).map(TypedName), st.none() | DAYS | SPANS)
            for topic in (Topic.sector, Topic.employer)
        ),
    )


_NAMES: dict[Field, st.SearchStrategy[str]] = {
    Field.country: st.sampled_from(["FR", "BE", "NL", ""]),
    Field.postcode: ANY_TEXT,
    Field.sector: ANY_TEXT | st.just(""),
    Field.partner: ANY_TEXT | st.just(""),
    Field.commune: ANY_TEXT | st.just(""),
    Field.epci: ANY_TEXT | st.just(""),
}


def _one_of(field: Field, names: st.SearchStrategy[str]) -> st.SearchStrategy[Node]:
    return st.builds(OneOf, st.just(field), _several(names.map(TypedName)))


def _several(values: st.SearchStrategy[Value]) -> st.SearchStrategy[tuple[Value, ...]]:
    return st.lists(values, min_size=1, max_size=3).map(tuple)
