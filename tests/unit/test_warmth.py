"""Warmth is one number that needs no nightly job, and one sentence that says why."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.leads.rules import HALF_LIFE, LEAD_THRESHOLD, ActKind
from newsletter.leads.warmth import Act, because, now_value, score, warm_since
from newsletter.words import Horizon
from tests.conftest import A_MONDAY as NOW


def act(kind: ActKind, *, days_ago: float = 0, horizon: Horizon = Horizon.unknown, sector: str = "") -> Act:
    return Act(kind=kind, at=NOW - timedelta(days=days_ago), horizon=horizon, sector=sector)


acts = st.lists(
    st.builds(act, st.sampled_from(ActKind), days_ago=st.floats(0, 300), horizon=st.sampled_from(Horizon)), max_size=12
)


@given(acts, acts, st.floats(0, 400))
def test_the_stored_number_orders_people_at_any_later_time(one: list[Act], other: list[Act], days: float) -> None:
    later = NOW + timedelta(days=days)
    plain = [sum(d.weight * 0.5 ** ((later - d.at) / HALF_LIFE) for d in theirs) for theirs in (one, other)]
    assert now_value(score(one), later) == pytest.approx(plain[0])
    if plain[0] > plain[1] * 1.000001:
        assert score(one) > score(other)


def test_an_act_weighs_half_after_a_half_life() -> None:
    clicked = [act(ActKind.opening)]
    assert now_value(score(clicked), NOW + HALF_LIFE) == pytest.approx(now_value(score(clicked), NOW) / 2)


@given(st.integers(0, 200))
def test_opens_alone_never_make_a_lead(opens: int) -> None:
    assert warm_since([act(ActKind.opened, days_ago=n / 10) for n in range(opens)], now=NOW) is None


def test_opens_may_tip_the_balance_of_acts() -> None:
    acts = [act(ActKind.opening), act(ActKind.opening)]
    assert warm_since(acts, now=NOW) is None
    assert warm_since([*acts, *(act(ActKind.opened) for _ in range(4))], now=NOW) == NOW


def test_whoever_asks_to_be_called_is_warm_at_once_and_for_good() -> None:
    asked = act(ActKind.asked, days_ago=300)
    assert warm_since([asked], now=NOW) == asked.at


@given(acts)
def test_warm_means_above_the_threshold_now(theirs: list[Act]) -> None:
    acts = [d for d in theirs if d.kind != ActKind.opened]
    above = now_value(score(theirs), NOW) >= LEAD_THRESHOLD + 1e-6 and now_value(score(acts), NOW) >= 10 + 1e-6
    if above:
        since = warm_since(theirs, now=NOW)
        assert since in {d.at for d in theirs}


def test_warmth_dates_from_the_act_that_made_it_not_from_the_first() -> None:
    old, new = act(ActKind.read, days_ago=200), act(ActKind.answered, days_ago=3, horizon=Horizon.this_year)
    assert warm_since([new, old], now=NOW) == new.at


@pytest.mark.parametrize(
    ("theirs", "sentence"),
    [
        (
            [
                act(ActKind.answered, days_ago=30, horizon=Horizon.this_year),
                act(ActKind.opening, days_ago=30, sector="Industrie"),
                act(ActKind.opening, days_ago=22, sector="Industrie"),
            ],
            "Chaude depuis le 24 octobre : veut venir dans l’année, deux clics sur des offres d’emploi (industrie).",
        ),
        ([act(ActKind.asked, days_ago=22)], "Chaude depuis le 1er novembre : demande à être rappelée."),
        ([act(ActKind.opened), act(ActKind.read, sector="BTP")],
         "Tiède : un clic vers un employeur, un portrait ou une page (BTP), une lettre ouverte."),
        ([act(ActKind.asked, days_ago=400)], "Chaude depuis le 19 octobre 2025 : demande à être rappelée."),
    ],
)  # fmt: skip
def test_a_lead_says_in_one_sentence_why_it_is_warm(theirs: list[Act], sentence: str) -> None:
    assert because(theirs, NOW) == sentence


@pytest.mark.parametrize(
    ("horizon", "words"),
    [
        (Horizon.this_year, "veut venir dans l’année"),
        (Horizon.one_to_three_years, "veut venir d’ici un à trois ans"),
        (Horizon.later, "pense venir plus tard"),
        (Horizon.dreaming, "rêve encore du Lot"),
        (Horizon.unknown, "a répondu au sondage"),
    ],
)
def test_a_project_is_said_as_it_was_answered(horizon: Horizon, words: str) -> None:
    assert because([act(ActKind.answered, horizon=horizon)], NOW).endswith(f" : {words}.")


def test_of_two_answers_the_newest_is_the_project_whichever_is_read_first() -> None:
    older = act(ActKind.answered, days_ago=40, horizon=Horizon.this_year)
    newer = act(ActKind.answered, days_ago=2, horizon=Horizon.dreaming)
    for answers in ([older, newer], [newer, older]):
        assert "rêve encore du Lot" in because(answers, NOW)


def test_nothing_done_is_said_too() -> None:
    assert because([], NOW) == "Tiède : rien encore."


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (1, "une lettre ouverte"), (2, "deux lettres ouvertes"), (3, "trois lettres ouvertes"),
        (4, "quatre lettres ouvertes"), (5, "cinq lettres ouvertes"), (6, "six lettres ouvertes"),
        (7, "sept lettres ouvertes"), (8, "huit lettres ouvertes"), (9, "neuf lettres ouvertes"),
        (10, "10 lettres ouvertes"), (11, "11 lettres ouvertes"),
    ],
)  # fmt: skip
def test_small_numbers_are_written_in_letters(times: int, words: str) -> None:
    assert because([act(ActKind.opened)] * times, NOW) == f"Tiède : {words}."


@pytest.mark.parametrize(
    ("theirs", "words"),
    [
        ([act(ActKind.opening)], "un clic sur une offre d’emploi."),
        ([act(ActKind.read)] * 2, "deux clics vers des employeurs, des portraits ou des pages."),
        (
            [act(ActKind.read, sector=name) for name in ("Santé", "Santé", "BTP", "BTP", "Industrie")],
            "cinq clics vers des employeurs, des portraits ou des pages (santé, BTP).",
        ),
    ],
)
def test_clicks_are_counted_and_name_the_two_trades_looked_at_most(theirs: list[Act], words: str) -> None:
    assert because(theirs, NOW).endswith(f" : {words}")


def test_whoever_was_warm_long_ago_is_warm_no_more() -> None:
    project = act(ActKind.answered, days_ago=10, horizon=Horizon.this_year)
    assert warm_since([project], now=NOW) == project.at
    assert warm_since([project], now=NOW + timedelta(days=90)) is None


def test_acts_that_have_faded_make_no_lead_whatever_was_opened_since() -> None:
    faded = act(ActKind.opening, days_ago=90)  # 8 points, of which 2 are left
    opens = [act(ActKind.opened, days_ago=n / 10) for n in range(30)]
    assert warm_since([faded, act(ActKind.opening, days_ago=45), *opens], now=NOW) is None
    assert warm_since([act(ActKind.opening), act(ActKind.opening), *opens], now=NOW) == NOW


def test_a_second_warm_spell_dates_from_its_own_act() -> None:
    first, second = (act(ActKind.answered, days_ago=days, horizon=Horizon.this_year) for days in (200, 5))
    assert warm_since([first, second], now=NOW) == second.at


@pytest.mark.parametrize(
    ("days_ago", "day"),
    [(1, "22 novembre"), (12, "11 novembre"), (2, "21 novembre"), (22, "1er novembre"), (387, "1er novembre 2025")],
)
def test_the_day_is_written_as_the_french_do(days_ago: int, day: str) -> None:
    assert because([act(ActKind.asked, days_ago=days_ago)], NOW).startswith(f"Chaude depuis le {day} :")
