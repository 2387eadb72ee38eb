"""Pace: no limit is ever passed, no family waits for another, and a file changes the limits while mails leave."""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.throttle import providers
from newsletter.delivery.throttle.pace_mistakes import PaceFileError
from newsletter.delivery.throttle.providers import (
    PaceFile,
    RateLimits,
    RateLimitTable,
    WarmUp,
    read_pace,
    shipped_table,
)
from newsletter.delivery.throttle.rate_limits import BLOCKED, LimitShare, RateLimiter
from newsletter.delivery.throttle.warmup import warmup_cap
from newsletter.smtp.options import Security, SmtpClient, SmtpOptions
from tests.kit.certificates import Authority

PROVIDERS = ("gmail", "orange", "other:causse.example")


def table(default: RateLimits, **named: RateLimits) -> RateLimitTable:
    return RateLimitTable(default=default, providers=named, lanes={}, domains={"gmail.com": "gmail"})


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("camille@gmail.com", "gmail"),
        ("camille@Hotmail.FR", "outlook"),
        ("camille@aol.com", "yahoo"),
        ("camille@me.com", "icloud"),
        ("camille@wanadoo.fr", "orange"),
        ("camille@orange.fr", "orange"),
        ("camille@laposte.net", "laposte"),
        ("camille@neuf.fr", "sfr"),
        ("camille@web.de", "gmx"),
        ("camille@figeac.example", "other:figeac.example"),
    ],
)
def test_domains_of_one_receiver_are_one_provider(address: str, provider: str) -> None:
    assert shipped_table().provider_of(address) == provider


def test_the_shipped_limits_are_those_of_kumomta() -> None:
    shipped_table = providers.shipped_table()
    assert shipped_table.limits("orange").connections == 2
    assert (shipped_table.limits("gmail").connections, shipped_table.limits("gmail").per_connection) == (5, 50)
    assert (shipped_table.limits("gmx").connections, shipped_table.limits("gmx").per_connection) == (4, 20)
    assert shipped_table.limits("other:figeac.example") == shipped_table.default
    assert shipped_table.default.per_minute == 6000


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "wait", "finish", "pause"]),
        st.sampled_from(PROVIDERS),
        st.integers(0, 2),  # the line
        st.floats(0, 90, allow_nan=False),
        st.integers(0, 3),  # the sender
    ),
    max_size=120,
)


@given(
    steps=steps,
    per_minute=st.integers(1, 40),
    lane_rate=st.integers(1, 60),
    connections=st.integers(1, 3),
    senders=st.integers(1, 4),
)
def test_no_limit_is_ever_passed_by_all_senders_together(
    steps: list[tuple[str, str, int, float, int]], per_minute: int, lane_rate: int, connections: int, senders: int
) -> None:
    limits, lane = RateLimits(per_minute=per_minute, connections=connections), RateLimits(per_minute=lane_rate)
    pacers = [RateLimiter(table(limits), lane=lane, share=LimitShare(rank, senders)) for rank in range(senders)]
    now = 1_000_000.0
    started: dict[str, list[float]] = defaultdict(list)
    carrying: dict[str, list[tuple[int, int]]] = defaultdict(list)  # sender, line
    for act, provider, line, seconds, number in steps:
        sender = number % senders
        limiter = pacers[sender]
        if act == "pause":
            now += seconds
        elif act == "finish" and carrying[provider]:
            held_by, on_line = carrying[provider].pop()
            pacers[held_by].finished(provider, line=on_line)
        elif act in ("take", "wait"):
            wait = limiter.take(provider, now, line=line)
            if act == "wait" and 0 < wait < math.inf:
                now += wait + 1e-6
                wait = limiter.take(provider, now, line=line)
                assert wait == 0
            if wait == 0:
                started[provider].append(now)
                carrying[provider].append((sender, line))
            assert len(set(carrying[provider])) <= connections
    for moments in started.values():
        assert most_in_a_minute(moments) <= per_minute
    assert most_in_a_minute([moment for moments in started.values() for moment in moments]) <= lane_rate


