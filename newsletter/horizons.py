"""When somebody thinks of moving, in the words people use for it: in files, in segments."""

from newsletter.text import fold
from newsletter.words import Horizon

HORIZON_WORDS: dict[str, Horizon] = {
    "dans l’année": Horizon.this_year,
    "1 à 3 ans": Horizon.one_to_three_years,
    "plus tard": Horizon.later,
    "curiosité": Horizon.dreaming,
    "inconnu": Horizon.unknown,
    "cette année": Horizon.this_year,
    "moins d’un an": Horizon.this_year,
    "d’ici 1 à 3 ans": Horizon.one_to_three_years,
    "1-3 ans": Horizon.one_to_three_years,
    "plus de 3 ans": Horizon.later,
    "juste par curiosité": Horizon.dreaming,
    "juste curieux": Horizon.dreaming,
    "curieux": Horizon.dreaming,
    "pas encore dit": Horizon.unknown,
}
"""The first words for a meaning are those a segment is written with."""

_FOLDED = {fold(words): horizon for words, horizon in HORIZON_WORDS.items()}


def horizon_meant(text: str) -> Horizon | None:
    """The horizon these words mean, in any case and with or without accents; None for words we do not know."""
    return _FOLDED.get(fold(text))
