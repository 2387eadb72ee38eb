"""The rows of one address become one person, and a file never makes a yes of a no."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from newsletter.imports.columns import Column
from newsletter.imports.judging import JudgedRow, RowStatus
from newsletter.imports.merging import ImportedPerson, RowDoubts, StoredPerson, by_address, merge
from newsletter.store.consent_chain import ConsentChain, ConsentStanding
from newsletter.store.people import Subscriber
from newsletter.words import Axis, Channel, ConsentState, Horizon

MET = datetime(2026, 7, 1, 10, 0, tzinfo=UTC)
YES, NO = ConsentState.granted, ConsentState.denied


def a_row(number: int, **fields: Any) -> JudgedRow:
    given: dict[str, Any] = {"status": RowStatus.taken, "address": "a@exemple.fr", "axes": {Axis.newsletter: YES}}
    return JudgedRow(number=number, **(given | fields))


def stored(axes: dict[Axis, ConsentStanding] | None = None, **fields: Any) -> StoredPerson:
    row = Subscriber(id=7, address="a@exemple.fr", address_hash=b"a", joined_at=MET, **fields)
    return StoredPerson(row, ConsentChain(stands=axes or {}))


def merged(*rows: JudgedRow, known: StoredPerson | None = None) -> tuple[list[ImportedPerson], RowDoubts]:
    return merge(by_address(rows), {"a@exemple.fr": known} if known else {})


def test_one_address_is_one_person_with_their_first_source_and_all_their_sectors() -> None:
    first = a_row(2, first_name="", partner_id=3, sectors=frozenset({"btp"}))
    second = a_row(5, first_name="Ana", partner_id=4, sectors=frozenset({"sante"}), horizon=Horizon.later)
    (person,), doubts = merged(first, second)
    assert (person.subscriber_id, person.first, person.sectors) == (None, first, frozenset({"btp", "sante"}))
    assert (person.fields["first_name"], person.fields["horizon"]) == ("Ana", Horizon.later)
    assert doubts == {}


def test_refused_and_quarantined_rows_speak_of_nobody() -> None:
    others = [a_row(2, status=RowStatus.refused), a_row(3, status=RowStatus.quarantined)]
    assert by_address([*others, a_row(4)]) == {"a@exemple.fr": [a_row(4)]}


def test_of_a_known_person_only_what_is_empty_is_filled() -> None:
    known = stored(first_name="Ana", country="FR", horizon=Horizon.unknown)
    (person,), _doubts = merged(
        a_row(2, first_name="Anna", last_name="L’Hôte", country="BE", horizon=Horizon.later), known=known
    )
    assert person.subscriber_id == 7
    assert person.fields == {"last_name": "L’Hôte", "horizon": Horizon.later, "name_folded": "ana l hote"}


def test_nothing_new_changes_nothing() -> None:
    (person,), _doubts = merged(a_row(2, first_name="Anna"), known=stored(first_name="Ana", last_name="Roux"))
    assert person.fields == {}


@pytest.mark.parametrize("order", [(YES, NO), (NO, YES)])
def test_a_no_beats_a_yes_of_the_same_file_and_the_row_with_the_yes_is_doubted(
    order: tuple[ConsentState, ConsentState],
) -> None:
    rows = [a_row(number, axes={Axis.newsletter: state}) for number, state in enumerate(order, start=2)]
    (person,), doubts = merged(*rows)
    assert [(word.axis, word.state) for word in person.words] == [(Axis.newsletter, NO)]
    ((number, (doubt,)),) = doubts.items()
    assert rows[number - 2].axes[Axis.newsletter] == YES
    assert doubt.column == Column.newsletter
    assert "c’est le non qui compte" in doubt.sentence


@pytest.mark.parametrize(
    ("said", "stands", "channel", "since", "written"),
    [
        (YES, NO, Channel.imported, -1, False),
        (YES, NO, Channel.web, -1, False),
        (NO, YES, Channel.imported, 1, True),
        (NO, YES, Channel.web, -1, True),
        (NO, YES, Channel.web, 0, True),
        (NO, YES, Channel.web, 1, False),
        (YES, YES, Channel.web, 1, True),
        (YES, ConsentState.unknown, Channel.web, 1, True),
    ],
)
def test_a_files_word_is_written_unless_it_revives_a_no_or_is_older_than_a_yes_of_their_own(
    said: ConsentState, stands: ConsentState, channel: Channel, since: int, written: bool
) -> None:
    known = stored({Axis.newsletter: ConsentStanding(stands, MET + timedelta(days=since), channel)})
    (person,), doubts = merged(a_row(2, axes={Axis.newsletter: said}, met_on=MET), known=known)
    assert bool(person.words) == written
    assert bool(doubts.get(2)) == (not written)


def test_a_no_without_a_date_is_written_over_their_own_yes() -> None:
    known = stored({Axis.newsletter: ConsentStanding(YES, MET, Channel.web)})
    (person,), _doubts = merged(a_row(2, axes={Axis.newsletter: NO}, met_on=None), known=known)
    assert [word.state for word in person.words] == [NO]


def test_what_is_not_written_of_another_axis_is_not_said() -> None:
    known = stored({Axis.clicks: ConsentStanding(NO, MET, Channel.web)})
    (person,), doubts = merged(a_row(2, axes={Axis.newsletter: YES, Axis.clicks: YES}), known=known)
    assert [word.axis for word in person.words] == [Axis.newsletter]
    assert doubts == {}


def test_addresses_that_differ_by_capitals_are_two_people_and_the_second_is_doubted() -> None:
    people, doubts = merged(a_row(2), a_row(3, address="A@exemple.fr"), a_row(4, address="A@exemple.fr"))
    assert [person.address for person in people] == ["a@exemple.fr", "A@exemple.fr"]
    assert {number: [doubt.column for doubt in found] for number, found in doubts.items()} == {3: [Column.address]}
