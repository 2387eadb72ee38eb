"""Finding the word a person meant: case, accents and punctuation do not count, and a near miss gets a hint."""

import difflib
import unicodedata
from collections.abc import Iterable


def fold(text: str) -> str:
    """The text without case, accents, ligatures and punctuation: « Saint-Céré » and « saint cere » are one."""
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).casefold()
    plain = plain.replace("œ", "oe").replace("æ", "ae")
    kept = "".join(letter if letter.isalnum() else " " for letter in plain if not unicodedata.combining(letter))
    return " ".join(kept.split())


def nearest(text: str, words: Iterable[str]) -> str | None:
    """The word that looks most like the text, or None when nothing comes near."""
    spelled = {fold(word): word for word in words}
    close = difflib.get_close_matches(fold(text), list(spelled), n=1, cutoff=0.6)
    return spelled[close[0]] if close else None
