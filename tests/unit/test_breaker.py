"""When refusals are our fault and not the readers': the table of the breaker."""

import pytest

from newsletter.delivery.throttle.breaker import (
    BUSY_REPLIES,
    REFUSALS_ABOUT_US,
    REFUSALS_OF_ANY_KIND,
    RefusalStreak,
    ReplyClass,
    StopReason,
    reply_class,
    stop_sentence,
    streak_after,
)
from newsletter.delivery.throttle.breaker import stop_reason as why
from newsletter.smtp.contract import DeliveryStatus, Reply, reply_of

ACCEPTED = reply_of(250, "ok")
UNKNOWN_READER = reply_of(550, "5.1.1 no such user")
FULL = reply_of(552, "5.2.2 mailbox full")
BLOCKED = reply_of(550, "5.7.1 your address is on a block list")
LOGIN = reply_of(530, "5.7.0 authentication required")
GREYLISTED = reply_of(451, "4.7.1 greylisted, try again")
OVERLOADED = reply_of(421, "4.3.2 too busy")


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (ACCEPTED, ReplyClass.accepted),
        (UNKNOWN_READER, ReplyClass.recipient),
        (FULL, ReplyClass.recipient),
        (reply_of(550, "unknown user"), ReplyClass.recipient),
        (reply_of(554, "transaction failed"), ReplyClass.about_us),
        (BLOCKED, ReplyClass.about_us),
        (reply_of(503, "bad sequence"), ReplyClass.about_us),
        (LOGIN, ReplyClass.login),
        (GREYLISTED, ReplyClass.neutral),
        (OVERLOADED, ReplyClass.busy),
        (reply_of(452, "4.3.1 no room"), ReplyClass.busy),
        (Reply(status=DeliveryStatus.unknown), ReplyClass.neutral),
        (Reply(status=DeliveryStatus.refused, enhanced="5.6.7"), ReplyClass.neutral),
    ],
)
def test_each_answer_speaks_of_us_of_a_reader_or_of_nothing(reply: Reply, kind: ReplyClass) -> None:
    assert reply_class(reply) is kind


@pytest.mark.parametrize(
    ("answers", "trouble"),
    [
        ([BLOCKED] * (REFUSALS_ABOUT_US - 1), None),
        ([BLOCKED] * REFUSALS_ABOUT_US, StopReason.refuses_us),
        ([LOGIN] * REFUSALS_ABOUT_US, StopReason.login),
        ([*[LOGIN] * 5, *[BLOCKED] * 5], StopReason.refuses_us),
        ([*[BLOCKED] * 9, ACCEPTED, *[BLOCKED] * 9], None),
        ([*[BLOCKED] * 9, UNKNOWN_READER, *[BLOCKED] * 9], None),
        ([*[BLOCKED] * 9, GREYLISTED, BLOCKED], StopReason.refuses_us),
        ([UNKNOWN_READER] * (REFUSALS_OF_ANY_KIND - 1), None),
        ([UNKNOWN_READER] * REFUSALS_OF_ANY_KIND, StopReason.refuses_all),
        ([GREYLISTED] * 500, None),
        ([OVERLOADED] * BUSY_REPLIES, StopReason.busy),
    ],
)
def test_a_lane_stops_when_everything_is_refused_and_never_for_bad_addresses_among_good(
    answers: list[Reply], trouble: StopReason | None
) -> None:
    streak = RefusalStreak()
    for answer in answers:
        streak = streak_after(streak, answer)
    assert why(streak) is trouble


def test_the_sentence_carries_the_servers_words() -> None:
    assert "5.7.1 your address is on a block list" in stop_sentence(StopReason.refuses_us, BLOCKED)
