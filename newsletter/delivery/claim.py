"""Taking a batch to work on, under a lease and a fence."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.store.columns import UtcMoment
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail, MailNote
from newsletter.store.people import Subscriber, mailable, stands
from newsletter.store.portable import skip_locked
from newsletter.words import Axis, IssueState, MailState, NoteKind

LEASE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedMail:
    """One mail to hand over, with what its reader agreed to."""

    mail_id: int
    subscriber_id: int
    address: str
    first_name: str
    tries: int
    planned_at: datetime
    clicks: bool
    opens: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A batch that is ours until the lease runs out; `fence` proves it with every write."""

    batch_id: int
    fence: int
    edition_id: int
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
    batch.fence += 1
    batch.owner, batch.lease_until = owner, now + LEASE
    session.add(batch)
    session.flush()
    assert batch.id is not None
    _doubt_what_was_armed(session, batch.id, now=now)
    _take_out_the_suppressed(session, batch.id, now=now)
    mails = _mails_to_send(session, batch, now=now)
    return Claim(batch_id=batch.id, fence=batch.fence, edition_id=batch.edition_id, lane=lane, mails=mails)


def hand_back(session: Session, claim: Claim, *, not_before: datetime | None = None) -> None:
    """Give the batch back, due again when its earliest mail is; never, when all its mails have met their fate."""
    waiting = (MailState.planned, MailState.deferred)
    due = session.exec(
        select(sa.func.min(sa.func.coalesce(col(Mail.due_at), AT_ONCE))).where(
            col(Mail.batch_id) == claim.batch_id, col(Mail.state).in_(waiting)
        )
    ).one()
    session.connection().execute(
        sa.update(Batch)
        .where(col(Batch.id) == claim.batch_id, col(Batch.fence) == claim.fence)
        .values(owner=None, lease_until=None, not_before=due and max(due, not_before or due))
    )


AT_ONCE = sa.literal(datetime(2000, 1, 1, tzinfo=UTC), UtcMoment)


def _next_batch(session: Session, *, lane: str, now: datetime) -> Batch | None:
    statement = (
        sa.select(Batch)
        .join(Edition, col(Edition.id) == col(Batch.edition_id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .join(Lane, col(Lane.name) == col(Batch.lane))
        .where(
            col(Batch.lane) == lane,
            col(Issue.state) == IssueState.sending,
            col(Lane.paused_at).is_(None),
            col(Batch.not_before) <= now,
            sa.or_(col(Batch.lease_until).is_(None), col(Batch.lease_until) < now),
        )
        .order_by(col(Batch.not_before), col(Batch.id))
        .limit(1)
    )
    return session.scalars(skip_locked(statement, session, of=Batch)).first()


def _doubt_what_was_armed(session: Session, batch_id: int, *, now: datetime) -> None:
    armed = session.exec(
        select(Mail.id).where(col(Mail.batch_id) == batch_id, col(Mail.state) == MailState.armed)
    ).all()
    if not armed:
        return
    session.connection().execute(sa.update(Mail).where(col(Mail.id).in_(armed)).values(state=MailState.in_doubt))
    session.add_all(
        MailNote(mail_id=mail_id, at=now, kind=NoteKind.doubt, words="the sender died before it knew the answer")
        for mail_id in armed
        if mail_id is not None
    )
    session.flush()


def _take_out_the_suppressed(session: Session, batch_id: int, *, now: datetime) -> None:
    may = sa.exists().where(col(Subscriber.id) == col(Mail.subscriber_id), mailable()).correlate(Mail)
    session.connection().execute(
        sa.update(Mail)
        .where(
            col(Mail.batch_id) == batch_id, col(Mail.state).in_((MailState.planned, MailState.deferred)), sa.not_(may)
        )
        .values(state=MailState.suppressed, answered_at=now, due_at=None)
    )


def mail_as_claimed(session: Session, mail_id: int) -> ClaimedMail | None:
    """One mail with what its reader agrees to now; None when it, or its reader, is not there any more."""
    return next(iter(_as_claimed(session, col(Mail.id) == mail_id)), None)


def _mails_to_send(session: Session, batch: Batch, *, now: datetime) -> tuple[ClaimedMail, ...]:
    due = sa.or_(
        col(Mail.state) == MailState.planned,
        sa.and_(col(Mail.state) == MailState.deferred, col(Mail.due_at) <= now),
    )
    return _as_claimed(session, sa.and_(col(Mail.batch_id) == batch.id, due))


def _as_claimed(session: Session, which: sa.ColumnElement[bool]) -> tuple[ClaimedMail, ...]:
    found: sa.CursorResult[Any] = session.connection().execute(
        sa.select(
            col(Mail.id).label("mail_id"),
            col(Subscriber.id).label("subscriber_id"),
            col(Subscriber.address),
            col(Subscriber.first_name),
            col(Mail.tries),
            col(Edition.planned_at),
            stands(Axis.clicks).label("clicks"),
            stands(Axis.opens).label("opens"),
        )
        .join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id))
        .join(Edition, col(Edition.id) == col(Mail.edition_id))
        .where(which)
        .order_by(col(Mail.seq))
    )
    return tuple(ClaimedMail(**row) for row in found.mappings())
