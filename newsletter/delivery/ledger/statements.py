"""The statements that every mail passes through, made once per drain: compiled, set-based, and free of the ORM."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import col

from newsletter.delivery.ledger.claim import WAITING, Claim, ClaimedMail, minute_of_the_day, open_editions
from newsletter.delivery.ledger.outcome import Step
from newsletter.smtp.contract import Reply
from newsletter.store.columns import UtcMoment, word
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail, MailNote, in_states
from newsletter.store.people import Subscriber, mailable
from newsletter.store.portable import among, as_list
from newsletter.store.prepared import Prepared, Statement
from newsletter.words import IssueState, MailState, NoteKind

NOTED = {
    MailState.deferred: NoteKind.deferred,
    MailState.refused: NoteKind.refused,
    MailState.in_doubt: NoteKind.doubt,
}
"""The outcomes that leave a note with the server's words."""
IN_HAND = (*WAITING, MailState.armed)


@dataclass(frozen=True, slots=True)
class Writing:
    """Statements for one lane, in one dialect."""

    engine: sa.Engine
    _arm: Prepared
    _take_out: Prepared
    _accept: Prepared
    _fenced: dict[tuple[Callable[[int], Statement], int], Prepared] = field(default_factory=dict)

    @classmethod
    def over(cls, engine: sa.Engine, lane: str) -> "Writing":
        these = among(engine, Mail.__table__.c.id, "mails")  # type: ignore[attr-defined]
        return cls(
            engine,
            _arm=Prepared.over(engine, _arming(these, lane)),
            _take_out=Prepared.over(engine, _taking_out(these)),
            _accept=Prepared.over(engine, _accepting(these)),
        )

    def renew(self, connection: sa.Connection, fences: Sequence[tuple[int, int]], *, until: datetime) -> set[int]:
        """Renew the leases of these batches, each under its fence; those that were still ours."""
        return self._under(fences, _renewal, connection, until=until)

    def still_ours(self, connection: sa.Connection, fences: Sequence[tuple[int, int]]) -> set[int]:
        """Those of these batches whose fence still stands; until the commit nobody can raise it."""
        return self._under(fences, _holding, connection)

    def _under(
        self,
        fences: Sequence[tuple[int, int]],
        make: Callable[[int], Statement],
        connection: sa.Connection,
        **more: Any,
    ) -> set[int]:
        """Run a statement that is made for so many fences, and answers with the batches it found."""
        statement = self._fenced.get((make, len(fences)))
        if statement is None:
            statement = self._fenced[make, len(fences)] = Prepared.over(self.engine, make(len(fences)))
        given = {f"batch_{number}": batch for number, (batch, _fence) in enumerate(fences)}
        given |= {f"fence_{number}": fence for number, (_batch, fence) in enumerate(fences)}
        return {batch for (batch,) in statement.run(connection, **given, **more)}

    def arm(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> list[int]:
        """Arm those of these mails that may leave now: their readers stay, and nobody paused issue or lane (SUP-01)."""
        these = as_list(self.engine, mails)
        return [mail for (mail,) in self._arm.run(connection, mails=these, now=now, minute=minute_of_the_day(now))]

    def take_out(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> list[int]:
        """Those of these mails that never leave: their reader may not be mailed, or they have their fate already."""
        self._take_out.run(connection, mails=as_list(self.engine, mails), now=now)
        still = sa.select(col(Mail.id)).where(col(Mail.id).in_(mails), in_states(IN_HAND))
        waiting = set(connection.execute(still).scalars())
        return [mail for mail in mails if mail not in waiting]

    def accept(self, connection: sa.Connection, mails: Sequence[int], *, now: datetime) -> None:
        self._accept.run(connection, mails=as_list(self.engine, mails), now=now)

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


def _renewal(batches: int) -> Statement:
    until = sa.bindparam("until", type_=UtcMoment)
    return sa.update(Batch).where(_fences_of(batches)).values(lease_until=until).returning(col(Batch.id))


def _holding(batches: int) -> Statement:
    return sa.select(col(Batch.id)).where(_fences_of(batches)).with_for_update()


def _fences_of(batches: int) -> sa.ColumnElement[bool]:
    return sa.or_(
        *(
            sa.and_(col(Batch.id) == sa.bindparam(f"batch_{n}"), col(Batch.fence) == sa.bindparam(f"fence_{n}"))
            for n in range(batches)
        )
    )


_NOW = sa.bindparam("now", type_=UtcMoment)


def _arming(these: sa.ColumnElement[bool], lane: str) -> Statement:
    lane_is_open = sa.exists().where(col(Lane.name) == lane, col(Lane.paused_at).is_(None))
    values = {"state": MailState.armed, "armed_at": _NOW, "due_at": None, "tries": col(Mail.tries) + 1}
    return (
        sa.update(Mail)
        .where(
            these,
            in_states(WAITING),
            col(Mail.edition_id).in_(open_editions(sa.bindparam("minute", type_=sa.Integer))),
            lane_is_open,
            _may_be_mailed(),
        )
        .values(values)
        .returning(col(Mail.id))
    )


def _taking_out(these: sa.ColumnElement[bool]) -> Statement:
    left = {"state": MailState.suppressed, "answered_at": _NOW, "due_at": None}
    return sa.update(Mail).where(these, in_states(WAITING), sa.not_(_may_be_mailed())).values(left)


def _accepting(these: sa.ColumnElement[bool]) -> Statement:
    taken = {"state": MailState.accepted, "answered_at": _NOW}
    return sa.update(Mail).where(these, col(Mail.state) == MailState.armed).values(taken)


def _may_be_mailed() -> sa.ColumnElement[bool]:
    return sa.exists().where(col(Subscriber.id) == col(Mail.subscriber_id), mailable()).correlate(Mail)


_OTHER_FATE = (
    sa.update(Mail.__table__)  # type: ignore[attr-defined]
    .where(col(Mail.id) == sa.bindparam("mail"), in_states(IN_HAND))
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
        .where(col(Mail.id).in_(mails), in_states(WAITING), col(Mail.edition_id).in_(cancelled))
        .values(state=MailState.cancelled, due_at=None)
    )
