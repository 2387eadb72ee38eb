"""Tree → one condition on Subscriber, with every value a bound parameter (SEC-14).

Each leaf is true or false and never NULL, so that `non` turns it round for everybody: someone without a partner is
among those not met at « Bois des elfes ».
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, assert_never

import sqlalchemy as sa
from sqlmodel import col

from newsletter.clock import from_paris
from newsletter.store.activity import Engagement
from newsletter.store.catalogue import Commune, Employer, Epci, Partner, Sector
from newsletter.store.people import Interest, Subscriber, stands
from newsletter.text import fold
from newsletter.words import Axis, ConsentState
from segments.fields import Field
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
    TypedName,
    Unit,
)  # fmt: skip

Condition = sa.ColumnElement[bool]


def condition(tree: Tree, *, today: date) -> Condition:
    """Who is in the segment, as a condition on Subscriber; `today` (in Paris) is what durations count back from.

    Whether someone may be mailed at all is another condition, `store.people.mailable()`: whoever mails adds it.
    """
    match tree:
        case Everyone():
            return sa.true()
        case Every(parts):
            return sa.and_(*(condition(part, today=today) for part in parts))
        case Some(parts):
            return sa.or_(*(condition(part, today=today) for part in parts))
        case Not(part):
            return sa.not_(condition(part, today=today))
        case _:
            return _leaf(tree, today)


def _leaf(leaf: Leaf, today: date) -> Condition:
    match leaf:
        case OneOf(field, names):
            return sa.or_(*(_is(field, name.text) for name in names))
        case Begins(prefixes):
            return sa.or_(*(_postcode_begins(prefix.text) for prefix in prefixes))
        case Plans(horizons):
            return col(Subscriber.horizon).in_(horizons)
        case Agreed(axis, states):
            return _agreed(axis, states)
        case Dated(field, bound, when):
            return _dated(field, bound, when, today)
        case Clicked(topic, name, since):
            return _clicked(topic, name, since, today)
        case _:
            assert_never(leaf)


def first_day(when: date | Span | int, *, today: date) -> date:
    """The day a date, a duration counted back from today, or a year begins with."""
    match when:
        case date():
            return when
        case int():
            return date(when, 1, 1)
        case Span(number, Unit.days):
            return today - timedelta(days=number)
        case Span(number, Unit.weeks):
            return today - timedelta(weeks=number)
        case Span(number, Unit.months):
            return _months_before(today, number)
        case Span(number, _):
            return _months_before(today, 12 * number)


def _months_before(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    past_end = date(year + (month == 11), (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + timedelta(days=day.day - 1), past_end - timedelta(days=1))


def _is(field: Field, name: str) -> Condition:
    match field:
        case Field.country:
            return col(Subscriber.country) == name
        case Field.postcode:
            return sa.func.upper(col(Subscriber.postcode)) == name.upper()
        case Field.sector:
            return _interested(name)
        case Field.partner:
            return _refers(
                col(Subscriber.partner_id),
                name,
                sa.select(col(Partner.id)).where(col(Partner.name_folded) == fold(name)),
            )
        case Field.commune:
            return _refers(col(Subscriber.wished_commune), name, _communes(name))
        case Field.epci:
            return _refers(col(Subscriber.wished_commune), name, _communes_of_epci(name))
        case _:
            raise ValueError(f"{field} has no names")


def _refers(column: Any, name: str, found: sa.Select[Any]) -> Condition:
    """The column points at one of these rows; an empty name: at none."""
    return sa.and_(column.is_not(None), column.in_(found)) if name else column.is_(None)


def _communes(name: str) -> sa.Select[Any]:
    return sa.select(col(Commune.insee_code)).where(
        sa.or_(col(Commune.name_folded) == fold(name), col(Commune.insee_code) == fold(name))
    )


def _communes_of_epci(name: str) -> sa.Select[Any]:
    epcis = sa.select(col(Epci.siren)).where(sa.or_(col(Epci.name_folded) == fold(name), col(Epci.siren) == fold(name)))
    return sa.select(col(Commune.insee_code)).where(col(Commune.epci_siren).in_(epcis))


def _sectors(name: str) -> Condition:
    folded = (Sector.code_folded, Sector.name_fr_folded, Sector.name_en_folded)
    return sa.or_(*(col(column) == fold(name) for column in folded))


def _interested(name: str) -> Condition:
    theirs = sa.select(col(Interest.sector_code)).where(col(Interest.subscriber_id) == col(Subscriber.id))
    if not name:
        return ~sa.exists(theirs.correlate(Subscriber))
    named = sa.select(col(Sector.code)).where(_sectors(name))
    return sa.exists(theirs.where(col(Interest.sector_code).in_(named)).correlate(Subscriber))


def _postcode_begins(prefix: str) -> Condition:
    # not LIKE: SQLite's ignores case, PostgreSQL's does not, and both read % and _ as wildcards
    return sa.func.upper(sa.func.substr(col(Subscriber.postcode), 1, len(prefix))) == prefix.upper()


def _agreed(axis: Axis, states: Iterable[ConsentState]) -> Condition:
    return sa.or_(*(stands(axis, state) for state in states))


def _dated(field: Field, bound: Bound, when: date | Span | int, today: date) -> Condition:
    column: Any = col(Subscriber.joined_at) if field is Field.joined else col(Subscriber.met_on)
    start = first_day(when, today=today)
    match bound:
        case Bound.since:
            inside = column >= _morning(start)
        case Bound.before:
            inside = column < _morning(start)
        case Bound.within:
            inside = sa.and_(column >= _morning(start), column < _morning(date(start.year + 1, 1, 1)))
        case _:
            assert_never(bound)
    return sa.and_(column.is_not(None), inside)


def _morning(day: date) -> datetime:
    """The moment this day begins in Paris."""
    return from_paris(datetime.combine(day, time.min)).astimezone(UTC)


def _clicked(topic: Topic, name: TypedName | None, since: date | Span | None, today: date) -> Condition:
    clicks = sa.select(sa.literal(1)).where(
        col(Engagement.subscriber_id) == col(Subscriber.id), col(Engagement.topic).in_(topics(topic, name))
    )
    if since is not None:
        clicks = clicks.where(col(Engagement.last_click_day) >= first_day(since, today=today))
    return sa.exists(clicks.correlate(Subscriber))


def topics(topic: Topic, name: TypedName | None) -> Any:
    """The topics of Engagement that a click on this is counted under: values, or a select of them."""
    typed = name.text if name else ""
    match topic:
        case Topic.any:
            return ["any"]
        case Topic.sector:
            return sa.select(sa.literal("sector:") + col(Sector.code)).where(_sectors(typed))
        case Topic.employer:
            employers = sa.literal("employer:") + sa.cast(col(Employer.id), sa.String)
            return sa.select(employers).where(col(Employer.name_folded) == fold(typed))
        case _:
            assert_never(topic)
