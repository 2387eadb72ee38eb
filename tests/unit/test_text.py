"""Names are compared by one rule."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from newsletter.countries import country_choices, country_code, country_names
from newsletter.horizons import HORIZON_WORDS, horizon_meant
from newsletter.text import fold, nearest, typed_code
from segments import parse
from segments.tree import Plans

ALIKE = [
    ("Saint-Céré", "saint cere"),
    ("Čapek", "CAPEK"),
    ("Grand-Figeac (CC)", "grand figeac cc"),
    ("L’Hospitalet", "l'hospitalet"),
    ("Œuvre & Æthra", "oeuvre aethra"),
    ("Bois  des\u00a0elfes", "BOIS DES ELFES"),
    ("Straße", "STRASSE"),
    ("Ἀθῆναι", "αθηναι"),
]


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_case_accents_ligatures_and_punctuation_do_not_count(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(("one", "other"), [("Figeac", "Figeacs"), ("Lot 1", "Lot 2"), ("★", "☆"), ("Жук", "Жуки")])
def test_letters_digits_and_lone_signs_count(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text())
def test_folding_twice_changes_nothing_and_only_a_blank_text_folds_to_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)
    assert (fold(text) == "") == (not text.split())


def test_the_nearest_word_is_found_across_case_and_accents_and_a_far_one_is_not() -> None:
    assert nearest("SANTE", ["Santé", "Commerce"]) == "Santé"
    assert nearest("zzz", ["Santé", "Commerce"]) is None


@pytest.mark.parametrize(
    ("text", "code"),
    [("Belgique", "BE"), ("belgium", "BE"), ("be", "BE"), ("Grande-Bretagne", "GB"), ("USA", "US"), ("Utopie", None)],
)
def test_a_country_is_known_by_its_code_and_its_french_and_english_names(text: str, code: str | None) -> None:
    assert country_code(text) == code


def test_every_country_of_the_form_has_a_code_that_is_read_back() -> None:
    assert [code for code, _name in country_choices()[:3]] == ["FR", "BE", "NL"]
    assert all(country_code(name) == country_code(code) == code for code, name in country_choices())
    assert dict(country_choices()) == country_names()


@pytest.mark.parametrize("words", HORIZON_WORDS)
def test_a_file_and_a_segment_read_the_same_words_for_a_horizon(words: str) -> None:
    assert horizon_meant(words.upper()) == HORIZON_WORDS[words]
    assert parse(f'projet = "{words}"') == Plans((HORIZON_WORDS[words],))


def test_words_for_no_horizon_are_not_known() -> None:
    assert horizon_meant("bientôt") is None


def test_a_printed_code_is_read_in_any_case_and_with_any_spaces() -> None:
    assert typed_code(" Elfes -26\t") == "elfes-26"
