"""Segments choose the people they say they choose, on SQLite and on PostgreSQL."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import Session, select

from newsletter.clock import paris_day
from newsletter.store import Store
from newsletter.store.activity import Engagement
from newsletter.store.people import Interest, Subscriber, Suppression
from newsletter.words import Axis, ConsentState, Horizon, SuppressionReason
from segments import SegmentError, condition, explain, parse, reach, sample, segment_text, understand
from segments.fields import Field
from segments.sql import first_day
from segments.tree import (
    Agreed,
    Begins,
    Bound,
    Clicked,
    Dated,
    Every,
    Everyone,
    Leaf,
    Not,
    OneOf,
    Plans,
    Some,
    Span,
    Topic,
    Tree,
    Unit,
    leaves,
)  # fmt: skip
from tests.conftest import A_MONDAY
from tests.kit.makers import a_commune, a_partner, a_sector, a_subscriber, an_employer, an_epci, say
from tests.kit.segment_world import TODAY, examples, settle_the_world, trees


def chosen(session: Session, tree: Tree) -> set[int | None]:
    return set(session.exec(select(Subscriber.id).where(condition(tree, today=TODAY))).all())


def test_the_examples_choose_their_readers(store: Store) -> None:
    with store.transaction() as session:
        people = settle_the_world(session)
    with store.reading() as session:
        found = {
            example.text: chosen(session, understand(session, example.text)) for example in examples("understood.txt")
        }
    assert found == {example.text: {people[name] for name in example.readers} for example in examples("understood.txt")}


def test_mistakes_are_told_at_their_place_with_what_to_do(store: Store) -> None:
    with store.transaction() as session:
        settle_the_world(session)
    with store.reading() as session:
        for example in examples("mistaken.txt"):
            with pytest.raises(SegmentError) as caught:
                understand(session, example.text)
            assert f"{caught.value.line}:{caught.value.column} {caught.value.hint}".startswith(example.wrong)


@pytest.mark.parametrize(
    "text",
    [
        "(pays = FR et (accord clics = oui ou (" * 7 + "secteur = santé" + ")))" * 7 + "",
        "non (pays = FR et non (" * 6 + "secteur = santé" + "))" * 6,
        " ou ".join(["a cliqué"] * 300),
        "pays parmi (" + ", ".join(["FR"] * 600) + ")",
    ],
    ids=["brackets", "non", "conditions", "values"],
)
def test_the_deepest_and_longest_segments_still_run(store: Store, text: str) -> None:
    with store.reading() as session:
        assert reach(session, parse(text), today=TODAY).matching == 0


@dataclass
class Person:
    """A reader as the plain filter sees them."""

    country: str
    postcode: str
    horizon: Horizon
    partner: str
    commune: str
    epci: str
    joined_at: datetime
    met_on: datetime | None
    sectors: set[str] = field(default_factory=set)
    said: dict[Axis, ConsentState] = field(default_factory=dict)
    clicked: dict[tuple[Topic, str], date] = field(default_factory=dict)


NAMES: dict[Field | Topic, st.SearchStrategy[str]] = {
    Field.sector: st.sampled_from(["industrie", "SANTÉ", "sante", "numérique", ""]),
    Field.partner: st.sampled_from(["Bois des elfes", "CAP NATURE", "Écomusée de Cuzals", "ecomusee de cuzals", ""]),
    Field.commune: st.sampled_from(["Figeac", "GRÉALOU", "46042", ""]),
    Field.epci: st.sampled_from(["CC Grand-Figeac", "cc de cahors", ""]),
    Field.postcode: st.sampled_from(["46000", "1012 ab", "75011", ""]),
    Topic.sector: st.sampled_from(["industrie", "Santé"]),
    Topic.employer: st.sampled_from(["Atelier du Célé", "ÉBÉNISTERIE Œuvre"]),
}
SAME = {"SANTÉ": "sante", "Santé": "sante", "numérique": "numerique", "CAP NATURE": "Cap nature", "GRÉALOU": "Gréalou",
        "ecomusee de cuzals": "Écomusée de Cuzals", "cc de cahors": "CC de Cahors", "46042": "Cahors",
        "ÉBÉNISTERIE Œuvre": "Ébénisterie œuvre"}  # fmt: skip


def test_a_segment_chooses_whom_a_plain_filter_chooses(store: Store) -> None:
    with store.transaction() as session:
        people = _a_crowd(session, random.Random(46))  # noqa: S311  a crowd that is the same each time
    with store.reading() as session:

        @settings(max_examples=60, suppress_health_check=list(HealthCheck))
        @given(trees(NAMES))
        def both_agree(tree: Tree) -> None:
            assert chosen(session, tree) == {number for number, person in people.items() if _fits(tree, person)}

        both_agree()


def test_explaining_never_contradicts_choosing(store: Store) -> None:
    with store.transaction() as session:
        people = settle_the_world(session)
    with store.reading() as session:

        @settings(max_examples=25, suppress_health_check=list(HealthCheck))
        @given(trees(NAMES), st.sampled_from(sorted(people)))
        def both_agree(tree: Tree, name: str) -> None:
            told = explain(session, tree, people[name], today=TODAY)
            assert told.inside == (people[name] in chosen(session, tree))
            assert {reason.condition for reason in told.because} <= {segment_text(leaf) for leaf in leaves(tree)}
            assert told.because or isinstance(tree, Everyone)

        both_agree()


def test_the_explanation_keeps_to_what_decides(store: Store) -> None:
    with store.transaction() as session:
        people = settle_the_world(session)
    tree = parse("accord newsletter = oui et (pays = FR ou secteur = santé) et n’a pas cliqué depuis 30 jours")
    with store.reading() as session:
        anna = explain(session, tree, people["Anna"], today=TODAY)
        bram = explain(session, tree, people["Bram"], today=TODAY)
    assert not anna.inside
    assert [(r.holds, r.condition, r.known) for r in anna.because] == [
        (True, "a cliqué depuis moins de 30 jours", "dernier clic : 01/11/2026")
    ]
    assert bram.inside
    assert [(r.holds, r.known) for r in bram.because] == [
        (True, "newsletter : oui"),
        (True, "secteur : Santé"),
        (False, "aucun clic connu : la personne n’a pas accepté leur mesure"),
    ]


def test_the_reach_says_why_not_everybody_is_mailed(store: Store) -> None:
    with store.transaction() as session:
        people = settle_the_world(session)
        dora = session.get_one(Subscriber, people["Dora"])
        session.add(Suppression(address_hash=dora.address_hash, reason=SuppressionReason.bounced, at=A_MONDAY))
    with store.reading() as session:
        everyone = reach(session, parse(""), today=TODAY)
        nobody = reach(session, parse("pays = BE"), today=TODAY)
        clickers = reach(session, parse("a cliqué"), today=TODAY)
        shown = sample(session, parse(""), today=TODAY)
    assert (everyone.matching, everyone.mailable, everyone.without_consent, everyone.suppressed) == (4, 2, 1, 1)
    assert (nobody.matching, nobody.mailable) == (0, 0)
    assert clickers.unmeasured == 1  # Bram may be mailed, and his clicks are not measured
    assert {one.first_name for one in shown} == {"Anna", "Bram"}
    assert all(one.masked_address == "r…@example.org" for one in shown)


def _a_crowd(session: Session, chance: random.Random) -> dict[int, Person]:
    for code, name in (("industrie", "Industrie"), ("sante", "Santé"), ("numerique", "Numérique")):
        a_sector(session, code).name_fr = name
    a_commune(session)
    a_commune(session, "46128", "Gréalou")
    a_commune(session, "46042", "Cahors", epci="200023737")
    an_epci(session, "200023737", "CC de Cahors")
    partners = {name: a_partner(session, name).id for name in ("Bois des elfes", "Cap nature", "Écomusée de Cuzals")}
    employers = {name: an_employer(session, name).id or 0 for name in ("Atelier du Célé", "Ébénisterie œuvre")}
    people = (_someone(chance) for _ in range(80))
    return {_settle(session, person, partners, employers): person for person in people}


COMMUNES = {
    "Figeac": ("46102", "CC Grand-Figeac"),
    "Gréalou": ("46128", "CC Grand-Figeac"),
    "Cahors": ("46042", "CC de Cahors"),
}


def _someone(chance: random.Random) -> Person:
    commune = chance.choice(["", *COMMUNES])
    said = {axis: chance.choice(list(ConsentState)) for axis in Axis}
    return Person(
        country=chance.choice(["FR", "BE", "NL", ""]),
        postcode=chance.choice(["", "46000", "4600", "75011", "1012 AB", "SW1A 1AA", "7_%"]),
        horizon=chance.choice(list(Horizon)),
        partner=chance.choice(["", "Bois des elfes", "Cap nature", "Écomusée de Cuzals"]),
        commune=commune,
        epci=COMMUNES[commune][1] if commune else "",
        joined_at=A_MONDAY - timedelta(hours=chance.randrange(1, 24 * 900)),
        met_on=chance.choice([None, A_MONDAY - timedelta(hours=chance.randrange(1, 24 * 900))]),
        sectors=set(chance.sample(["industrie", "sante", "numerique"], chance.randrange(3))),
        said={axis: state for axis, state in said.items() if state is not ConsentState.unknown},
        clicked={
            topic: TODAY - timedelta(days=chance.randrange(400))
            for topic in [(Topic.any, ""), (Topic.sector, "sante"), (Topic.employer, "Ébénisterie œuvre")]
            if chance.random() < 0.4
        },
    )


def _settle(session: Session, person: Person, partners: dict[str, int | None], employers: dict[str, int]) -> int:
    row = a_subscriber(
        session, Axis.newsletter, country=person.country, postcode=person.postcode, horizon=person.horizon,
        partner_id=partners.get(person.partner), wished_commune=COMMUNES.get(person.commune, (None,))[0],
        joined_at=person.joined_at, met_on=person.met_on,
    )  # fmt: skip
    assert row.id is not None
    for axis in Axis:  # the newest word holds, whatever was said before
        if axis in person.said or axis is Axis.newsletter:
            say(session, row, axis, person.said.setdefault(axis, ConsentState.granted))
    session.add_all(Interest(subscriber_id=row.id, sector_code=code) for code in person.sectors)
    session.add_all(
        Engagement(subscriber_id=row.id, topic=_key(topic, name, employers), last_click_day=day, clicks=1)
        for (topic, name), day in person.clicked.items()
    )
    return row.id


def _key(topic: Topic, name: str, employers: dict[str, int]) -> str:
    keys = {Topic.any: "any", Topic.sector: f"sector:{name}", Topic.employer: f"employer:{employers.get(name)}"}
    return keys[topic]


def _fits(tree: Tree, person: Person) -> bool:
    match tree:
        case Everyone():
            return True
        case Every(parts):
            return all(_fits(part, person) for part in parts)
        case Some(parts):
            return any(_fits(part, person) for part in parts)
        case Not(part):
            return not _fits(part, person)
        case _:
            return _fits_leaf(tree, person)


def _fits_leaf(leaf: Leaf, person: Person) -> bool:
    match leaf:
        case OneOf(asked, names):
            return any(_has(asked, SAME.get(name.text, name.text), person) for name in names)
        case Begins(prefixes):
            return any(person.postcode.startswith(prefix.text) for prefix in prefixes)
        case Plans(horizons):
            return person.horizon in horizons
        case Agreed(axis, states):
            return person.said.get(axis, ConsentState.unknown) in states
        case Dated(asked, bound, when):
            moment = person.joined_at if asked is Field.joined else person.met_on
            return moment is not None and _falls(paris_day(moment), bound, when)
        case Clicked(topic, name, since):
            asked_name = SAME.get(name.text, name.text) if name else ""
            clicked = person.clicked.get((topic, asked_name))
            return clicked is not None and (since is None or clicked >= first_day(since, today=TODAY))


def _has(asked: Field, name: str, person: Person) -> bool:
    match asked:
        case Field.sector:
            return name in person.sectors if name else not person.sectors
        case Field.postcode:
            return person.postcode == name.upper()
        case Field.country:
            return person.country == name
        case Field.partner:
            return person.partner == name
        case Field.commune:
            return person.commune == name
        case _:
            return person.epci == name


def _falls(day: date, bound: Bound, when: date | Span | int) -> bool:
    match bound:
        case Bound.since:
            return day >= first_day(when, today=TODAY)
        case Bound.before:
            return day < first_day(when, today=TODAY)
        case Bound.within:
            return day.year == when


@pytest.mark.parametrize(
    ("span", "day"),
    [
        (Span(90, Unit.days), date(2026, 8, 25)),
        (Span(2, Unit.weeks), date(2026, 11, 9)),
        (Span(9, Unit.months), date(2026, 2, 23)),
        (Span(1, Unit.years), date(2025, 11, 23)),
    ],
)
def test_a_duration_counts_back_on_the_calendar(span: Span, day: date) -> None:
    assert first_day(span, today=TODAY) == day


def test_a_month_before_the_31st_ends_with_the_month() -> None:
    assert first_day(Span(1, Unit.months), today=date(2026, 3, 31)) == date(2026, 2, 28)
    assert first_day(Span(3, Unit.months), today=date(2026, 3, 31)) == date(2025, 12, 31)
