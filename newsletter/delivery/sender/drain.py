"""Draining a lane: batches come in as the stock runs low, connections draw from it, and each fate is noted.

One of the two async rims of the house (DESIGN §3). While the last mails of one batch are on the wire, the next batch is
there already, so no connection waits for another's slow answer.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta

from newsletter.clock import Clock
from newsletter.delivery.ledger.claim import Claim, claim_batch, take_in_the_orphans
from newsletter.delivery.sender.connections import LOOK, Lines
from newsletter.delivery.sender.event_loop import fastest_loop, spare_what_is_loaded
from newsletter.delivery.sender.group_commit import Arming
from newsletter.delivery.sender.outbox import REST, EnvelopeFor, Outgoing
from newsletter.delivery.sender.ready_queue import Held, Stock
from newsletter.delivery.throttle.backoff import BackoffDetector, start_backoff
from newsletter.delivery.throttle.providers import RateLimitTable, shipped_table
from newsletter.delivery.throttle.rate_limits import BLOCKED, WHOLE_LIMIT, RateLimiter
from newsletter.delivery.throttle.routes import Route, mark_lane_working, route, suspend_lane
from newsletter.delivery.throttle.warmup import warmup_left_today
from newsletter.smtp.contract import Transport
from newsletter.store import Store

__all__ = ["Drained", "EnvelopeFor", "Sender"]

BATCHES_IN_HAND = 8
"""A slow family leaves a rest in each batch; beyond this many, the rests are given back for a while."""
PUT_OFF = timedelta(minutes=1)
SPENT = timedelta(minutes=15)
"""When to look again at mails that no waiting helps: their family's warm-up is over for today."""
HEARTBEAT = 20.0
"""Seconds after which a sender that waits for slow servers says that it is alive; well under the lease."""
LOOK_FOR_BATCHES = 1.0
LOOK_AT_LIMITS = 2.0
UNTIL_ALL_HAVE_LOOKED = 1.5 * LOOK_AT_LIMITS
"""Seconds until the other senders of a lane have seen a new one, and keep to a smaller share of each limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drained:
    """What one drain did."""

    attempts: int = 0
    trouble: str = ""  # a French sentence, when the way out was shut
    commits: int = 0


@dataclass(slots=True)
class Sender:
    """One process's sender for one lane. Once `stopping`, what is on the wire ends and nothing more is started."""

    store: Store
    clock: Clock
    transport: Transport
    envelopes: Callable[[int], EnvelopeFor]  # the edition's id → how to write its mails
    owner: str
    lane: str = "default"
    stopping: Callable[[], bool] = lambda: False
    pace: Callable[[], RateLimitTable] = shipped_table
    claimed: Callable[[], object] = lambda: None  # told of each claim, once it is committed
    detector: BackoffDetector | None = (
        None  # of the process, so that it remembers over drains; None: of this sender alone
    )

    def run(self) -> Drained:
        """`drain()` to its end, for callers that are not asynchronous; on uvloop where there is one."""
        spare_what_is_loaded()
        with asyncio.Runner(loop_factory=fastest_loop()) as runner:
            return runner.run(self.drain())

    async def drain(self) -> Drained:
        """Send until nothing of this lane is due. Every mail tried ends with a fate in the ledger.

        When the way out is shut, or refuses everything, the batches are handed back, the lane rests and keeps the
        sentence that says why, and the mails wait: none is lost. Raises what the store raises when it fails.
        """
        with self.store.transaction() as session:
            take_in_the_orphans(session, now=self.clock.now())
        if self.stopping() or (first := self._claim()) is None:
            return Drained()
        work = self._start(first)
        try:
            await self._let_the_others_make_room(work)
            await self._supply(work)
        finally:
            try:
                await self._end(work)
            finally:
                if work.outgoing.trouble:
                    self._rest(work.outgoing.trouble)
        if work.lines.failure:
            raise work.lines.failure
        return Drained(
            attempts=work.outgoing.attempts, trouble=work.outgoing.trouble, commits=work.outgoing.arming.commits
        )

    def _start(self, first: Claim) -> "_Work":
        arming = Arming(self.store, self.clock, self.lane)
        self.detector = self.detector or BackoffDetector(self.lane)
        outgoing = Outgoing(self.clock, arming, Stock(RateLimiter()), self.stopping, self.detector)
        work = _Work(outgoing, Lines(outgoing, self.transport))
        self._take_limits(work)
        self._hold(work, first)
        return work

    async def _let_the_others_make_room(self, work: "_Work") -> None:
        """Where limits are shared, a sender that comes in begins when the others have given up a part of theirs."""
        begun = time.monotonic()
        while work.outgoing.stock.limiter.share.of > 1 and not work.outgoing.ends:
            if time.monotonic() >= begun + UNTIL_ALL_HAVE_LOOKED:
                self._take_limits(work, anew=True)
                return
            await asyncio.sleep(LOOK)

    def _claim(self) -> Claim | None:
        with self.store.transaction() as session:
            claim = claim_batch(session, lane=self.lane, owner=self.owner, now=self.clock.now())
        if claim is not None:
            self.claimed()
        return claim

    def _hold(self, work: "_Work", claim: Claim) -> None:
        outgoing = work.outgoing
        if claim.edition_id not in outgoing.writers:
            outgoing.writers[claim.edition_id] = self.envelopes(claim.edition_id)
        held = Held(claim)
        outgoing.arming.hold(claim)
        if claim.mails:
            outgoing.stock.add(held)
            work.held.append(held)
            outgoing.wake(len(claim.mails))
        else:
            outgoing.arming.hand_back(claim)

    async def _supply(self, work: "_Work") -> None:
        """Keep the stock filled, the lines open, the leases and the limits fresh, until nothing is left to do."""
        outgoing = work.outgoing
        while not outgoing.ends:
            now = time.monotonic()
            if outgoing.backoffs:
                self._slow_down(work)
            elif now >= work.limits_at:
                self._take_limits(work)
            work.held = [held for held in work.held if not held.returned]
            self._fill(work, now)
            work.lines.keep_up()
            if not work.held and not outgoing.out:
                return
            if outgoing.arming.is_silent_since(now - HEARTBEAT):
                outgoing.arming.flush()
            outgoing.low.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(outgoing.low.wait(), LOOK)

    def _fill(self, work: "_Work", now: float) -> None:
        """Claim batches until enough mails can start; when the hand is full, give back what only waits for its pace."""
        stock = work.outgoing.stock
        if now < work.look_at:
            return
        if stock.limiter.lane_wait(now) == BLOCKED:
            self._let_go_of_the_spent(work)
            return
        while (before := stock.startable()) < work.low_water:
            if len(work.held) >= BATCHES_IN_HAND and not self._put_off(work):
                return
            claim = self._claim()
            if claim is None:
                work.outgoing.low_water = 0  # nobody need tell us that it runs low: there is no more
                work.look_at = now + LOOK_FOR_BATCHES
                self._let_go_of_the_spent(work)
                return
            self._hold(work, claim)
            if stock.startable() == before:  # it holds nothing but slow families
                work.look_at = now + LOOK_FOR_BATCHES
                return
        work.outgoing.low_water = work.low_water

    def _put_off(self, work: "_Work") -> bool:
        """Give back the batch in hand for longest of which nothing is on the wire; whether there was one."""
        idle = next((held for held in work.held if not held.out), None)
        if idle is None:
            return False
        self._give_back(work, idle, later=PUT_OFF)
        return True

    def _let_go_of_the_spent(self, work: "_Work") -> None:
        """When nothing is on the wire and no waiting helps, there is nothing to stay for.

        What we have no share of, another sender may have: it is soon free for all.
        """
        if not work.outgoing.out and work.outgoing.stock.wait(time.monotonic()) == BLOCKED:
            later = SPENT if work.outgoing.stock.limiter.share == WHOLE_LIMIT else PUT_OFF
            for held in list(work.held):
                self._give_back(work, held, later=later)

    def _give_back(self, work: "_Work", held: Held, *, later: timedelta | None = None) -> None:
        work.held.remove(held)
        work.outgoing.stock.drop(held)
        if not held.returned:
            held.returned = True
            not_before = self.clock.now() + later if later else None
            work.outgoing.arming.hand_back(held.claim, not_before=not_before)

    def _take_limits(self, work: "_Work", *, anew: bool = False) -> None:
        """What holds now, for us: a change of the pace file, the lane or the number of senders needs no restart."""
        work.limits_at = time.monotonic() + LOOK_AT_LIMITS
        now, stock, before = self.clock.now(), work.outgoing.stock, work.route
        with self.store.reading() as session:
            found = route(session, self.lane, owner=self.owner, pace=self.pace(), now=now)
            anew = anew or before is None or (found.day, found.share) != (before.day, before.share)
            left = warmup_left_today(session, found.table, now=now) if anew else None
        if anew or found != before:
            stock.limiter.renew(found.table, lane=found.limits, left=left, share=found.share)
            stock.look_anew()
        work.route, work.lines.most = found, found.connections
        work.low_water = max(100, 4 * found.connections)
        if found.troubled and work.outgoing.accepted:
            self._say_that_it_works()

    def _slow_down(self, work: "_Work") -> None:
        """Note what families have just asked for, and keep to it."""
        self._note_who_asked_for_less(work)
        self._take_limits(work)

    def _note_who_asked_for_less(self, work: "_Work") -> None:
        asked, work.outgoing.backoffs = work.outgoing.backoffs, []
        if asked:
            with self.store.transaction() as session:
                start_backoff(session, asked)

    async def _end(self, work: "_Work") -> None:
        """What is on the wire ends, every fate that is known is written, and the rest is given back."""
        work.outgoing.close()
        while not await work.lines.ended(HEARTBEAT):  # a slow answer may take ten minutes: say that we are alive
            if not work.lines.failure:
                work.outgoing.arming.flush()
        for held in list(work.held):
            self._give_back(work, held)
        work.outgoing.arming.end()
        self._note_who_asked_for_less(work)
        if work.outgoing.accepted and not work.outgoing.trouble:
            self._say_that_it_works()

    def _rest(self, why: str) -> None:
        with self.store.transaction() as session:
            suspend_lane(session, self.lane, why=why, until=self.clock.now() + REST)

    def _say_that_it_works(self) -> None:
        with self.store.transaction() as session:
            mark_lane_working(session, self.lane)


@dataclass(slots=True)
class _Work:
    """One drain."""

    outgoing: Outgoing
    lines: Lines
    held: list[Held] = field(default_factory=list)
    low_water: int = 0
    look_at: float = 0.0  # when to look for batches again
    limits_at: float = 0.0
    route: Route | None = None
