"""Warm-up: how many mails a provider may still get today, counted from the ledger, so it never grows too fast (THR-05).

A day is a day in Paris. Nothing is stored: the plan follows what receivers accepted, so a day without mails, a restart
or a second machine cannot make it run ahead.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col

from newsletter.clock import PARIS, paris_day
from newsletter.delivery.throttle.providers import RateLimitTable, WarmUp
from newsletter.store.ledger import ARRIVED_STATES, Mail
from newsletter.store.people import Subscriber
from newsletter.store.portable import domain_of
from newsletter.words import MailState

_REMEMBERED_DAYS = 30
"""Receivers forget a sender in about a month; a warm-up then begins anew."""


def warmup_left_today(session: Session, table: RateLimitTable, *, now: datetime) -> dict[str, int]:
    """For each provider that warms up and was written to before: the mails it may still get today.

    A provider that is not named may get its plan's first day. Mails in flight count as accepted.
    """
    if not any(limits.warmup for limits in (table.default, *table.providers.values())):
        return {}
    return {
        provider: UNCAPPED if (most := warmup_cap(plan, days[1:])) is None else max(0, most - days[0])
        for provider, days in accepted_by_day(session, table, now=now).items()
        if (plan := table.limits(provider).warmup)
    }


UNCAPPED = 1 << 62
"""What is left to a provider whose warm-up is over."""


def warmup_cap(plan: WarmUp, earlier: Sequence[int]) -> int | None:
    """The most that may leave today after these days, the newest first; None once a day has reached the target."""
    best = max(earlier, default=0)
    if best >= plan.target:
        return None
    return min(plan.target, max(plan.first, int(best * plan.growth)))


def accepted_by_day(session: Session, table: RateLimitTable, *, now: datetime) -> dict[str, list[int]]:
    """How many mails each provider accepted, day by day: today first, then back to a month ago."""
    bounds = _midnights(paris_day(now))
    moment = sa.func.coalesce(col(Mail.answered_at), col(Mail.armed_at))
    day = sa.case(*((moment >= start, number) for number, start in enumerate(bounds)), else_=len(bounds))
    domain = domain_of(session, sa.type_coerce(col(Subscriber.address), sa.String))
    counted = sa.func.count().label("taken")
    found = session.connection().execute(
        sa.select(domain.label("domain"), day.label("day"), counted)
        .select_from(Mail)
        .join(Subscriber, col(Subscriber.id) == col(Mail.subscriber_id))
        .where(col(Mail.state).in_((*ARRIVED_STATES, MailState.armed)), moment >= bounds[-1])
        .group_by("domain", "day")
    )
    taken: dict[str, list[int]] = {}
    for name, number, count in found:
        taken.setdefault(table.provider_of(name), [0] * len(bounds))[number] += count
    return taken


def _midnights(today: date) -> list[datetime]:
    return [datetime.combine(today - timedelta(days=back), time(), PARIS) for back in range(_REMEMBERED_DAYS + 1)]
