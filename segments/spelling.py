"""How names are compared: case, French accents, ligatures and typographic apostrophes make no difference.

The same rule exists in Python (`fold`) and for the database (`spelt_as`), and a test holds them together: people type
`secteur = sante`, and wherever the tree is compiled, the database alone must find « Santé ».
"""

import re

_ACCENTED = "àâäáãåçéèêëîïíìôöóòõùûüúÿñ"
_BARE = "aaaaaaceeeeiiiiooooouuuuyn"
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"
_SIGNS, _PLAIN_SIGNS = "’ʼ\u00a0\u202f", "''  "
_SAME_LENGTH = str.maketrans(
    _ACCENTED + _ACCENTED.upper() + _ALPHABET.upper() + _SIGNS, _BARE + _BARE + _ALPHABET + _PLAIN_SIGNS
)
_LIGATURES = {"œ": "oe", "Œ": "oe", "æ": "ae", "Æ": "ae"}


def fold_in_place(text: str) -> str:
    """The text without case and accents, each character where it was: places in one are places in the other."""
    return text.translate(_SAME_LENGTH)


def fold(text: str) -> str:
    """What a name is compared by."""
    folded = fold_in_place(text)
    for ligature, letters in _LIGATURES.items():
        folded = folded.replace(ligature, letters)
    return folded.strip(" ")


def spelt_as(name: str) -> str:
    """A regular expression that finds every text with the same `fold`, for SQLAlchemy's `regexp_match`.

    Read alike by PostgreSQL and by Python, which SQLAlchemy lends to SQLite. Nothing in it repeats but the blanks
    around the name, so it takes no longer than the text it reads.
    """
    return rf"\A *{contains_as(name)} *\Z"


def contains_as(name: str) -> str:
    """The same, for texts that contain the name anywhere."""
    return "".join(_variants(piece) for piece in re.findall("oe|ae|.", fold(name), re.DOTALL))


_SAME = {
    plain: "".join(chr(code) for code, folded in _SAME_LENGTH.items() if chr(folded) == plain)
    for plain in sorted({chr(folded) for folded in _SAME_LENGTH.values()})
}


def _variants(piece: str) -> str:
    if piece in ("oe", "ae"):
        ligatures = "".join(ligature for ligature, letters in _LIGATURES.items() if letters == piece)
        return f"(?:{_variants(piece[0])}{_variants(piece[1])}|[{ligatures}])"
    if piece in _SAME:
        return f"[{piece}{_SAME[piece]}]"
    return piece if piece.isalnum() or not piece.isascii() else "\\" + piece
