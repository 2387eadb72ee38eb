"""Notes of ours are stored as codes and shown as French sentences; a server's own words stay as they are."""

import re

import pytest

from newsletter.i18n import speaking
from newsletter.smtp.messages import LocalNote, note, words_to_show


@pytest.mark.parametrize("code", LocalNote)
def test_each_note_has_its_sentence(code: LocalNote) -> None:
    sentence = words_to_show(note(code))
    assert "local:" not in sentence
    assert sentence != words_to_show("")
    assert words_to_show(note(code, "451 4.3.0 essai")) == f"{sentence} : 451 4.3.0 essai"


def test_no_two_notes_have_the_same_sentence() -> None:
    assert len({words_to_show(note(code)) for code in LocalNote}) == len(LocalNote)


@pytest.mark.parametrize("words", ["", "5.1.1 <…> unknown", "closed for the holidays", "local: no such user", "local:"])
def test_a_server_s_words_stay_as_they_are(words: str) -> None:
    assert words_to_show(words) == words


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("a character that no address may hold", note(LocalNote.invalid_character)),
        ("no address", note(LocalNote.no_address)),
        ("the server takes no address with accents (SMTPUTF8)", note(LocalNote.no_smtputf8)),
        ("3000 octets, and the server takes 2000", note(LocalNote.too_large, "3000/2000")),
        ("our side stopped", note(LocalNote.stopped)),
        ("given up", note(LocalNote.aborted)),
        ("closed", note(LocalNote.closed)),
        ("closed by the server", note(LocalNote.closed_by_server)),
        ("no SMTP answer", note(LocalNote.malformed_response)),
        ("the server spoke before the body", note(LocalNote.early_response)),
        ("answers out of step", note(LocalNote.out_of_step)),
        ("out of step: 250 2.0.0 what?", note(LocalNote.out_of_step, "250 2.0.0 what?")),
        ("no answer in time", note(LocalNote.timeout)),
        ("nothing taken in time", note(LocalNote.write_timeout)),
    ],
)
def test_notes_that_were_stored_in_english_are_shown_like_the_codes(stored: str, shown: str) -> None:
    assert words_to_show(stored) == words_to_show(shown)
    assert not re.search(r"\b(the|no|our|closed|given)\b", words_to_show(stored).partition(" : ")[0])


def test_the_sentence_is_chosen_when_it_is_shown() -> None:
    with speaking("en"):
        assert words_to_show(note(LocalNote.timeout))
    assert words_to_show(note(LocalNote.timeout)) == "le serveur n’a pas répondu à temps"
