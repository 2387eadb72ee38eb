"""Reasons of ours are stored as codes and shown as French sentences; a server's own words stay as they are."""

import re

import pytest

from newsletter.i18n import speaking
from newsletter.note_reasons import NoteReason, note_text, note_words


@pytest.mark.parametrize("reason", NoteReason)
def test_each_reason_has_its_sentence(reason: NoteReason) -> None:
    sentence = note_text(note_words(reason))
    assert "#" not in sentence
    assert note_text(note_words(reason, "451 4.3.0 essai")) == f"{sentence} : 451 4.3.0 essai"


def test_no_two_reasons_have_the_same_sentence() -> None:
    assert len({note_text(note_words(reason)) for reason in NoteReason}) == len(NoteReason)


@pytest.mark.parametrize(
    "words", ["", "5.1.1 <…> unknown", "closed for the holidays", "# no such user", "#1 on our list"]
)
def test_a_server_s_words_stay_as_they_are(words: str) -> None:
    assert note_text(words) == words


@pytest.mark.parametrize(
    ("stored", "shown"),
    [
        ("the sender died before it knew the answer", note_words(NoteReason.sender_died)),
        ("its reader acted on it", note_words(NoteReason.reader_acted)),
        ("policy: resend", note_words(NoteReason.resend_policy)),
        ("policy: drop", note_words(NoteReason.drop_policy)),
        ("a character that no address may hold", note_words(NoteReason.invalid_character)),
        ("no address", note_words(NoteReason.no_address)),
        ("the server takes no address with accents (SMTPUTF8)", note_words(NoteReason.no_smtputf8)),
        ("3000 octets, and the server takes 2000", note_words(NoteReason.too_large, "3000/2000")),
        ("our side stopped", note_words(NoteReason.stopped)),
        ("given up", note_words(NoteReason.aborted)),
        ("closed", note_words(NoteReason.closed)),
        ("closed by the server", note_words(NoteReason.closed_by_server)),
        ("no SMTP answer", note_words(NoteReason.malformed_response)),
        ("the server spoke before the body", note_words(NoteReason.early_response)),
        ("answers out of step", note_words(NoteReason.out_of_step)),
        ("out of step: 250 2.0.0 what?", note_words(NoteReason.out_of_step, "250 2.0.0 what?")),
        ("no answer in time", note_words(NoteReason.timeout)),
        ("nothing taken in time", note_words(NoteReason.write_timeout)),
    ],
)
def test_notes_that_were_stored_in_english_are_shown_like_the_codes(stored: str, shown: str) -> None:
    assert note_text(stored) == note_text(shown)
    assert not re.search(r"\b(the|no|our|closed|given)\b", note_text(stored).partition(" : ")[0])


def test_the_sentence_is_chosen_when_it_is_shown() -> None:
    with speaking("en"):
        assert note_text(note_words(NoteReason.timeout))
    assert note_text(note_words(NoteReason.timeout)) == "le serveur n’a pas répondu à temps"
