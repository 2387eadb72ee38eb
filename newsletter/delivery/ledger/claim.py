"""A mail's way through the ledger: claimed with its batch, armed before its body may leave, its outcome written.

The statements that every mail passes are set-based, compiled once per drain, and run without the ORM.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.delivery.ledger.leases import Lease, lease_next_batch, minute_of_the_day, sendable_editions
from newsletter.delivery.ledger.outcome import Step
from newsletter.delivery.ledger.plan import cancel_with_their_issue
from newsletter.smtp.contract import Reply
from newsletter.store.columns import UtcMoment, word
from newsletter.store.issues import Edition
from newsletter.store.ledger import BATCH, OPEN_STATES, UNSENT_STATES, Batch, Lane, Mail, MailNote, in_states
from newsletter.store.people import Subscriber, mailable, stands
from newsletter.store.portable import among, as_list
from newsletter.store.prepared import Prepared, Statement
from newsletter.words import Axis, MailState, NoteKind

OUTCOME_NOTES = {
    MailState.deferred: NoteKind.deferred,
    MailState.refused: NoteKind.refused,
    MailState.in_doubt: NoteKind.doubt,
}
"""The outcomes that leave a note with the server's words, and its kind."""


class ClaimedMail(NamedTuple):
    """One mail to send, with what its reader agreed to. A tuple, since one is made for every mail."""

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
    """A leased batch with those of its mails that are due."""

    lease: Lease
    mails: tuple[ClaimedMail, ...]


def claim_batch(session: Session, *, lane: str, owner: str, now: datetime) -> Claim | None:
    """Lease the next batch of this lane that is due and free, and read its mails; None when there is no such batch.

    Readers who may not be mailed any more are taken out (SUP-01).
    """
    lease = lease_next_batch(session, lane=lane, owner=owner, now=now)
    if lease is None:
        return None
    return Claim(lease=lease, mails=_due_mails(session, lease, now=now))


def mail_as_claimed(session: Session, mail_id: int) -> ClaimedMail | None:
    """One mail with what its reader agrees to now; None when it, or its reader, is not there any more."""
    mail = session.get(Mail, mail_id)
    edition = session.get(Edition, mail.edition_id) if mail else None
    found = session.connection().execute(_mail_rows(due=sa.true()).where(col(Mail.id) == mail_id)).first()
    if found is None or edition is None or found.subscriber_id is None:
        return None
    return _MailRow._make(found).claimed(edition.planned_at or edition.approved_at)


class _MailRow(NamedTuple):
    """One row of `_mail_rows`, as the driver gives it: SQLite's booleans are numbers."""

    mail_id: int
    subscriber_id: int
    address: str
    first_name: str
    tries: int
    clicks: int
    opens: int
    may_be_mailed: int
    is_due: int

    def claimed(self, planned_at: datetime) -> ClaimedMail:
        return ClaimedMail(
            self.mail_id, self.subscriber_id, self.address, self.first_name, self.tries,
            bool(self.clicks), bool(self.opens), planned_at,
        )  # fmt: skip


def _mail_rows(*, due: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """Mails with their readers, in the order of the edition, with exactly the columns of `_MailRow`."""
    columns: dict[str, Any] = {
        "mail_id": col(Mail.id),
        "subscriber_id": col(Subscriber.id),
        "address": col(Subscriber.address),
        "first_name": col(Subscriber.first_name),
        "tries": col(Mail.tries),
        "clicks": stands(Axis.clicks),
        "opens": stands(Axis.opens),
        "may_be_mailed": sa.and_(col(Subscriber.id).is_not(None), mailable()),
        "is_due": due,
    }
    return (
        sa.select(*(columns[name].label(name) for name in _MailRow._fields))
        .select_from(Mail)
        .join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id), isouter=True)
        .order_by(col(Mail.seq))
    )


def _due_mails(session: Session, lease: Lease, *, now: datetime) -> tuple[ClaimedMail, ...]:
    planned_at = session.get_one(Edition, lease.edition_id).planned_at
    assert planned_at is not None  # an edition has no batch before
    first = lease.number * BATCH
    statement = _unsent_of_a_batch(session.get_bind().engine)
    found = statement.run(session.connection(), edition=lease.edition_id, first=first, end=first + BATCH, now=now)
    rows = [_MailRow._make(row) for row in found]
    if left := [row.mail_id for row in rows if not row.may_be_mailed]:
        session.connection().execute(
            sa.update(Mail)
            .where(col(Mail.id).in_(left), col(Mail.state).in_(UNSENT_STATES))
            .values(state=MailState.suppressed, answered_at=now, due_at=None)
        )
    return tuple(row.claimed(planned_at) for row in rows if row.may_be_mailed and row.is_due)


@lru_cache(maxsize=8)
def _unsent_of_a_batch(engine: sa.Engine) -> Prepared:
    due = sa.or_(col(Mail.state) == MailState.planned, col(Mail.due_at) <= _NOW)
    return Prepared.over(
        engine,
        _mail_rows(due=due).where(
            col(Mail.edition_id) == sa.bindparam("edition"),
            col(Mail.seq) >= sa.bindparam("first"),
            col(Mail.seq) < sa.bindparam("end"),
            in_states(UNSENT_STATES),
        ),
    )