@given(limit=st.integers(0, 10_000), senders=st.integers(1, 50), name=st.sampled_from(PROVIDERS))
def test_the_parts_of_all_senders_add_up_to_the_limit(limit: int, senders: int, name: str) -> None:
    shares = [LimitShare(rank, senders) for rank in range(senders)]
    assert sum(share.part(limit) for share in shares) == limit
    assert sum(share.turned(name).part(limit) for share in shares) == limit


def test_a_sender_without_a_part_of_a_limit_starts_nothing_and_says_that_no_waiting_helps() -> None:
    one, other = (RateLimiter(table(RateLimits(connections=1)), share=LimitShare(rank, 2)) for rank in range(2))
    assert {limiter.take("gmail", 0.0, line=1) for limiter in (one, other)} == {0.0, BLOCKED}
    for limiter in (one, other):
        limiter.renew(table(RateLimits(connections=1)), lane=RateLimits(), left=None)
        limiter.finished("gmail", line=1)
        assert limiter.take("gmail", 0.0, line=1) == 0, "alone again, it has all of it"
    assert (
        RateLimiter(table(RateLimits()), lane=RateLimits(per_minute=1), share=LimitShare(1, 2)).lane_wait(0.0)
        == BLOCKED
    )


def test_what_a_warming_family_may_get_today_is_shared_too() -> None:
    warming = table(RateLimits(warmup=WarmUp(first=5, target=1000)))
    pacers = [RateLimiter(warming, left={"gmail": 3}, share=LimitShare(rank, 2)) for rank in range(2)]
    for provider, most in (("gmail", 3), ("orange", 5)):
        assert sum(limiter.take(provider, 0.0) == 0 for limiter in pacers for _ in range(9)) == most


@given(per_minute=st.integers(1, 2_000), delays=st.lists(st.floats(0, 0.25), min_size=1, max_size=50))
def test_no_minute_passes_the_limit_as_the_receiver_counts(per_minute: int, delays: list[float]) -> None:
    """Mails are not all as long on their way; the loop looks late now and then, and catches up."""
    limiter, now, arrived = RateLimiter(table(RateLimits(per_minute=per_minute))), 0.0, list[float]()
    while now < 62:
        wait = limiter.take("x", now)
        if wait == 0:
            arrived.append(now + delays[len(arrived) % len(delays)])
        now += wait + delays[len(arrived) % len(delays)] / 8
    assert most_in_a_minute(arrived) <= per_minute


def most_in_a_minute(moments: list[float]) -> int:
    moments = sorted(moments)
    return max((bisect_left(moments, start + 60) - at for at, start in enumerate(moments)), default=0)


@given(per_minute=st.integers(1, 20_000), late=st.floats(0, 0.2))
def test_a_loop_that_is_a_little_late_keeps_the_rate(per_minute: int, late: float) -> None:
    limiter = RateLimiter(table(RateLimits(per_minute=per_minute)))
    now = 0.0
    started: list[float] = []
    while now < 61 and len(started) < 300:
        wait = limiter.take("x", now)
        if wait == 0:
            started.append(now)
        else:
            now += max(wait + 1e-9, late)
    assert most_in_a_minute(started) <= per_minute
    assert len(started) >= min(300, per_minute * 0.99 - 1)


def test_a_slow_family_delays_no_other() -> None:
    """THR-04: the tarpit takes its two connections and nothing else."""
    slow = RateLimits(connections=2, per_minute=1)
    limiter = RateLimiter(table(RateLimits(per_minute=600), orange=slow), lane=RateLimits(per_minute=60_000))
    assert limiter.take("orange", 0.0) == 0
    assert 59 < limiter.take("orange", 0.0) < 61
    starts, now = 0, 0.0
    while now < 60:
        limiter.take("orange", now)
        starts += limiter.take("gmail", now) == 0
        now += 0.01
    assert starts >= 590


