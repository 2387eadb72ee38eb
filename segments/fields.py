"""The closed list of what a segment can ask about. `docs/reference/segments.md` has an entry for each."""

from dataclasses import dataclass
from enum import StrEnum

from newsletter.i18n import lazy
from newsletter.words import Axis, ConsentState


class Field(StrEnum):
    """A field, by the words people type."""

    country = "pays"
    postcode = "code postal"
    sector = "secteur"
    partner = "partenaire"
    horizon = "projet"
    agreed = "accord"
    joined = "inscrit"
    met = "rencontré"
    commune = "commune souhaitée"
    epci = "epci visé"
    clicked = "a cliqué"


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldHelp:
    """What the guide beside the box where segments are typed says of a field."""

    about: str
    example: str


FIELD_GUIDE: dict[Field, FieldHelp] = {
    Field.agreed: FieldHelp(
        about=lazy(
            "Ce que la personne a dit : newsletter, clics, ouvertures, référent, employeurs ; oui, non, inconnu."
        ),
        example="accord newsletter = oui",
    ),
    Field.sector: FieldHelp(
        about=lazy("Un métier qui l’intéresse, de la liste des secteurs."), example="secteur parmi (santé, numérique)"
    ),
    Field.partner: FieldHelp(
        about=lazy("Le partenaire où nous l’avons rencontrée."), example='partenaire ≠ "Bois des elfes"'
    ),
    Field.country: FieldHelp(
        about=lazy("Son pays, par son nom ou son code à deux lettres."), example="pays parmi (FR, BE)"
    ),
    Field.postcode: FieldHelp(
        about=lazy("Son code postal, entier ou par son début."), example="code postal commence par 75"
    ),
    Field.horizon: FieldHelp(
        about=lazy("Quand elle pense s’installer : dans l’année, 1 à 3 ans, plus tard, curiosité, inconnu."),
        example="projet = dans l’année",
    ),
    Field.joined: FieldHelp(
        about=lazy("Depuis quand elle est inscrite : une date, ou une durée."),
        example="inscrit depuis moins de 90 jours",
    ),
    Field.met: FieldHelp(
        about=lazy("Quand nous l’avons rencontrée : une année ou une date."), example="rencontré en 2026"
    ),
    Field.commune: FieldHelp(
        about=lazy("La commune du Lot où elle aimerait vivre."), example="commune souhaitée = Figeac"
    ),
    Field.epci: FieldHelp(
        about=lazy("L’intercommunalité de la commune souhaitée."), example='epci visé = "CC Grand-Figeac"'
    ),
    Field.clicked: FieldHelp(
        about=lazy("Un clic mesuré, sur tout lien ou sur un secteur ou un employeur (si elle accepte la mesure)."),
        example="a cliqué secteur industrie depuis 90 jours",
    ),
}

AXIS_WORDS: dict[str, Axis] = {
    "newsletter": Axis.newsletter,
    "clics": Axis.clicks,
    "ouvertures": Axis.opens,
    "référent": Axis.adviser,
    "employeurs": Axis.employers,
    "lettre": Axis.newsletter,
    "rappel": Axis.adviser,
}
STATE_WORDS: dict[str, ConsentState] = {
    "oui": ConsentState.granted,
    "non": ConsentState.denied,
    "inconnu": ConsentState.unknown,
}
"""The words of each list; the first word for a meaning is the one we write."""
