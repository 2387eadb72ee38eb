"""Rate limits: how fast mails start, per lane and per provider, each by itself, so that a slow one holds up no other.

Pure given the clock: times are seconds of any steady clock. One rate limiter serves one process and keeps to its
`LimitShare` of every limit, so the limits hold for all processes that send on a lane together.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from newsletter.delivery.throttle.pace_file import shipped_table
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable, WarmUp

BLOCKED = math.inf
"""No clock ends this wait: another mail of the provider must be finished first, or its warm-up ends for today."""
_CATCH_UP = 1 / 240
"""The part of a minute's mails that may make up for a late event loop: even spacing alone would lose them."""
_TRANSIT = 1 / 240
"""The part of a minute by which one mail may take longer to arrive than another: receivers count arrivals."""
_REMEMBERED_PROVIDERS = 10_000
"""Beyond, idle ones are forgotten, so that memory stays flat however long the list is."""


@dataclass(frozen=True, slots=True)
class LimitShare:
    """One sender's part of every limit, among so many that send on the lane at present; ranks count from 0."""

    rank: int = 0
    of: int = 1

    def part(self, limit: int) -> int:
        """Its part of a limit. The parts of all ranks add up to the limit, so some may be nothing at all."""
        return limit // self.of + (self.rank < limit % self.of)

    def rotated(self, name: str) -> "LimitShare":
        """With the ranks rotated by a name, so that not the same sender has the odd mail of every provider."""
        return LimitShare((self.rank + crc32(name.encode())) % self.of, self.of)


WHOLE_LIMIT = LimitShare()


@dataclass(slots=True)
class RateLimiter:
    """Says whether a mail to a provider may start now, and counts it when it may.

    `left` is how many mails each warming provider may still get today from all senders (`warmup.warmup_left_today`).
    """

    table: RateLimitTable = field(default_factory=shipped_table)
    lane: RateLimits = field(default_factory=RateLimits)
    left: dict[str, int] = field(default_factory=dict)
    share: LimitShare = WHOLE_LIMIT
    _by_provider: dict[str, "_Gcra"] = field(default_factory=dict)
    _of_lane: "_Gcra" = field(default_factory=lambda: _Gcra(RateLimits(), WHOLE_LIMIT))

    def __post_init__(self) -> None:
        self.update(self.table, lane=self.lane, left=self.left, share=self.share)

    def update(
        self,
        table: RateLimitTable,
        *,
        lane: RateLimits,
        left: Mapping[str, int] | None,
        share: LimitShare = WHOLE_LIMIT,
    ) -> None:
        """Go on under these limits; without `left`, with what is left already. What is in flight still counts."""
        self.table, self.lane, self.share = table, lane, share
        if left is not None:
            self.left = {provider: share.rotated(provider).part(count) for provider, count in left.items()}
        self._of_lane.set_limits(RateLimits(per_minute=lane.per_minute), share)  # each sender has its own connections
        for provider, gcra in self._by_provider.items():
            gcra.set_limits(table.limits(provider), share.rotated(provider))

    def provider_of(self, address: str) -> str:
        return self.table.provider_of(address)

    def try_start(self, provider: str, now: float, *, connection: Hashable = None) -> float:
        """0: a mail to this provider may start, and counts as in flight until `finish`. Else the seconds until it may.

        The wait is BLOCKED when no clock ends it: the warm-up lets nothing more leave today, or the provider is at its
        connection limit. Mails of one `connection` count as one, for the next message is pipelined behind the one
        before; without a connection each counts.
        """
        gcra = self._by_provider.get(provider) or self._new(provider, now)
        if gcra.is_full(connection) or (gcra.warmup and self._left_today(provider, gcra.warmup) < 1):
            return BLOCKED
        if (wait := max(gcra.wait(now), self._of_lane.wait(now))) > 0:
            return wait
        gcra.start(now)
        self._of_lane.start(now)
        gcra.in_flight[connection] = gcra.in_flight.get(connection, 0) + 1
        if gcra.warmup:
            self.left[provider] = self._left_today(provider, gcra.warmup) - 1
        return 0.0

    def lane_wait(self, now: float) -> float:
        """Seconds until the lane itself lets any mail start; BLOCKED when we have no part of its limit."""
        return self._of_lane.wait(now)

    def finish(self, provider: str, *, connection: Hashable = None) -> None:
        """A mail that was started has its outcome, or was given back."""
        if gcra := self._by_provider.get(provider):
            still = gcra.in_flight.pop(connection, 0) - 1
            if still > 0:
                gcra.in_flight[connection] = still

    def is_exhausted(self, provider: str, carried: int) -> bool:
        """Whether a connection that carried this many mails to the provider should be replaced by a fresh one."""
        most = self.table.limits(provider).per_connection
        return 0 < most <= carried

    def _left_today(self, provider: str, plan: WarmUp) -> int:
        left = self.left.get(provider)
        return self.share.rotated(provider).part(plan.first) if left is None else left

    def _new(self, provider: str, now: float) -> "_Gcra":
        if len(self._by_provider) >= _REMEMBERED_PROVIDERS:
            self._by_provider = {name: gcra for name, gcra in self._by_provider.items() if not gcra.is_idle(now)}
        gcra = self._by_provider[provider] = _Gcra(self.table.limits(provider), self.share.rotated(provider))
        return gcra


