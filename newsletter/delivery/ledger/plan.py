"""Freezing an audience: from a segment to one ledger row per reader, in set-based statements.

Planning goes in steps by ranges of subscriber numbers, each a transaction of its own that also moves the mark
`edition.planned_upto`. Killed in the middle and run again, it goes on behind the mark: nobody twice, nobody missing.
Each person is judged once, in the step their number falls in; `message_date` is the moment of the first step, and what
the segment calls today is that day. The edition has no batch before the last step, so nothing leaves half planned.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.errors import NotFoundError
from newsletter.i18n import _
from newsletter.store import Store
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import BATCH, Batch, Lane, Mail
from newsletter.store.people import Subscriber, mailable
from newsletter.store.portable import insert_new, learn_sizes, upsert
from newsletter.words import IssueState, MailState

LANE = "default"
PER_MINUTE = 6000
STEP = 100_000
"""Subscribers looked at in one transaction: SQLite's other writers wait for it, some tenths of a second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What planning did."""

    edition_id: int
    mails: int


Audience = Callable[[datetime], sa.ColumnElement[bool]]
"""The condition on Subscriber as of the moment when planning began."""


def plan_in_steps(store: Store, edition_id: int, *, audience: Audience, now: datetime, step: int = STEP) -> Plan:
    """Plan a whole edition, in transactions of its own. Two at once, or one after a crash, are as good as one."""
    while True:
        with store.transaction() as session:
            edition = session.get(Edition, edition_id)
            if edition is None:
                raise NotFoundError(_("Cet envoi n’existe plus : le numéro a été rouvert entre-temps."))
            began = begin(session, edition, now=now)
            if plan_step(session, edition, audience=audience(began), step=step):
                return Plan(edition_id=edition_id, mails=_count(session, edition_id))


def plan(session: Session, edition: Edition, *, audience: sa.ColumnElement[bool], now: datetime) -> Plan:
    """Give one mail of this edition to everyone in the audience who may be mailed; all of it in this transaction.

    The audience is frozen: who joins the segment later gets nothing, who leaves the newsletter is taken out when their
    mail is about to leave. Planning twice adds nobody (UNIQUE subscriber, edition). `Date:` of each message is `now`.
    """
    begin(session, edition, now=now)
    while not plan_step(session, edition, audience=audience):
        pass
    assert edition.id is not None
    return Plan(edition_id=edition.id, mails=_count(session, edition.id))


def begin(session: Session, edition: Edition, *, now: datetime) -> datetime:
    """Lock the edition; the moment its planning began, which is now when it had not."""
    session.refresh(edition, with_for_update=True)  # two schedulers at once: the second waits, and sees what is done
    if edition.message_date is None:
        edition.message_date = now
        insert_new(session, Lane, [lane_row()])
        session.add(edition)
        session.flush()
    return edition.message_date


def plan_step(session: Session, edition: Edition, *, audience: sa.ColumnElement[bool], step: int = STEP) -> bool:
    """Look at the next subscribers; True when all have been, and the edition's mails may leave."""
    if edition.planned_at is not None:
        return True
    assert edition.id is not None
    last = _end_of_step(session, edition.planned_upto, step)
    if last is None:
        _cut_batches(session, edition)
        learn_sizes(session, Mail)
        edition.planned_at = edition.message_date
        if session.get_one(Issue, edition.issue_id).state is IssueState.cancelled:  # while it was being planned
            cancel_waiting(session, edition.id)
    else:
        theirs = sa.and_(col(Subscriber.id) > edition.planned_upto, col(Subscriber.id) <= last)
        _write_mails(session, edition.id, sa.and_(theirs, audience))
        edition.planned_upto = last
    session.add(edition)
    session.flush()
    return last is None


def open_lane(session: Session, *, connections: int) -> None:
    """The lane that editions leave by, with this many connections at once."""
    upsert(session, Lane, [lane_row() | {"connections": connections}], key=["name"], replace=["connections"])


def lane_row() -> dict[str, Any]:
    """A lane as it is until somebody sets it otherwise."""
    return {"name": LANE, "per_minute": PER_MINUTE, "connections": 4, "why": ""}


def unplanned(session: Session) -> list[int]:
    """The editions whose issue has left the calendar and whose planning is not complete: a crash interrupted it."""
    released = (IssueState.sending, IssueState.paused)
    found = session.exec(
        select(Edition.id)
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Edition.planned_at).is_(None), col(Issue.state).in_(released))
        .order_by(col(Edition.id))
    ).all()
    return [edition_id for edition_id in found if edition_id is not None]


def cancel_waiting(session: Session, edition_id: int) -> int:
    """Mails of this edition that have not left never will; how many. What is on the wire just now is not touched."""
    waiting = (MailState.planned, MailState.deferred)
    statement = (
        sa.update(Mail)
        .where(col(Mail.edition_id) == edition_id, col(Mail.state).in_(waiting))
        .values(state=MailState.cancelled, due_at=None)
    )
    return session.connection().execute(statement).rowcount


def _end_of_step(session: Session, start: int, step: int) -> int | None:
    """The number of the stepth subscriber after `start`, or of the last; None when there is none."""
    after = sa.select(col(Subscriber.id)).where(col(Subscriber.id) > start).order_by(col(Subscriber.id))
    return session.scalar(after.offset(step - 1).limit(1)) or session.scalar(
        sa.select(sa.func.max(col(Subscriber.id))).where(col(Subscriber.id) > start)
    )


def _write_mails(session: Session, edition_id: int, readers: sa.ColumnElement[bool]) -> None:
    next_seq = _count(session, edition_id)
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
    assert edition.id is not None
    numbers = range(-(-_count(session, edition.id) // BATCH))
    row = {"edition_id": edition.id, "lane": LANE, "fence": 0, "not_before": edition.message_date}
    if numbers:
        session.connection().execute(sa.insert(Batch), [row | {"number": number} for number in numbers])


def _count(session: Session, edition_id: int) -> int:
    """How many mails the edition has: `seq` is dense from 0, so the last one tells, however many there are."""
    last = session.scalar(sa.select(sa.func.max(col(Mail.seq))).where(col(Mail.edition_id) == edition_id))
    return 0 if last is None else last + 1
