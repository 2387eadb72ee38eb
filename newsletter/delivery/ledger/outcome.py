"""What an attempt means for a mail: accepted, refused (5xx), or a retry (4xx). Pure, so that it is read as a table."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from newsletter.smtp.contract import DeliveryStatus
from newsletter.words import MailState

RETRIES = (
    timedelta(minutes=5),
    timedelta(minutes=15),
    timedelta(minutes=30),
    timedelta(hours=1),
    timedelta(hours=2),
)
THEN_EVERY = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(hours=72)
JITTER = 0.2


@dataclass(frozen=True, slots=True)
class Step:
    """The state a mail goes into, and when it is tried again if it is deferred."""

    state: MailState
    due_at: datetime | None = None


ACCEPTED = Step(MailState.accepted)


def after_attempt(status: DeliveryStatus, *, attempt: int, planned_at: datetime, now: datetime, chance: float) -> Step:
    """What becomes of a mail after its nth attempt, counting from 1. RTY-01, with up to ±20 % of jitter.

    `chance` is a number in [0, 1) from the caller.
    """
    match status:
        case DeliveryStatus.accepted:
            return ACCEPTED
        case DeliveryStatus.refused:
            return Step(MailState.refused)
        case DeliveryStatus.unknown:
            return Step(MailState.in_doubt)
        case DeliveryStatus.withheld:
            return Step(MailState.planned)
        case DeliveryStatus.try_later:
            due = now + wait_after(attempt) * (1 - JITTER + 2 * JITTER * chance)
            return Step(MailState.refused) if due > planned_at + GIVE_UP_AFTER else Step(MailState.deferred, due)
        case _:
            assert_never(status)


def wait_after(attempt: int) -> timedelta:
    """How long to wait after the nth attempt, before jitter."""
    return RETRIES[attempt - 1] if attempt <= len(RETRIES) else THEN_EVERY
