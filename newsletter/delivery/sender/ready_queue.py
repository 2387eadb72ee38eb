"""The ready queue: claimed mails that wait for a connection, one queue per provider, so that none waits for another."""

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from newsletter.delivery.ledger.claim import ClaimedMail
from newsletter.delivery.ledger.leases import Lease
from newsletter.delivery.throttle.rate_limits import BLOCKED, RateLimiter

_PROVIDERS_PER_TAKE = 32
"""Providers looked at for one mail: with thousands of them, the others are looked at for the next."""


@dataclass(slots=True, eq=False)
class LeasedBatch:
    """A batch that this process has a lease on, and how many of its mails are where."""

    lease: Lease
    waiting: int = 0  # in the ready queue
    in_flight: int = 0  # taken by a connection, without an outcome yet
    dropped: bool = False
    returned: bool = False

    @property
    def is_done(self) -> bool:
        return not self.waiting and not self.in_flight


@dataclass(slots=True, eq=False)
class QueuedMail:
    """One claimed mail, waiting or in flight."""

    batch: LeasedBatch
    mail: ClaimedMail
    provider: str
    connection: int = 0  # the number of the connection that took it


class _Standing(Enum):
    """Whether a mail of a provider may start: each provider has exactly one of these as long as a mail of it waits."""

    ready = auto()
    delayed = auto()  # until its rate limit allows the next mail
    full = auto()  # until one of its mails in flight is finished


@dataclass(slots=True)
class ReadyQueue:
    """Takes mails in the order in which providers may be sent to. Times are seconds of any steady clock."""

    limiter: RateLimiter
    waiting: int = 0
    in_flight: int = 0
    _queues: dict[str, deque[QueuedMail]] = field(default_factory=dict)
    # A provider whose queue is empty is forgotten when its turn comes.
    _standings: dict[str, _Standing] = field(default_factory=dict)
    _ready: deque[str] = field(default_factory=deque)
    _delayed: list[tuple[float, str]] = field(default_factory=list)
    _provider_of_connection: dict[int, str] = field(default_factory=dict)

    def add(self, batch: LeasedBatch, mails: Sequence[ClaimedMail]) -> None:
        """Queue mails of this batch behind those that wait."""
        for mail in mails:
            self._append(QueuedMail(batch, mail, self.limiter.provider_of(mail.address)))
        batch.waiting += len(mails)
        self.waiting += len(mails)

    def take(self, connection: int, now: float) -> QueuedMail | None:
        """A mail that may start on this connection now; it is in flight until `finished` or `put_back`."""
        if not self.waiting or self.limiter.lane_wait(now) > 0:
            return None
        self._end_delays(now)
        return self._more_for_a_full_provider(connection, now) or self._next_ready(connection, now)

    def finished(self, queued: QueuedMail) -> None:
        """This mail is not in flight any more."""
        self.in_flight -= 1
        queued.batch.in_flight -= 1
        self.limiter.finish(queued.provider, connection=queued.connection)
        if self._standings.get(queued.provider) is _Standing.full:
            self._standings[queued.provider] = _Standing.ready
            self._ready.appendleft(queued.provider)

    def put_back(self, queued: QueuedMail) -> None:
        """It was not tried: it is the next of its provider again, unless its batch was dropped meanwhile."""
        self.finished(queued)
        if not queued.batch.dropped:
            queued.batch.waiting += 1
            self.waiting += 1
            self._append(queued, first=True)

    def drop(self, batch: LeasedBatch) -> None:
        """Forget what waits of this batch: nothing more of it may leave."""
        batch.dropped = True
        if batch.waiting:
            self.waiting -= batch.waiting
            batch.waiting = 0
            kept = {name: deque(q for q in queue if q.batch is not batch) for name, queue in self._queues.items()}
            self._queues = {name: queue for name, queue in kept.items() if queue}

    def wait(self, now: float) -> float:
        """Seconds until a mail may start, as far as a clock can tell; BLOCKED when only a finished mail helps."""
        self._end_delays(now)
        if any(provider in self._queues for provider in self._ready):
            return self.limiter.lane_wait(now)
        return max(self._delayed[0][0] - now, self.limiter.lane_wait(now)) if self._delayed else BLOCKED

    def startable(self) -> int:
        """How many mails wait for providers that are neither full nor delayed."""
        return sum(len(self._queues.get(provider, ())) for provider in self._ready)

    def limits_changed(self) -> None:
        """Every provider may be ready again."""
        self._delayed.clear()
        self._ready = deque(self._queues)
        self._standings = dict.fromkeys(self._queues, _Standing.ready)

    def _append(self, queued: QueuedMail, *, first: bool = False) -> None:
        provider = queued.provider
        queue = self._queues.get(provider)
        if queue is None:
            queue = self._queues[provider] = deque()
        if provider not in self._standings:
            self._standings[provider] = _Standing.ready
            self._ready.append(provider)
        if first:
            queue.appendleft(queued)
        else:
            queue.append(queued)

    def _more_for_a_full_provider(self, connection: int, now: float) -> QueuedMail | None:
        """A full provider takes more mails on the connections that fill it: the next envelope rides behind the dot."""
        provider = self._provider_of_connection.get(connection, "")
        full = self._standings.get(provider) is _Standing.full and provider in self._queues
        if full and self.limiter.try_start(provider, now, connection=connection) == 0:
            return self._take_from(provider, connection)
        return None

    def _next_ready(self, connection: int, now: float) -> QueuedMail | None:
        for _ in range(min(_PROVIDERS_PER_TAKE, len(self._ready))):
            provider = self._ready.popleft()
            if provider not in self._queues:
                del self._standings[provider]
                continue
            wait = self.limiter.try_start(provider, now, connection=connection)
            if wait == 0:
                self._ready.append(provider)
                return self._take_from(provider, connection)
            self._set_aside(provider, now + wait)
        return None

    def _take_from(self, provider: str, connection: int) -> QueuedMail:
        queue = self._queues[provider]
        queued = queue.popleft()
        if not queue:
            del self._queues[provider]
        queued.connection = connection
        queued.batch.waiting -= 1
        queued.batch.in_flight += 1
        self.waiting -= 1
        self.in_flight += 1
        self._provider_of_connection[connection] = provider
        return queued

    def _set_aside(self, provider: str, until: float) -> None:
        if until == BLOCKED:
            self._standings[provider] = _Standing.full
        else:
            self._standings[provider] = _Standing.delayed
            heapq.heappush(self._delayed, (until, provider))

    def _end_delays(self, now: float) -> None:
        while self._delayed and self._delayed[0][0] <= now:
            provider = heapq.heappop(self._delayed)[1]
            self._standings[provider] = _Standing.ready
            self._ready.append(provider)