class _Gcra:
    """One limit by the generic cell rate algorithm: even spacing, at most `per_minute` starts in any 60 seconds.

    Asked for every mail, so it keeps plain numbers and computes them when the limits change.
    """

    __slots__ = ("closed", "connections", "in_flight", "interval", "next_start", "tolerance", "warmup")

    def __init__(self, limits: RateLimits, share: LimitShare) -> None:
        self.next_start = -math.inf  # the theoretical arrival time: were all starts evenly spaced
        self.in_flight: dict[Hashable, int] = {}  # mails by connection; those of no connection are under None
        self.set_limits(limits, share)

    def set_limits(self, limits: RateLimits, share: LimitShare) -> None:
        self.connections, self.warmup = share.part(limits.connections), limits.warmup
        per_minute = share.part(limits.per_minute)
        self.closed = (
            limits.suspended
            or (limits.connections > 0 and not self.connections)
            or (limits.per_minute > 0 and not per_minute)
        )
        self.interval = self.tolerance = 0.0
        if per_minute:
            # Wider than a minute's part, by what tolerance and transit may bring together: no minute passes the limit.
            # The last factor is for rounding.
            self.interval = 60.0 / (per_minute * (1 - _CATCH_UP - _TRANSIT)) * (1 + 1e-6)
            self.tolerance = per_minute * _CATCH_UP * self.interval

    def wait(self, now: float) -> float:
        """Seconds until a start keeps the limit."""
        if self.closed:
            return BLOCKED
        early = self.next_start - self.tolerance - now
        if early <= 0:
            return 0.0
        if early > self.interval:  # the limit was changed, or the clock put back
            self.next_start, early = now + self.tolerance + self.interval, self.interval
        return early

    def start(self, now: float) -> None:
        if self.interval:
            self.next_start = max(self.next_start, now) + self.interval

    def is_full(self, connection: Hashable) -> bool:
        """Whether a mail of this connection would pass the limit of connections."""
        in_flight = self.in_flight
        if self.closed:
            return True
        if (
            not self.connections
            or (len(in_flight) < self.connections and None not in in_flight)
            or (connection is not None and connection in in_flight)
        ):
            return False
        unnamed = in_flight.get(None, 0)
        return len(in_flight) - (1 if unnamed else 0) + unnamed >= self.connections

    def is_idle(self, now: float) -> bool:
        return not self.in_flight and self.next_start <= now
