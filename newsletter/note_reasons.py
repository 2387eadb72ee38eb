"""What a mail note says when no server said it: stored as a code, shown as a sentence in the reader's language.

A note's `words` are either the server's own answer, shown as it is, or a reason of ours. Notes written before there
were codes, and those of the SMTP client, hold an English sentence instead of a code; they are translated just the same.
"""

import re
from enum import StrEnum

from newsletter.i18n import lazy


class NoteReason(StrEnum):
    """Why the ledger changed a mail by itself. The sign in front keeps a code apart from any server's words."""

    sender_died = "#sender-died"
    reader_acted = "#reader-acted"
    resend_policy = "#resend-policy"
    drop_policy = "#drop-policy"


_SENTENCES: dict[str, str] = {
    NoteReason.sender_died: lazy("l’envoi s’est interrompu avant la réponse du serveur"),
    NoteReason.reader_acted: lazy("la personne a ouvert la lettre, y a cliqué ou y a répondu"),
    NoteReason.resend_policy: lazy("sans preuve, elle repart à l’identique : c’est la règle de ce numéro"),
    NoteReason.drop_policy: lazy("sans preuve, elle est abandonnée : c’est la règle de ce numéro"),
    "our side stopped": lazy("l’envoi a été arrêté de notre côté"),
    "given up": lazy("nous avons abandonné la connexion"),
    "closed": lazy("la connexion était fermée"),
    "closed by the server": lazy("le serveur a fermé la connexion"),
    "nothing taken in time": lazy("le serveur n’a rien pris à temps"),
    "no answer in time": lazy("le serveur n’a pas répondu à temps"),
    "no SMTP answer": lazy("la réponse du serveur n’est pas du SMTP"),
    "the server spoke before the body": lazy("le serveur a répondu avant d’avoir reçu la lettre"),
    "answers out of step": lazy("les réponses du serveur ne correspondent plus à nos commandes"),
    "no address": lazy("il n’y a pas d’adresse"),
    "a character that no address may hold": lazy("l’adresse contient un caractère interdit"),
    "the server takes no address with accents (SMTPUTF8)": lazy(
        "le serveur n’accepte pas les adresses accentuées (SMTPUTF8)"
    ),
}
_WRITTEN_BEFORE = {
    "the sender died before it knew the answer": NoteReason.sender_died,
    "its reader acted on it": NoteReason.reader_acted,
    "policy: resend": NoteReason.resend_policy,
    "policy: drop": NoteReason.drop_policy,
}
_PATTERNS = (
    (
        re.compile(r"(?P<size>\d+) octets, and the server takes (?P<limit>\d+)"),
        lazy("{size} octets, et le serveur n’en accepte que {limit}"),
    ),
    (
        re.compile(r"out of step: (?P<answer>.*)", re.DOTALL),
        lazy("les réponses du serveur ne correspondent plus à nos commandes : {answer}"),
    ),
)


def note_text(words: str) -> str:
    """What people read for the words of a note: a reason of ours translated, a server's own words as they are."""
    if sentence := _SENTENCES.get(_WRITTEN_BEFORE.get(words, words)):
        return str(sentence)
    for pattern, sentence in _PATTERNS:
        if found := pattern.fullmatch(words):
            return sentence.format(**found.groupdict())
    return words
