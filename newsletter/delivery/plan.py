"""Freezing an audience: from a segment to one ledger row per reader, in set-based statements."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store.issues import Edition
from newsletter.store.ledger import Batch, Lane, Mail
from newsletter.store.people import Subscriber, mailable
from newsletter.store.portable import insert_new, insert_new_from, upsert
from newsletter.words import MailState

BATCH = 500
LANE = "default"
PER_MINUTE = 6000  # a lane's pace until somebody sets another


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What planning did."""

    edition_id: int
    mails: int


def plan(
    session: Session, edition: Edition, *, audience: sa.ColumnElement[bool], now: datetime, connections: int = 4
) -> Plan:
    """Give one mail of this edition to everyone in the audience who may be mailed.

    The audience is frozen: who joins the segment later gets nothing, who leaves the newsletter is taken out when their
    mail is about to leave. Planning twice adds nobody (UNIQUE edition, subscriber). `Date:` of each message is `now`.
    """
    assert edition.id is not None
    session.refresh(edition, with_for_update=True)  # two schedulers at once: the second waits, and finds it planned
    if edition.planned_at is None:
        _open_lane(session, connections=connections)
        _write_mails(session, edition.id, audience)
        _cut_batches(session, edition.id, now)
        edition.planned_at = edition.message_date = now
        session.add(edition)
        session.flush()
    return Plan(edition_id=edition.id, mails=_count(session, edition.id))


def cancel_waiting(session: Session, edition_id: int) -> int:
    """Mails of this edition that have not left never will; how many. What is on the wire just now is not touched."""
    waiting = (MailState.planned, MailState.deferred)
    statement = (
        sa.update(Mail)
        .where(col(Mail.edition_id) == edition_id, col(Mail.state).in_(waiting))
        .values(state=MailState.cancelled, due_at=None)
    )
    return session.connection().execute(statement).rowcount


def _open_lane(session: Session, *, connections: int) -> None:
    lane = {"name": LANE, "per_minute": PER_MINUTE, "connections": connections, "why": ""}
    upsert(session, Lane, [lane], key=["name"], replace=["connections"])


def _write_mails(session: Session, edition_id: int, audience: sa.ColumnElement[bool]) -> None:
    readers = sa.select(
        sa.literal(edition_id).label("edition_id"),
        (sa.func.row_number().over(order_by=col(Subscriber.id)) - 1).label("seq"),
        col(Subscriber.id).label("subscriber_id"),
        sa.literal(0).label("variant"),
        sa.literal(MailState.planned.value).label("state"),
        sa.literal(0).label("tries"),
    ).where(audience, mailable())
    insert_new_from(session, Mail, ["edition_id", "seq", "subscriber_id", "variant", "state", "tries"], readers)


def _cut_batches(session: Session, edition_id: int, now: datetime) -> None:
    numbers = range(-(-_count(session, edition_id) // BATCH))
    row = {"edition_id": edition_id, "lane": LANE, "fence": 0, "not_before": now}
    insert_new(session, Batch, [row | {"number": number} for number in numbers])
    batch = (
        sa.select(col(Batch.id))
        .where(col(Batch.edition_id) == edition_id, col(Batch.number) == col(Mail.seq) // BATCH)
        .correlate(Mail)
        .scalar_subquery()
    )
    session.connection().execute(sa.update(Mail).where(col(Mail.edition_id) == edition_id).values(batch_id=batch))


def _count(session: Session, edition_id: int) -> int:
    return session.exec(select(sa.func.count()).select_from(Mail).where(col(Mail.edition_id) == edition_id)).one()
