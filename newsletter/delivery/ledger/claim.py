"""Taking a batch to work on, under a lease and a fence."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.clock import in_paris
from newsletter.store.columns import UtcMoment
from newsletter.store.issues import Edition, Issue, leaves_at
from newsletter.store.ledger import BATCH, Batch, Lane, Mail, MailNote, in_states, of_batch
from newsletter.store.people import Subscriber, mailable, stands
from newsletter.store.portable import skip_locked
from newsletter.store.prepared import Prepared
from newsletter.words import Axis, IssueState, MailState, NoteKind

LEASE = timedelta(seconds=60)
WAITING = (MailState.planned, MailState.deferred)


class ClaimedMail(NamedTuple):
    """One mail to hand over, with what its reader agreed to. A tuple, since every mail passes here as a row."""

    mail_id: int
    subscriber_id: int
    address: str
    first_name: str
    tries: int
    clicks: bool
    opens: bool
    planned_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A batch that is ours until the lease runs out; `fence` proves it with every write."""

    batch_id: int
    fence: int
    edition_id: int
    number: int
    lane: str
    mails: tuple[ClaimedMail, ...]


def claim_batch(session: Session, *, lane: str, owner: str, now: datetime) -> Claim | None:
    """Take the next batch of this lane that is due and free; None when there is none.

    Mails an earlier owner left armed are in doubt from here on: it died, and nobody knows whether they left. Readers
    who may not be mailed any more are taken out (SUP-01).
    """
    batch = _next_batch(session, lane=lane, now=now)
    if batch is None:
        return None
    died = batch.owner is not None
    batch.fence += 1
    batch.owner, batch.lease_until = owner, now + LEASE
    session.add(batch)
    session.flush()
    assert batch.id is not None
    if died:
        _doubt_what_was_armed(session, batch, now=now)
    mails = _mails_to_send(session, batch, now=now)
    return Claim(
        batch_id=batch.id, fence=batch.fence, edition_id=batch.edition_id, number=batch.number, lane=lane, mails=mails
    )


def hand_back(connection: sa.Connection, claim: Claim, *, not_before: datetime | None = None) -> None:
    """Give the batch back, due again when its earliest mail is; never, when all its mails have met their fate."""
    due = connection.scalar(
        sa.select(sa.func.min(sa.func.coalesce(col(Mail.due_at), AT_ONCE))).where(
            of_batch(claim.edition_id, claim.number), col(Mail.state).in_(WAITING)
        )
    )
    connection.execute(
        sa.update(Batch)
        .where(col(Batch.id) == claim.batch_id, col(Batch.fence) == claim.fence)
        .values(owner=None, lease_until=None, not_before=due and max(due, not_before or due))
    )


def take_in_the_orphans(session: Session, *, now: datetime) -> int:
    """Batches of a dead sender that nobody may take over, for their issue was paused or cancelled: how many.

    What was armed is in doubt, as it would be for the next owner, so that the balance of the issue can end.
    """
    orphans = session.exec(
        select(Batch)
        .join(Edition, col(Edition.id) == col(Batch.edition_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Batch.lease_until) < now, col(Issue.state) != IssueState.sending)
    ).all()
    for batch in orphans:
        batch.fence += 1
        batch.owner = batch.lease_until = None
        _doubt_what_was_armed(session, batch, now=now)
        session.add(batch)
    session.flush()
    return len(orphans)


def owners_of(session: Session, *, lane: str, now: datetime) -> set[str]:
    """Who holds a batch of this lane, and so may be sending on it."""
    held = sa.and_(col(Batch.lane) == lane, col(Batch.not_before).is_not(None), col(Batch.lease_until) >= now)
    return {owner for owner in session.exec(select(Batch.owner).where(held).distinct()).all() if owner}


def open_editions(minute: sa.ColumnElement[int] | int) -> sa.Select[Any]:
    """The editions whose mails may leave at this minute of the day in Paris: nobody paused or cancelled the issue."""
    return (
        sa.select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state) == IssueState.sending, leaves_at(minute))  # type: ignore[arg-type]
    )


def minute_of_the_day(now: datetime) -> int:
    """Minutes after midnight in Paris."""
    local = in_paris(now)
    return local.hour * 60 + local.minute


AT_ONCE = sa.literal(datetime(2000, 1, 1, tzinfo=UTC), UtcMoment)


