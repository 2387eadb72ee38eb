"""Group commit: the ledger writes of all connections of a drain share one transaction.

A mail is `armed` in the ledger before the first byte of its body may reach a socket. So after `kill -9`, the mails
whose outcome is unknown are those armed and unanswered: at most one per open connection (DESIGN §5). Each commit also
checks the lease of every batch: what another sender has claimed in the meantime is written no more.
"""

import asyncio
import time
from collections.abc import Awaitable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, auto
from typing import NamedTuple

import sqlalchemy as sa

from newsletter.clock import Clock
from newsletter.delivery.ledger.claim import ClaimedMail, MailStatements
from newsletter.delivery.ledger.leases import LEASE, Lease, LeaseStatements, return_batch
from newsletter.delivery.ledger.outcome import Step
from newsletter.smtp.contract import Reply
from newsletter.store import Store
from newsletter.words import MailState

_LONGEST_WAIT, _LONGEST_GAP = 3.0, 0.6
"""How long a commit waits for other connections, as a share of what a commit takes: in all, and since the last one."""
RENEWED_AFTER = LEASE / 6
"""The age of a lease that is worth writing; in between, a look at the fence is enough."""


class Permission(Enum):
    """What the ledger says to a mail whose body is about to leave."""

    granted = auto()  # it is durably armed
    denied = auto()  # not this mail: its reader left the newsletter, or it has an outcome already
    revoked = auto()  # nothing more of its batch: a person paused or cancelled, or the lease is lost


class Attempt(NamedTuple):
    """One mail that was tried, and what came of it."""

    lease: Lease
    mail: ClaimedMail
    step: Step
    reply: Reply


_Request = tuple[Lease, int, asyncio.Future[Permission]]
"""A connection that waits for the permission of a mail, told by its number. A plain tuple, made for every mail."""


