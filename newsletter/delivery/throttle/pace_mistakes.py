"""What pace.toml says that makes no sense, told in one French sentence with its place."""

from pydantic import ValidationError

from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy


class PaceFileError(NewsletterError):
    """pace.toml says something that makes no sense; the sentence says what, and where."""


EXPECTED = {
    "connections": lazy("un nombre entier de 0 à 10 000 000 (0 : sans limite)"),
    "per_minute": lazy("un nombre entier de 0 à 10 000 000 (0 : sans limite)"),
    "per_connection": lazy("un nombre entier de 0 à 10 000 000 (0 : sans limite)"),
    "domains": lazy("une liste de domaines, comme [\"exemple.fr\"]"),
    "first": lazy("un nombre entier, au moins 1"),
    "target": lazy("un nombre entier, au moins 1"),
    "growth": lazy("un nombre de plus de 1 à 2 au plus"),
    "client": lazy("« pipelined » ou « aiosmtplib »"),
    "pipelining": lazy("true ou false"),
    "ehlo": lazy("le nom complet de cette machine, comme « envoi.exemple.fr »"),
    "ca_file": lazy("un fichier de certificats au format PEM, à chercher dans le dossier des données"),
    "warmup": lazy("first et target, target n’étant pas plus petit que first"),
    "suspended": lazy("true ou false"),
    "suspend": lazy("true ou false"),
    "says": lazy("une liste de mots de réponse, comme [\"Trop de connexions\"]"),
    "times": lazy("un nombre entier, au moins 1"),
    "within_minutes": lazy("un nombre entier, au moins 1"),
    "for_minutes": lazy("un nombre entier, au moins 1"),
    "when": lazy("says, for_minutes, et l’un de suspend, per_minute ou connections"),
}  # fmt: skip


def mistake(error: ValidationError, *, name: str) -> PaceFileError:
    """The first mistake of the file of this name, with its place and what is expected there."""
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    if first["type"] == "twice":
        sentence = _(
            "Dans {name}, « {provider} » est à la fois sous [provider.{provider}] et sous [family.{provider}]. "
            "Gardez la première section. Les réglages d’avant restent en vigueur."
        )
        return PaceFileError(sentence.format(name=name, provider=first["ctx"]["name"]))
    if first["type"] == "extra_forbidden":
        sentence = _("Dans {name}, « {place} » n’existe pas. Les réglages d’avant restent en vigueur.")
        return PaceFileError(sentence.format(name=name, place=".".join(place)))
    expected = EXPECTED.get(next((part for part in reversed(place) if part in EXPECTED), ""), _("une autre valeur"))
    sentence = _("Dans {name}, « {place} » ne convient pas : {expected}. Les réglages d’avant restent en vigueur.")
    return PaceFileError(sentence.format(name=name, place=".".join(place), expected=expected))
