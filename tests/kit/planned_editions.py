"""People and a planned edition, put into a store quickly."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

import newsletter.store.tables  # noqa: F401  an edition points at tables that nothing here names
from newsletter.clock import SystemClock
from newsletter.delivery.ledger import plan
from newsletter.store import Store
from newsletter.store.columns import UtcMoment, key
from newsletter.store.issues import Edition, Issue, Link, Variant
from newsletter.store.ledger import Lane
from newsletter.store.people import Consent, Subscriber
from newsletter.words import Axis, Channel, ConsentState, DoubtPolicy, Horizon, IssueState
from tests.kit import sample_letter

LONG_AGO = datetime(2026, 7, 14, 10, 0, tzinfo=UTC)
PROVIDERS = 12
"""Domains over which many readers are spread, so that no provider's own limit is what is measured."""


def many_readers(store: Store, count: int) -> None:
    """Readers who said yes to the newsletter, to clicks and to opens; two statements, whatever the count."""
    numbers = sa.select(sa.literal(1).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(sa.select(numbers.c.n + 1).where(numbers.c.n < count))
    number = sa.cast(numbers.c.n, sa.String)
    domain = sa.literal("@famille-").concat(sa.cast(numbers.c.n % PROVIDERS, sa.String)).concat(".example")
    address = sa.literal("reader-").concat(number).concat(domain)
    with store.transaction() as session:
        _insert_subscribers(session, sa.select(address.label("address")).select_from(numbers))
        _let_them_agree(session)
        session.connection().execute(sa.text("ANALYZE"))  # a database that has been in use for a while knows its tables


def these_readers(store: Store, addresses: Iterable[str]) -> None:
    """The same for these addresses."""
    made = sa.table("made", sa.column("address", sa.String))
    with store.transaction() as session:
        session.connection().execute(sa.text("CREATE TEMPORARY TABLE made (address VARCHAR)"))
        for some in _in_parts(addresses, 5000):
            session.connection().execute(sa.insert(made), [{"address": address} for address in some])
        _insert_subscribers(session, sa.select(made.c.address).select_from(made))
        _let_them_agree(session)
        session.connection().execute(sa.text("DROP TABLE made"))


def an_edition(store: Store, *, policy: DoubtPolicy = DoubtPolicy.hold) -> int:
    """An approved edition of the letter, its issue being sent."""
    with store.transaction() as session:
        issue = Issue(title="Lettre d’automne", state=IssueState.sending, created_at=LONG_AGO)
        session.add(issue)
        session.flush()
        edition = Edition(
            issue_id=key(issue.id), subject="Le Lot vous attend", segment="", content_hash="x", approved_at=LONG_AGO,
            doubt_policy=policy,
        )  # fmt: skip
        session.add(edition)
        session.flush()
        session.add(Variant(edition_id=key(edition.id), number=0, html=sample_letter.html(), text=sample_letter.text()))
        session.connection().execute(
            sa.insert(Link), [{"edition_id": edition.id} | link for link in sample_letter.links()]
        )
        return key(edition.id)


def plan_edition(store: Store, edition_id: int, *, connections: int, per_minute: int = 0) -> int:
    """Freeze its audience: everyone. How many mails that made."""
    made = plan.plan_edition(store, edition_id, audience=lambda _began: sa.true(), now=SystemClock().now())
    with store.transaction() as session:
        lane = session.exec(select(Lane)).one()
        lane.per_minute, lane.connections = per_minute, connections
        session.add(lane)
    return made.mails


def _insert_subscribers(session: Session, addresses: sa.Select[Any]) -> None:
    given = addresses.subquery()
    on_postgresql = session.get_bind().dialect.name == "postgresql"
    address = given.c.address
    as_bytes = sa.func.convert_to(address, "UTF8") if on_postgresql else sa.cast(address, sa.LargeBinary)
    values = {
        "address": address,
        "address_hash": as_bytes,
        "first_name": sa.literal("Camille"),
        "horizon": sa.literal(Horizon.unknown.value),
        "joined_at": sa.literal(LONG_AGO, UtcMoment),
    } | {name: sa.literal("") for name in ("last_name", "phone", "country", "postcode", "source")}
    session.connection().execute(
        sa.insert(Subscriber).from_select(list(values), sa.select(*values.values()).select_from(given))
    )


def _let_them_agree(session: Session) -> None:
    for axis in (Axis.newsletter, Axis.clicks, Axis.opens):
        values = {
            "subscriber_id": col(Subscriber.id),
            "axis": sa.literal(axis.value),
            "state": sa.literal(ConsentState.granted.value),
            "at": sa.literal(LONG_AGO, UtcMoment),
            "recorded_at": sa.literal(LONG_AGO, UtcMoment),
            "channel": sa.literal(Channel.staff.value),
        } | {name: sa.literal("x") for name in ("wording", "wording_version", "proof", "previous_hash", "hash")}
        session.connection().execute(sa.insert(Consent).from_select(list(values), sa.select(*values.values())))


def _in_parts(addresses: Iterable[str], size: int) -> Iterator[list[str]]:
    rest = iter(addresses)
    while some := list(islice(rest, size)):
        yield some
