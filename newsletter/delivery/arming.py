"""Durable before the dot: every connection of a claim asks here, and all share one commit per tick of the loop.

A mail is `armed` in the store before the first byte of its body may reach a socket. So after `kill -9`, the mails whose
fate is unknown are those armed and unanswered: at most one per open connection (DESIGN §5).
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.clock import Clock
from newsletter.delivery.claim import LEASE, Claim, ClaimedMail
from newsletter.delivery.outcome import Step
from newsletter.store import Store
from newsletter.store.issues import Edition, Issue
from newsletter.store.ledger import Batch, Lane, Mail, MailNote
from newsletter.store.people import Subscriber, mailable
from newsletter.transport.contract import Reply
from newsletter.words import IssueState, MailState, NoteKind

HEARTBEAT = timedelta(seconds=20)
"""How often a sender that waits for slow servers says that it is alive; well under the lease."""

NOTED = {
    MailState.deferred: NoteKind.deferred,
    MailState.refused: NoteKind.refused,
    MailState.in_doubt: NoteKind.doubt,
}
"""The outcomes that leave a note with the server's words."""


class LeaseLostError(Exception):
    """Another sender has this batch by now: what this one holds must be let go of at once."""


@dataclass(slots=True)
class Arming:
    """The ledger's side of sending one claim."""

    store: Store
    clock: Clock
    claim: Claim
    _wanted: dict[int, asyncio.Future[bool]] = field(default_factory=dict)
    _results: list[tuple[ClaimedMail, Step, Reply]] = field(default_factory=list)
    _scheduled: bool = False
    _broken: Exception | None = None

    async def permit(self, mail_id: int) -> bool:
        """Whether this mail's body may leave now; if so it is durably armed.

        False when its reader left the newsletter, or a person paused or cancelled the issue, or the lane was paused.
        Raises LeaseLostError when the batch is not ours any more.
        """
        answer: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._wanted[mail_id] = answer
        self._schedule()
        return await answer

    def record(self, mail: ClaimedMail, step: Step, reply: Reply) -> None:
        """Note what became of an armed mail, with the next commit."""
        self._results.append((mail, step, reply))
        self._schedule()

    def keep_lease(self) -> None:
        """Commit what waits and say that we are alive; should that fail, the next `permit` or `record` raises why."""
        with suppress(Exception):  # flush has told everyone who waits, and keeps the error for the others
            self.flush()

    def flush(self) -> None:
        """Commit all that waits. Raises LeaseLostError, writing nothing, when the batch is not ours any more."""
        self._scheduled = False
        wanted, self._wanted = self._wanted, {}
        results, self._results = self._results, []
        try:
            with self.store.transaction() as session:
                self._renew(session)
                armed = self._arm(session, list(wanted))
                self._write(session, results)
        except Exception as error:
            self._broken = error
            _tell(wanted.values(), error)
            raise
        for mail_id, answer in wanted.items():
            if not answer.done():
                answer.set_result(mail_id in armed)

    def _schedule(self) -> None:
        if self._broken:
            raise self._broken
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self.keep_lease)

    def _renew(self, session: Session) -> None:
        renewed = session.connection().execute(
            sa.update(Batch)
            .where(col(Batch.id) == self.claim.batch_id, col(Batch.fence) == self.claim.fence)
            .values(lease_until=self.clock.now() + LEASE)
        )
        if renewed.rowcount != 1:
            raise LeaseLostError

    def _arm(self, session: Session, mail_ids: list[int]) -> set[int]:
        if not mail_ids:
            return set()
        now = self.clock.now()
        may_be_mailed = sa.exists().where(col(Subscriber.id) == col(Mail.subscriber_id), mailable()).correlate(Mail)
        these = col(Mail.id).in_(mail_ids)
        session.connection().execute(
            sa.update(Mail).where(these, sa.not_(may_be_mailed)).values(state=MailState.suppressed, answered_at=now)
        )
        armed = session.connection().execute(
            sa.update(Mail)
            .where(these, col(Mail.state).in_((MailState.planned, MailState.deferred)), self._may_leave())
            .values(state=MailState.armed, armed_at=now, due_at=None, tries=col(Mail.tries) + 1)
            .returning(col(Mail.id))
        )
        return {mail_id for mail_id in armed.scalars() if mail_id is not None}

    def _may_leave(self) -> sa.ColumnElement[bool]:
        """Nobody has paused the issue or the lane."""
        issue_leaves = sa.exists().where(
            col(Edition.id) == self.claim.edition_id,
            col(Issue.id) == col(Edition.issue_id),
            col(Issue.state) == IssueState.sending,
        )
        lane_is_open = sa.exists().where(col(Lane.name) == self.claim.lane, col(Lane.paused_at).is_(None))
        return sa.and_(issue_leaves, lane_is_open)

    def _write(self, session: Session, results: list[tuple[ClaimedMail, Step, Reply]]) -> None:
        now = self.clock.now()
        accepted = [mail.mail_id for mail, step, _ in results if step.state is MailState.accepted]
        if accepted:
            statement = sa.update(Mail).where(col(Mail.id).in_(accepted))
            session.connection().execute(statement.values(state=MailState.accepted, answered_at=now))
        for mail, step, reply in results:
            if step.state is not MailState.accepted:
                statement = sa.update(Mail).where(col(Mail.id) == mail.mail_id)
                session.connection().execute(
                    statement.values(state=step.state, due_at=step.due_at, answered_at=None if step.due_at else now)
                )
                session.add(
                    MailNote(
                        mail_id=mail.mail_id, at=now, kind=NOTED[step.state], code=reply.code, enhanced=reply.enhanced,
                        words=reply.words,
                    )
                )  # fmt: skip


def _tell(answers: Iterable[asyncio.Future[bool]], error: Exception) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)
