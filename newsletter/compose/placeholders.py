"""Placeholders: neutral words that stand for per-recipient tags while MJML and premailer work, and the tags themselves.

Both compilers stumble over Jinja: a quote or a `<` inside a tag breaks MJML, premailer turns `href="[[ link_1 ]]"` into
`%5B%5B…`. A placeholder of ASCII letters and digits passes through text, attributes, addresses and CSS unchanged.
"""

from dataclasses import dataclass, field

from newsletter.compose.templates import TemplateError
from newsletter.i18n import _

EXPRESSION, STATEMENT, COMMENT = ("[[", "]]"), ("[%", "%]"), ("[#", "#]")
"""How the tags begin and end that are filled for each recipient (those filled once are Jinja's own)."""

_PAIRS = {"(": ")", "[": "]", "{": "}"}


@dataclass(slots=True)
class Placeholders:
    """The tags of one template, each with its placeholder. No placeholder occurs in `apart_from`.

    That is the text which will stand around the placeholders while the compilers work.
    """

    apart_from: str = ""
    _tags: list[str] = field(default_factory=list)
    _stem: str = ""

    def __post_init__(self) -> None:
        number = 0
        while (stem := f"jinja{number}w") in self.apart_from.lower():
            number += 1
        self._stem = stem

    def stand_for(self, tag: str) -> str:
        """A placeholder for this tag."""
        self._tags.append(tag)
        return f"{self._stem}{len(self._tags) - 1}z"

    def put_in(self, source: str) -> str:
        """The source with a placeholder for each tag. Raises TemplateError, naming the line, for a tag left open."""
        parts, start, at = [], 0, 0
        while at < len(source):
            delimiters = _opened_at(source, at)
            if delimiters is None:
                at += 1
                continue
            end = _end_of_tag(source, at, closer=delimiters[1], plain=delimiters == COMMENT)
            parts += [source[start:at], self.stand_for(source[at:end])]
            start = at = end
        return "".join([*parts, source[start:]])

    def split(self, text: str) -> list[tuple[str, str]]:
        """The text cut at its placeholders: (the text before one, the tag it stands for); the last tag is empty."""
        first, *rest = text.split(self._stem)
        found, before = [], first
        for part in rest:
            number, _end, after = part.partition("z")
            found.append((before, self._tags[int(number)]))
            before = after
        return [*found, (before, "")]


def _opened_at(source: str, at: int) -> tuple[str, str] | None:
    return next((pair for pair in (EXPRESSION, STATEMENT, COMMENT) if source.startswith(pair[0], at)), None)


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
