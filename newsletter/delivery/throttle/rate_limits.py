"""How fast mails start: per lane and per receiver family, each by itself, so that a slow one holds up no other.

Pure given the clock: times are seconds of any steady clock. One pacer serves one process, and keeps to its `Share` of
every limit: so the limits hold for all processes that send on a lane together.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from zlib import crc32

from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable, WarmUp, shipped_table

BLOCKED = math.inf
"""No clock ends this wait: another mail of the family must be finished first, or its warm-up ends for today."""
CATCH_UP = 1 / 240
"""The share of a minute's mails that may make up for a loop that was late: even spacing alone would lose them."""
UNDERWAY = 1 / 240
"""The share of a minute by which one mail may be longer on its way than another: receivers count arrivals."""
REMEMBERED = 10_000
"""Domains; beyond, those that rest are forgotten, so that memory stays flat however long the list is."""


@dataclass(frozen=True, slots=True)
class LimitShare:
    """One sender's part of every limit, among so many that send on the lane at present; ranks count from 0."""

    rank: int = 0
    of: int = 1

    def part(self, limit: int) -> int:
        """Its part of a limit. The parts of all ranks add up to the limit, so some may be nothing at all."""
        return limit // self.of + (self.rank < limit % self.of)

    def turned(self, name: str) -> "LimitShare":
        """With the ranks turned by a name, so that not the same sender has the odd mail of every family."""
        return LimitShare((self.rank + crc32(name.encode())) % self.of, self.of)


WHOLE_LIMIT = LimitShare()


@dataclass(slots=True)
class RateLimiter:
    """Says whether a mail of a family may start now, and counts it when it may.

    `left` is how many mails each warming family may still get today from all senders (`warmup.left_today`).
    """

    table: RateLimitTable = field(default_factory=shipped_table)
    lane: RateLimits = field(default_factory=RateLimits)
    left: dict[str, int] = field(default_factory=dict)
    share: LimitShare = WHOLE_LIMIT
    _gates: dict[str, "_Gate"] = field(default_factory=dict)
    _way: "_Gate" = field(default_factory=lambda: _Gate(RateLimits(), WHOLE_LIMIT))

    def __post_init__(self) -> None:
        self.renew(self.table, lane=self.lane, left=self.left, share=self.share)

    def renew(
        self,
        table: RateLimitTable,
        *,
        lane: RateLimits,
        left: Mapping[str, int] | None,
        share: LimitShare = WHOLE_LIMIT,
    ) -> None:
        """Go on under these limits; without `left`, with what this pacer has left. What is on the wire still counts."""
        self.table, self.lane, self.share = table, lane, share
        if left is not None:
            self.left = {provider: share.turned(provider).part(count) for provider, count in left.items()}
        self._way.obey(RateLimits(per_minute=lane.per_minute), share)  # each sender sees to its own connections
        for provider, gate in self._gates.items():
            gate.obey(table.limits(provider), share.turned(provider))

    def provider_of(self, address: str) -> str:
        return self.table.provider_of(address)

    def take(self, provider: str, now: float, *, line: Hashable = None) -> float:
        """0: a mail of this family may start, and counts as started until `finished`. Else the seconds until it may.

        The wait is NOT_BY_WAITING when no clock ends it; `spent` then tells the warm-up from a full family. Mails of
        one `line` count as one connection, for the next envelope may ride behind the dot; without a line each counts.
        """
        gate = self._gates.get(provider) or self._new_gate(provider, now)
        if gate.is_full(line) or (gate.plan and self._may_still(provider, gate.plan) < 1):
            return BLOCKED
        if (wait := max(gate.wait(now), self._way.wait(now))) > 0:
            return wait
        gate.start(now)
        self._way.start(now)
        gate.lines[line] = gate.lines.get(line, 0) + 1
        if gate.plan:
            self.left[provider] = self._may_still(provider, gate.plan) - 1
        return 0.0

    def lane_wait(self, now: float) -> float:
        """Seconds until the lane itself lets a mail of any family start; NOT_BY_WAITING when we have no part of it."""
        return self._way.wait(now)

    def finished(self, provider: str, *, line: Hashable = None) -> None:
        """A mail that was taken has its fate, or was given back."""
        if gate := self._gates.get(provider):
            carried = gate.lines.pop(line, 0) - 1
            if carried > 0:
                gate.lines[line] = carried

    def spent(self, provider: str) -> bool:
        """Whether the family's warm-up lets nothing more leave today."""
        plan = self.table.limits(provider).warmup
        return plan is not None and self._may_still(provider, plan) < 1

    def worn(self, provider: str, carried: int) -> bool:
        """Whether a line that carried this many mails of the family should make room for a fresh one."""
        most = self.table.limits(provider).per_connection
        return 0 < most <= carried

    def _may_still(self, provider: str, plan: WarmUp) -> int:
        left = self.left.get(provider)
        return self.share.turned(provider).part(plan.first) if left is None else left

    def _new_gate(self, provider: str, now: float) -> "_Gate":
        if len(self._gates) >= REMEMBERED:
            self._gates = {name: gate for name, gate in self._gates.items() if not gate.rests(now)}
        gate = self._gates[provider] = _Gate(self.table.limits(provider), self.share.turned(provider))
        return gate


class _Gate:
    """One limit: even spacing (GCRA, as in ATM networks), at most `per_minute` starts in any 60 seconds.

    Asked for every mail, so it keeps plain numbers and works them out when the limits change.
    """

    __slots__ = ("due", "lines", "most", "plan", "shut", "slack", "spacing")

    def __init__(self, limits: RateLimits, share: LimitShare) -> None:
        self.due = -math.inf  # when the next start would be, were all evenly spaced
        self.lines: dict[Hashable, int] = {}  # mails on the wire; those of no line stand under None
        self.obey(limits, share)

    def obey(self, limits: RateLimits, share: LimitShare) -> None:
        self.most, self.plan = share.part(limits.connections), limits.warmup
        per_minute = share.part(limits.per_minute)
        self.shut = (
            limits.suspended or (limits.connections > 0 and not self.most) or (limits.per_minute > 0 and not per_minute)
        )
        self.spacing = self.slack = 0.0
        if per_minute:
            # Wider than a minute's share, by what slack and way may bring together: no minute passes the limit.
            self.spacing = 60.0 / (per_minute * (1 - CATCH_UP - UNDERWAY)) * (1 + 1e-6)  # the last factor: rounding
            self.slack = per_minute * CATCH_UP * self.spacing

    def wait(self, now: float) -> float:
        """Seconds until a start keeps the limit."""
        if self.shut:
            return BLOCKED
        early = self.due - self.slack - now
        if early <= 0:
            return 0.0
        if early > self.spacing:  # the limit was renewed, or the clock put back
            self.due, early = now + self.slack + self.spacing, self.spacing
        return early

    def start(self, now: float) -> None:
        if self.spacing:
            self.due = max(self.due, now) + self.spacing

    def is_full(self, line: Hashable) -> bool:
        lines = self.lines
        if self.shut:
            return True
        if not self.most or (len(lines) < self.most and None not in lines) or (line is not None and line in lines):
            return False
        alone = lines.get(None, 0)
        return len(lines) - (1 if alone else 0) + alone >= self.most

    def rests(self, now: float) -> bool:
        return not self.lines and self.due <= now
