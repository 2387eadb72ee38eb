"""The plain-text side of a mail: lines of 72, and how much of the HTML's words it carries."""

import re
import textwrap
from collections.abc import Callable
from html import unescape

import nh3

WIDTH = 72


def wrapped(text: str, width: int = WIDTH) -> str:
    """The text on lines of at most `width`; words, addresses above all, are never cut."""
    return textwrap.fill(text, width, break_long_words=False, break_on_hyphens=False)


def indented(text: str, first: str = "  ", others: str = "") -> str:
    """The text with `first` before its first line and as much room before the others."""
    after = others or " " * len(first)
    lines = "\n".join(wrapped(line, WIDTH - len(first)) for line in text.split("\n")).split("\n")
    return "\n".join((first if number == 0 else after) + line for number, line in enumerate(lines)).rstrip()


def underlined(text: str, mark: str = "-") -> str:
    """A heading with a line below it."""
    return f"{text}\n{mark * min(len(text), WIDTH)}"


def tidied(text: str) -> str:
    """No spaces at line ends, never more than one empty line, exactly one line break at the end."""
    lines = "\n".join(line.rstrip() for line in text.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", lines).strip("\n") + "\n"


def coverage(html: str, text: str) -> float:
    """The share of the HTML's visible words that the plain text carries too, from 0 to 1 (FMT-09)."""
    shown = set(_words(visible_text(html)))
    return len(shown & set(_words(text))) / len(shown) if shown else 1.0


def visible_text(html: str) -> str:
    """What a recipient of the HTML sees, without the hidden preheader."""
    shown = re.sub(r'<div style="display:none.*?</div>', "", html, flags=re.DOTALL).replace("<", " <")
    return unescape(nh3.clean(shown, tags=set(), clean_content_tags={"style", "script", "title"}))


def _words(text: str) -> list[str]:
    return re.findall(r"\w{2,}", text.casefold())


FILTERS: dict[str, Callable[..., str]] = {"wrapped": wrapped, "indented": indented, "underlined": underlined}
"""What text templates may use beside the filters of every template."""
