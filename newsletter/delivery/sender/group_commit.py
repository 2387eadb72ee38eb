"""Durable before the dot: every connection of a drain asks here, and all share one commit per tick of the loop.

A mail is `armed` in the store before the first byte of its body may reach a socket. So after `kill -9`, the mails whose
fate is unknown are those armed and unanswered: at most one per open connection (DESIGN §5). Each commit also looks at
the fences of all batches in hand: what the ledger took from us in the meantime is written no more.
"""

import asyncio
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

import sqlalchemy as sa

from newsletter.clock import Clock
from newsletter.delivery.ledger.claim import LEASE, Claim, ClaimedMail, hand_back
from newsletter.delivery.ledger.outcome import Step
from newsletter.delivery.ledger.statements import Writing
from newsletter.smtp.contract import Reply
from newsletter.store import Store
from newsletter.words import MailState

PATIENCE, PAUSE = 3.0, 0.6
"""How long to wait for other lines, as a share of what a commit takes: in all, and since the last one asked."""
RENEWED_AFTER = LEASE / 6
"""The age of a lease that is worth writing; in between, a look at the fence is enough."""


class Leave(Enum):
    """What the ledger says to a mail whose body is about to leave."""

    granted = auto()  # it is durably armed
    gone = auto()  # its reader left the newsletter, or somebody settled this one mail
    shut = auto()  # nothing more of this batch: a person paused or cancelled, or the batch is not ours any more


class Result(NamedTuple):
    """What became of one mail."""

    claim: Claim
    mail: ClaimedMail
    step: Step
    reply: Reply


