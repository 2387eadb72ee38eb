"""A lane as a sender finds it and leaves it: what holds on it now, that it rests and why, that it works again."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from newsletter.clock import paris_day
from newsletter.delivery.ledger.leases import lease_owners
from newsletter.delivery.throttle.backoff import active_backoffs, with_backoffs
from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable, is_rate_limited
from newsletter.delivery.throttle.rate_limits import WHOLE_LIMIT, LimitShare
from newsletter.store.ledger import Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What holds for one sender of a lane."""

    table: RateLimitTable  # families that asked for less included
    limits: RateLimits  # of the lane itself, from the file and from its row
    share: LimitShare
    connections: int  # at most, of this sender
    day: date  # in Paris: warm-ups count by days
    troubled: bool  # it says why it does not work


def route(session: Session, name: str, *, owner: str, pace: RateLimitTable, now: datetime) -> Route:
    """What holds now for this owner. Who holds a batch may be sending too, and shares every limit with it."""
    lane = session.get_one(Lane, name)
    limits = pace.lane(name, connections=lane.connections, per_minute=lane.per_minute)
    owners = sorted({*lease_owners(session, lane=name, now=now), owner})
    return Route(
        table=with_backoffs(pace, active_backoffs(session, lane=name, now=now)),
        limits=limits,
        share=LimitShare(owners.index(owner), len(owners)) if is_rate_limited(pace, limits) else WHOLE_LIMIT,
        connections=limits.connections or lane.connections or 1,
        day=paris_day(now),
        troubled=bool(lane.why),
    )


def suspend_lane(session: Session, name: str, *, why: str, until: datetime) -> None:
    """Leave the lane alone until then; `why` is a French sentence, shown where people look."""
    lane = session.get_one(Lane, name)
    lane.why, lane.rests_until = why, until


def mark_lane_working(session: Session, name: str) -> None:
    """Take back what was said of it."""
    lane = session.get_one(Lane, name)
    if lane.why:
        lane.why, lane.rests_until = "", None
