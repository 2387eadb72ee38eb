"""The connections of a drain: a pool that opens them, and the outbox by which each draws mails and reports outcomes."""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.delivery.ledger.outcome import RETRIES, after_attempt
from newsletter.delivery.sender.envelopes import EnvelopeFor
from newsletter.delivery.sender.group_commit import Attempt, GroupCommit, Permission
from newsletter.delivery.sender.ready_queue import LeasedBatch, QueuedMail, ReadyQueue
from newsletter.delivery.throttle import breaker
from newsletter.delivery.throttle.backoff import BackoffDetector
from newsletter.errors import NewsletterError
from newsletter.smtp.contract import DeliveryStatus, Envelope, RelayError, Reply, Transport, without_addresses
from newsletter.store.ledger import ProviderBackoff
from newsletter.words import MailState

IDLE_SECONDS = 45.0
"""How long a connection waits for a mail before it is closed: servers hang up on those that say nothing."""
LANE_SUSPENSION = RETRIES[0]
"""How long a lane is suspended whose server cannot be reached, or refuses everything."""
POOL_POLL_SECONDS = 0.25
"""Between two looks at whether another connection is needed."""
_MOST_LOST_CONNECTIONS = 3
"""So many in a row, none being open, and the server counts as unreachable."""
_LONGEST_RECONNECT_PAUSE = 5.0


@dataclass(slots=True)
class DrainOutbox:
    """What all connections of one drain share: mails are taken here, and their outcomes decided and recorded."""

    clock: Clock
    ledger: GroupCommit
    queue: ReadyQueue
    stopping: Callable[[], bool]
    detector: BackoffDetector
    envelopes_of: dict[int, EnvelopeFor] = field(default_factory=dict)  # by edition
    backoffs: list[ProviderBackoff] = field(default_factory=list)  # of providers that have just asked for less
    attempts: int = 0
    accepted: int = 0
    trouble: str = ""
    closed: bool = False  # nothing more is started
    needs_drain: asyncio.Event = field(default_factory=asyncio.Event)  # the queue runs low, or a provider backs off
    low_water: int = 0
    _streak: breaker.RefusalStreak = field(default_factory=breaker.RefusalStreak)
    _refused_in_streak: list[Attempt] = field(default_factory=list)
    _sleepers: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def is_ending(self) -> bool:
        return self.closed or self.stopping()

    def take(self, connection: int) -> tuple[QueuedMail, Envelope] | None:
        """The next mail that may start on this connection, and its message."""
        while not self.is_ending and (queued := self.queue.take(connection, time.monotonic())):
            if self.queue.waiting < self.low_water:
                self.needs_drain.set()
            # A name or address that cannot stand in a message stops nobody else's mail.
            try:
                envelope = self.envelopes_of[queued.batch.lease.edition_id](queued.mail)
            except NewsletterError as error:
                self.settle(queued, Reply(status=DeliveryStatus.refused, words=without_addresses(str(error))))
                continue
            if envelope.key != queued.mail.mail_id:
                envelope = replace(envelope, key=queued.mail.mail_id)
            return queued, envelope
        return None

    def settle(self, queued: QueuedMail, reply: Reply) -> None:
        """An attempt has ended: decide the mail's outcome, and have it recorded."""
        self.attempts += 1
        now = self.clock.now()
        step = after_attempt(
            reply.status,
            attempt=queued.mail.tries + 1,
            planned_at=queued.mail.planned_at,
            now=now,
            chance=random.random(),  # noqa: S311  spreads retries, guards nothing
        )
        attempt = Attempt(queued.batch.lease, queued.mail, step, reply)
        self.ledger.record(attempt)
        self.accepted += step.state is MailState.accepted
        self._feed_breaker(attempt)
        self._detect_backoff(queued.provider, reply, now)
        self.finish(queued)

    def finish(self, queued: QueuedMail) -> None:
        """The mail is not in flight any more."""
        self.queue.finished(queued)
        self._return_if_done(queued.batch)
        self.wake()

    def put_back(self, queued: QueuedMail) -> None:
        """The mail was not tried: another connection may take it."""
        self.queue.put_back(queued)
        self._return_if_done(queued.batch)
        self.wake()

    async def sleep(self, seconds: float) -> None:
        """Wait until a mail may have become startable, at most so long."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append(sleeper)
        with suppress(TimeoutError):
            await asyncio.wait_for(sleeper, seconds)

    def wake(self, connections: int = 1) -> None:
        """Wake so many of the connections that sleep."""
        while connections and self._sleepers:
            sleeper = self._sleepers.popleft()
            if not sleeper.done():
                sleeper.set_result(None)
                connections -= 1

    def close(self, trouble: str = "") -> None:
        """Start nothing more. The first trouble is the one that is told."""
        self.closed = True
        self.trouble = self.trouble or trouble
        self.needs_drain.set()
        self.wake(len(self._sleepers))

    def _return_if_done(self, batch: LeasedBatch) -> None:
        if batch.is_done and not batch.returned:
            batch.returned = True
            self.ledger.return_batch(batch.lease)
            self.needs_drain.set()

    def _detect_backoff(self, provider: str, reply: Reply, now: datetime) -> None:
        if backoff := self.detector.observe(provider, reply, self.queue.limiter.table, now=now):
            self.backoffs.append(backoff)
            self.needs_drain.set()

    def _feed_breaker(self, attempt: Attempt) -> None:
        """When the circuit breaker opens, the mails that were refused on the way are tried again later."""
        self._streak = breaker.streak_after(self._streak, attempt.reply)
        if attempt.step.state is MailState.accepted:
            self._refused_in_streak.clear()
        elif attempt.step.state is MailState.refused and attempt.reply.code is not None:
            self._refused_in_streak.append(attempt)
        if reason := breaker.stop_reason(self._streak):
            self.close(breaker.stop_sentence(reason, attempt.reply))
            if reason is not breaker.StopReason.busy:
                due_at = self.clock.now() + LANE_SUSPENSION + timedelta(seconds=1)
                for refused in self._refused_in_streak:
                    self.ledger.undo_refusal(refused, due_at=due_at)
                self._refused_in_streak.clear()


@dataclass(slots=True)
class ConnectionOutbox:
    """One connection's part of the outbox; the Outbox of `smtp.contract`."""

    number: int
    shared: DrainOutbox
    _drawn: dict[int, QueuedMail] = field(default_factory=dict)
    _sent: Counter[str] = field(default_factory=Counter)  # by provider
    _worn: bool = False

    def poll(self) -> Envelope | None:
        if self._worn or (taken := self.shared.take(self.number)) is None:
            return None
        queued, envelope = taken
        self._drawn[envelope.key] = queued
        self._sent[queued.provider] += 1
        self._worn = self.shared.queue.limiter.is_exhausted(queued.provider, self._sent[queued.provider])
        return envelope

    async def next(self) -> Envelope | None:
        idle_since = time.monotonic()
        while not self._worn:
            if envelope := self.poll():
                return envelope
            now = time.monotonic()
            if self.shared.is_ending or now - idle_since > IDLE_SECONDS:
                return None
            await self.shared.sleep(min(1.0, max(0.001, self.shared.queue.wait(now))))
        return None

    async def may_send(self, envelope: Envelope) -> bool:
        queued = self._drawn[envelope.key]
        if self.shared.closed:  # the circuit breaker opened, or the store failed: what has no permission yet stays
            return False
        permission = await self.shared.ledger.authorise(queued.batch.lease, queued.mail.mail_id)
        if permission is Permission.revoked:
            self.shared.queue.drop(queued.batch)
        return permission is Permission.granted

    def record(self, envelope: Envelope, reply: Reply) -> None:
        queued = self._drawn.pop(envelope.key)
        if reply.status is DeliveryStatus.withheld:
            self.shared.finish(queued)
        else:
            self.shared.settle(queued, reply)

    def give_back(self, envelope: Envelope) -> None:
        self.shared.put_back(self._drawn.pop(envelope.key))


