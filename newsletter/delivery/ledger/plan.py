"""Planning an edition: its audience frozen as one ledger row per reader, by set-based statements; and cancelling it.

Planning takes ranges of subscriber numbers, each in a transaction of its own that also moves `edition.planned_upto`
behind the range. Killed in the middle and run again, it continues there: nobody twice, nobody missing. Each subscriber
is tested once, with the range of their number; `message_date` is the moment of the first range, and what the segment
calls today is that day. The edition has no batch before the last range is done, so nothing leaves half planned.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery.ledger.lanes import DEFAULT_LANE, new_lane
from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store import Store
from newsletter.store.columns import key
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import BATCH, UNSENT_STATES, Batch, Lane, Mail, in_states
from newsletter.store.people import Subscriber, mailable
from newsletter.store.portable import insert_new, learn_sizes
from newsletter.words import IssueState, MailState

SUBSCRIBERS_PER_STEP = 100_000
"""Tested in one transaction: SQLite's other writers wait for it, some tenths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionPlan:
    """What planning an edition did; `mails` counts those of earlier runs too."""

    edition_id: int
    mails: int


AudienceCondition = Callable[[datetime], sa.ColumnElement[bool]]
"""The condition on Subscriber as of the moment when planning began."""


def plan_edition(
    store: Store, edition_id: int, *, audience: AudienceCondition, now: datetime, step: int = SUBSCRIBERS_PER_STEP
) -> EditionPlan:
    """Give one mail of this edition to everyone in its audience who may be mailed, in transactions of its own.

    The audience is frozen: who joins the segment later gets nothing, who leaves the newsletter is taken out when their
    mail is about to leave. Planning twice, at once or after a crash, adds nobody (UNIQUE subscriber, edition). `Date:`
    of each message is the `now` of the first call. Raises NotFoundError when the edition is not there any more.
    """
    while True:
        with store.transaction() as session:
            edition = session.get(Edition, edition_id)
            if edition is None:
                raise NotFoundError(_("Cet envoi n’existe plus : le numéro a été rouvert entre-temps."))
            began = begin_planning(session, edition, now=now)
            if _plan_step(session, edition, audience=audience(began), step=step):
                return EditionPlan(edition_id=edition_id, mails=_count_mails(session, edition_id))


def begin_planning(session: Session, edition: Edition, *, now: datetime) -> datetime:
    """Lock the edition; the moment its planning began, which is now when it had not."""
    # Of two schedulers at once the second waits here, and sees what the first has done.
    session.refresh(edition, with_for_update=True)
    if edition.message_date is None:
        edition.message_date = now
        insert_new(session, Lane, [new_lane()])
        session.add(edition)
        session.flush()
    return edition.message_date


def _plan_step(session: Session, edition: Edition, *, audience: sa.ColumnElement[bool], step: int) -> bool:
    """Plan the next range of subscribers; True when all have been, and the edition's mails may leave."""
    if edition.planned_at is not None:
        return True
    edition_id = key(edition.id)
    last = _end_of_step(session, edition.planned_upto, step)
    if last is None:
        _cut_batches(session, edition)
        learn_sizes(session, Mail)
        edition.planned_at = edition.message_date
        if session.get_one(Issue, edition.issue_id).state is IssueState.cancelled:  # while it was being planned
            cancel_unsent(session, edition_id)
    else:
        theirs = sa.and_(col(Subscriber.id) > edition.planned_upto, col(Subscriber.id) <= last)
        _write_mails(session, edition_id, sa.and_(theirs, audience))
        edition.planned_upto = last
    session.add(edition)
    session.flush()
    return last is None


def unplanned(session: Session) -> list[int]:
    """The editions whose issue has left the calendar and whose planning is not complete: a crash interrupted it."""
    released = (IssueState.sending, IssueState.paused)
    found = session.exec(
        select(Edition.id)
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Edition.planned_at).is_(None), col(Issue.state).in_(released))
        .order_by(col(Edition.id))
    ).all()
    return [key(edition_id) for edition_id in found]


def cancel_unsent(session: Session, edition_id: int) -> int:
    """Cancel the mails of this edition that have not left; how many. What is in flight just now is not touched."""
    statement = (
        sa.update(Mail)
        .where(col(Mail.edition_id) == edition_id, col(Mail.state).in_(UNSENT_STATES))
        .values(state=MailState.cancelled, due_at=None)
    )
    return session.connection().execute(statement).rowcount


def cancel_with_their_issue(mails: Sequence[int]) -> sa.Update:
    """Cancel those of these mails whose issue is cancelled: they were in flight when it was, and came back unsent."""
    cancelled = (
        sa.select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state) == IssueState.cancelled)
    )
    return (
        sa.update(Mail)
        .where(col(Mail.id).in_(mails), in_states(UNSENT_STATES), col(Mail.edition_id).in_(cancelled))
        .values(state=MailState.cancelled, due_at=None)
    )


def _end_of_step(session: Session, start: int, step: int) -> int | None:
    """The number of the stepth subscriber after `start`, or of the last; None when there is none."""
    after = sa.select(col(Subscriber.id)).where(col(Subscriber.id) > start).order_by(col(Subscriber.id))
    return session.scalar(after.offset(step - 1).limit(1)) or session.scalar(
        sa.select(sa.func.max(col(Subscriber.id))).where(col(Subscriber.id) > start)
    )


def _write_mails(session: Session, edition_id: int, readers: sa.ColumnElement[bool]) -> None:
    next_seq = _count_mails(session, edition_id)
    rows = sa.select(
        sa.literal(edition_id).label("edition_id"),
        (sa.func.row_number().over(order_by=col(Subscriber.id)) - 1 + next_seq).label("seq"),
        col(Subscriber.id).label("subscriber_id"),
        sa.literal(0).label("variant"),
        sa.literal(MailState.planned.value).label("state"),
        sa.literal(0).label("tries"),
    ).where(readers, mailable())
    columns = ["edition_id", "seq", "subscriber_id", "variant", "state", "tries"]
    session.connection().execute(sa.insert(Mail).from_select(columns, rows, include_defaults=False))


def _cut_batches(session: Session, edition: Edition) -> None:
    edition_id = key(edition.id)
    numbers = range(-(-_count_mails(session, edition_id) // BATCH))
    row = {"edition_id": edition_id, "lane": DEFAULT_LANE, "fence": 0, "not_before": edition.message_date}
    if numbers:
        session.connection().execute(sa.insert(Batch), [row | {"number": number} for number in numbers])


def _count_mails(session: Session, edition_id: int) -> int:
    """How many mails the edition has: `seq` is dense from 0, so the last one tells, however many there are."""
    last = session.scalar(sa.select(sa.func.max(col(Mail.seq))).where(col(Mail.edition_id) == edition_id))
    return 0 if last is None else last + 1
