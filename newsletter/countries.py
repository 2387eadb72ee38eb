"""Countries: their French names, and every word that people write for one (Unicode CLDR, through Babel)."""

from functools import cache

from babel import Locale

from newsletter.i18n import language
from newsletter.text import fold

NEIGHBOURS = ("FR", "BE", "NL", "DE", "GB", "CH", "ES", "IT")
"""Where most visitors come from: first in a form."""

_NOT_COUNTRIES = {"EU", "EZ", "UN", "ZZ", "XA", "XB"}
_OTHER_NAMES = {
    "hollande": "NL",
    "grande bretagne": "GB",
    "angleterre": "GB",
    "ecosse": "GB",
    "uk": "GB",
    "holland": "NL",
    "etats unis d amerique": "US",
    "usa": "US",
}


def country_code(text: str) -> str | None:
    """The ISO 3166-1 alpha-2 code of a country given by its code, French or English name; None for anything else."""
    return _codes().get(fold(text))


@cache
def country_names() -> dict[str, str]:
    """Code → French name."""
    return _territories("fr")


def country_choices() -> list[tuple[str, str]]:
    """Code and name of every country, for a form in the reader's language: visitors' countries first, then by name."""
    return _choices(language())


@cache
def _choices(language: str) -> list[tuple[str, str]]:
    names = _territories(language)
    first = [(code, names.pop(code)) for code in NEIGHBOURS]
    return first + sorted(names.items(), key=lambda country: fold(country[1]))


@cache
def _codes() -> dict[str, str]:
    codes = dict(_OTHER_NAMES)
    for spoken in ("en", "fr"):
        for code, name in _territories(spoken).items():
            codes |= {fold(name): code, fold(code): code}
    return codes


def _territories(language: str) -> dict[str, str]:
    territories = Locale(language).territories
    return {
        code: name
        for code, name in territories.items()
        if len(code) == 2 and code.isalpha() and code not in _NOT_COUNTRIES
    }