@dataclass(slots=True)
class ConnectionPool:
    """One task per connection. A failure that is no connection's fault is kept in `failure`, and ends them all."""

    outbox: DrainOutbox
    transport: Transport
    size: int = 1  # connections at once
    failure: Exception | None = None
    _tasks: dict[int, asyncio.Task[None]] = field(default_factory=dict)
    _begun: int = 0  # connections that are open, or being opened
    _open: int = 0
    _lost: int = 0  # in a row, without an attempt between them
    _attempts: int = 0

    def fill(self) -> None:
        """Have a task for every connection that the lane allows."""
        for number in range(self.size):
            if number not in self._tasks or self._tasks[number].done():
                self._tasks[number] = asyncio.create_task(self._keep_connected(number))

    async def ended(self, seconds: float) -> bool:
        """Whether all connections have ended, after waiting at most so long."""
        if not self._tasks:
            return True
        _done, pending = await asyncio.wait(self._tasks.values(), timeout=seconds)
        return not pending

    async def _keep_connected(self, number: int) -> None:
        """One connection after the other, as long as there are mails for them."""
        try:
            while not self.outbox.is_ending and number < self.size:
                if self._is_needed():
                    await self._use_connection(number)
                else:
                    await self.outbox.sleep(POOL_POLL_SECONDS)
        except Exception as error:  # noqa: BLE001  kept, and raised by the drain once what is in flight has ended
            self.failure = self.failure or error
            self.outbox.close()

    def _is_needed(self) -> bool:
        queue = self.outbox.queue
        return self._begun < queue.waiting + queue.in_flight and queue.wait(time.monotonic()) < POOL_POLL_SECONDS

    async def _use_connection(self, number: int) -> None:
        self._begun += 1
        try:
            async with self.transport.connect() as connection:
                self._count_open(1)
                try:
                    await connection.deliver(ConnectionOutbox(number, self.outbox))
                finally:
                    self._count_open(-1)
        except RelayError as error:
            await self._back_off(error)
        finally:
            self._begun -= 1

    def _count_open(self, more: int) -> None:
        self._open += more
        self.outbox.ledger.connections = self._open

    async def _back_off(self, error: RelayError) -> None:
        """A connection failed before it tried anything: pause before the next, or give the server up as unreachable."""
        tried, self._attempts = self.outbox.attempts != self._attempts, self.outbox.attempts
        self._lost = 1 if tried else self._lost + 1
        if self._lost >= _MOST_LOST_CONNECTIONS * (self.size if self._open else 1):
            self.outbox.close(str(error))
        elif not self.outbox.is_ending:
            await self.outbox.sleep(min(0.05 * 2**self._lost, _LONGEST_RECONNECT_PAUSE))