def test_connections_are_counted_by_line_and_come_back() -> None:
    limiter = RateLimiter(table(RateLimits(connections=1)))
    assert limiter.take("gmail", 0.0, line=1) == 0
    assert limiter.take("gmail", 0.0, line=1) == 0  # the next envelope rides behind the dot
    assert limiter.take("gmail", 0.0, line=2) == BLOCKED
    limiter.finished("gmail", line=1)
    assert limiter.take("gmail", 0.0, line=2) == BLOCKED
    limiter.finished("gmail", line=1)
    assert limiter.take("gmail", 0.0) == 0
    assert limiter.take("gmail", 0.0) == BLOCKED  # without a line, each mail is one
    assert not limiter.spent("gmail")


def test_a_new_limit_holds_at_once() -> None:
    limiter = RateLimiter(table(RateLimits(per_minute=1)))
    assert limiter.take("gmail", 0.0) == 0
    assert limiter.take("gmail", 1.0) > 50
    limiter.renew(table(RateLimits(per_minute=60)), lane=RateLimits(), left={})
    assert limiter.take("gmail", 1.0) < 2
    assert limiter.worn("gmail", 10_000) is False


def test_a_warming_family_gets_no_more_than_is_left_today() -> None:
    plan = WarmUp(first=3, target=1000)
    limiter = RateLimiter(table(RateLimits(warmup=plan)), left={"gmail": 1})
    assert limiter.take("gmail", 0.0) == 0
    assert limiter.take("gmail", 0.0) == BLOCKED
    assert limiter.spent("gmail")
    assert [limiter.take("orange", 0.0) for _ in range(4)] == [0, 0, 0, BLOCKED]  # the plan's first day


@given(
    st.integers(1, 500), st.integers(1, 100_000), st.floats(1.01, 2), st.lists(st.floats(0, 1), min_size=5, max_size=60)
)
def test_a_warm_up_never_more_than_doubles(first: int, more: int, growth: float, shares: list[float]) -> None:
    plan = WarmUp(first=first, target=first + more, growth=growth)
    days: list[int] = []
    for share in shares:
        most = warmup_cap(plan, days)
        if most is None:
            assert max(days) >= plan.target
            return
        assert most <= max(first, 2 * max(days, default=0))
        days.insert(0, int(most * share))


def test_a_file_changes_the_limits_while_mails_leave_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    pace = PaceFile(tmp_path)
    assert pace.table() == providers.shipped_table()
    file = tmp_path / "pace.toml"
    file.write_text(
        '[provider.orange]\nconnections = 1\n[provider.mairies]\ndomains = ["figeac.example"]\nper_minute = 30\n'
        "[lane.default]\nper_minute = 100\n"
    )
    changed = pace.table()
    assert changed.limits("orange") == RateLimits(connections=1, per_minute=6000, per_connection=100)
    assert changed.limits(changed.provider_of("accueil@figeac.example")).per_minute == 30
    assert changed.limits("gmail") == providers.shipped_table().limits("gmail")
    assert changed.lane("default", connections=4, per_minute=6000) == RateLimits(connections=4, per_minute=100)
    file.write_text("[provider.orange]\nconnections = many\n")
    assert pace.table() == changed
    assert "pace.toml" in pace.trouble
    file.unlink()
    assert pace.table() == providers.shipped_table()
    assert pace.trouble == ""


