"""What one line of a sign-up file is worth. Pure: the same line, lists and moment give the same judgement.

A line is *refused* without a valid address, *quarantined* when its consent to the letter is neither a clear yes nor a
clear no, and *taken* otherwise; what is odd in a line that is taken is said in a doubt. No sentence repeats the line.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from newsletter.addresses import AddressError, normalise
from newsletter.clock import LocalTimeError, from_paris, paris_day
from newsletter.countries import country_code
from newsletter.i18n import _
from newsletter.imports import values
from newsletter.imports.columns import AXES, Column
from newsletter.imports.reading import Line, Sheet
from newsletter.text import fold
from newsletter.words import Axis, ConsentState, Horizon

LONGEST_NAME = 80

_LOST_LETTER = re.compile(r"\?(?=\w)|(?<=\w)\?|�")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .,'’·-])*")
_FRENCH_POSTCODE = re.compile(r"\d{5}")


class Fate(StrEnum):
    """What becomes of a line."""

    taken = "taken"
    quarantined = "quarantined"
    refused = "refused"


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to look at in a line: where, what is wrong and what to do."""

    column: Column
    sentence: str


@dataclass(frozen=True, slots=True)
class Lists:
    """What the store knows a file may speak of: folded names → codes and numbers."""

    sectors: Mapping[str, str]
    partners: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One line with its fate; everything a taken line says about a person."""

    number: int
    fate: Fate
    address: str = ""
    first_name: str = ""
    last_name: str = ""
    phone: str = ""
    country: str = ""
    postcode: str = ""
    horizon: Horizon = Horizon.unknown
    partner_id: int | None = None
    sectors: frozenset[str] = frozenset()
    met_on: datetime | None = None
    axes: Mapping[Axis, ConsentState] = field(default_factory=dict)  # only clear words
    doubts: tuple[Doubt, ...] = ()


def judge(line: Line, sheet: Sheet, lists: Lists, *, now: datetime) -> Judged:
    """The judgement on one line."""
    try:
        address = normalise(sheet.cell(line, Column.address))
    except AddressError as error:
        return Judged(number=line.number, fate=Fate.refused, doubts=(Doubt(Column.address, str(error)),))
    axes = dict(_clear_words(line, sheet))
    if Axis.newsletter not in axes:
        return Judged(
            number=line.number, fate=Fate.quarantined, address=address, doubts=(_unclear(line, sheet),), axes=axes
        )
    return _taken(line, sheet, lists, address=address, axes=axes, now=now)


def _clear_words(line: Line, sheet: Sheet) -> Iterator[tuple[Axis, ConsentState]]:
    for column, axis in AXES.items():
        state = values.yes_or_no(sheet.cell(line, column))
        if state != ConsentState.unknown:
            yield axis, state


def _unclear(line: Line, sheet: Sheet) -> Doubt:
    if sheet.cell(line, Column.newsletter):
        sentence = _("Ni oui ni non : la personne est mise de côté et ne recevra rien. Demandez-lui, puis écrivez oui.")
    else:
        sentence = _("Rien n’est coché pour la lettre : la personne est mise de côté et ne recevra rien.")
    return Doubt(Column.newsletter, sentence)


def _taken(
    line: Line, sheet: Sheet, lists: Lists, *, address: str, axes: Mapping[Axis, ConsentState], now: datetime
) -> Judged:
    doubts: list[Doubt] = []
    country = _country(sheet.cell(line, Column.country), doubts)
    return Judged(
        number=line.number,
        fate=Fate.taken,
        address=address,
        axes=axes,
        first_name=_name(Column.first_name, sheet.cell(line, Column.first_name), doubts),
        last_name=_name(Column.last_name, sheet.cell(line, Column.last_name), doubts),
        phone=_one_line(sheet.cell(line, Column.phone)),
        country=country,
        postcode=_postcode(sheet.cell(line, Column.postcode), country, doubts),
        horizon=_horizon(sheet.cell(line, Column.horizon), doubts),
        partner_id=_partner(sheet.cell(line, Column.partner), lists, doubts),
        sectors=_sectors(sheet.cell(line, Column.sectors), lists, doubts),
        met_on=_met_on(sheet.cell(line, Column.date), doubts, now=now),
        doubts=tuple(doubts),
    )


def _one_line(text: str) -> str:
    """The same text on one line: breaks and runs of blanks become one space. Nothing else of it is touched."""
    return " ".join(text.split())


def _name(column: Column, text: str, doubts: list[Doubt]) -> str:
    """The name as it stands: markup, formulas and braces in it are letters like any other."""
    name = _one_line(text)
    if not name:
        return ""
    if _LOST_LETTER.search(name):
        doubts.append(Doubt(column, _("Une lettre a été perdue à l’export (« ? »). Rétablissez-la dans le fichier.")))
    elif len(name) > LONGEST_NAME:
        doubts.append(Doubt(column, _("Ce nom est trop long pour être un nom. Vérifiez-le.")))
    elif not _NAME.fullmatch(name):
        doubts.append(Doubt(column, _("Cela ne ressemble pas à un nom : gardé tel quel, comme du texte. Vérifiez-le.")))
    elif "\n" in text or "\r" in text:
        doubts.append(
            Doubt(column, _("Le nom était coupé par un retour à la ligne : réuni sur une ligne. Vérifiez-le."))
        )
    return name


def _country(text: str, doubts: list[Doubt]) -> str:
    code = country_code(text) or ""
    if text and not code:
        doubts.append(
            Doubt(Column.country, _("Pays inconnu : laissé vide. Écrivez-le en entier, par exemple Belgique."))
        )
    return code


def _postcode(text: str, country: str, doubts: list[Doubt]) -> str:
    """The postcode on one line; a French one without its blanks. One that cannot be French is kept as it stands."""
    if country != "FR":
        return _one_line(text)
    closed = "".join(text.split())
    if not closed or _FRENCH_POSTCODE.fullmatch(closed):
        return closed
    doubts.append(
        Doubt(
            Column.postcode, _("Un code postal français a cinq chiffres : gardé tel quel. Vérifiez le code ou le pays.")
        )
    )
    return _one_line(text)


def _horizon(text: str, doubts: list[Doubt]) -> Horizon:
    known = values.HORIZONS.get(fold(text))
    if text and known is None:
        doubts.append(
            Doubt(
                Column.horizon,
                _("Projet inconnu : laissé vide. Écrivez « dans l’année », « 1 à 3 ans » ou « plus tard »."),
            )
        )
    return known or Horizon.unknown


def _partner(text: str, lists: Lists, doubts: list[Doubt]) -> int | None:
    known = lists.partners.get(fold(text))
    if text and known is None:
        doubts.append(
            Doubt(
                Column.partner,
                _("Lieu de rencontre inconnu : laissé vide. Ajoutez ce partenaire, ou corrigez son nom."),
            )
        )
    return known


def _sectors(text: str, lists: Lists, doubts: list[Doubt]) -> frozenset[str]:
    parts = [part for part in re.split(r"[;,/|\n]", text) if any(letter.isalnum() for letter in part)]
    words = [fold(part) for part in parts]
    if any(word not in lists.sectors for word in words):
        doubts.append(
            Doubt(Column.sectors, _("Secteur inconnu : laissé de côté. Choisissez dans la liste des secteurs du Lot."))
        )
    return frozenset(lists.sectors[word] for word in words if word in lists.sectors)


def _met_on(text: str, doubts: list[Doubt], *, now: datetime) -> datetime | None:
    """The moment of the line; midday in Paris where it gives only a day, None where it gives none that can be."""
    if not text:
        return None
    read = values.moment(text)
    if read is None:
        doubts.append(
            Doubt(Column.date, _("Cette date n’existe pas : le jour de l’import en tient lieu. Écrivez-la JJ/MM/AAAA."))
        )
        return None
    when = _in_utc(read[0])
    if paris_day(when) > paris_day(now):
        doubts.append(
            Doubt(Column.date, _("Cette date est dans l’avenir : le jour de l’import en tient lieu. Corrigez-la."))
        )
        return None
    return min(when, now)


def _in_utc(local: datetime) -> datetime:
    """The hour that the clock change skips or repeats says too little to lose the day for: midday then."""
    try:
        return from_paris(local)
    except LocalTimeError:
        return from_paris(local.replace(hour=12, minute=0))
