"""Draining a lane: batches are claimed as the ready queue runs low, connections draw from it, outcomes are recorded.

One of the two asynchronous parts of the program (DESIGN §3), with `smtp/`. While the last mails of one batch are in
flight, the next batch is queued already, so no connection waits for another's slow answer.
"""

import asyncio
import gc
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from newsletter.clock import Clock
from newsletter.delivery.ledger.claim import Claim, claim_batch
from newsletter.delivery.ledger.leases import reclaim_expired_leases
from newsletter.delivery.sender.connections import LANE_SUSPENSION, POOL_POLL_SECONDS, ConnectionPool, DrainOutbox
from newsletter.delivery.sender.envelopes import EnvelopeFor
from newsletter.delivery.sender.group_commit import GroupCommit
from newsletter.delivery.sender.ready_queue import LeasedBatch, ReadyQueue
from newsletter.delivery.throttle.backoff import BackoffDetector, start_backoff
from newsletter.delivery.throttle.pace_file import shipped_table
from newsletter.delivery.throttle.providers import RateLimitTable
from newsletter.delivery.throttle.rate_limits import BLOCKED, WHOLE_LIMIT, RateLimiter
from newsletter.delivery.throttle.routes import Route, find_route, mark_lane_working, suspend_lane
from newsletter.delivery.throttle.warmup import warmup_left_today
from newsletter.smtp.contract import Transport
from newsletter.store import Store

_MOST_BATCHES = 8
"""A slow provider leaves a rest in each batch; beyond this many batches, the rests are returned for a while."""
_RETURNED_FOR = timedelta(minutes=1)
_WARMED_UP_FOR_TODAY = timedelta(minutes=15)
"""When to look again at mails that waiting does not help: their provider's warm-up is used up for today."""
_RENEWAL_SECONDS = 20.0
"""A sender that waits for slow servers commits, and so renews its leases, at least so often; well under `LEASE`."""
_CLAIM_SECONDS = 1.0
"""Between two claims once nothing more was due."""
_LIMIT_SECONDS = 2.0
"""Between two looks at the limits, which may have been changed."""
_SETTLING_SECONDS = 1.5 * _LIMIT_SECONDS
"""Until the other senders of a lane have seen a new one, and keep to a smaller share of each limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What one drain did."""

    attempts: int = 0
    trouble: str = ""  # a French sentence, when the lane cannot send at present
    commits: int = 0


@dataclass(frozen=True, slots=True)
class Sender:
    """What a process needs to send on one lane. Once `stopping`, what is in flight ends and nothing more is started."""

    store: Store
    clock: Clock
    transport: Transport
    envelopes: Callable[[int], EnvelopeFor]  # the edition's id → how to write its mails
    owner: str
    lane: str = "default"
    stopping: Callable[[], bool] = lambda: False
    pace: Callable[[], RateLimitTable] = shipped_table
    claimed: Callable[[], object] = lambda: None  # told of each claim, once it is committed
    detector: BackoffDetector | None = None  # of the process, so that it remembers over drains; None: of one drain

    def run(self) -> Drained:
        """`drain()` to its end, for callers that are not asynchronous; on uvloop where there is one."""
        _freeze_loaded_objects()
        with asyncio.Runner(loop_factory=_uvloop()) as runner:
            return runner.run(self.drain())

    async def drain(self) -> Drained:
        """Send until nothing of this lane is due. Every mail tried ends with an outcome in the ledger.

        When the server is unreachable, or refuses everything, the batches are returned, the lane is suspended and keeps
        the sentence that says why, and the mails wait: none is lost. Raises what the store raises when it fails.
        """
        with self.store.transaction() as session:
            reclaim_expired_leases(session, now=self.clock.now())
        if self.stopping() or (first := self.claim()) is None:
            return Drained()
        return await _Drain(self).run(first)

    def claim(self) -> Claim | None:
        """Claim the next batch that is due; None when there is none."""
        with self.store.transaction() as session:
            claim = claim_batch(session, lane=self.lane, owner=self.owner, now=self.clock.now())
        if claim is not None:
            self.claimed()
        return claim


