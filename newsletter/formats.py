"""Dates, numbers and spaces as the reader of a page writes them; moments are shown on a Paris clock."""

import re
from datetime import date, datetime

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from newsletter.clock import PARIS
from newsletter.i18n import SOURCE, language

_LOCALES = {"fr": "fr_FR", "en": "en_GB"}
_AT = {"fr": "'à'", "en": "'at'"}
_BREAKABLE = re.compile(r"(?<=«) | (?=[»!?:;%€])")


def paris(moment: datetime) -> str:
    """ "lundi 23 novembre 2026 à 10:00"."""
    pattern = f"EEEE d MMMM y {_AT[language()]} HH:mm"
    return format_datetime(moment, pattern, tzinfo=PARIS, locale=_locale())


def short(moment: datetime) -> str:
    """ "23 nov. 2026, 10:00"."""
    return format_datetime(moment, "d MMM y, HH:mm", tzinfo=PARIS, locale=_locale())


def day(when: date | datetime) -> str:
    """ "23 novembre 2026"; of a moment, the day it is in Paris."""
    if isinstance(when, datetime):
        return format_datetime(when, "d MMMM y", tzinfo=PARIS, locale=_locale())
    return format_date(when, "d MMMM y", locale=_locale())


def number(count: float) -> str:
    """ "12 345", with the thin spaces of French."""
    return format_decimal(count, locale=_locale())


def typeset(sentence: str) -> str:
    """The sentence with the spaces of its language: in French, no line breaks inside « » or before ! ? : ; % €."""
    return _BREAKABLE.sub("\N{NO-BREAK SPACE}", sentence) if language() == SOURCE else sentence


def _locale() -> str:
    return _LOCALES[language()]
