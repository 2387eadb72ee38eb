"""Receivers that ask for less: what they answer lowers their limits for a while, and nobody else's (THR-03).

The rules come with the families and from pace.toml. What holds is a row that every sender of the lane reads, and that
people see and may lift.
"""

from collections import defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from newsletter.delivery.throttle.providers import BackoffRule, RateLimits, RateLimitTable
from newsletter.i18n import _, ngettext
from newsletter.smtp.contract import DeliveryStatus, Reply
from newsletter.store.ledger import Slowdown
from newsletter.store.portable import upsert

WORDS_KEPT = 200


@dataclass(slots=True)
class BackoffDetector:
    """Counts what families answer on one lane, for as long as the process lives."""

    lane: str
    _heard: dict[tuple[str, BackoffRule], deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def observe(self, provider: str, reply: Reply, table: RateLimitTable, *, now: datetime) -> Slowdown | None:
        """What is to hold from now on, when this answer is the one too many."""
        if reply.code is None or reply.status not in (DeliveryStatus.try_later, DeliveryStatus.refused):
            return None
        words = f"{reply.code} {reply.words}"
        rule = next((rule for rule in table.rules_of(provider) if rule.is_met_by(words)), None)
        if rule is None:
            return None
        heard = self._heard[provider, rule]
        heard.append(now)
        while heard[0] <= now - timedelta(minutes=rule.within_minutes):
            heard.popleft()
        if len(heard) < rule.times:
            return None
        del self._heard[provider, rule]
        return Slowdown(
            lane=self.lane,
            family=provider,
            began_at=now,
            until=now + timedelta(minutes=rule.for_minutes),
            suspended=rule.suspend,
            per_minute=rule.per_minute,
            connections=rule.connections,
            words=words[:WORDS_KEPT],
        )


def start_backoff(session: Session, slowdowns: Iterable[Slowdown]) -> None:
    """Let these hold; the newest word of a family replaces what held for it."""
    rows = {slow.family: slow.model_dump() for slow in slowdowns}
    said = ["until", "began_at", "suspended", "per_minute", "connections", "words"]
    upsert(session, Slowdown, list(rows.values()), key=["lane", "family"], replace=said)


def active_backoffs(session: Session, *, now: datetime, lane: str = "") -> list[Slowdown]:
    """What holds now, on this lane or on all, the longest first."""
    statement = select(Slowdown).where(col(Slowdown.until) > now).order_by(col(Slowdown.until).desc())
    return list(session.exec(statement.where(col(Slowdown.lane) == lane) if lane else statement).all())


def end_backoff(session: Session, provider: str) -> int:
    """Let a family have its usual limits again, on every lane; on how many it had not."""
    return session.connection().execute(sa.delete(Slowdown).where(col(Slowdown.family) == provider)).rowcount


def backoff_sentence(slow: Slowdown) -> str:
    """What we do for this family meanwhile, in French."""
    if slow.suspended:
        return _("aucune lettre ne part")
    rate = ngettext("{n} lettre par minute", "{n} lettres par minute", slow.per_minute).format(n=slow.per_minute)
    lines = ngettext("{n} connexion à la fois", "{n} connexions à la fois", slow.connections).format(n=slow.connections)
    return ", ".join(said for said, count in ((rate, slow.per_minute), (lines, slow.connections)) if count)


def with_backoffs(table: RateLimitTable, slowdowns: Iterable[Slowdown]) -> RateLimitTable:
    """The table with what holds for these families for now."""
    lower = {slow.family: lowered(table.limits(slow.family), slow) for slow in slowdowns}
    return replace(table, providers={**table.providers, **lower}) if lower else table


def lowered(limits: RateLimits, slow: Slowdown) -> RateLimits:
    """The stricter of both, limit by limit."""
    return limits.model_copy(
        update={
            "connections": _stricter(limits.connections, slow.connections),
            "per_minute": _stricter(limits.per_minute, slow.per_minute),
            "suspended": limits.suspended or slow.suspended,
        }
    )


def _stricter(one: int, other: int) -> int:
    return min(limit for limit in (one, other) if limit) if one or other else 0
