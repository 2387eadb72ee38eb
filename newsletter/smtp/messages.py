"""What we say of a delivery in our own words: why a server is out of reach, and notes of mails it said nothing about.

A note is stored beside a server's own words, so it is a stable code (`LocalNote`, with its details behind a space) and
becomes a French sentence when it is shown. Codes are never renamed: stored notes outlive a release.
"""

import re
from enum import StrEnum

from newsletter.i18n import _, lazy

NO_ANSWER = lazy("Le serveur d’envoi {host}:{port} ne répond pas. Vérifiez qu’il est démarré et les réglages SMTP.")
REFUSED_LOGIN = lazy(
    "Le serveur d’envoi refuse notre compte ({words}). Vérifiez l’identifiant et le mot de passe SMTP."
)
NO_LOGIN = lazy(
    "Le serveur d’envoi ne propose aucune connexion par mot de passe que nous sachions faire (PLAIN ou LOGIN). "
    "Vérifiez le port et le chiffrement SMTP."
)
NOT_WELCOME = lazy("Le serveur d’envoi ne veut pas de nos lettres pour l’instant ({words}).")
NO_ENCRYPTION = lazy("Le serveur d’envoi ne propose pas STARTTLS. Vérifiez le port et le chiffrement SMTP.")
BAD_CERTIFICATE = lazy(
    "Le certificat du serveur d’envoi n’inspire pas confiance ({words}). "
    "Vérifiez le nom du serveur et l’autorité de certification."
)
BAD_AUTHORITY = lazy(
    "Le fichier de l’autorité de certification, {name}, ne se lit pas ou n’est pas au format PEM. "
    "Vérifiez NEWSLETTER_SMTP_CA_FILE, et ca_file dans pace.toml."
)
CONNECTION_LOST = lazy("Le serveur d’envoi a coupé la connexion ({words}).")


class LocalNote(StrEnum):
    """Why a message was refused on our side, or why its connection ended: what `Reply.words` says when we speak."""

    invalid_character = "local:invalid-character"
    no_address = "local:no-address"
    no_smtputf8 = "local:no-smtputf8"
    too_large = "local:too-large"  # octets of the message / octets that the server accepts
    stopped = "local:stopped"
    aborted = "local:aborted"
    closed = "local:closed"
    closed_by_server = "local:closed-by-server"
    network_error = "local:network-error"  # what the operating system says
    malformed_response = "local:malformed-response"
    early_response = "local:early-response"
    out_of_step = "local:out-of-step"  # the server's answer, where there was one to quote
    timeout = "local:timeout"
    write_timeout = "local:write-timeout"


_SENTENCES = {
    LocalNote.invalid_character: lazy("un caractère qu’aucune adresse ne peut contenir"),
    LocalNote.no_address: lazy("l’adresse manque"),
    LocalNote.no_smtputf8: lazy("le serveur n’accepte pas les adresses accentuées (SMTPUTF8)"),
    LocalNote.too_large: lazy("le message est trop gros pour le serveur (octets/limite)"),
    LocalNote.stopped: lazy("notre programme s’est arrêté"),
    LocalNote.aborted: lazy("connexion abandonnée par notre programme"),
    LocalNote.closed: lazy("connexion fermée par notre programme"),
    LocalNote.closed_by_server: lazy("connexion fermée par le serveur"),
    LocalNote.network_error: lazy("connexion perdue"),
    LocalNote.malformed_response: lazy("le serveur a répondu autre chose que du SMTP"),
    LocalNote.early_response: lazy("le serveur a répondu avant de recevoir le message"),
    LocalNote.out_of_step: lazy("les réponses du serveur ne suivent plus nos commandes"),
    LocalNote.timeout: lazy("le serveur n’a pas répondu à temps"),
    LocalNote.write_timeout: lazy("le serveur n’a rien lu du message à temps"),
}

_STORED_IN_ENGLISH = {
    "a character that no address may hold": LocalNote.invalid_character,
    "no address": LocalNote.no_address,
    "the server takes no address with accents (SMTPUTF8)": LocalNote.no_smtputf8,
    "our side stopped": LocalNote.stopped,
    "given up": LocalNote.aborted,
    "closed": LocalNote.closed,
    "closed by the server": LocalNote.closed_by_server,
    "no SMTP answer": LocalNote.malformed_response,
    "the server spoke before the body": LocalNote.early_response,
    "answers out of step": LocalNote.out_of_step,
    "no answer in time": LocalNote.timeout,
    "nothing taken in time": LocalNote.write_timeout,
}
"""The notes of before the codes; two more held figures or the server's answer."""
_STORED_SIZE = re.compile(r"(\d+) octets, and the server takes (\d+)")
_STORED_ANSWER = re.compile(r"out of step: (.*)", re.DOTALL)


def note(code: LocalNote, detail: str = "") -> str:
    """The words of a note of ours, as they are stored."""
    return f"{code} {detail}" if detail else code.value


def words_to_show(words: str) -> str:
    """The words of a reply as people read them: a note of ours as a sentence, a server's own words as they are."""
    code, detail = _parsed_note(words)
    if code is None:
        return words
    return (
        _("{sentence} : {detail}").format(sentence=_SENTENCES[code], detail=detail) if detail else str(_SENTENCES[code])
    )


def _parsed_note(words: str) -> tuple[LocalNote | None, str]:
    code, _space, detail = words.partition(" ")
    if code in _BY_CODE:
        return _BY_CODE[code], detail
    if size := _STORED_SIZE.fullmatch(words):
        return LocalNote.too_large, f"{size[1]}/{size[2]}"
    if answer := _STORED_ANSWER.fullmatch(words):
        return LocalNote.out_of_step, answer[1]
    return _STORED_IN_ENGLISH.get(words), ""


_BY_CODE = {code.value: code for code in LocalNote}
