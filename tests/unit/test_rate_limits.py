"""Rate limits: no limit is ever passed, no provider waits for another, and a warm-up never grows too fast."""

import math
from bisect import bisect_left
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from newsletter.delivery.throttle.providers import RateLimits, RateLimitTable, WarmUp
from newsletter.delivery.throttle.rate_limits import BLOCKED, LimitShare, RateLimiter
from newsletter.delivery.throttle.warmup import warmup_cap

PROVIDERS = ("gmail", "orange", "other:causse.example")


def table(default: RateLimits, **named: RateLimits) -> RateLimitTable:
    return RateLimitTable(default=default, providers=named, lanes={}, domains={"gmail.com": "gmail"})


steps = st.lists(
    st.tuples(
        st.sampled_from(["take", "wait", "finish", "pause"]),
        st.sampled_from(PROVIDERS),
        st.integers(0, 2),  # the connection
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
    limiters = [RateLimiter(table(limits), lane=lane, share=LimitShare(rank, senders)) for rank in range(senders)]
    now = 1_000_000.0
    started: dict[str, list[float]] = defaultdict(list)
    carrying: dict[str, list[tuple[int, int]]] = defaultdict(list)  # sender, connection
    for act, provider, connection, seconds, number in steps:
        sender = number % senders
        limiter = limiters[sender]
        if act == "pause":
            now += seconds
        elif act == "finish" and carrying[provider]:
            held_by, on = carrying[provider].pop()
            limiters[held_by].finish(provider, connection=on)
        elif act in ("take", "wait"):
            wait = limiter.try_start(provider, now, connection=connection)
            if act == "wait" and 0 < wait < math.inf:
                now += wait + 1e-6
                wait = limiter.try_start(provider, now, connection=connection)
                assert wait == 0
            if wait == 0:
                started[provider].append(now)
                carrying[provider].append((sender, connection))
            assert len(set(carrying[provider])) <= connections
    for moments in started.values():
        assert most_in_a_minute(moments) <= per_minute
    assert most_in_a_minute([moment for moments in started.values() for moment in moments]) <= lane_rate


@given(limit=st.integers(0, 10_000), senders=st.integers(1, 50), name=st.sampled_from(PROVIDERS))
def test_the_parts_of_all_senders_add_up_to_the_limit(limit: int, senders: int, name: str) -> None:
    shares = [LimitShare(rank, senders) for rank in range(senders)]
    assert sum(share.part(limit) for share in shares) == limit
    assert sum(share.rotated(name).part(limit) for share in shares) == limit


def test_a_sender_without_a_part_of_a_limit_starts_nothing_and_is_blocked() -> None:
    one, other = (RateLimiter(table(RateLimits(connections=1)), share=LimitShare(rank, 2)) for rank in range(2))
    assert {limiter.try_start("gmail", 0.0, connection=1) for limiter in (one, other)} == {0.0, BLOCKED}
    for limiter in (one, other):
        limiter.update(table(RateLimits(connections=1)), lane=RateLimits(), left=None)
        limiter.finish("gmail", connection=1)
        assert limiter.try_start("gmail", 0.0, connection=1) == 0, "alone again, it has all of it"
    assert (
        RateLimiter(table(RateLimits()), lane=RateLimits(per_minute=1), share=LimitShare(1, 2)).lane_wait(0.0)
        == BLOCKED
    )


def test_what_a_warming_provider_may_get_today_is_shared_too() -> None:
    warming = table(RateLimits(warmup=WarmUp(first=5, target=1000)))
    limiters = [RateLimiter(warming, left={"gmail": 3}, share=LimitShare(rank, 2)) for rank in range(2)]
    for provider, most in (("gmail", 3), ("orange", 5)):
        assert sum(limiter.try_start(provider, 0.0) == 0 for limiter in limiters for _ in range(9)) == most


@given(per_minute=st.integers(1, 2_000), delays=st.lists(st.floats(0, 0.25), min_size=1, max_size=50))
def test_no_minute_passes_the_limit_as_the_receiver_counts(per_minute: int, delays: list[float]) -> None:
    """Mails are not all as long on their way; the event loop looks late now and then, and catches up."""
    limiter, now, arrived = RateLimiter(table(RateLimits(per_minute=per_minute))), 0.0, list[float]()
    while now < 62:
        wait = limiter.try_start("x", now)
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
        wait = limiter.try_start("x", now)
        if wait == 0:
            started.append(now)
        else:
            now += max(wait + 1e-9, late)
    assert most_in_a_minute(started) <= per_minute
    assert len(started) >= min(300, per_minute * 0.99 - 1)


def test_a_slow_provider_delays_no_other() -> None:
    """THR-04: the tarpit takes its two connections and nothing else."""
    slow = RateLimits(connections=2, per_minute=1)
    limiter = RateLimiter(table(RateLimits(per_minute=600), orange=slow), lane=RateLimits(per_minute=60_000))
    assert limiter.try_start("orange", 0.0) == 0
    assert 59 < limiter.try_start("orange", 0.0) < 61
    starts, now = 0, 0.0
    while now < 60:
        limiter.try_start("orange", now)
        starts += limiter.try_start("gmail", now) == 0
        now += 0.01
    assert starts >= 590


def test_connections_are_counted_and_come_back() -> None:
    limiter = RateLimiter(table(RateLimits(connections=1)))
    assert limiter.try_start("gmail", 0.0, connection=1) == 0
    assert limiter.try_start("gmail", 0.0, connection=1) == 0  # the next message is pipelined
    assert limiter.try_start("gmail", 0.0, connection=2) == BLOCKED
    limiter.finish("gmail", connection=1)
    assert limiter.try_start("gmail", 0.0, connection=2) == BLOCKED
    limiter.finish("gmail", connection=1)
    assert limiter.try_start("gmail", 0.0) == 0
    assert limiter.try_start("gmail", 0.0) == BLOCKED  # without a connection, each mail is one
    assert limiter.left == {}  # it is no warm-up that blocks


def test_a_new_limit_holds_at_once() -> None:
    limiter = RateLimiter(table(RateLimits(per_minute=1)))
    assert limiter.try_start("gmail", 0.0) == 0
    assert limiter.try_start("gmail", 1.0) > 50
    limiter.update(table(RateLimits(per_minute=60)), lane=RateLimits(), left={})
    assert limiter.try_start("gmail", 1.0) < 2
    assert limiter.is_exhausted("gmail", 10_000) is False


def test_a_warming_provider_gets_no_more_than_is_left_today() -> None:
    plan = WarmUp(first=3, target=1000)
    limiter = RateLimiter(table(RateLimits(warmup=plan)), left={"gmail": 1})
    assert limiter.try_start("gmail", 0.0) == 0
    assert limiter.try_start("gmail", 0.0) == BLOCKED
    assert limiter.left["gmail"] == 0
    assert [limiter.try_start("orange", 0.0) for _ in range(4)] == [0, 0, 0, BLOCKED]  # the plan's first day


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
