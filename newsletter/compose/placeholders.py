"""Hides Jinja tags behind neutral words, so that MJML and premailer leave them alone, and brings them back afterwards.

Both compilers stumble over Jinja: a quote or a `<` inside a tag breaks MJML, premailer turns `href="[[ link_1 ]]"` into
`%5B%5B…`. A neutral word of ASCII letters and digits passes through text, attributes, addresses and CSS unchanged.
"""

from dataclasses import dataclass, field

from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Delimiters:
    """How the tags of one Jinja environment begin and end."""

    expression: tuple[str, str]
    statement: tuple[str, str]
    comment: tuple[str, str]

    def opened_at(self, source: str, at: int) -> tuple[str, str] | None:
        return next((pair for pair in self._all if source.startswith(pair[0], at)), None)

    @property
    def _all(self) -> tuple[tuple[str, str], ...]:
        return (self.expression, self.statement, self.comment)


ONCE = Delimiters(("{{", "}}"), ("{%", "%}"), ("{#", "#}"))
"""Tags that are filled once, when the issue is compiled."""

PER_READER = Delimiters(("[[", "]]"), ("[%", "%]"), ("[#", "#]"))
"""Tags that are filled for each reader."""


@dataclass(slots=True)
class Shield:
    """Remembers each hidden tag. `reveal(hide(source)) == source`, whatever was done around the words in between.

    No word occurs in `apart_from`, the text that will meet the words while they stand for the tags.
    """

    delimiters: Delimiters = PER_READER
    apart_from: str = ""
    _tags: list[str] = field(default_factory=list)
    _stem: str = ""

    def __post_init__(self) -> None:
        number = 0
        while (stem := f"jinja{number}w") in self.apart_from.lower():
            number += 1
        self._stem = stem

    def word(self, tag: str) -> str:
        """The neutral word that stands for this tag."""
        self._tags.append(tag)
        return f"{self._stem}{len(self._tags) - 1}z"

    def hide(self, source: str) -> str:
        """The source with a word in place of each tag. Raises TemplateError, naming the line, for a tag left open."""
        pieces, start, at = [], 0, 0
        while at < len(source):
            pair = self.delimiters.opened_at(source, at)
            if pair is None:
                at += 1
                continue
            end = _end_of_tag(source, at, closer=pair[1], plain=pair == self.delimiters.comment)
            pieces += [source[start:at], self.word(source[at:end])]
            start = at = end
        return "".join([*pieces, source[start:]])

    def pieces(self, text: str) -> list[tuple[str, str]]:
        """The text cut at its words: (what stands before the word, the tag behind it); the last tag is empty."""
        first, *rest = text.split(self._stem)
        found, before = [], first
        for part in rest:
            number, _end, after = part.partition("z")
            found.append((before, self._tags[int(number)]))
            before = after
        return [*found, (before, "")]

    def reveal(self, text: str) -> str:
        """The text with every word turned back into its tag."""
        return "".join(before + tag for before, tag in self.pieces(text))


def _end_of_tag(source: str, start: int, *, closer: str, plain: bool) -> int:
    """Where the tag that opens at `start` ends. As in Jinja, a closer inside a string or a bracket does not count."""
    at, waiting = start + 2, ""
    while at < len(source):
        if not waiting and source.startswith(closer, at):
            return at + 2
        letter = source[at]
        if not plain and letter in "\"'":
            at = _end_of_string(source, at)
            continue
        if not plain and letter in _PAIRS:
            waiting += _PAIRS[letter]
        elif waiting and letter == waiting[-1]:
            waiting = waiting[:-1]
        at += 1
    raise TemplateError(
        _("Ligne {line} du modèle : la balise « {tag} » n’est jamais refermée par « {closer} ».").format(
            line=source.count("\n", 0, start) + 1, tag=source[start : start + 20].partition("\n")[0], closer=closer
        )
    )


def _end_of_string(source: str, start: int) -> int:
    """Just after the string that opens at `start`; a quote that is never closed stands for itself."""
    at = start + 1
    while at < len(source):
        if source[at] == "\\":
            at += 2
        elif source[at] == source[start]:
            return at + 1
        else:
            at += 1
    return start + 1
