"""What a mail note says when no server said it: stored as a code, shown as a sentence in the reader's language.

A note's `words` are either the server's own answer, shown as it is, or a reason of ours: a `NoteReason`, with its
detail behind a space. Codes are never renamed, for stored notes outlive a release; notes of before the codes hold an
English sentence, which is shown just the same.
"""

import re
from enum import StrEnum

from newsletter.i18n import _, lazy


class NoteReason(StrEnum):
    """Why a mail changed though no server said so. The sign in front keeps a code apart from any server's words."""

    # The ledger changed the mail by itself.
    sender_died = "#sender-died"
    reader_acted = "#reader-acted"
    resend_policy = "#resend-policy"
    drop_policy = "#drop-policy"
    # The SMTP client refused the message before it was offered.
    invalid_character = "#invalid-character"
    no_address = "#no-address"
    no_smtputf8 = "#no-smtputf8"
    too_large = "#too-large"  # octets of the message / octets that the server accepts
    # The connection ended before the server answered.
    stopped = "#stopped"
    aborted = "#aborted"
    closed = "#closed"
    closed_by_server = "#closed-by-server"
    network_error = "#network-error"  # what the operating system says
    malformed_response = "#malformed-response"
    early_response = "#early-response"
    out_of_step = "#out-of-step"  # the server's answer, where there was one to quote
    timeout = "#timeout"
    write_timeout = "#write-timeout"


_SENTENCES = {
    NoteReason.sender_died: lazy("l’envoi s’est interrompu avant la réponse du serveur"),
    NoteReason.reader_acted: lazy("la personne a ouvert la lettre, y a cliqué ou y a répondu"),
    NoteReason.resend_policy: lazy("sans preuve, elle repart à l’identique : c’est la règle de ce numéro"),
    NoteReason.drop_policy: lazy("sans preuve, elle est abandonnée : c’est la règle de ce numéro"),
    NoteReason.invalid_character: lazy("l’adresse contient un caractère interdit"),
    NoteReason.no_address: lazy("il n’y a pas d’adresse"),
    NoteReason.no_smtputf8: lazy("le serveur n’accepte pas les adresses accentuées (SMTPUTF8)"),
    NoteReason.too_large: lazy("la lettre est trop lourde pour le serveur (octets/limite)"),
    NoteReason.stopped: lazy("l’envoi a été arrêté de notre côté"),
    NoteReason.aborted: lazy("nous avons abandonné la connexion"),
    NoteReason.closed: lazy("la connexion était fermée"),
    NoteReason.closed_by_server: lazy("le serveur a fermé la connexion"),
    NoteReason.network_error: lazy("la connexion a été perdue"),
    NoteReason.malformed_response: lazy("la réponse du serveur n’est pas du SMTP"),
    NoteReason.early_response: lazy("le serveur a répondu avant d’avoir reçu la lettre"),
    NoteReason.out_of_step: lazy("les réponses du serveur ne correspondent plus à nos commandes"),
    NoteReason.timeout: lazy("le serveur n’a pas répondu à temps"),
    NoteReason.write_timeout: lazy("le serveur n’a rien pris à temps"),
}
_WRITTEN_BEFORE = {
    "the sender died before it knew the answer": NoteReason.sender_died,
    "its reader acted on it": NoteReason.reader_acted,
    "policy: resend": NoteReason.resend_policy,
    "policy: drop": NoteReason.drop_policy,
    "a character that no address may hold": NoteReason.invalid_character,
    "no address": NoteReason.no_address,
    "the server takes no address with accents (SMTPUTF8)": NoteReason.no_smtputf8,
    "our side stopped": NoteReason.stopped,
    "given up": NoteReason.aborted,
    "closed": NoteReason.closed,
    "closed by the server": NoteReason.closed_by_server,
    "no SMTP answer": NoteReason.malformed_response,
    "the server spoke before the body": NoteReason.early_response,
    "answers out of step": NoteReason.out_of_step,
    "no answer in time": NoteReason.timeout,
    "nothing taken in time": NoteReason.write_timeout,
}
_SIZE_WRITTEN_BEFORE = re.compile(r"(\d+) octets, and the server takes (\d+)")
_ANSWER_WRITTEN_BEFORE = re.compile(r"out of step: (.*)", re.DOTALL)
_BY_CODE = {reason.value: reason for reason in NoteReason}


def note_words(reason: NoteReason, detail: str = "") -> str:
    """The words of a note of ours, as they are stored."""
    return f"{reason} {detail}" if detail else reason.value


def note_text(words: str) -> str:
    """What people read for the words of a note: a reason of ours translated, a server's own words as they are."""
    reason, detail = _reason_of(words)
    if reason is None:
        return words
    sentence = str(_SENTENCES[reason])
    return _("{sentence} : {detail}").format(sentence=sentence, detail=detail) if detail else sentence


def _reason_of(words: str) -> tuple[NoteReason | None, str]:
    """The reason that stands in these words, with its detail; None where a server speaks."""
    code, _space, detail = words.partition(" ")
    if code in _BY_CODE:
        return _BY_CODE[code], detail
    if size := _SIZE_WRITTEN_BEFORE.fullmatch(words):
        return NoteReason.too_large, f"{size[1]}/{size[2]}"
    if answer := _ANSWER_WRITTEN_BEFORE.fullmatch(words):
        return NoteReason.out_of_step, answer[1]
    return _WRITTEN_BEFORE.get(words), ""
