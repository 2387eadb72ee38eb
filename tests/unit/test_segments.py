"""The words of the segment language, without a database."""

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import col

from newsletter.store.people import Subscriber
from newsletter.text import fold
from segments import SegmentError, condition, library, parse, segment_text, sentence
from segments.fields import FIELD_GUIDE, Field
from segments.tree import OneOf, Tree, TypedName
from tests.kit.segment_world import TODAY, Example, examples, trees

NASTY = [
    "'; DROP TABLE subscriber; --", "' OR 1=1 --", '" OR ""="', "%", "_%", "\\", "x' UNION SELECT 1",
    "{{ 7*7 }}", "<script>alert(1)</script>", "ı̇ﬀ", "«", "»", "”", "=cmd()",
]  # fmt: skip


@pytest.mark.parametrize("example", examples("understood.txt"), ids=lambda example: example.text[:40])
def test_a_segment_is_said_in_plain_french(example: Example) -> None:
    assert sentence(parse(example.text)) == example.sentence


@settings(max_examples=150)
@given(trees())
def test_a_tree_written_down_and_read_again_is_the_same_tree(tree: Tree) -> None:
    assert parse(segment_text(tree)) == tree
    assert segment_text(parse(segment_text(tree))) == segment_text(tree)


@settings(max_examples=150)
@given(st.text(max_size=60) | st.lists(st.sampled_from([
    "pays", "=", "≠", "FR", "et", "ou", "non", "(", ")", "parmi", "depuis", "90", "jours", "a cliqué", '"', ",", "pas",
    "inscrit", "commence par", "code postal", "accord", "clics", "oui", "\n", "en", "2026", "secteur",
]), max_size=12).map(" ".join))  # fmt: skip
def test_whatever_is_typed_there_is_a_tree_or_a_sentence_with_a_place(text: str) -> None:
    try:
        tree = parse(text)
    except SegmentError as error:
        told = error
    else:
        assert parse(segment_text(tree)) == tree
        return
    assert 1 <= told.line <= text.count("\n") + 1
    assert 1 <= told.column <= len(text) + 1
    assert str(told).startswith(f"Segment, ligne {told.line}, colonne {told.column} : ")


@pytest.mark.parametrize("value", NASTY)
def test_what_people_type_is_never_part_of_the_statement(value: str) -> None:
    tree = OneOf(Field.partner, (TypedName(value),))
    assert parse(segment_text(tree)) == tree
    asked = sa.select(col(Subscriber.id)).where(condition(tree, today=TODAY)).compile()
    harmless = (
        sa.select(col(Subscriber.id)).where(condition(OneOf(Field.partner, (TypedName("x"),)), today=TODAY)).compile()
    )
    assert str(asked) == str(harmless)
    assert fold(value) in asked.params.values()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("(" * 40 + "pays = FR ou pays = BE" + ")" * 40, None),
        ("non " * 40 + "pays = FR", "Trop de parenthèses"),
        ("pays = FR et " * 400, "raccourcissez"),
        ("pays = \x00", "Effacez-le"),
        ("jeanne@example.org", "…@…"),
    ],
)
def test_a_segment_beyond_reason_is_refused_in_one_sentence(text: str, said: str | None) -> None:
    if said is None:
        assert segment_text(parse(text)) == "pays = FR ou pays = BE"
        return
    with pytest.raises(SegmentError, match=said):
        parse(text)


def test_every_ready_made_segment_can_be_read_and_says_what_it_is_for() -> None:
    saved = library()
    assert len(saved) >= 6
    assert all(sentence(parse(one.text)).startswith("Les personnes") for one in saved)
    assert all(one.purpose.endswith((".", ")")) and one.text.startswith("# ") for one in saved)


def test_every_field_has_an_example_that_can_be_read() -> None:
    assert set(FIELD_GUIDE) == set(Field)
    assert all(sentence(parse(entry.example)) for entry in FIELD_GUIDE.values())
