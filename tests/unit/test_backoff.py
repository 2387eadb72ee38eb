"""Back-off: which answers make us slow down, when, and to what."""

from datetime import UTC, datetime, timedelta

import pytest

from newsletter.delivery.throttle.backoff import BackoffDetector, backoff_sentence, lowered, with_backoffs
from newsletter.delivery.throttle.pace_file import shipped_table
from newsletter.delivery.throttle.providers import BackoffRule, RateLimits, RateLimitTable
from newsletter.smtp.contract import DeliveryStatus, Reply
from newsletter.store.ledger import ProviderBackoff

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
FULL = Reply(status=DeliveryStatus.try_later, code=421, words="4.7.1 ME: Trop de connexions, OFR004_104")
TWICE = BackoffRule(says=("trop de connexions",), times=2, within_minutes=60, connections=1, for_minutes=45)
TABLE = RateLimitTable(
    default=RateLimits(connections=10),
    providers={"orange": RateLimits(connections=2, per_minute=600)},
    lanes={},
    domains={},
    rules={"orange": (TWICE,), "": (BackoffRule(says=("server busy",), suspend=True, for_minutes=90),)},
)


def test_the_answer_that_is_one_too_many_slows_its_provider_for_the_time_that_the_rule_says() -> None:
    detector = BackoffDetector("default")
    assert detector.observe("orange", FULL, TABLE, now=NOW) is None
    found = detector.observe("orange", FULL, TABLE, now=NOW + timedelta(minutes=59))
    assert found is not None
    assert (found.provider, found.connections, found.until) == ("orange", 1, NOW + timedelta(minutes=59 + 45))
    assert found.words.startswith("421 4.7.1 ME: Trop")
    assert detector.observe("orange", FULL, TABLE, now=NOW + timedelta(minutes=60)) is None, "it counts anew"


def test_answers_that_are_too_far_apart_or_of_others_or_not_about_us_change_nothing() -> None:
    detector = BackoffDetector("default")
    unlike = Reply(status=DeliveryStatus.try_later, code=451, words="4.7.1 greylisted")
    taken = Reply(status=DeliveryStatus.accepted, code=250, words="server busy, but taken")
    broken = Reply(status=DeliveryStatus.unknown, words="server busy")
    for minutes, provider, reply in [(0, "orange", FULL), (61, "orange", FULL), (62, "free", FULL), (63, "free", FULL)]:
        assert detector.observe(provider, reply, TABLE, now=NOW + timedelta(minutes=minutes)) is None
    for reply in (unlike, taken, broken):
        assert detector.observe("free", reply, TABLE, now=NOW) is None


def test_the_rules_of_every_provider_hold_for_each() -> None:
    found = BackoffDetector("default").observe(
        "other:figeac.example", Reply(status=DeliveryStatus.refused, code=554, words="Server BUSY"), TABLE, now=NOW
    )
    assert found is not None
    assert found.suspended


def test_of_two_limits_the_stricter_holds_and_nobody_elses_change() -> None:
    found = ProviderBackoff(lane="default", provider="orange", until=NOW, began_at=NOW, connections=5, per_minute=60)
    table = with_backoffs(TABLE, [found])
    assert table.limits("orange") == RateLimits(connections=2, per_minute=60)
    assert table.limits("free") == TABLE.default
    assert with_backoffs(TABLE, []) is TABLE
    assert lowered(RateLimits(), found) == RateLimits(connections=5, per_minute=60)


@pytest.mark.parametrize(
    ("suspended", "per_minute", "connections", "said"),
    [
        (True, 1, 0, "aucune lettre ne part"),
        (False, 1, 1, "1 lettre par minute, 1 connexion à la fois"),
        (False, 10, 0, "10 lettres par minute"),
        (False, 0, 2, "2 connexions à la fois"),
    ],
)
def test_what_we_do_meanwhile_is_said(suspended: bool, per_minute: int, connections: int, said: str) -> None:
    found = ProviderBackoff(lane="default", provider="orange", until=NOW, began_at=NOW)
    found.suspended, found.per_minute, found.connections = suspended, per_minute, connections
    assert backoff_sentence(found) == said


def test_the_shipped_rules_know_what_the_big_receivers_say() -> None:
    for provider, words in [
        ("orange", "421 smtp.orange.fr Service refuse. Veuillez essayer plus tard. OFR_201"),
        ("gmail", "421-4.7.28 an unusual rate of mail"),
        ("yahoo", "421 4.7.0 [TSS04] Messages temporarily deferred"),
        ("outlook", "550 5.7.1 messages weren't sent as part of their network is on our block list (S3150)"),
        ("icloud", "554 5.7.1 [HCM1] Message rejected"),
        ("gmx", "421 Too many connections"),
        ("laposte", "450 temporarily deferred"),
    ]:
        assert any(rule.is_met_by(words) for rule in shipped_table().rules_of(provider)), provider
