"""A lead goes to the most exact rule, to somebody who is there and has room, and it says why."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from newsletter.advisers.routing import Choice, LeadToRoute, choose
from newsletter.store.leads import Adviser, TerritoryRule

TODAY = date(2026, 11, 23)
FIGEAC, CAHORS = "200067361", "200023737"
LEAD = LeadToRoute(epci=FIGEAC, epci_name="CC Grand-Figeac", sectors={"industrie": "Industrie", "sante": "Santé"})


def an_adviser(number: int, **fields: Any) -> Adviser:
    given: dict[str, Any] = {"id": number, "name": f"Référent {number}", "address": "r@lot.example", "capacity": 10}
    return Adviser(**(given | fields))


def a_rule(adviser: int, epci: str | None = None, sector: str | None = None) -> TerritoryRule:
    return TerritoryRule(id=adviser * 10, adviser_id=adviser, epci_siren=epci, sector_code=sector)


def chosen(
    *rules: TerritoryRule, lead: LeadToRoute = LEAD, loads: Mapping[int, int] | None = None, **changes: Adviser
) -> Choice | None:
    advisers = [changes.get(f"a{number}", an_adviser(number)) for number in range(1, 5)]
    return choose(lead, rules, advisers, loads or {}, TODAY)


def test_the_most_exact_rule_wins() -> None:
    rules = [a_rule(4), a_rule(3, sector="industrie"), a_rule(2, FIGEAC), a_rule(1, FIGEAC, "industrie")]
    found = [chosen(*rules[: count + 1]) for count in range(4)]
    assert [choice and (choice.adviser_id, choice.why) for choice in found] == [
        (4, "Règle générale : aucun référent plus proche"),
        (3, "Métier : Industrie"),
        (2, "Territoire : CC Grand-Figeac"),
        (1, "Territoire : CC Grand-Figeac ; métier : Industrie"),
    ]


def test_a_lead_that_fits_nobody_gets_nobody() -> None:
    assert chosen(a_rule(1, CAHORS), a_rule(2, FIGEAC, "btp")) is None
    assert chosen(a_rule(1, FIGEAC), lead=LeadToRoute()) is None


def test_whoever_is_away_is_replaced_and_the_reason_says_so() -> None:
    away = an_adviser(1, absent_from=TODAY, absent_until=TODAY + timedelta(days=3), stand_in_id=3)
    choice = chosen(a_rule(1, FIGEAC), a1=away)
    assert choice == Choice(
        adviser_id=3, why="Territoire : CC Grand-Figeac. Remplace Référent 1, en congé jusqu’au 26 novembre"
    )
    back = an_adviser(1, absent_from=TODAY - timedelta(days=9), absent_until=TODAY - timedelta(days=1), stand_in_id=3)
    found = chosen(a_rule(1, FIGEAC), a1=back)
    assert found is not None
    assert found.adviser_id == 1


def test_two_who_stand_in_for_each_other_and_are_both_away_end_nowhere() -> None:
    one, two = (an_adviser(n, absent_from=TODAY, stand_in_id=3 - n) for n in (1, 2))
    assert chosen(a_rule(1, FIGEAC), a1=one, a2=two) is None
    choice = chosen(a_rule(1, FIGEAC), a_rule(4), a1=one, a2=two)
    assert choice is not None
    assert choice.adviser_id == 4


def test_the_lightest_load_takes_it_then_the_first_come_and_the_full_are_passed_over() -> None:
    rules = [a_rule(1, FIGEAC), a_rule(2, FIGEAC), a_rule(4)]
    for loads, expected in (({}, 1), ({1: 2, 2: 1}, 2), ({1: 10, 2: 10}, 4)):
        choice = chosen(*rules, loads=loads)
        assert choice is not None
        assert choice.adviser_id == expected
    assert chosen(*rules, loads={1: 10, 2: 10, 4: 10}) is None
