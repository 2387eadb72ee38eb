"""What becomes of a mail after an attempt, as a table: states, waits, and when it is given up."""

from datetime import timedelta

import pytest

from newsletter.delivery.ledger.outcome import Step, after_attempt, wait_after
from newsletter.smtp.contract import DeliveryStatus
from newsletter.words import MailState
from tests.conftest import A_MONDAY as NOW

HALFWAY = 0.5  # no jitter at all


def step(status: DeliveryStatus, *, attempt: int = 1, waited: timedelta = timedelta(), chance: float = HALFWAY) -> Step:
    """After this attempt, now, of a mail that was planned so long ago."""
    return after_attempt(status, attempt=attempt, planned_at=NOW - waited, now=NOW, chance=chance)


@pytest.mark.parametrize(
    ("status", "state"),
    [
        (DeliveryStatus.accepted, MailState.accepted),
        (DeliveryStatus.refused, MailState.refused),
        (DeliveryStatus.unknown, MailState.in_doubt),
        (DeliveryStatus.withheld, MailState.planned),
    ],
)
def test_an_attempt_that_ends_says_so_and_sets_no_next_one(status: DeliveryStatus, state: MailState) -> None:
    assert step(status) == Step(state, due_at=None)


@pytest.mark.parametrize(
    ("attempt", "minutes"), [(1, 5), (2, 15), (3, 30), (4, 60), (5, 120), (6, 240), (7, 240), (40, 240)]
)
def test_the_waits_grow_up_to_four_hours(attempt: int, minutes: int) -> None:
    assert wait_after(attempt) == timedelta(minutes=minutes)
    assert step(DeliveryStatus.try_later, attempt=attempt) == Step(MailState.deferred, NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize(("chance", "minutes"), [(0.0, 4), (0.25, 4.5), (0.5, 5), (1.0, 6)])
def test_chance_moves_a_retry_by_a_fifth_either_way(chance: float, minutes: float) -> None:
    assert step(DeliveryStatus.try_later, chance=chance).due_at == NOW + timedelta(minutes=minutes)


def test_a_mail_is_given_up_when_its_next_try_would_be_later_than_three_days_after_it_was_planned() -> None:
    last_wait = timedelta(hours=4)
    in_time = timedelta(hours=72) - last_wait
    assert step(DeliveryStatus.try_later, attempt=9, waited=in_time) == Step(MailState.deferred, NOW + last_wait)
    too_late = in_time + timedelta(seconds=1)
    assert step(DeliveryStatus.try_later, attempt=9, waited=too_late) == Step(MailState.refused)