class _Drain:
    """One drain, from its first claim to its last outcome."""

    def __init__(self, sender: Sender) -> None:
        self.sender, self.store, self.clock, self.lane = sender, sender.store, sender.clock, sender.lane
        self.limiter = RateLimiter()
        self.queue = ReadyQueue(self.limiter)
        self.ledger = GroupCommit(sender.store, sender.clock, sender.lane)
        detector = sender.detector or BackoffDetector(sender.lane)
        self.outbox = DrainOutbox(sender.clock, self.ledger, self.queue, sender.stopping, detector)
        self.pool = ConnectionPool(self.outbox, sender.transport)
        self.batches: list[LeasedBatch] = []
        self.low_water = 0  # fewer mails that can start, and another batch is claimed
        self.next_claim = 0.0
        self.next_limits = 0.0
        self.route: Route | None = None

    async def run(self, first: Claim) -> Drained:
        self._refresh_limits()
        self._enqueue(first)
        try:
            await self._wait_for_other_senders()
            await self._supply()
        finally:
            try:
                await self._end()
            finally:
                if self.outbox.trouble:
                    self._suspend_lane()
        if self.pool.failure:
            raise self.pool.failure
        return Drained(attempts=self.outbox.attempts, trouble=self.outbox.trouble, commits=self.ledger.commits)

    async def _wait_for_other_senders(self) -> None:
        """Where limits are shared, a new sender begins when the others have given up a part of theirs."""
        begun = time.monotonic()
        while self.limiter.share.of > 1 and not self.outbox.is_ending:
            if time.monotonic() >= begun + _SETTLING_SECONDS:
                self._refresh_limits(reset=True)
                return
            await asyncio.sleep(POOL_POLL_SECONDS)

    async def _supply(self) -> None:
        """Keep the queue filled, the pool complete, leases and limits fresh, until nothing is left to do."""
        while not self.outbox.is_ending:
            now = time.monotonic()
            if self.outbox.backoffs:
                self._start_backoffs()
                self._refresh_limits()
            elif now >= self.next_limits:
                self._refresh_limits()
            self.batches = [batch for batch in self.batches if not batch.returned]
            self._fill_queue(now)
            self.pool.fill()
            if not self.batches and not self.queue.in_flight:
                return
            if self.ledger.is_silent_since(now - _RENEWAL_SECONDS):
                self.ledger.flush()
            self.outbox.needs_drain.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self.outbox.needs_drain.wait(), POOL_POLL_SECONDS)

    def _fill_queue(self, now: float) -> None:
        """Claim batches until enough mails can start; beyond the most, return one that only waits for its limits."""
        if now < self.next_claim:
            return
        if self.limiter.lane_wait(now) == BLOCKED:
            self._return_blocked()
            return
        while (before := self.queue.startable()) < self.low_water:
            if len(self.batches) >= _MOST_BATCHES and not self._return_oldest_idle():
                return
            claim = self.sender.claim()
            if claim is None:
                self.outbox.low_water = 0  # there is no more: nobody need tell that the queue runs low
                self.next_claim = now + _CLAIM_SECONDS
                self._return_blocked()
                return
            self._enqueue(claim)
            if self.queue.startable() == before:  # it holds nothing but slow providers
                self.next_claim = now + _CLAIM_SECONDS
                return
        self.outbox.low_water = self.low_water

    def _enqueue(self, claim: Claim) -> None:
        lease = claim.lease
        if lease.edition_id not in self.outbox.envelopes_of:
            self.outbox.envelopes_of[lease.edition_id] = self.sender.envelopes(lease.edition_id)
        self.ledger.add_lease(lease)
        if claim.mails:
            batch = LeasedBatch(lease)
            self.queue.add(batch, claim.mails)
            self.batches.append(batch)
            self.outbox.wake(len(claim.mails))
        else:
            self.ledger.return_batch(lease)

    def _return_oldest_idle(self) -> bool:
        """Return the oldest batch of which nothing is in flight, for a while; whether there was one."""
        idle = next((batch for batch in self.batches if not batch.in_flight), None)
        if idle is None:
            return False
        self._return(idle, later=_RETURNED_FOR)
        return True

    def _return_blocked(self) -> None:
        """When nothing is in flight and no waiting helps, there is nothing to stay for.

        What we have no share of, another sender may have: it is soon free for all.
        """
        if not self.queue.in_flight and self.queue.wait(time.monotonic()) == BLOCKED:
            later = _WARMED_UP_FOR_TODAY if self.limiter.share == WHOLE_LIMIT else _RETURNED_FOR
            for batch in list(self.batches):
                self._return(batch, later=later)

    def _return(self, batch: LeasedBatch, *, later: timedelta | None = None) -> None:
        self.batches.remove(batch)
        self.queue.drop(batch)
        if not batch.returned:
            batch.returned = True
            self.ledger.return_batch(batch.lease, not_before=self.clock.now() + later if later else None)

    def _refresh_limits(self, *, reset: bool = False) -> None:
        """Read the limits that hold now: a change of pace.toml, the lane or the number of senders needs no restart."""
        self.next_limits = time.monotonic() + _LIMIT_SECONDS
        now, before = self.clock.now(), self.route
        with self.store.reading() as session:
            found = find_route(session, self.lane, owner=self.sender.owner, table=self.sender.pace(), now=now)
            reset = reset or before is None or (found.day, found.share) != (before.day, before.share)
            left = warmup_left_today(session, found.table, now=now) if reset else None
        if reset or found != before:
            self.limiter.update(found.table, lane=found.limits, left=left, share=found.share)
            self.queue.limits_changed()
        self.route, self.pool.size = found, found.connections
        self.low_water = max(100, 4 * found.connections)
        if found.is_marked and self.outbox.accepted:
            self._mark_lane_working()

    def _start_backoffs(self) -> None:
        """Write what providers have just asked for, so that every sender of the lane keeps to it."""
        asked, self.outbox.backoffs = self.outbox.backoffs, []
        if asked:
            with self.store.transaction() as session:
                start_backoff(session, asked)

    async def _end(self) -> None:
        """What is in flight ends, every outcome that is known is written, and the batches are returned."""
        self.outbox.close()
        while not await self.pool.ended(_RENEWAL_SECONDS):  # a slow answer may take ten minutes
            if not self.pool.failure:
                self.ledger.flush()
        for batch in list(self.batches):
            self._return(batch)
        self.ledger.close()
        self._start_backoffs()
        if self.outbox.accepted and not self.outbox.trouble:
            self._mark_lane_working()

    def _suspend_lane(self) -> None:
        with self.store.transaction() as session:
            suspend_lane(session, self.lane, why=self.outbox.trouble, until=self.clock.now() + LANE_SUSPENSION)

    def _mark_lane_working(self) -> None:
        with self.store.transaction() as session:
            mark_lane_working(session, self.lane)


def _uvloop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop's event loop, where its wheel is installed; None is asyncio's own."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


@cache
def _freeze_loaded_objects() -> None:
    """Take the program's own classes and tables out of the garbage collector's rounds, once for a process.

    Every mail makes and drops some dozen small objects, so the collector comes by often, and would each time look
    through all that stays for good: a tenth of what a mail costs (docs/reference/delivery.md).
    """
    gc.freeze()
