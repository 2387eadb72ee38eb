"""The segments that come with the program, to start from: `library/*.segment`.

The first line of each is a comment: « # Titre : à quoi il sert ».
"""

from dataclasses import dataclass
from pathlib import Path

_LIBRARY = Path(__file__).parent / "library"


@dataclass(frozen=True, slots=True, kw_only=True)
class LibrarySegment:
    name: str
    title: str
    purpose: str
    text: str  # with its comments


def library() -> tuple[LibrarySegment, ...]:
    """Every ready-made segment, in the order of their file names."""
    return tuple(_read(path) for path in sorted(_LIBRARY.glob("*.segment")))


def _read(path: Path) -> LibrarySegment:
    text = path.read_text(encoding="utf-8").strip()
    title, _colon, purpose = text.splitlines()[0].lstrip("# ").partition(" : ")
    return LibrarySegment(
        name=path.stem.lstrip("0123456789-"), title=title, purpose=purpose[:1].upper() + purpose[1:], text=text
    )
