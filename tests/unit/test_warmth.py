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
