"""The mails in hand that wait for a connection: a queue per receiver family, so that a slow one holds up no other."""

import heapq
from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto

from newsletter.delivery.ledger.claim import Claim, ClaimedMail
from newsletter.delivery.throttle.rate_limits import BLOCKED, RateLimiter

LOOKS = 32
"""Families looked at for one mail: with thousands of them, the others get their look with the next."""


@dataclass(slots=True, eq=False)
class Held:
    """A batch in hand."""

    claim: Claim
    waiting: int = 0  # in the stock
    out: int = 0  # drawn, without a fate yet
    dropped: bool = False
    returned: bool = False

    @property
    def is_empty(self) -> bool:
        return not self.waiting and not self.out


@dataclass(slots=True, eq=False)
class Item:
    """One mail in hand."""

    held: Held
    mail: ClaimedMail
    provider: str
    line: int = 0  # the connection that drew it


class Place(Enum):
    """Where a family stands: in exactly one of these as long as a mail of it waits."""

    ready = auto()
    later = auto()  # until its hour
    full = auto()  # until one of its mails is finished


@dataclass(slots=True)
class Stock:
    """Queues by family. Times are seconds of any steady clock, the pacer's."""

    limiter: RateLimiter
    waiting: int = 0
    _queues: dict[str, deque[Item]] = field(default_factory=dict)
    _places: dict[str, Place] = field(default_factory=dict)  # a family whose queue is empty is forgotten when met
    _ready: deque[str] = field(default_factory=deque)
    _later: list[tuple[float, str]] = field(default_factory=list)
    _provider_of_connection: dict[int, str] = field(default_factory=dict)

    def add(self, held: Held) -> None:
        for mail in held.claim.mails:
            self._append(Item(held, mail, self.limiter.provider_of(mail.address)))
        held.waiting += len(held.claim.mails)
        self.waiting += len(held.claim.mails)

    def take(self, line: int, now: float) -> Item | None:
        """A mail that may start on this line now; it counts as started until `finished` or `put_back`."""
        if not self.waiting or self.limiter.lane_wait(now) > 0:
            return None
        self._wake(now)
        return self._more_of_the_same(line, now) or self._next_ready(line, now)

    def finished(self, item: Item) -> None:
        """It has its fate."""
        item.held.out -= 1
        self.limiter.finished(item.provider, line=item.line)
        if self._places.get(item.provider) is Place.full:
            self._places[item.provider] = Place.ready
            self._ready.appendleft(item.provider)

    def put_back(self, item: Item) -> None:
        """It was not tried: it is the next of its family again, unless its batch was dropped meanwhile."""
        self.finished(item)
        if not item.held.dropped:
            item.held.waiting += 1
            self.waiting += 1
            self._append(item, first=True)

    def drop(self, held: Held) -> None:
        """Let go of what waits of this batch: nothing more of it may leave."""
        held.dropped = True
        if held.waiting:
            self.waiting -= held.waiting
            held.waiting = 0
            kept = {
                provider: [item for item in queue if item.held is not held] for provider, queue in self._queues.items()
            }
            self._queues = {provider: deque(items) for provider, items in kept.items() if items}

    def wait(self, now: float) -> float:
        """Seconds until a mail may start, as far as a clock can tell."""
        self._wake(now)
        if any(provider in self._queues for provider in self._ready):
            return self.limiter.lane_wait(now)
        return max(self._later[0][0] - now, self.limiter.lane_wait(now)) if self._later else BLOCKED

    def startable(self) -> int:
        """How many mails wait in families that are neither full nor resting."""
        return sum(len(self._queues.get(provider, ())) for provider in self._ready)

    def look_anew(self) -> None:
        """The limits changed: every family may be ready."""
        self._later.clear()
        self._ready = deque(self._queues)
        self._places = dict.fromkeys(self._queues, Place.ready)

    def _append(self, item: Item, *, first: bool = False) -> None:
        provider = item.provider
        queue = self._queues.get(provider)
        if queue is None:
            queue = self._queues[provider] = deque()
        if provider not in self._places:
            self._places[provider] = Place.ready
            self._ready.append(provider)
        if first:
            queue.appendleft(item)
        else:
            queue.append(item)

    def _more_of_the_same(self, line: int, now: float) -> Item | None:
        """A family that is full takes more mails on the lines that fill it: the next envelope rides behind the dot."""
        provider = self._provider_of_connection.get(line, "")
        full = self._places.get(provider) is Place.full and provider in self._queues
        if full and self.limiter.take(provider, now, line=line) == 0:
            return self._take_from(provider, line)
        return None

    def _next_ready(self, line: int, now: float) -> Item | None:
        for _ in range(min(LOOKS, len(self._ready))):
            provider = self._ready.popleft()
            if provider not in self._queues:
                del self._places[provider]
                continue
            wait = self.limiter.take(provider, now, line=line)
            if wait == 0:
                self._ready.append(provider)
                return self._take_from(provider, line)
            self._set_aside(provider, now + wait)
        return None

    def _take_from(self, provider: str, line: int) -> Item:
        queue = self._queues[provider]
        item = queue.popleft()
        if not queue:
            del self._queues[provider]
        item.line = line
        item.held.waiting -= 1
        item.held.out += 1
        self.waiting -= 1
        self._provider_of_connection[line] = provider
        return item

    def _set_aside(self, provider: str, until: float) -> None:
        if until == BLOCKED:
            self._places[provider] = Place.full
        else:
            self._places[provider] = Place.later
            heapq.heappush(self._later, (until, provider))

    def _wake(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            provider = heapq.heappop(self._later)[1]
            self._places[provider] = Place.ready
            self._ready.append(provider)
