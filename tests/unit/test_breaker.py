"""When refusals are our fault and not the readers': the table of the breaker."""

import pytest

from newsletter.delivery.throttle.breaker import (
    ABOUT_US,
    BUSY,
    OF_ANY_KIND,
    Kind,
    Streak,
    Trouble,
    after,
    kind_of,
    sentence,
)
from newsletter.delivery.throttle.breaker import trouble_of as why
from newsletter.smtp.contract import Fate, Reply, reply_of

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
        (ACCEPTED, Kind.open),
        (UNKNOWN_READER, Kind.reader),
        (FULL, Kind.reader),
        (reply_of(550, "unknown user"), Kind.reader),
        (reply_of(554, "transaction failed"), Kind.about_us),
        (BLOCKED, Kind.about_us),
        (reply_of(503, "bad sequence"), Kind.about_us),
        (LOGIN, Kind.login),
        (GREYLISTED, Kind.silent),
        (OVERLOADED, Kind.busy),
        (reply_of(452, "4.3.1 no room"), Kind.busy),
        (Reply(fate=Fate.unknown), Kind.silent),
        (Reply(fate=Fate.refused, enhanced="5.6.7"), Kind.silent),
    ],
)
def test_each_answer_speaks_of_us_of_a_reader_or_of_nothing(reply: Reply, kind: Kind) -> None:
    assert kind_of(reply) is kind


@pytest.mark.parametrize(
    ("answers", "trouble"),
    [
        ([BLOCKED] * (ABOUT_US - 1), None),
        ([BLOCKED] * ABOUT_US, Trouble.refuses_us),
        ([LOGIN] * ABOUT_US, Trouble.login),
        ([*[LOGIN] * 5, *[BLOCKED] * 5], Trouble.refuses_us),
        ([*[BLOCKED] * 9, ACCEPTED, *[BLOCKED] * 9], None),
        ([*[BLOCKED] * 9, UNKNOWN_READER, *[BLOCKED] * 9], None),
        ([*[BLOCKED] * 9, GREYLISTED, BLOCKED], Trouble.refuses_us),
        ([UNKNOWN_READER] * (OF_ANY_KIND - 1), None),
        ([UNKNOWN_READER] * OF_ANY_KIND, Trouble.refuses_all),
        ([GREYLISTED] * 500, None),
        ([OVERLOADED] * BUSY, Trouble.busy),
    ],
)
def test_a_lane_stops_when_everything_is_refused_and_never_for_bad_addresses_among_good(
    answers: list[Reply], trouble: Trouble | None
) -> None:
    streak = Streak()
    for answer in answers:
        streak = after(streak, answer)
    assert why(streak) is trouble


def test_the_sentence_carries_the_servers_words() -> None:
    assert "5.7.1 your address is on a block list" in sentence(Trouble.refuses_us, BLOCKED)
