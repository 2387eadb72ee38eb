"""Comparing names: one rule for what an import, the catalogue and a segment take for the same name.

Where SQL compares names, a column beside the name holds `fold` of it (`store.columns.folded`), and the value that is
looked for is folded before it is bound.
"""

import difflib
import unicodedata
from collections.abc import Iterable

_LIGATURES = str.maketrans({"œ": "oe", "æ": "ae"})


def fold(text: str) -> str:
    """The text without case, accents, ligatures and punctuation: « Saint-Céré » and « saint cere » are one.

    Letters and digits of every script are kept; runs of anything else become one space. A text that holds no letter
    and no digit keeps its signs, so that only a blank text folds to "". Folding twice changes nothing.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).casefold()
    letters = [letter for letter in plain.translate(_LIGATURES) if not unicodedata.combining(letter)]
    kept = "".join(letter if letter.isalnum() else " " for letter in letters)
    return " ".join(kept.split()) or " ".join("".join(letters).split()) or " ".join(plain.split())


def typed_code(text: str) -> str:
    """A printed code as it is stored, however somebody types it off the paper: case and spaces do not count."""
    return "".join(text.split()).lower()


def nearest(text: str, words: Iterable[str]) -> str | None:
    """The word that looks most like the text, or None when nothing comes near."""
    spelled = {fold(word): word for word in words}
    close = difflib.get_close_matches(fold(text), list(spelled), n=1, cutoff=0.6)
    return spelled[close[0]] if close else None
