"""What one line of a sign-up file is worth. Pure: the same line, names and moment give the same judgement.

A line is *refused* without a valid address, *quarantined* when its consent to the letter is neither a clear yes nor a
clear no, and *taken* otherwise; what is odd in a row that is taken is said in a doubt. No sentence repeats the row.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from newsletter.addresses import AddressError, normalise
from newsletter.clock import LocalTimeError, from_paris, paris_day
from newsletter.countries import country_code
from newsletter.horizons import horizon_meant
from newsletter.i18n import _
from newsletter.imports import values
from newsletter.imports.columns import CONSENT_COLUMNS, Column
from newsletter.imports.reading import SheetRow
from newsletter.text import fold
from newsletter.words import Axis, ConsentState, Horizon

_LONGEST_NAME = 80

_LOST_LETTER = re.compile(r"\?(?=\w)|(?<=\w)\?|�")
_NAME = re.compile(r"[^\W\d_](?:[^\W\d_]|[ .,'’·-])*")
_FRENCH_POSTCODE = re.compile(r"\d{5}")


class RowStatus(StrEnum):
    """What becomes of a row."""

    taken = "taken"
    quarantined = "quarantined"
    refused = "refused"


@dataclass(frozen=True, slots=True)
class RowDoubt:
    """One thing to look at in a row: where, what is wrong and what to do."""

    column: Column
    sentence: str


@dataclass(frozen=True, slots=True)
class KnownNames:
    """What the store knows a file may speak of: folded names → codes and numbers."""

    sectors: Mapping[str, str]
    partners: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRow:
    """One row with its status; everything a taken row says about a person."""

    number: int
    status: RowStatus
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
    doubts: tuple[RowDoubt, ...] = ()


def judge_row(row: SheetRow, names: KnownNames, *, now: datetime) -> JudgedRow:
    """The judgement on one row."""
    try:
        address = normalise(row.cell(Column.address))
    except AddressError as error:
        return JudgedRow(number=row.number, status=RowStatus.refused, doubts=(RowDoubt(Column.address, str(error)),))
    axes = dict(_clear_words(row))
    if Axis.newsletter not in axes:
        return JudgedRow(
            number=row.number, status=RowStatus.quarantined, address=address, doubts=(_unclear(row),), axes=axes
        )
    return _taken(row, names, address=address, axes=axes, now=now)


def _clear_words(row: SheetRow) -> Iterator[tuple[Axis, ConsentState]]:
    for column, axis in CONSENT_COLUMNS.items():
        state = values.yes_or_no(row.cell(column))
        if state != ConsentState.unknown:
            yield axis, state


def _unclear(row: SheetRow) -> RowDoubt:
    if row.cell(Column.newsletter):
        sentence = _("Ni oui ni non : la personne est mise de côté et ne recevra rien. Demandez-lui, puis écrivez oui.")
    else:
        sentence = _("Rien n’est coché pour la lettre : la personne est mise de côté et ne recevra rien.")
    return RowDoubt(Column.newsletter, sentence)


def _taken(
    row: SheetRow, names: KnownNames, *, address: str, axes: Mapping[Axis, ConsentState], now: datetime
) -> JudgedRow:
    doubts: list[RowDoubt] = []
    country = _country(row.cell(Column.country), doubts)
    return JudgedRow(
        number=row.number,
        status=RowStatus.taken,
        address=address,
        axes=axes,
        first_name=_name(Column.first_name, row.cell(Column.first_name), doubts),
        last_name=_name(Column.last_name, row.cell(Column.last_name), doubts),
        phone=_one_line(row.cell(Column.phone)),
        country=country,
        postcode=_postcode(row.cell(Column.postcode), country, doubts),
        horizon=_horizon(row.cell(Column.horizon), doubts),
        partner_id=_partner(row.cell(Column.partner), names, doubts),
        sectors=_sectors(row.cell(Column.sectors), names, doubts),
        met_on=_met_on(row.cell(Column.date), doubts, now=now),
        doubts=tuple(doubts),
    )


def _one_line(text: str) -> str:
    """The same text on one line: breaks and runs of blanks become one space. Nothing else of it is touched."""
    return " ".join(text.split())


def _name(column: Column, text: str, doubts: list[RowDoubt]) -> str:
    """The name as it stands: markup, formulas and braces in it are letters like any other."""
    name = _one_line(text)
    sentence = _doubt_about_name(name, is_broken="\n" in text or "\r" in text)
    if sentence:
        doubts.append(RowDoubt(column, sentence))
    return name


def _doubt_about_name(name: str, *, is_broken: bool) -> str:
    if not name:
        return ""
    if _LOST_LETTER.search(name):
        return _("Une lettre a été perdue à l’export (« ? »). Rétablissez-la dans le fichier.")
    if len(name) > _LONGEST_NAME:
        return _("Ce nom est trop long pour être un nom. Vérifiez-le.")
    if not _NAME.fullmatch(name):
        return _("Cela ne ressemble pas à un nom : gardé tel quel, comme du texte. Vérifiez-le.")
    return _("Le nom était coupé par un retour à la ligne : réuni sur une ligne. Vérifiez-le.") if is_broken else ""


def _country(text: str, doubts: list[RowDoubt]) -> str:
    code = country_code(text) or ""
    if text and not code:
        sentence = _("Pays inconnu : laissé vide. Écrivez-le en entier, par exemple Belgique.")
        doubts.append(RowDoubt(Column.country, sentence))
    return code


def _postcode(text: str, country: str, doubts: list[RowDoubt]) -> str:
    """The postcode on one line; a French one without its blanks. One that cannot be French is kept as it stands."""
    if country != "FR":
        return _one_line(text)
    closed = "".join(text.split())
    if not closed or _FRENCH_POSTCODE.fullmatch(closed):
        return closed
    sentence = _("Un code postal français a cinq chiffres : gardé tel quel. Vérifiez le code ou le pays.")
    doubts.append(RowDoubt(Column.postcode, sentence))
    return _one_line(text)


def _horizon(text: str, doubts: list[RowDoubt]) -> Horizon:
    known = horizon_meant(text)
    if text and known is None:
        sentence = _("Projet inconnu : laissé vide. Écrivez « dans l’année », « 1 à 3 ans » ou « plus tard ».")
        doubts.append(RowDoubt(Column.horizon, sentence))
    return known or Horizon.unknown


def _partner(text: str, names: KnownNames, doubts: list[RowDoubt]) -> int | None:
    known = names.partners.get(fold(text))
    if text and known is None:
        sentence = _("Lieu de rencontre inconnu : laissé vide. Ajoutez ce partenaire, ou corrigez son nom.")
        doubts.append(RowDoubt(Column.partner, sentence))
    return known


def _sectors(text: str, names: KnownNames, doubts: list[RowDoubt]) -> frozenset[str]:
    parts = [part for part in re.split(r"[;,/|\n]", text) if any(letter.isalnum() for letter in part)]
    words = [fold(part) for part in parts]
    if any(word not in names.sectors for word in words):
        sentence = _("Secteur inconnu : laissé de côté. Choisissez dans la liste des secteurs du Lot.")
        doubts.append(RowDoubt(Column.sectors, sentence))
    return frozenset(names.sectors[word] for word in words if word in names.sectors)


def _met_on(text: str, doubts: list[RowDoubt], *, now: datetime) -> datetime | None:
    """The moment of the row; midday in Paris where it gives only a day, None where it gives none that can be."""
    if not text:
        return None
    read = values.paris_time(text)
    if read is None:
        sentence = _("Cette date n’existe pas : le jour de l’import en tient lieu. Écrivez-la JJ/MM/AAAA.")
        doubts.append(RowDoubt(Column.date, sentence))
        return None
    when = _in_utc(read)
    if paris_day(when) > paris_day(now):
        sentence = _("Cette date est dans l’avenir : le jour de l’import en tient lieu. Corrigez-la.")
        doubts.append(RowDoubt(Column.date, sentence))
        return None
    return min(when, now)


def _in_utc(local: datetime) -> datetime:
    """The hour that the clock change skips or repeats says too little to lose the day for: midday then."""
    try:
        return from_paris(local)
    except LocalTimeError:
        return from_paris(local.replace(hour=12, minute=0))
