"""Every sentence of a page goes through gettext, and those of the public pages have their English."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import jinja2
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from newsletter.i18n import _, lazy, ngettext, speaking
from newsletter.web.language import preferred_language
from newsletter.words import LABELS, Horizon

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "templates" / "pages"
CATALOGUE = ROOT / "newsletter" / "locales" / "en" / "LC_MESSAGES" / "newsletter.po"
KEYWORDS = {"_": None, "lazy": None, "gettext": None, "ngettext": (1, 2)}
PUBLIC_TEMPLATES = sorted(
    [*(PAGES / "public").glob("*.html"), *(PAGES / "layouts" / name for name in ("base.html", "public.html")),
     PAGES / "parts" / "form.html", PAGES / "layouts" / "mistake.html"]
)  # fmt: skip
PUBLIC_MODULES = [
    ROOT / "newsletter" / name
    for name in ("web/public.py", "web/reader_pages.py", "web/signing_up.py", "audience/signup.py", "addresses.py")
]
PLACEHOLDER = re.compile(r"%\(\w+\)s|\{\w*\}|<[^>]+>")
MAY_STAND_ALONE = {"QR", "CSV", "Excel", "error", "required"}
"""Names, and attributes that a macro writes on their own."""
SHOWN_ATTRIBUTES = {"alt", "title", "placeholder", "aria-label"}


def public_sentences() -> dict[str | tuple[str, ...], str]:
    """Sentence (a tuple with its plural) → a file that has it."""
    found: dict[str | tuple[str, ...], str] = {str(LABELS[Horizon, word.value]): "words.py" for word in Horizon}
    for kind, files in (("jinja2", PUBLIC_TEMPLATES), ("python", PUBLIC_MODULES)):
        for path in files:
            for _line, message, _comments, _context in extract_from_file(kind, str(path), keywords=KEYWORDS):
                found.setdefault(message if isinstance(message, str) else tuple(message), path.name)
    return found


def english() -> Catalog:
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="en")


def placeholders(sentence: str) -> list[str]:
    return sorted(PLACEHOLDER.findall(sentence))


def test_every_sentence_of_the_public_pages_is_in_english() -> None:
    catalogue, flaws = english(), []
    for sentence, file in public_sentences().items():
        found = catalogue.get(sentence if isinstance(sentence, str) else sentence[0])
        if found is None or not found.string or not all(found.string) or found.fuzzy:
            flaws.append(f"{file}: not translated: {sentence}")
    assert flaws == []


def test_every_translation_keeps_the_placeholders_of_its_sentence() -> None:
    for message in english():
        sources = [message.id] if isinstance(message.id, str) else list(message.id)
        translations = [message.string] if isinstance(message.string, str) else list(message.string or ())
        for source, translation in zip(sources, translations, strict=True):
            if source:  # the first entry is the catalogue's own header
                assert placeholders(str(translation)) == placeholders(str(source)), source
                assert "\N{NO-BREAK SPACE}" not in str(translation)


def test_a_translation_is_of_a_sentence_that_is_still_said() -> None:
    said = {sentence if isinstance(sentence, str) else sentence[0] for sentence in public_sentences()}
    said |= {
        message if isinstance(message, str) else message[0]
        for name in ("app.py", "catalogue.py")
        for _line, message, _comments, _context in extract_from_file(
            "python", str(ROOT / "newsletter" / "web" / name), keywords=KEYWORDS
        )
    }
    stale = {message.id if isinstance(message.id, str) else message.id[0] for message in english() if message.id} - said
    assert stale == set()


class Words(HTMLParser):
    """Collects what a person reads in a template without its Jinja."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def handle_data(self, data: str) -> None:
        self.read.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.read.extend(value or "" for name, value in attrs if name in SHOWN_ATTRIBUTES)


def untranslated(template: str) -> Iterator[str]:
    """Words of a template that stand outside `_()` and `{% trans %}`."""
    unread = r"{%-?\s*trans\b.*?endtrans\s*-?%}|{% block body_class %}\w+{% endblock %}"
    tokens = jinja2.Environment(autoescape=True).lex(re.sub(unread, "", template, flags=re.DOTALL))
    words = Words()
    words.feed("".join(value for _line, kind, value in tokens if kind == "data"))
    for text in words.read:
        without_attributes = re.sub(r"""[\w-]+=("[\w-]*"?|$)""", "", text)  # a macro may write some on their own
        yield from (word for word in re.findall(r"[^\W\d_]+", without_attributes) if word not in MAY_STAND_ALONE)


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.html")), ids=lambda path: str(path.relative_to(PAGES)))
def test_no_page_has_words_outside_gettext(path: Path) -> None:
    assert list(untranslated(path.read_text(encoding="utf-8"))) == []


def test_words_outside_gettext_are_found() -> None:
    template = """<p>{{ _("Bonjour") }} Hello <img alt="A cat" src="{{ x }}">{% trans %}Bienvenue{% endtrans %}</p>"""
    assert list(untranslated(template)) == ["Hello", "A", "cat"]


def test_the_language_is_that_of_the_moment_a_sentence_is_shown() -> None:
    title = lazy("Mes préférences")
    with speaking("en"):
        assert (_("Bienvenue"), str(title), f"{title}") == ("Welcome", "My preferences", "My preferences")
        one, many = "Il y a une chose à corriger :", "Il y a plusieurs choses à corriger :"
        assert [ngettext(one, many, n).split()[2] for n in (0, 1, 2)] == ["several", "one", "several"]
        assert _("Une phrase que personne n’a traduite") == "Une phrase que personne n’a traduite"
    assert str(title) == "Mes préférences"


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("", "fr"),
        ("en", "en"),
        ("en-GB,en;q=0.9,fr;q=0.8", "en"),
        ("fr-FR,fr;q=0.9,en;q=0.8", "fr"),
        ("nl,en;q=0.7,fr;q=0.3", "en"),
        ("nl, fr;q=0.3, en;q=0.7", "en"),
        ("de", "fr"),
        ("en;q=0", "fr"),
        ("en;q=wrong, fr;q=0.1", "fr"),
        (";;;,,=,q", "fr"),
        ("*", "fr"),
    ],
)
def test_a_browser_gets_the_first_language_of_ours_that_it_asks_for(accepted: str, language: str) -> None:
    assert preferred_language(accepted) == language
