"""What warms a lead, and how much: the page to read, and to change, before an argument about numbers.

`docs/reference/warmth.md` explains it to the team.
"""

from datetime import UTC, datetime, timedelta
from enum import StrEnum

from newsletter.words import Horizon


class ActKind(StrEnum):
    """What counts for warmth: the kinds of event that a person meant."""

    opened = "opened"  # a human open, of those who agreed; at most one per mail and day
    read = "read"  # a human click on a page, a portrait or an employer
    opening = "opening"  # a human click on a job
    answered = "answered"  # a poll answer; its horizon gives the weight
    asked = "asked"  # "call me back"


WEIGHTS = {ActKind.opened: 1.0, ActKind.read: 4.0, ActKind.opening: 8.0, ActKind.asked: 60.0}
HORIZON_WEIGHTS = {
    Horizon.this_year: 25.0,
    Horizon.one_to_three_years: 12.0,
    Horizon.later: 4.0,
    Horizon.dreaming: 1.0,
    Horizon.unknown: 0.0,
}
HALF_LIFE = timedelta(days=45)
"""After this time an act weighs half; after twice this time, a quarter."""

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
"""The moment at which scores are expressed. Never changed: it would shift every stored number."""

LEAD_THRESHOLD = 20.0
"""Warm enough to be called: a near project, or three jobs clicked, or two jobs and a project for later."""

WITHOUT_OPENS_AT_LEAST = 10.0
"""Of the threshold, what must come from anything but opens: opens alone never make a lead."""
