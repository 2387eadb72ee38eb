"""A row of a consent chain that was changed, removed or slipped in shows."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from newsletter.store.consent_chain import ConsentChain, ConsentStanding, ConsentStatement, is_intact, next_row
from newsletter.wordings import from_file
from newsletter.words import Axis, Channel, ConsentState

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)


def a_statement(state: ConsentState, *, days: int = 0, axis: Axis = Axis.newsletter) -> ConsentStatement:
    return ConsentStatement(
        subscriber_id=7, axis=axis, state=state, at=NOW + timedelta(days=days), channel=Channel.web,
        wording=from_file("Newsletter"), proof=f"form {days}",
    )  # fmt: skip


def a_chain() -> tuple[ConsentChain, list[dict[str, Any]]]:
    chain = ConsentChain()
    states = (ConsentState.granted, ConsentState.denied, ConsentState.granted)
    return chain, [next_row(chain, a_statement(state, days=n), now=NOW) for n, state in enumerate(states)]


def test_each_row_continues_the_one_before_and_the_chain_moves_on() -> None:
    chain, rows = a_chain()
    assert [row["previous_hash"] for row in rows] == ["", rows[0]["hash"], rows[1]["hash"]]
    assert chain.tip == rows[2]["hash"]
    assert chain.stands == {
        Axis.newsletter: ConsentStanding(ConsentState.granted, NOW + timedelta(days=2), Channel.web)
    }
    assert (rows[0]["wording"], rows[0]["recorded_at"], rows[0]["proof"]) == ("Newsletter", NOW, "form 0")
    assert is_intact(rows)
    assert is_intact([])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("subscriber_id", 8),
        ("axis", Axis.clicks),
        ("state", ConsentState.unknown),
        ("at", NOW - timedelta(microseconds=1)),
        ("recorded_at", NOW + timedelta(seconds=1)),
        ("channel", Channel.imported),
        ("wording", "Oui"),
        ("wording_version", "2020"),
        ("proof", "somewhere else"),
        ("hash", "0" * 64),
        ("previous_hash", "0" * 64),
    ],
)
def test_a_changed_field_breaks_the_chain(field: str, value: object) -> None:
    _chain, rows = a_chain()
    assert not is_intact([rows[0], rows[1] | {field: value}, rows[2]])


@pytest.mark.parametrize("gone", [0, 1])
def test_a_missing_or_moved_row_breaks_the_chain(gone: int) -> None:
    _chain, rows = a_chain()
    assert not is_intact(rows[:gone] + rows[gone + 1 :])
    assert not is_intact([rows[1], rows[0], rows[2]])


def test_a_moment_reads_the_same_from_every_database() -> None:
    _chain, rows = a_chain()
    in_paris = timezone(timedelta(hours=1))
    assert is_intact([row | {"at": row["at"].astimezone(in_paris)} for row in rows])


def test_the_hash_of_a_row_never_changes_with_the_program() -> None:
    assert a_chain()[1][0]["hash"] == "a15f14b9387ed430626431627a9fec49678e20d85d01e8057655ba57989ce543"
