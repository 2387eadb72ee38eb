"""A lead goes to the most exact rule, to somebody who is there and has room, and it says why."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from newsletter.advisers.routing import Choice, LeadToRoute, choose, is_away
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


def test_one_place_is_room_enough_and_none_is_not() -> None:
    busy = an_adviser(1, capacity=1)
    for loads, expected in (({}, 1), ({1: 1}, 4)):
        choice = chosen(a_rule(1, FIGEAC), a_rule(4), a1=busy, loads=loads)
        assert choice is not None
        assert choice.adviser_id == expected


def test_without_any_load_the_first_come_takes_it_whatever_the_order_of_the_rules() -> None:
    for rules in ([a_rule(1, FIGEAC), a_rule(2, FIGEAC)], [a_rule(2, FIGEAC), a_rule(1, FIGEAC)]):
        choice = chosen(*rules, loads={3: 1})
        assert choice is not None
        assert choice.adviser_id == 1


def test_between_one_lead_and_none_it_is_none_that_takes_the_next() -> None:
    choice = chosen(a_rule(1, FIGEAC), a_rule(2, FIGEAC), loads={1: 1})
    assert choice is not None
    assert choice.adviser_id == 2


def test_of_two_rules_that_name_one_adviser_the_older_gives_the_reason() -> None:
    first = TerritoryRule(id=5, adviser_id=1, epci_siren=FIGEAC, sector_code="sante")
    second = TerritoryRule(id=6, adviser_id=1, epci_siren=FIGEAC, sector_code="industrie")
    for rules in ([first, second], [second, first]):
        choice = chosen(*rules)
        assert choice is not None
        assert choice.why == "Territoire : CC Grand-Figeac ; métier : Santé"


def test_without_a_day_of_return_the_reason_names_none() -> None:
    choice = chosen(a_rule(1, FIGEAC), a1=an_adviser(1, absent_from=TODAY, stand_in_id=2))
    assert choice == Choice(adviser_id=2, why="Territoire : CC Grand-Figeac. Remplace Référent 1, en congé")


def test_the_last_day_of_an_absence_belongs_to_it_and_the_day_before_the_first_does_not() -> None:
    one_day = an_adviser(1, absent_from=TODAY, absent_until=TODAY, stand_in_id=2)
    assert is_away(one_day, TODAY)
    assert not is_away(one_day, TODAY - timedelta(days=1))
    assert not is_away(one_day, TODAY + timedelta(days=1))
    assert not is_away(an_adviser(1), TODAY)


def test_whoever_is_away_without_a_stand_in_is_passed_over() -> None:
    alone = an_adviser(2, absent_from=TODAY)
    assert chosen(a_rule(2, FIGEAC), a2=alone) is None


def test_a_stand_in_who_is_away_is_replaced_by_their_own() -> None:
    one, two = an_adviser(1, absent_from=TODAY, stand_in_id=2), an_adviser(2, absent_from=TODAY, stand_in_id=3)
    choice = chosen(a_rule(1, FIGEAC), a1=one, a2=two)
    assert choice is not None
    assert choice.adviser_id == 3


def test_a_rule_for_an_adviser_who_is_gone_gives_the_lead_to_nobody() -> None:
    assert chosen(a_rule(9, FIGEAC)) is None
