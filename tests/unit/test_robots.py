"""Machines are told from people by rules that anyone can read, and a scan never spoils a person's click."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from newsletter.tracking.agents import Agent, Hint
from newsletter.tracking.robots import Fetch, judge
from newsletter.words import EventKind, Verdict
from tests.conftest import A_MONDAY as ACCEPTED

LATER = ACCEPTED + timedelta(days=1)


def click(after: float, link: int = 1, *, agent: Agent = Agent.browser, method: str = "GET", hints: str = "") -> Fetch:
    """A click so many seconds after the receiver took the mail."""
    return Fetch(
        kind=EventKind.clicked, at=ACCEPTED + timedelta(seconds=after), link=link, method=method, agent=agent,
        hints=frozenset(hints.split()),
    )  # fmt: skip


def opened(after: float, *, agent: Agent = Agent.browser) -> Fetch:
    return Fetch(kind=EventKind.opened, at=ACCEPTED + timedelta(seconds=after), agent=agent)


def verdicts(*fetches: Fetch, links: int = 0, now: datetime = LATER) -> list[Verdict]:
    return [judgement.verdict for judgement in judge(fetches, accepted_at=ACCEPTED, now=now, links=links)]


def test_a_click_waits_a_minute_for_its_verdict() -> None:
    at = ACCEPTED + timedelta(minutes=5)
    assert verdicts(click(300), now=at + timedelta(seconds=59)) == [Verdict.unknown]
    assert verdicts(click(300), now=at + timedelta(seconds=60)) == [Verdict.human]


def test_a_person_who_clicks_after_a_scan_of_every_link_counts_once() -> None:
    scan = [click(3 + link / 20, link) for link in range(8)]
    assert verdicts(*scan, click(7200, 5), links=8) == [Verdict.scanner] * 8 + [Verdict.human]


def test_clicks_in_a_burst_are_no_persons() -> None:
    assert verdicts(*(click(60 + n * 0.3, n) for n in range(4))) == [Verdict.scanner] * 4
    assert verdicts(*(click(60 + n * 2.4, n) for n in range(5))) == [Verdict.scanner] * 5


def test_a_person_who_reads_with_interest_is_no_scanner() -> None:
    assert verdicts(*(click(60 + n * 4, n) for n in range(4)), links=8) == [Verdict.human] * 4


def test_every_link_within_ten_seconds_is_a_scan_unless_there_are_only_two() -> None:
    assert verdicts(*(click(60 + n * 4, n) for n in range(3)), links=3) == [Verdict.scanner] * 3
    assert verdicts(click(60, 1), click(64, 2), links=2) == [Verdict.human] * 2


def test_a_click_before_a_person_could_read_is_a_scan() -> None:
    assert verdicts(click(1.9)) == [Verdict.scanner]
    assert verdicts(click(-5)) == [Verdict.scanner]
    assert verdicts(click(2.1)) == [Verdict.human]


def test_two_links_at_once_are_no_finger_and_one_link_twice_counts_once() -> None:
    assert verdicts(click(60, 1), click(60.05, 2)) == [Verdict.scanner] * 2
    assert verdicts(click(60, 1), click(60.05, 1)) == [Verdict.prefetch, Verdict.human]


def test_looks_ahead_never_count_nor_make_a_burst() -> None:
    looks = [click(59 + n / 10, n, method="HEAD") for n in range(5)]
    assert verdicts(*looks, click(60)) == [Verdict.prefetch] * 5 + [Verdict.human]
    assert verdicts(click(60, hints=Hint.prefetch)) == [Verdict.prefetch]


def test_behind_a_company_filter_only_haste_is_a_machine() -> None:
    for hint in (Hint.rewritten, Hint.crowd):
        assert verdicts(click(10, hints=hint), click(3600, hints=hint)) == [Verdict.scanner, Verdict.human]


def test_agents_that_are_not_people_never_count() -> None:
    machines = [agent for agent in Agent if agent is not Agent.browser]
    judged = verdicts(*(click(100.0 * n, n, agent=agent) for n, agent in enumerate(machines, start=1)))
    assert Verdict.human not in judged


def test_picture_proxies_of_people_are_opens_and_prefetching_ones_are_not() -> None:
    for agent in (Agent.browser, Agent.gmail_proxy, Agent.yahoo_proxy, Agent.office):
        assert verdicts(opened(100, agent=agent)) == [Verdict.human]
    for agent in (Agent.gmail_prefetch, Agent.bare):
        assert verdicts(opened(100, agent=agent)) == [Verdict.prefetch]


def test_a_mail_is_opened_at_most_once_a_day() -> None:
    day = 24 * 3600
    found = verdicts(opened(100), opened(200), opened(100 + day), now=LATER + timedelta(days=2))
    assert found == [Verdict.human, Verdict.unknown, Verdict.human]


@given(
    st.lists(
        st.builds(click, st.integers(0, 20_000), st.integers(1, 8), agent=st.sampled_from(Agent)),
        max_size=25,
    ),
    st.integers(0, 8),
    st.randoms(),
)  # fmt: skip
def test_verdicts_do_not_depend_on_the_order_in_which_hits_came_in(
    fetches: list[Fetch], links: int, chance: object
) -> None:
    distinct = list({fetch.at: fetch for fetch in fetches}.values())
    shuffled = list(distinct)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    told = dict(zip(distinct, judge(distinct, accepted_at=ACCEPTED, now=LATER, links=links), strict=True))
    assert dict(zip(shuffled, judge(shuffled, accepted_at=ACCEPTED, now=LATER, links=links), strict=True)) == told


def reasons(*fetches: Fetch, links: int = 0) -> list[tuple[str, ...]]:
    return [judgement.reasons for judgement in judge(fetches, accepted_at=ACCEPTED, now=LATER, links=links)]


def test_a_verdict_says_by_which_rules() -> None:
    assert reasons(click(300)) == [()]
    assert reasons(click(300, method="HEAD"), click(400, hints=Hint.prefetch)) == [("not-a-get",), ("says-prefetch",)]
    assert reasons(click(1, agent=Agent.scanner)) == [("agent:scanner", "too-soon")]
    assert reasons(opened(300, agent=Agent.bare)) == [("agent:bare",)]
    assert reasons(click(10, hints=f"{Hint.rewritten} {Hint.crowd}")) == [("rewritten-host", "crowd")]
    assert reasons(click(60, 1), click(60.05, 1)) == [("double",), ()]
    assert reasons(click(60, 1), click(60.05, 2)) == [("at-once",)] * 2
    assert reasons(*(click(60 + n * 4, n) for n in range(3)), links=3) == [("all-links",)] * 3
    assert reasons(*(click(60 + n * 0.3, n) for n in range(4))) == [("burst",)] * 4
    assert reasons(opened(100), opened(200)) == [(), ("seen-today",)]
    waiting = judge([click(300)], accepted_at=ACCEPTED, now=ACCEPTED + timedelta(seconds=301))
    assert [judgement.reasons for judgement in waiting] == [("waiting",)]


def test_the_moments_at_which_haste_ends() -> None:
    assert verdicts(click(2)) == [Verdict.human]
    assert verdicts(click(60, hints=Hint.rewritten)) == [Verdict.human]
    assert verdicts(click(70, 1), click(70.1, 2)) == [Verdict.human] * 2
    assert verdicts(*(click(70 + n / 3, n) for n in range(4))) == [Verdict.scanner] * 4  # four within one second
    assert verdicts(*(click(70 + n * 2.5, n) for n in range(5))) == [Verdict.scanner] * 5  # five within ten
    assert verdicts(*(click(70 + n * 5, n) for n in range(3)), links=3) == [Verdict.scanner] * 3  # all within ten


def test_a_click_long_before_a_burst_is_no_part_of_it() -> None:
    burst = [click(600 + n * 0.3, n) for n in range(4)]
    assert verdicts(click(100, 1), *burst) == [Verdict.human] + [Verdict.scanner] * 4
    assert verdicts(*burst, click(900, 1)) == [Verdict.scanner] * 4 + [Verdict.human]


def test_a_scan_of_every_link_marks_only_what_was_clicked_in_its_ten_seconds() -> None:
    scan = [click(600 + n * 4, n) for n in range(3)]
    assert verdicts(click(100, 0), click(580, 1), *scan, links=3) == [Verdict.human] * 2 + [Verdict.scanner] * 3
    assert verdicts(*scan, click(640, 0), click(645, 1), links=3) == [Verdict.scanner] * 3 + [Verdict.human] * 2


def test_the_same_link_twice_is_not_every_link() -> None:
    again = [click(600, 1), click(604, 1), click(608, 2)]
    assert verdicts(*again, links=3) == [Verdict.human] * 3


def test_a_link_taken_twice_still_counts_once_the_first_time_is_out_of_sight() -> None:
    hits = [click(600, 1), click(603, 2), click(606, 1), click(611, 3)]
    assert verdicts(*hits, links=3) == [Verdict.human] + [Verdict.scanner] * 3


def test_two_scans_one_after_the_other_are_both_found() -> None:
    hits = [click(600 + n * 4, n % 3) for n in range(6)]
    assert verdicts(*hits, links=3) == [Verdict.scanner] * 6


def test_of_a_mail_that_was_never_taken_no_hit_is_too_soon() -> None:
    judged = judge([click(1), click(30, hints=Hint.rewritten)], accepted_at=None, now=LATER)
    assert [judgement.verdict for judgement in judged] == [Verdict.human] * 2


def test_hits_at_the_same_moment_are_judged_all_the_same() -> None:
    assert verdicts(click(60, 1), click(60, 2), opened(60)) == [Verdict.scanner] * 2 + [Verdict.human]
