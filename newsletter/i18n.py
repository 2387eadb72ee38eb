"""Sentences in the reader's language, chosen when they are shown and not when a module is loaded.

Sources are written in French (docs/why/0006), so French needs no catalogue; `locales/` holds the others. `_` translates
at once, for code that runs for somebody; `lazy` keeps a constant's sentence until it is shown.
"""

import gettext
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from markupsafe import Markup, escape

SOURCE = "fr"
LANGUAGES = (SOURCE, "en")
_LOCALES = Path(__file__).parent / "locales"

_language: ContextVar[str] = ContextVar("language", default=SOURCE)


def language() -> str:
    """The language that sentences are in at present, one of `LANGUAGES`."""
    return _language.get()


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Have sentences in this language until the block ends, in this thread or task. A language we lack is French."""
    token = _language.set(language if language in LANGUAGES else SOURCE)
    try:
        yield
    finally:
        _language.reset(token)


def _(sentence: str) -> str:
    """The sentence in the language of the moment."""
    catalogue = _catalogue(_language.get())
    return catalogue.gettext(sentence) if catalogue else sentence


def ngettext(singular: str, plural: str, number: int) -> str:
    """The sentence for this number, in the language of the moment; French takes the singular for 0 and 1."""
    catalogue = _catalogue(_language.get())
    if catalogue:
        return catalogue.ngettext(singular, plural, number)
    return singular if number < 2 else plural


class LazyText(str):
    """A sentence of a constant: it is translated each time it is shown, formatted or put into a page."""

    __slots__ = ()

    def __str__(self) -> str:
        return _(str.__str__(self))

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def __html__(self) -> Markup:
        return escape(str(self))

    def format(self, *values: object, **named: object) -> str:
        """The translated sentence with its values."""
        return str(self).format(*values, **named)

    def __add__(self, other: str) -> str:
        return str(self) + other

    def __radd__(self, other: str) -> str:
        return other + str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return lazy, (str.__str__(self),)


def lazy(sentence: str) -> str:
    """A sentence for a constant, translated when it is shown. Its value as a plain string is its French source."""
    return LazyText(sentence)


@cache
def _catalogue(language: str) -> gettext.GNUTranslations | None:
    """The translations into this language, read from its .po file at first use; None for the source itself."""
    if language == SOURCE:
        return None
    with (_LOCALES / language / "LC_MESSAGES" / "newsletter.po").open("rb") as file:
        sentences = read_po(file, locale=language)
    compiled = BytesIO()
    write_mo(compiled, sentences)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
