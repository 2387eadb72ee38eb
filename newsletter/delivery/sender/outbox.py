"""Where connections draw their mails from, and say what became of each: one `Outgoing` per drain, a `Line` for each.

A line draws from the shared stock, asks the shared ledger, and never waits for another line.
"""

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from newsletter.clock import Clock
from newsletter.delivery.ledger.claim import ClaimedMail
from newsletter.delivery.ledger.outcome import RETRIES, after_attempt
from newsletter.delivery.sender.group_commit import Arming, Leave, Result
from newsletter.delivery.sender.ready_queue import Held, Item, Stock
from newsletter.delivery.throttle import breaker
from newsletter.delivery.throttle.backoff import BackoffDetector
from newsletter.errors import NewsletterError
from newsletter.smtp.contract import DeliveryStatus, Envelope, Reply, without_addresses
from newsletter.store.ledger import Slowdown
from newsletter.words import MailState

IDLE_SECONDS = 45.0
"""How long a connection waits for a mail before it is closed: servers hang up on those that say nothing."""
REST = RETRIES[0]
"""How long a lane rests whose way out is shut."""

EnvelopeFor = Callable[[ClaimedMail], Envelope]
"""Writes the message of one mail. Called with the same mail it gives the same bytes."""


@dataclass(slots=True)
class Outgoing:
    """What the connections of one drain share."""

    clock: Clock
    arming: Arming
    stock: Stock
    stopping: Callable[[], bool]
    detector: BackoffDetector
    writers: dict[int, EnvelopeFor] = field(default_factory=dict)  # by edition
    backoffs: list[Slowdown] = field(default_factory=list)  # families that have just asked for less
    attempts: int = 0
    accepted: int = 0
    trouble: str = ""
    over: bool = False  # nothing more is started
    low: asyncio.Event = field(
        default_factory=asyncio.Event
    )  # the stock wants a new batch, or news for whoever fills it
    low_water: int = 0
    _drawn: dict[int, Item] = field(default_factory=dict)
    _streak: breaker.Streak = field(default_factory=breaker.Streak)
    _suspects: list[Result] = field(default_factory=list)  # refused since the last acceptance
    _waiters: deque[asyncio.Future[None]] = field(default_factory=deque)

    @property
    def ends(self) -> bool:
        return self.over or self.stopping()

    @property
    def out(self) -> int:
        """Mails that connections hold."""
        return len(self._drawn)

    def draw(self, line: int) -> tuple[Item, Envelope] | None:
        """The next mail that may start on this line, written."""
        while not self.ends and (item := self.stock.take(line, time.monotonic())):
            if self.stock.waiting < self.low_water:
                self.low.set()
            try:
                envelope = self.writers[item.held.claim.edition_id](item.mail)
            except (
                NewsletterError
            ) as error:  # a name or address that cannot stand in a message stops nobody else's mail
                self._settle(item, Reply(status=DeliveryStatus.refused, words=without_addresses(str(error))))
                continue
            if envelope.key != item.mail.mail_id:
                envelope = replace(envelope, key=item.mail.mail_id)
            self._drawn[envelope.key] = item
            return item, envelope
        return None

    async def may_send(self, envelope: Envelope) -> bool:
        item = self._drawn[envelope.key]
        if self.over:  # the breaker fell, or the store failed: what has no permit yet stays
            return False
        leave = await self.arming.may_send(item.held.claim, item.mail.mail_id)
        if leave is Leave.shut:
            self.stock.drop(item.held)
        return leave is Leave.granted

    def record(self, envelope: Envelope, reply: Reply) -> None:
        item = self._drawn.pop(envelope.key)
        if reply.status is DeliveryStatus.withheld:
            self._return(item)
        else:
            self._settle(item, reply)

    def give_back(self, envelope: Envelope) -> None:
        item = self._drawn.pop(envelope.key)
        self.stock.put_back(item)
        self._check(item.held)
        self.wake()

    async def news(self, seconds: float) -> None:
        """Wait until a mail may have become startable, at most so long."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        with suppress(TimeoutError):
            await asyncio.wait_for(waiter, seconds)

    def wake(self, lines: int = 1) -> None:
        while lines and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                lines -= 1

    def close(self, why: str = "") -> None:
        """Start nothing more. The first reason is the one that is told."""
        self.over = True
        self.trouble = self.trouble or why
        self.low.set()
        self.wake(len(self._waiters))

    def _settle(self, item: Item, reply: Reply) -> None:
        self.attempts += 1
        now = self.clock.now()
        step = after_attempt(
            reply.status,
            attempt=item.mail.tries + 1,
            planned_at=item.mail.planned_at,
            now=now,
            chance=random.random(),  # noqa: S311  spreads retries, guards nothing
        )
        result = Result(item.held.claim, item.mail, step, reply)
        self.arming.record(result)
        self.accepted += step.state is MailState.accepted
        self._watch(result)
        self._listen(item.provider, reply, now)
        self._return(item)

    def _return(self, item: Item) -> None:
        self.stock.finished(item)
        self._check(item.held)
        self.wake()

    def _check(self, held: Held) -> None:
        """Give the batch back once nothing of it waits or is out."""
        if held.is_empty and not held.returned:
            held.returned = True
            self.arming.hand_back(held.claim)
            self.low.set()

    def _listen(self, provider: str, reply: Reply, now: datetime) -> None:
        """Tell whoever fills the stock when a family asks for less."""
        if slowdown := self.detector.observe(provider, reply, self.stock.limiter.table, now=now):
            self.backoffs.append(slowdown)
            self.low.set()

    def _watch(self, result: Result) -> None:
        """Feed the breaker. When it falls, those that were refused on the way are tried again later."""
        self._streak = breaker.streak_after(self._streak, result.reply)
        if result.step.state is MailState.accepted:
            self._suspects.clear()
        elif result.step.state is MailState.refused and result.reply.code is not None:
            self._suspects.append(result)
        if trouble := breaker.stop_reason(self._streak):
            self.close(breaker.stop_sentence(trouble, result.reply))
            if trouble is not breaker.StopReason.busy:
                due = self.clock.now() + REST + timedelta(seconds=1)
                for suspect in self._suspects:
                    self.arming.forgive(suspect, due_at=due)
                self._suspects.clear()


@dataclass(slots=True)
class Line:
    """One connection's view of what goes out; the Outbox of `transport.contract`."""

    number: int
    outgoing: Outgoing
    _carried: Counter[str] = field(default_factory=Counter)
    _worn: bool = False

    def poll(self) -> Envelope | None:
        if self._worn:
            return None
        found = self.outgoing.draw(self.number)
        if found is None:
            return None
        item, envelope = found
        self._carried[item.provider] += 1
        self._worn = self.outgoing.stock.limiter.worn(item.provider, self._carried[item.provider])
        return envelope

    async def next(self) -> Envelope | None:
        idle_since = time.monotonic()
        while not self._worn:
            if envelope := self.poll():
                return envelope
            now = time.monotonic()
            if self.outgoing.ends or now - idle_since > IDLE_SECONDS:
                return None
            await self.outgoing.news(min(1.0, max(0.001, self.outgoing.stock.wait(now))))
        return None

    async def may_send(self, envelope: Envelope) -> bool:
        return await self.outgoing.may_send(envelope)

    def record(self, envelope: Envelope, reply: Reply) -> None:
        self.outgoing.record(envelope, reply)

    def give_back(self, envelope: Envelope) -> None:
        self.outgoing.give_back(envelope)