def test_a_provider_may_still_stand_under_its_first_name_of_family(tmp_path: Path) -> None:
    file = tmp_path / "pace.toml"
    file.write_text(
        '[family.orange]\nconnections = 1\n[[family.orange.when]]\nsays = ["stop"]\nfor_minutes = 9\nsuspend = true\n'
        "[provider.gmail]\nconnections = 3\n"
    )
    table = read_pace(file)
    assert (table.limits("orange").connections, table.limits("gmail").connections) == (1, 3)
    assert table.rules_of("orange")[0].for_minutes == 9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[provider.orange]\nconnections = -1", "« provider.orange.connections » ne convient pas : un nombre entier"),
        ("[provider.orange]\nconnexions = 1", "« provider.orange.connexions » n’existe pas"),
        ("[defaut]\nconnections = 1", "« defaut » n’existe pas"),
        ('[provider.orange]\ndomains = "orange.fr"', "une liste de domaines"),
        ("[default]\nwarmup = { first = 10, target = 5 }", "first et target"),
        ("[default]\nwarmup = { first = 10, target = 50, growth = 3 }", "de plus de 1 à 2"),
        (
            "[provider.orange]\n[family.orange]",
            "« orange » est à la fois sous [provider.orange] et sous [family.orange]",
        ),
        ("[family.orange]\nconnections = -1", "« family.orange.connections » ne convient pas"),
        ("[default", "n’est pas du TOML"),
        ("[default]\nconnections = true", "un nombre entier"),
        (
            '[lane.default]\nclient = "postfix"',
            "« lane.default.client » ne convient pas : « pipelined » ou « aiosmtplib »",
        ),
        ("[lane.default]\npipelining = 0", "« lane.default.pipelining » ne convient pas : true ou false"),
        ("[lane.default]\nper_connection = -1", "« lane.default.per_connection » ne convient pas"),
        ('[lane.default]\nehlo = "moi\\r\\nQUIT"', "« lane.default.ehlo » ne convient pas : le nom complet"),
        ('[lane.default]\nca_file = "ailleurs.pem"', "« lane.default.ca_file » ne convient pas : un fichier de cert"),
        ('[lane.default]\nca_file = "pace.toml"', "« lane.default.ca_file » ne convient pas : un fichier de cert"),
        ('[lane.default]\nsecurity = "tls"', "« lane.default.security » n’existe pas"),  # with host and login
        ("[lane.default]\nwarmup = { first = 1, target = 2 }", "« lane.default.warmup » n’existe pas"),
    ],
)
def test_a_mistake_is_said_with_its_place(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "pace.toml"
    file.write_text(text)
    with pytest.raises(PaceFileError, match=re.escape(said)):
        read_pace(file)


def test_a_lane_s_switches_are_those_of_the_file_and_for_the_rest_as_usual(
    tmp_path: Path, authority: Authority
) -> None:
    usual = SmtpOptions(security=Security.tls, ca_file=Path("usual.pem"))
    file = tmp_path / "pace.toml"
    assert read_pace(file).smtp_options("default", usual) == usual
    (tmp_path / "lot.pem").write_bytes(authority.file.read_bytes())
    file.write_text(
        '[lane.default]\nper_minute = 100\npipelining = false\nper_connection = 0\nca_file = "lot.pem"\n'
        '[lane.slow]\nclient = "aiosmtplib"\nehlo = "envoi.ohmylot.example"\n'
    )
    table = read_pace(file)
    assert table.smtp_options("default", usual) == replace(
        usual, pipelining=False, per_connection=0, ca_file=tmp_path / "lot.pem"
    )
    assert table.smtp_options("slow", usual) == replace(
        usual, client=SmtpClient.aiosmtplib, ehlo="envoi.ohmylot.example"
    )
    assert table.smtp_options("other", usual) == usual
    assert table.lane("default", connections=4, per_minute=6000) == RateLimits(connections=4, per_minute=100)


def test_the_pipelined_client_may_still_be_called_by_its_first_name(tmp_path: Path) -> None:
    file = tmp_path / "pace.toml"
    file.write_text('[lane.default]\nclient = "wire"\n[lane.slow]\nclient = "pipelined"\n')
    table = read_pace(file)
    for lane in ("default", "slow"):
        assert table.smtp_options(lane, SmtpOptions(client=SmtpClient.aiosmtplib)).client is SmtpClient.pipelined


def test_an_authority_that_was_missing_is_found_once_it_is_there(tmp_path: Path, authority: Authority) -> None:
    pace = PaceFile(tmp_path)
    (tmp_path / "pace.toml").write_text('[lane.default]\nca_file = "lot.pem"\n')
    assert pace.table() == providers.shipped_table()
    assert "lane.default.ca_file" in pace.trouble
    (tmp_path / "lot.pem").write_bytes(authority.file.read_bytes())
    assert pace.table().smtp_options("default", SmtpOptions()).ca_file == tmp_path / "lot.pem"
    assert pace.trouble == ""
