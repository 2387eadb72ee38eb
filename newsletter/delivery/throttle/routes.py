"""Lanes and routes: what holds for one sender of a lane, and what it says of the lane when the server fails.

A lane is a named way for mails to leave, with a server, limits, and a row that people may pause. A route is what one
sender of that lane may do at this moment: the lane's limits, its share of them among all senders of the lane, and the
provider table with the back-offs in force. Every sender finds its route anew every few seconds.
"""

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

    table: RateLimitTable  # providers that asked for less included
    limits: RateLimits  # of the lane itself, from the file and from its row
    share: LimitShare
    connections: int  # at most, of this sender
    day: date  # in Paris: warm-ups count by days
    is_marked: bool  # the lane's row says why it does not work


def find_route(session: Session, lane_name: str, *, owner: str, table: RateLimitTable, now: datetime) -> Route:
    """What holds now for this owner. Who holds a lease on a batch may be sending too, and shares every limit."""
    lane = session.get_one(Lane, lane_name)
    limits = table.lane(lane_name, connections=lane.connections, per_minute=lane.per_minute)
    owners = sorted({*lease_owners(session, lane=lane_name, now=now), owner})
    return Route(
        table=with_backoffs(table, active_backoffs(session, lane=lane_name, now=now)),
        limits=limits,
        share=LimitShare(owners.index(owner), len(owners)) if is_rate_limited(table, limits) else WHOLE_LIMIT,
        connections=limits.connections or lane.connections or 1,
        day=paris_day(now),
        is_marked=bool(lane.why),
    )


def suspend_lane(session: Session, lane_name: str, *, why: str, until: datetime) -> None:
    """Let no sender start on the lane until then; `why` is a French sentence, shown where people look."""
    lane = session.get_one(Lane, lane_name)
    lane.why, lane.rests_until = why, until


def mark_lane_working(session: Session, lane_name: str) -> None:
    """Take back what was said of the lane."""
    lane = session.get_one(Lane, lane_name)
    if lane.why:
        lane.why, lane.rests_until = "", None