@dataclass(frozen=True, slots=True)
class MailStatements:
    """The statements of one lane that arm mails and write their outcomes, compiled for one database."""

    engine: sa.Engine
    _arm: Prepared
    _take_out: Prepared
    _accept: Prepared

    @classmethod
    def compiled(cls, engine: sa.Engine, *, lane: str) -> "MailStatements":
        these = among(engine, Mail.__table__.c.id, "mails")  # type: ignore[attr-defined]
        return cls(
            engine,
            _arm=Prepared.over(engine, _arming(these, lane)),
            _take_out=Prepared.over(engine, _taking_out(these)),
            _accept=Prepared.over(engine, _accepting(these)),
        )

    def arm(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> list[int]:
        """Arm those of these mails that may leave now: their readers stay, and nobody paused issue or lane (SUP-01)."""
        these = as_list(self.engine, mails)
        return [mail for (mail,) in self._arm.run(connection, mails=these, now=now, minute=minute_of_the_day(now))]

    def take_out(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> list[int]:
        """Those of these mails that never leave: their reader may not be mailed, or they have their outcome already."""
        self._take_out.run(connection, mails=as_list(self.engine, mails), now=now)
        still_open = sa.select(col(Mail.id)).where(col(Mail.id).in_(mails), in_states(OPEN_STATES))
        waiting = set(connection.execute(still_open).scalars())
        return [mail for mail in mails if mail not in waiting]

    def accept(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> None:
        """The server took these mails."""
        self._accept.run(connection, mails=as_list(self.engine, mails), now=now)

    def write_other_outcomes(
        self, connection: sa.Connection, attempts: Sequence[tuple[ClaimedMail, Step, Reply]], *, now: datetime
    ) -> None:
        """Write every outcome but "accepted", each with a note. A mail that was cancelled meanwhile stays cancelled."""
        connection.execute(
            _OTHER_OUTCOME,
            [
                {
                    "mail": mail.mail_id, "outcome": step.state, "due": step.due_at, "tried": mail.tries + 1,
                    "answered": None if step.due_at else now,
                }
                for mail, step, _reply in attempts
            ],
        )  # fmt: skip
        connection.execute(
            sa.insert(MailNote),
            [
                {
                    "mail_id": mail.mail_id, "at": now, "kind": OUTCOME_NOTES[step.state], "code": reply.code,
                    "enhanced": reply.enhanced, "words": reply.words,
                }
                for mail, step, reply in attempts
            ],
        )  # fmt: skip
        if deferred := [mail.mail_id for mail, step, _reply in attempts if step.state is MailState.deferred]:
            connection.execute(cancel_with_their_issue(deferred))

    def undo_refusal(self, connection: sa.Connection, batch_id: int, mail_id: int, *, due_at: datetime) -> None:
        """Defer a mail that was refused for no fault of its own; its batch is due again by then."""
        refused = sa.and_(col(Mail.id) == mail_id, col(Mail.state) == MailState.refused)
        again = {"state": MailState.deferred, "due_at": due_at, "answered_at": None}
        connection.execute(sa.update(Mail).where(refused).values(again))
        later = sa.or_(col(Batch.not_before).is_(None), col(Batch.not_before) > due_at)
        connection.execute(sa.update(Batch).where(col(Batch.id) == batch_id, later).values(not_before=due_at))


_NOW = sa.bindparam("now", type_=UtcMoment)


def _arming(these: sa.ColumnElement[bool], lane: str) -> Statement:
    lane_is_open = sa.exists().where(col(Lane.name) == lane, col(Lane.paused_at).is_(None))
    values = {"state": MailState.armed, "armed_at": _NOW, "due_at": None, "tries": col(Mail.tries) + 1}
    return (
        sa.update(Mail)
        .where(
            these,
            in_states(UNSENT_STATES),
            col(Mail.edition_id).in_(sendable_editions(sa.bindparam("minute", type_=sa.Integer))),
            lane_is_open,
            _reader_may_be_mailed(),
        )
        .values(values)
        .returning(col(Mail.id))
    )


def _taking_out(these: sa.ColumnElement[bool]) -> Statement:
    left = {"state": MailState.suppressed, "answered_at": _NOW, "due_at": None}
    return sa.update(Mail).where(these, in_states(UNSENT_STATES), sa.not_(_reader_may_be_mailed())).values(left)


def _accepting(these: sa.ColumnElement[bool]) -> Statement:
    taken = {"state": MailState.accepted, "answered_at": _NOW}
    return sa.update(Mail).where(these, col(Mail.state) == MailState.armed).values(taken)


def _reader_may_be_mailed() -> sa.ColumnElement[bool]:
    return sa.exists().where(col(Subscriber.id) == col(Mail.subscriber_id), mailable()).correlate(Mail)


_OTHER_OUTCOME = (
    sa.update(Mail.__table__)  # type: ignore[attr-defined]
    .where(col(Mail.id) == sa.bindparam("mail"), in_states(OPEN_STATES))
    .values(
        state=sa.bindparam("outcome", type_=word(MailState)),
        due_at=sa.bindparam("due", type_=UtcMoment),
        answered_at=sa.bindparam("answered", type_=UtcMoment),
        tries=sa.bindparam("tried"),
    )
)