@dataclass(slots=True)
class GroupCommit:
    """The ledger as one drain writes it."""

    store: Store
    clock: Clock
    lane: str
    connections: int = 1  # how many may ask for a permission
    commits: int = 0
    committed_at: float = field(default_factory=time.monotonic)
    _live: set[Lease] = field(default_factory=set)  # ours, as far as the last commit knows
    _requests: list[_Request] = field(default_factory=list)
    _attempts: list[Attempt] = field(default_factory=list)
    _undone: list[tuple[Attempt, datetime]] = field(default_factory=list)
    _returned: list[tuple[Lease, datetime | None]] = field(default_factory=list)
    _scheduled: bool = False
    _wait_ends: float = 0.0
    _gap_ends: float = 0.0
    _renewed_at: datetime | None = None
    _commit_seconds: float = 0.0  # how long a commit takes, smoothed
    _failure: Exception | None = None
    _connection: sa.Connection | None = None
    _leases: LeaseStatements = field(init=False)
    _mails: MailStatements = field(init=False)

    def __post_init__(self) -> None:
        self._leases = LeaseStatements(self.store.engine)
        self._mails = MailStatements.compiled(self.store.engine, lane=self.lane)

    def add_lease(self, lease: Lease) -> None:
        """Watch this lease from now on: its fence with every commit; it is renewed when it has aged."""
        self._live.add(lease)

    def authorise(self, lease: Lease, mail_id: int) -> Awaitable[Permission]:
        """Whether this mail's body may leave now. Raises what the store raised, should it have failed."""
        answer: asyncio.Future[Permission] = asyncio.get_running_loop().create_future()
        self._requests.append((lease, mail_id, answer))
        self._schedule()
        return answer

    def record(self, attempt: Attempt) -> None:
        """Write what became of a mail, with the next commit."""
        self._attempts.append(attempt)
        self._schedule()

    def undo_refusal(self, attempt: Attempt, *, due_at: datetime) -> None:
        """The whole lane was refused and not this mail: defer it, with the next commit."""
        self._undone.append((attempt, due_at))
        self._schedule()

    def return_batch(self, lease: Lease, *, not_before: datetime | None = None) -> None:
        """End a lease with the next commit."""
        if lease in self._live:
            self._returned.append((lease, not_before))
            self._schedule()

    def is_silent_since(self, moment: float) -> bool:
        """Whether nothing was committed after this moment of the monotonic clock."""
        return self.committed_at < moment

    def flush(self) -> None:
        """Commit all that waits, and keep our leases. Raises what the store raised; attempts are kept for `close`."""
        self._scheduled = False
        requests, self._requests = self._requests, []
        began = time.perf_counter()
        try:
            permissions = self._commit(requests)
        except Exception as error:
            self._failure = error
            _fail(requests, error)
            raise
        self._commit_seconds += (time.perf_counter() - began - self._commit_seconds) / 8
        self._attempts, self._undone, self._returned = [], [], []
        for lease, mail_id, answer in requests:
            if not answer.done():
                live = lease in self._live
                answer.set_result(permissions.get(mail_id, Permission.revoked) if live else Permission.revoked)

    def close(self) -> None:
        """Commit what waits, once more after a failure: every known outcome reaches the ledger if it can."""
        try:
            if self._failure:
                self._disconnect()
            if self._live or self._attempts or self._undone:
                self.flush()
        finally:
            self._disconnect()

    def _schedule(self) -> None:
        """Have what waits committed: when every connection has asked, or when the others take too long.

        A commit costs as much for one mail as for ten, so connections that are about to ask are worth a moment: at most
        `_LONGEST_WAIT` commits in all, and `_LONGEST_GAP` of one since the last connection asked.
        """
        if self._failure:
            requests, self._requests = self._requests, []
            _fail(requests, self._failure)
            return
        now = time.perf_counter()
        self._gap_ends = now + _LONGEST_GAP * self._commit_seconds
        if not self._scheduled:
            self._scheduled, self._wait_ends = True, now + _LONGEST_WAIT * self._commit_seconds
            asyncio.get_running_loop().call_soon(self._flush_or_wait)

    def _flush_or_wait(self) -> None:
        """Turn the loop while waiting, for timers count in milliseconds, and a commit takes less."""
        if not self._scheduled:  # somebody flushed meanwhile
            return
        if len(self._requests) < self.connections and time.perf_counter() < min(self._gap_ends, self._wait_ends):
            asyncio.get_running_loop().call_soon(self._flush_or_wait)
        else:
            with suppress(Exception):  # flush has told everyone who waits, and keeps the failure for the others
                self.flush()

    def _commit(self, requests: Sequence[_Request]) -> dict[int, Permission]:
        """One transaction: leases, permissions, outcomes, returned batches. Only for leases that are live in it."""
        now = self.clock.now()
        connection = self._connect()
        with connection.begin():
            live = self._renew_leases(connection, now)
            permissions = self._arm(connection, [mail_id for lease, mail_id, _ in requests if lease in live], now)
            self._write(connection, [attempt for attempt in self._attempts if attempt.lease in live], now)
            for lease, not_before in self._returned:
                if lease in live:
                    return_batch(connection, lease, not_before=not_before)
        self.commits += 1
        self.committed_at = time.monotonic()
        self._live = live - {lease for lease, _ in self._returned}
        return permissions

    def _renew_leases(self, connection: sa.Connection, now: datetime) -> set[Lease]:
        """Those of our leases that still hold; renewed when they have aged."""
        if not self._live:
            return set()
        if self._renewed_at and self._renewed_at <= now < self._renewed_at + RENEWED_AFTER:
            return self._leases.still_held(connection, self._live)
        self._renewed_at = now
        return self._leases.renew(connection, self._live, until=now + LEASE)

    def _arm(self, connection: sa.Connection, mails: list[int], now: datetime) -> dict[int, Permission]:
        if not mails:
            return {}
        armed = self._mails.arm(connection, mails, now=now)
        permissions = dict.fromkeys(armed, Permission.granted)
        if len(armed) < len(mails):
            others = [mail_id for mail_id in mails if mail_id not in permissions]
            permissions |= dict.fromkeys(self._mails.take_out(connection, others, now=now), Permission.denied)
        return permissions

    def _write(self, connection: sa.Connection, attempts: list[Attempt], now: datetime) -> None:
        accepted = [attempt.mail.mail_id for attempt in attempts if attempt.step.state is MailState.accepted]
        if accepted:
            self._mails.accept(connection, accepted, now=now)
        if others := [(a.mail, a.step, a.reply) for a in attempts if a.step.state is not MailState.accepted]:
            self._mails.write_other_outcomes(connection, others, now=now)
        for attempt, due_at in self._undone:
            self._mails.undo_refusal(connection, attempt.lease.batch_id, attempt.mail.mail_id, due_at=due_at)

    def _connect(self) -> sa.Connection:
        """One connection for the whole drain, so that its statements stay prepared."""
        if self._connection is None:
            self._connection = self.store.engine.connect().execution_options(writes=True)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _fail(requests: Iterable[_Request], error: Exception) -> None:
    for _lease, _mail_id, answer in requests:
        if not answer.done():
            answer.set_exception(error)
