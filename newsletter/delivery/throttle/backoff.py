"""Back-off: providers that ask for less get less for a while, and nobody else's limits change (THR-03).

The rules come with the provider table and from pace.toml. A back-off in force is a row that every sender of the lane
reads, and that people see and may end.
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
from newsletter.store.ledger import ProviderBackoff
from newsletter.store.portable import upsert

_WORDS_KEPT = 200


@dataclass(slots=True)
class BackoffDetector:
    """Counts what providers answer on one lane, for as long as the process lives."""

    lane: str
    _seen: dict[tuple[str, BackoffRule], deque[datetime]] = field(default_factory=lambda: defaultdict(deque))

    def observe(self, provider: str, reply: Reply, table: RateLimitTable, *, now: datetime) -> ProviderBackoff | None:
        """The back-off to start, when this answer is the one too many for the first rule that it meets."""
        if reply.code is None or reply.status not in (DeliveryStatus.try_later, DeliveryStatus.refused):
            return None
        words = f"{reply.code} {reply.words}"
        rule = next((rule for rule in table.rules_of(provider) if rule.is_met_by(words)), None)
        if rule is None:
            return None
        seen = self._seen[provider, rule]
        seen.append(now)
        while seen[0] <= now - timedelta(minutes=rule.within_minutes):
            seen.popleft()
        if len(seen) < rule.times:
            return None
        del self._seen[provider, rule]
        return ProviderBackoff(
            lane=self.lane,
            provider=provider,
            began_at=now,
            until=now + timedelta(minutes=rule.for_minutes),
            suspended=rule.suspend,
            per_minute=rule.per_minute,
            connections=rule.connections,
            words=words[:_WORDS_KEPT],
        )


def start_backoff(session: Session, backoffs: Iterable[ProviderBackoff]) -> None:
    """Have these in force; the newest of a provider replaces the one before."""
    rows = {one.provider: one.model_dump() for one in backoffs}
    replaced = ["until", "began_at", "suspended", "per_minute", "connections", "words"]
    upsert(session, ProviderBackoff, list(rows.values()), key=["lane", "provider"], replace=replaced)


def active_backoffs(session: Session, *, now: datetime, lane: str = "") -> list[ProviderBackoff]:
    """What is in force now, on this lane or on all, the longest first."""
    in_force = select(ProviderBackoff).where(col(ProviderBackoff.until) > now)
    if lane:
        in_force = in_force.where(col(ProviderBackoff.lane) == lane)
    return list(session.exec(in_force.order_by(col(ProviderBackoff.until).desc())).all())


def end_backoff(session: Session, provider: str) -> int:
    """Give a provider its usual limits again, on every lane; the number of lanes on which it had less."""
    ended = sa.delete(ProviderBackoff).where(col(ProviderBackoff.provider) == provider)
    return session.connection().execute(ended).rowcount


def backoff_sentence(backoff: ProviderBackoff) -> str:
    """What this provider gets meanwhile, in French."""
    if backoff.suspended:
        return _("aucune lettre ne part")
    rate = ngettext("{n} lettre par minute", "{n} lettres par minute", backoff.per_minute).format(n=backoff.per_minute)
    at_once = ngettext("{n} connexion à la fois", "{n} connexions à la fois", backoff.connections)
    limits = ((rate, backoff.per_minute), (at_once.format(n=backoff.connections), backoff.connections))
    return ", ".join(said for said, count in limits if count)


def with_backoffs(table: RateLimitTable, backoffs: Iterable[ProviderBackoff]) -> RateLimitTable:
    """The table with the lower limits of the providers that asked for less."""
    lower = {one.provider: lowered(table.limits(one.provider), one) for one in backoffs}
    return replace(table, providers={**table.providers, **lower}) if lower else table


def lowered(limits: RateLimits, backoff: ProviderBackoff) -> RateLimits:
    """The stricter of both, limit by limit."""
    return limits.model_copy(
        update={
            "connections": _stricter(limits.connections, backoff.connections),
            "per_minute": _stricter(limits.per_minute, backoff.per_minute),
            "suspended": limits.suspended or backoff.suspended,
        }
    )


def _stricter(one: int, other: int) -> int:
    return min(limit for limit in (one, other) if limit) if one or other else 0