def _next_batch(session: Session, *, lane: str, now: datetime) -> Batch | None:
    statement = (
        sa.select(Batch)
        .join(Lane, col(Lane.name) == col(Batch.lane))
        .where(
            col(Batch.lane) == lane,
            col(Batch.edition_id).in_(open_editions(minute_of_the_day(now))),
            col(Lane.paused_at).is_(None),
            sa.or_(col(Lane.rests_until).is_(None), col(Lane.rests_until) <= now),
            col(Batch.not_before) <= now,
            sa.or_(col(Batch.lease_until).is_(None), col(Batch.lease_until) < now),
        )
        .order_by(col(Batch.not_before), col(Batch.id))
        .limit(1)
    )
    return session.scalars(skip_locked(statement, session, of=Batch)).first()


def _doubt_what_was_armed(session: Session, batch: Batch, *, now: datetime) -> None:
    armed = (
        session.connection()
        .execute(
            sa.update(Mail)
            .where(of_batch(batch.edition_id, batch.number), col(Mail.state) == MailState.armed)
            .values(state=MailState.in_doubt)
            .returning(col(Mail.id))
        )
        .scalars()
        .all()
    )
    session.add_all(
        MailNote(mail_id=mail_id, at=now, kind=NoteKind.doubt, words="the sender died before it knew the answer")
        for mail_id in armed
        if mail_id is not None
    )
    session.flush()


def take_out(connection: sa.Connection, mail_ids: Sequence[int], *, now: datetime) -> None:
    """The readers of these mails may not be mailed any more."""
    connection.execute(
        sa.update(Mail)
        .where(col(Mail.id).in_(mail_ids), col(Mail.state).in_(WAITING))
        .values(state=MailState.suppressed, answered_at=now, due_at=None)
    )


def mail_as_claimed(session: Session, mail_id: int) -> ClaimedMail | None:
    """One mail with what its reader agrees to now; None when it, or its reader, is not there any more."""
    mail = session.get(Mail, mail_id)
    edition = session.get(Edition, mail.edition_id) if mail else None
    found = session.connection().execute(_AS_CLAIMED.where(col(Mail.id) == mail_id)).first()
    if found is None or edition is None or found.subscriber_id is None:
        return None
    return _claimed(tuple(found), edition.planned_at or edition.approved_at)


def _mails_to_send(session: Session, batch: Batch, *, now: datetime) -> tuple[ClaimedMail, ...]:
    planned_at = session.get_one(Edition, batch.edition_id).planned_at
    assert planned_at is not None  # an edition has no batch before
    first = batch.number * BATCH
    read = _waiting_of_a_batch(session.get_bind().engine)
    found = read.run(session.connection(), edition=batch.edition_id, first=first, end=first + BATCH, now=now)
    if left := [mail_id for mail_id, *_rest, mailable, _due in found if not mailable]:
        take_out(session.connection(), left, now=now)
    return tuple(_claimed(row, planned_at) for row in found if all(row[-2:]))


def _claimed(row: tuple[Any, ...], planned_at: datetime) -> ClaimedMail:
    mail_id, subscriber_id, address, first_name, tries, clicks, opens = row[:7]
    return ClaimedMail(mail_id, subscriber_id, address, first_name, tries, bool(clicks), bool(opens), planned_at)


_COLUMNS: tuple[sa.ColumnElement[Any], ...] = (
    col(Mail.id).label("mail_id"),
    col(Subscriber.id).label("subscriber_id"),
    col(Subscriber.address).label("address"),
    col(Subscriber.first_name).label("first_name"),
    col(Mail.tries).label("tries"),
    stands(Axis.clicks).label("clicks"),
    stands(Axis.opens).label("opens"),
    sa.and_(col(Subscriber.id).is_not(None), mailable()).label("mailable"),
)
"""The fields of ClaimedMail in their order, but for the last; then whether the reader may be mailed at all."""

_AS_CLAIMED: sa.Select[Any] = (
    sa.select(*_COLUMNS)
    .select_from(Mail)
    .join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id), isouter=True)
    .order_by(col(Mail.seq))
)


@lru_cache(maxsize=8)
def _waiting_of_a_batch(engine: sa.Engine) -> Prepared:
    due = sa.or_(col(Mail.state) == MailState.planned, col(Mail.due_at) <= sa.bindparam("now", type_=UtcMoment))
    return Prepared.over(
        engine,
        _AS_CLAIMED.add_columns(due.label("due")).where(
            col(Mail.edition_id) == sa.bindparam("edition"),
            col(Mail.seq) >= sa.bindparam("first"),
            col(Mail.seq) < sa.bindparam("end"),
            in_states(WAITING),
        ),
    )
