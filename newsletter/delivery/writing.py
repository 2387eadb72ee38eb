"""The statements that every mail passes through, made once per drain: compiled, set-based, and free of the ORM."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from newsletter.delivery.claim import WAITING, Claim, ClaimedMail, minute_of_the_day, open_editions
from newsletter.delivery.outcome import Step
from newsletter.store.columns import UtcMoment, word
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail, MailNote
from newsletter.store.people import Subscriber, mailable
from newsletter.store.portable import among, as_list
from newsletter.transport.contract import Reply
from newsletter.words import IssueState, MailState, NoteKind

NOTED = {
    MailState.deferred: NoteKind.deferred,
    MailState.refused: NoteKind.refused,
    MailState.in_doubt: NoteKind.doubt,
}
"""The outcomes that leave a note with the server's words."""
IN_HAND = (*WAITING, MailState.armed)


def _in(states: Sequence[MailState]) -> sa.ColumnElement[bool]:
    """As IN, but with a fixed text: it is compiled once, and fits a statement for many rows."""
    return sa.or_(*(col(Mail.state) == state for state in states))


@dataclass(frozen=True, slots=True)
class Writing:
    """Statements for one lane, in one dialect."""

    engine: sa.Engine
    _arm: Any
    _take_out: Any
    _accept: Any
    _renewals: dict[int, Any] = field(default_factory=dict)  # by the number of batches

    @classmethod
    def over(cls, engine: sa.Engine, lane: str) -> "Writing":
        these = among(engine, Mail.__table__.c.id, "mails")  # type: ignore[attr-defined]
        return cls(engine, _arming(these, lane), _taking_out(these), _accepting(these))

    def renew(self, connection: sa.Connection, fences: Sequence[tuple[int, int]], *, until: datetime) -> set[int]:
        """Renew the leases of these batches, each under its fence; those that were still ours."""
        statement = self._renewals.get(len(fences))
        if statement is None:
            statement = self._renewals[len(fences)] = _renewal(len(fences))
        given: dict[str, Any] = {"until": until}
        for number, (batch, fence) in enumerate(fences):
            given[f"batch_{number}"], given[f"fence_{number}"] = batch, fence
        return set(connection.execute(statement, given).scalars())

    def arm(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> list[int]:
        """Arm those of these mails that may leave now: their readers stay, and nobody paused issue or lane (SUP-01)."""
        given = {"mails": as_list(self.engine, mails), "now": now, "minute": minute_of_the_day(now)}
        return list(connection.execute(self._arm, given).scalars())

    def take_out(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> list[int]:
        """Those of these mails that never leave: their reader may not be mailed, or they have their fate already."""
        given = {"mails": as_list(self.engine, mails), "now": now}
        connection.execute(self._take_out, given)
        still = sa.select(col(Mail.id)).where(col(Mail.id).in_(mails), _in(IN_HAND))
        waiting = set(connection.execute(still).scalars())
        return [mail for mail in mails if mail not in waiting]

    def accept(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> None:
        connection.execute(self._accept, {"mails": as_list(self.engine, mails), "now": now})

    def other_fates(
        self, connection: sa.Connection, results: Sequence[tuple[ClaimedMail, Step, Reply]], *, now: datetime
    ) -> None:
        """Write what else became of mails, with a note each. One that somebody cancelled meanwhile stays cancelled."""
        connection.execute(
            _OTHER_FATE,
            [
                {
                    "mail": mail.mail_id, "fate": step.state, "due": step.due_at, "tried": mail.tries + 1,
                    "answered": None if step.due_at else now,
                }
                for mail, step, _reply in results
            ],
        )  # fmt: skip
        connection.execute(
            sa.insert(MailNote),
            [
                {
                    "mail_id": mail.mail_id, "at": now, "kind": NOTED[step.state], "code": reply.code,
                    "enhanced": reply.enhanced, "words": reply.words,
                }
                for mail, step, reply in results
            ],
        )  # fmt: skip
        if deferred := [mail.mail_id for mail, step, _reply in results if step.state is MailState.deferred]:
            connection.execute(cancel_what_is_cancelled(deferred))

    def forgive(self, connection: sa.Connection, claim: Claim, mail_id: int, *, due_at: datetime) -> None:
        """A refusal that was not the mail's fault is taken back; its batch is due again by then."""
        refused = sa.and_(col(Mail.id) == mail_id, col(Mail.state) == MailState.refused)
        again = {"state": MailState.deferred, "due_at": due_at, "answered_at": None}
        connection.execute(sa.update(Mail).where(refused).values(again))
        later = sa.or_(col(Batch.not_before).is_(None), col(Batch.not_before) > due_at)
        connection.execute(sa.update(Batch).where(col(Batch.id) == claim.batch_id, later).values(not_before=due_at))


def _renewal(batches: int) -> Any:
    ours = (
        sa.and_(col(Batch.id) == sa.bindparam(f"batch_{number}"), col(Batch.fence) == sa.bindparam(f"fence_{number}"))
        for number in range(batches)
    )
    until = sa.bindparam("until", type_=UtcMoment)
    return sa.update(Batch).where(sa.or_(*ours)).values(lease_until=until).returning(col(Batch.id))


_NOW = sa.bindparam("now", type_=UtcMoment)


def _arming(these: sa.ColumnElement[bool], lane: str) -> Any:
    lane_is_open = sa.exists().where(col(Lane.name) == lane, col(Lane.paused_at).is_(None))
    values = {"state": MailState.armed, "armed_at": _NOW, "due_at": None, "tries": col(Mail.tries) + 1}
    return (
        sa.update(Mail)
        .where(
            these,
            _in(WAITING),
            col(Mail.edition_id).in_(open_editions(sa.bindparam("minute", type_=sa.Integer))),
            lane_is_open,
            _may_be_mailed(),
        )
        .values(values)
        .returning(col(Mail.id))
    )


def _taking_out(these: sa.ColumnElement[bool]) -> Any:
    left = {"state": MailState.suppressed, "answered_at": _NOW, "due_at": None}
    return sa.update(Mail).where(these, _in(WAITING), sa.not_(_may_be_mailed())).values(left)


def _accepting(these: sa.ColumnElement[bool]) -> Any:
    taken = {"state": MailState.accepted, "answered_at": _NOW}
    return sa.update(Mail).where(these, col(Mail.state) == MailState.armed).values(taken)


def _may_be_mailed() -> sa.ColumnElement[bool]:
    return sa.exists().where(col(Subscriber.id) == col(Mail.subscriber_id), mailable()).correlate(Mail)


_OTHER_FATE = (
    sa.update(Mail.__table__)  # type: ignore[attr-defined]
    .where(col(Mail.id) == sa.bindparam("mail"), _in(IN_HAND))
    .values(
        state=sa.bindparam("fate", type_=word(MailState)),
        due_at=sa.bindparam("due", type_=UtcMoment),
        answered_at=sa.bindparam("answered", type_=UtcMoment),
        tries=sa.bindparam("tried"),
    )
)


def cancel_what_is_cancelled(mails: Sequence[int]) -> sa.Update:
    """A mail that was on the wire when its issue was cancelled, and came back, goes the way of the others."""
    cancelled = (
        sa.select(col(Edition.id))
        .join(Issue, col(Issue.id) == col(Edition.issue_id))
        .where(col(Issue.state) == IssueState.cancelled)
    )
    return (
        sa.update(Mail)
        .where(col(Mail.id).in_(mails), _in(WAITING), col(Mail.edition_id).in_(cancelled))
        .values(state=MailState.cancelled, due_at=None)
    )
