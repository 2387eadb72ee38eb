"""One name, one meaning: what `docs/words.md` promises of public names, read from the sources."""

import re
from collections.abc import Iterator
from pathlib import Path

from tests.kit.structure import Module, homonyms, modules_of, public_names

ROOT = Path(__file__).parents[2]
MODULES = modules_of(ROOT)
WORDS = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
VERBS = {"add", "check", "edit", "find", "listed", "load", "put", "remove", "render", "sample", "values"}
"""Functions that modules of the same shape share (`employers.add`, `openings.add`): called by their module's name."""
CONVENTIONS = {"router"}
"""What a library looks for under this name in several modules: FastAPI's router of each file of pages."""


def test_no_public_name_has_two_meanings() -> None:
    twice = {name: where for name, where in homonyms(MODULES).items() if name not in VERBS | CONVENTIONS}
    assert twice == {}


def test_the_shared_verbs_are_shared() -> None:
    assert homonyms(MODULES).keys() >= VERBS | CONVENTIONS, "what is allowed twice and stands once needs no permission"


def test_every_noun_of_a_class_or_a_file_stands_in_the_words() -> None:
    known = words_of(WORDS)
    unknown = {word: name for name in nouns(MODULES) for word in parts(name) if not known & forms(word)}
    assert unknown == {}, "give each a line in docs/words.md, or a place among the ordinary words at its end"


def test_no_word_is_explained_twice() -> None:
    explained = re.findall(r"^\| \*\*(.+?)\*\*", WORDS, re.MULTILINE)
    assert len(explained) == len(set(explained)) > 60


def words_of(page: str) -> set[str]:
    """The explained words and the ordinary ones, in lower case."""
    explained = " ".join(re.findall(r"\*\*(\w+)\*\*", page))
    ordinary = page.partition("```text")[2].partition("```")[0]
    return set(re.findall(r"[a-z0-9]+", f"{explained} {ordinary}".lower()))


def nouns(modules: list[Module]) -> Iterator[str]:
    """Names that are nouns by what they name: files and classes."""
    for module in modules:
        yield from module.name.split(".")
        yield from (name for name in public_names(module, constants=False) if name[:1].isupper())


def parts(name: str) -> list[str]:
    """`LostConnectionError` → lost, connection, error; `rate_limits` → rate, limits."""
    return [part.lower() for part in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)]


def forms(word: str) -> set[str]:
    """The word as it stands, and as the singular that may stand in the list."""
    return {word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word)}
