"""What people write in the cells of a file, and what it means: dates, sectors, yes and no."""

import re
from collections.abc import Iterable
from datetime import datetime

from newsletter.text import fold
from newsletter.words import ConsentState

_YES = frozenset({"oui", "x", "1", "vrai", "yes", "true"})
_NO = frozenset({"non", "no", "0", "faux", "false"})

_SAME_TRADE = {
    "btp": ("batiment", "construction", "travaux publics"),
    "construction": ("btp", "batiment"),
    "education": ("enseignement", "formation"),
    "numerique": ("informatique", "digital"),
    "informatique": ("numerique",),
    "agroalimentaire": ("agro alimentaire", "industrie agroalimentaire"),
    "transport": ("transports", "logistique"),
    "sante": ("soin", "soins", "medico social"),
    "services a la personne": ("aide a domicile", "aide a la personne", "service a la personne"),
    "tourisme": ("hotellerie", "restauration", "hotellerie restauration"),
    "commerce": ("vente",),
}

_DAY_FIRST = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(?:\s+(\d{1,2})[:h](\d{2})(?::\d{2})?)?")
_YEAR_FIRST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T\s]+(\d{1,2}):(\d{2})(?::\d{2})?)?")
_MIDDAY = 12


def yes_or_no(text: str) -> ConsentState:
    """Granted for a clear yes, denied for a clear no; whatever else people write is unknown."""
    word = text.strip().casefold()
    if word in _YES:
        return ConsentState.granted
    return ConsentState.denied if word in _NO else ConsentState.unknown


def paris_time(text: str) -> datetime | None:
    """The Paris wall-clock time written here, without a zone; midday where no hour is named.

    None for what is not a date, or no day of the calendar. The day comes first, as the French write it.
    """
    trimmed = text.strip()
    if found := _DAY_FIRST.fullmatch(trimmed):
        day, month, year, hour, minute = found.groups()
    elif found := _YEAR_FIRST.fullmatch(trimmed):
        year, month, day, hour, minute = found.groups()
    else:
        return None
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    try:
        return datetime(full_year, int(month), int(day), int(hour or _MIDDAY), int(minute or 0))  # noqa: DTZ001  Paris
    except ValueError:
        return None


def sector_names(sectors: Iterable[tuple[str, str, str]]) -> dict[str, str]:
    """Folded words that mean a sector → its code, from (code, French name, English name).

    A name of several trades (« Transport et logistique ») is known by each of them; a whole name always wins.
    """
    whole: dict[str, str] = {}
    parts: dict[str, str] = {}
    for code, french, english in sectors:
        for name in (code, french, english):
            whole.setdefault(fold(name), code)
        for part in re.split(r",|/|&|·|\(|\)|\bet\b", french):
            parts.setdefault(fold(part), code)
    names = {name: code for name, code in (parts | whole).items() if name}
    for word, others in _SAME_TRADE.items():
        known = next((names[other] for other in (word, *others) if other in names), None)
        if known:
            names |= {each: known for each in (word, *others) if each not in names}
    return names