@dataclass(slots=True)
class Arming:
    """The ledger's side of one drain."""

    store: Store
    clock: Clock
    lane: str
    lines: int = 1  # connections that may ask
    commits: int = 0
    committed_at: float = field(default_factory=time.monotonic)
    _held: dict[int, Claim] = field(default_factory=dict)
    _asked: list[tuple[Claim, int, asyncio.Future[Leave]]] = field(default_factory=list)
    _results: list[Result] = field(default_factory=list)
    _forgiven: list[tuple[Result, datetime]] = field(default_factory=list)
    _returned: list[tuple[Claim, datetime | None]] = field(default_factory=list)
    _soon: bool = False
    _patience_ends: float = 0.0
    _pause_ends: float = 0.0
    _renewed_at: datetime | None = None
    _commit_seconds: float = 0.0  # how long a commit takes, smoothed
    _broken: Exception | None = None
    _connection: sa.Connection | None = None
    _writing: Writing | None = None

    def hold(self, claim: Claim) -> None:
        """Look after this batch from now on: at its fence with every commit, at its lease when that has aged."""
        self._held[claim.batch_id] = claim

    def is_ours(self, claim: Claim) -> bool:
        """As far as the last commit knows."""
        held = self._held.get(claim.batch_id)
        return held is not None and held.fence == claim.fence

    async def may_send(self, claim: Claim, mail_id: int) -> Leave:
        """Whether this mail's body may leave now. Raises what the store raised, should it have failed."""
        answer: asyncio.Future[Leave] = asyncio.get_running_loop().create_future()
        self._asked.append((claim, mail_id, answer))
        self._schedule()
        return await answer

    def record(self, result: Result) -> None:
        """Note what became of a mail, with the next commit."""
        self._results.append(result)
        self._schedule()

    def forgive(self, result: Result, *, due_at: datetime) -> None:
        """It was refused for our fault, not its own: try it again, with the next commit."""
        self._forgiven.append((result, due_at))
        self._schedule()

    def hand_back(self, claim: Claim, *, not_before: datetime | None = None) -> None:
        """Give a batch back with the next commit."""
        if self.is_ours(claim):
            self._returned.append((claim, not_before))
            self._schedule()

    def is_silent_since(self, moment: float) -> bool:
        """Whether nothing was committed after this moment of the monotonic clock."""
        return self.committed_at < moment

    def flush(self) -> None:
        """Commit all that waits, and keep our leases. Raises what the store raised; results are kept for `end`."""
        self._soon = False
        asked, self._asked = self._asked, []
        began = time.perf_counter()
        try:
            leaves = self._commit(asked)
        except Exception as error:
            self._broken = error
            _tell(asked, error)
            raise
        self._commit_seconds += (time.perf_counter() - began - self._commit_seconds) / 8
        self._results, self._forgiven, self._returned = [], [], []
        for claim, mail_id, answer in asked:
            if not answer.done():
                answer.set_result(leaves.get(mail_id, Leave.shut) if self.is_ours(claim) else Leave.shut)

    def end(self) -> None:
        """Commit what waits, once more after a failure: every fate that is known reaches the ledger if it can."""
        try:
            if self._broken:
                self._let_go_of_the_store()
            if self._held or self._results or self._forgiven:
                self.flush()
        finally:
            self._let_go_of_the_store()

    def _schedule(self) -> None:
        """Have what waits committed: when every line has asked, or when the others keep us waiting.

        A commit costs as much for one mail as for ten, so lines that are about to ask are worth a moment: at most
        `PATIENCE` commits in all, and `PAUSE` of one since the last line asked.
        """
        if self._broken:
            asked, self._asked = self._asked, []
            _tell(asked, self._broken)
            return
        now = time.perf_counter()
        self._pause_ends = now + PAUSE * self._commit_seconds
        if not self._soon:
            self._soon, self._patience_ends = True, now + PATIENCE * self._commit_seconds
            asyncio.get_running_loop().call_soon(self._flush_or_wait)

    def _flush_or_wait(self) -> None:
        """Turn the loop while waiting, for timers count in milliseconds, and a commit takes less."""
        if not self._soon:  # somebody flushed meanwhile
            return
        if len(self._asked) < self.lines and time.perf_counter() < min(self._pause_ends, self._patience_ends):
            asyncio.get_running_loop().call_soon(self._flush_or_wait)
        else:
            with suppress(Exception):  # flush has told everyone who waits, and keeps the error for the others
                self.flush()

    def _commit(self, asked: Sequence[tuple[Claim, int, "asyncio.Future[Leave]"]]) -> dict[int, Leave]:
        now = self.clock.now()
        connection, writing = self._open()
        with connection.begin():
            lost = self._look_whose_they_are(writing, connection, now)
            ours = {claim.batch_id for claim in self._held.values() if claim.batch_id not in lost}
            mails = [mail_id for claim, mail_id, _answer in asked if self.is_ours(claim) and claim.batch_id in ours]
            leaves = self._arm(writing, connection, mails, now)
            results = [
                result for result in self._results if self.is_ours(result.claim) and result.claim.batch_id in ours
            ]
            self._write(writing, connection, results, now)
            returned = [(claim, when) for claim, when in self._returned if claim.batch_id in ours]
            for claim, not_before in returned:
                hand_back(connection, claim, not_before=not_before)
        self.commits += 1
        self.committed_at = time.monotonic()
        for batch_id in lost | {claim.batch_id for claim, _when in returned}:
            self._held.pop(batch_id, None)
        return leaves

    def _look_whose_they_are(self, writing: Writing, connection: sa.Connection, now: datetime) -> set[int]:
        """The batches that are not ours any more; the leases of the others are renewed when they have aged."""
        if not self._held:
            return set()
        fences = [(claim.batch_id, claim.fence) for claim in self._held.values()]
        if self._renewed_at and self._renewed_at <= now < self._renewed_at + RENEWED_AFTER:
            return set(self._held) - writing.still_ours(connection, fences)
        self._renewed_at = now
        return set(self._held) - writing.renew(connection, fences, until=now + LEASE)

    def _arm(self, writing: Writing, connection: sa.Connection, mails: list[int], now: datetime) -> dict[int, Leave]:
        if not mails:
            return {}
        armed = writing.arm(connection, mails, now=now)
        leaves = dict.fromkeys(armed, Leave.granted)
        if len(armed) < len(mails):
            rest = [mail_id for mail_id in mails if mail_id not in leaves]
            leaves |= dict.fromkeys(writing.take_out(connection, rest, now=now), Leave.gone)
        return leaves

    def _write(self, writing: Writing, connection: sa.Connection, results: list[Result], now: datetime) -> None:
        accepted = [result.mail.mail_id for result in results if result.step.state is MailState.accepted]
        if accepted:
            writing.accept(connection, accepted, now=now)
        if others := [result for result in results if result.step.state is not MailState.accepted]:
            writing.other_fates(connection, [(r.mail, r.step, r.reply) for r in others], now=now)
        for result, due_at in self._forgiven:
            writing.forgive(connection, result.claim, result.mail.mail_id, due_at=due_at)

    def _open(self) -> tuple[sa.Connection, Writing]:
        """One connection for the whole drain, so that its statements stay prepared."""
        if self._connection is None or self._writing is None:
            self._connection = self.store.engine.connect().execution_options(writes=True)
            self._writing = Writing.over(self.store.engine, self.lane)
        return self._connection, self._writing

    def _let_go_of_the_store(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _tell(asked: Iterable[tuple[Claim, int, "asyncio.Future[Leave]"]], error: Exception) -> None:
    for _claim, _mail_id, answer in asked:
        if not answer.done():
            answer.set_exception(error)
