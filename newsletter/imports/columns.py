"""Which column of a sign-up file holds what, by its title in French or English, or as the person says."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.text import fold
from newsletter.words import Axis


class ColumnError(NewsletterError):
    """A column is missing, or was named wrongly."""


class Column(StrEnum):
    """What the import reads; the values are the words of `--map`."""

    address = "adresse"
    newsletter = "lettre"
    first_name = "prenom"
    last_name = "nom"
    date = "date"
    partner = "partenaire"
    clicks = "clics"
    opens = "ouvertures"
    adviser = "rappel"
    employers = "employeurs"
    sectors = "secteurs"
    horizon = "horizon"
    country = "pays"
    postcode = "code-postal"
    phone = "telephone"


_REQUIRED = (Column.address, Column.newsletter)

CONSENT_COLUMNS = {
    Column.newsletter: Axis.newsletter,
    Column.clicks: Axis.clicks,
    Column.opens: Axis.opens,
    Column.adviser: Axis.adviser,
    Column.employers: Axis.employers,
}

COLUMN_LABELS = {
    Column.address: lazy("adresse e-mail"),
    Column.newsletter: lazy("accord pour la lettre"),
    Column.first_name: lazy("prénom"),
    Column.last_name: lazy("nom"),
    Column.date: lazy("date"),
    Column.partner: lazy("lieu de rencontre"),
    Column.clicks: lazy("mesure des clics"),
    Column.opens: lazy("mesure des ouvertures"),
    Column.adviser: lazy("souhait d’être rappelé"),
    Column.employers: lazy("accord pour les employeurs"),
    Column.sectors: lazy("métiers et secteurs"),
    Column.horizon: lazy("projet d’installation"),
    Column.country: lazy("pays"),
    Column.postcode: lazy("code postal"),
    Column.phone: lazy("téléphone"),
}

COLUMN_TITLES = {
    Column.address: (
        "adresse", "adresse e mail", "adresse email", "adresse mail", "adresse electronique", "adresse courriel",
        "courriel", "e mail", "email", "mail", "mel", "email address", "e mail address", "votre e mail",
    ),
    Column.newsletter: (
        "accepte la newsletter", "newsletter", "lettre", "accepte la lettre", "lettre d information", "infolettre",
        "inscription newsletter", "inscription a la lettre", "abonnement newsletter", "souhaite recevoir la newsletter",
        "souhaite recevoir la lettre", "consentement newsletter", "consentement lettre", "accord newsletter",
        "newsletter consent", "accepts newsletter", "accepts the newsletter", "newsletter opt in", "opt in",
    ),
    Column.first_name: ("prenom", "first name", "firstname", "given name"),
    Column.last_name: ("nom", "nom de famille", "last name", "lastname", "surname", "family name"),
    Column.date: (
        "date", "date d inscription", "date de consentement", "inscrit le", "date de rencontre", "rencontre le",
        "signed up on", "sign up date", "signup date", "date of consent",
    ),
    Column.partner: (
        "rencontre a", "lieu de rencontre", "partenaire", "lieu", "site", "met at", "partner", "place", "where we met",
    ),
    Column.clicks: (
        "accepte la mesure des clics", "mesure des clics", "clics", "clicks", "click tracking",
    ),
    Column.opens: (
        "accepte la mesure des ouvertures", "mesure des ouvertures", "ouvertures", "opens", "open tracking",
        "accepts open tracking",
    ),
    Column.adviser: (
        "souhaite etre rappele", "souhaite etre rappelee", "etre rappele", "rappel", "a rappeler", "rappelez moi",
        "call me back", "wants a call", "wants to be called",
    ),
    Column.employers: (
        "accepte d etre presente a des employeurs", "accord employeurs", "employeurs", "employers",
    ),
    Column.sectors: (
        "metiers secteurs", "metiers", "metier", "secteurs", "secteur", "secteurs d activite", "secteur d activite",
        "sectors", "sector", "trades", "jobs",
    ),
    Column.horizon: (
        "projet d installation", "projet", "horizon", "quand", "installation", "when", "moving plans", "plans",
    ),
    Column.country: ("pays", "pays de residence", "country"),
    Column.postcode: ("code postal", "cp", "postcode", "post code", "postal code", "zip", "zip code"),
    Column.phone: ("telephone", "tel", "portable", "mobile", "phone", "phone number"),
}  # fmt: skip

_FIELD_OF = {title: column for column, titles in COLUMN_TITLES.items() for title in titles}


def parse_map(words: Sequence[str]) -> dict[Column, str]:
    """The columns a person set, each as FIELD=COLUMN. Raises ColumnError for a field that does not exist."""
    chosen: dict[Column, str] = {}
    for word in words:
        field, equals, title = word.partition("=")
        column = _field_called(field)
        if column is None or not equals or not title.strip():
            raise ColumnError(
                _("« {word} » ne convient pas. Écrivez CHAMP=COLONNE ; les champs sont : {fields}.").format(
                    word=word, fields=", ".join(Column)
                )
            )
        chosen[column] = title.strip()
    return chosen


def _field_called(word: str) -> Column | None:
    folded = fold(word)
    return next((column for column in Column if folded in (fold(column.value), fold(column.name))), None)


def recognise(titles: Sequence[str], chosen: Mapping[Column, str]) -> dict[Column, int]:
    """Which column (from 0) holds what; a choice beats a title, and the first of two like titles wins."""
    found: dict[Column, int] = {}
    taken: set[int] = set()
    for column, wanted in chosen.items():
        index = _position(titles, wanted)
        if index is not None:
            found[column] = index
            taken.add(index)
    for index, title in enumerate(titles):
        named = _FIELD_OF.get(fold(title))
        if named is not None and named not in found and named not in chosen and index not in taken:
            found[named] = index
    return found


def _position(titles: Sequence[str], wanted: str) -> int | None:
    """Where a column is that a person named by its title, or by its number from 1."""
    by_title = next((index for index, title in enumerate(titles) if fold(title) == fold(wanted)), None)
    if by_title is None and wanted.isdecimal() and 1 <= int(wanted) <= len(titles):
        return int(wanted) - 1
    return by_title


def check_columns(titles: Sequence[str], found: Mapping[Column, int], chosen: Mapping[Column, str]) -> None:
    """Raise ColumnError unless every required and every chosen column is there."""
    for column, wanted in chosen.items():
        if column not in found:
            raise ColumnError(
                _("Le fichier n’a pas de colonne « {title} ». Ses colonnes sont : {titles}.").format(
                    title=wanted, titles=_listed(titles)
                )
            )
    for column in _REQUIRED:
        if column not in found:
            raise ColumnError(
                _(
                    "Il manque la colonne « {label} ». Si elle porte un autre titre, ajoutez --map {field}=TITRE. "
                    "Colonnes trouvées : {titles}."
                ).format(label=COLUMN_LABELS[column], field=column.value, titles=_listed(titles))
            )


def _listed(titles: Sequence[str]) -> str:
    """Titles to show; one that holds an @ is a line of data, and is not shown (LAW-16)."""
    shown = [title.strip() for title in titles if title.strip() and "@" not in title]
    return " · ".join(shown) if shown else _("aucune")
