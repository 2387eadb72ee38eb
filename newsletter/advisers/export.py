"""An adviser's leads as a file for a spreadsheet. No cell is ever a formula (SEC-13)."""

import csv
import io
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import BinaryIO

import xlsxwriter

from newsletter.advisers.cards import Card
from newsletter.clock import in_paris
from newsletter.i18n import _, lazy
from newsletter.words import label

_DANGEROUS = tuple("=+-@\t\r\n")


def _phone(card: Card) -> str:
    """The telephone number, a foreign one after 00, so that no cell starts with a plus."""
    shown = card.phone_shown
    return f"00{card.dial[1:]}" if shown.startswith("+") else shown


COLUMNS: tuple[tuple[str, int, Callable[[Card], str]], ...] = (
    (lazy("Prénom"), 14, lambda card: card.first_name),
    (lazy("Nom"), 16, lambda card: card.last_name),
    (lazy("Téléphone"), 18, _phone),
    (lazy("Adresse e-mail"), 32, lambda card: card.address),
    (lazy("Demande à être rappelé"), 12, lambda card: _("oui") if card.asked else _("non")),
    (lazy("Pourquoi l’appeler"), 60, lambda card: card.because),
    (lazy("Projet d’installation"), 20, lambda card: label(card.horizon)),
    (lazy("Métiers"), 28, lambda card: ", ".join(card.sectors)),
    (lazy("Commune souhaitée"), 20, lambda card: card.wished),
    (lazy("Territoire"), 30, lambda card: card.epci),
    (lazy("Rencontre"), 26, lambda card: card.met_at),
    (lazy("Date de rencontre"), 14, lambda card: f"{in_paris(card.met_on):%d/%m/%Y}" if card.met_on else ""),
    (lazy("Pays"), 8, lambda card: card.country),
    (lazy("Code postal"), 10, lambda card: card.postcode),
    (lazy("Référent"), 20, lambda card: card.adviser),
    (lazy("Confié le"), 12, lambda card: f"{in_paris(card.handed_over_at):%d/%m/%Y}" if card.handed_over_at else ""),
    (lazy("Pourquoi ce référent"), 40, lambda card: card.why_this_adviser),
    (lazy("Dernier résultat"), 18, lambda card: label(card.history[0].kind) if card.history else ""),
    (lazy("Note"), 40, lambda card: card.history[0].note if card.history else ""),
)


def write_csv(cards: Sequence[Card], file: BinaryIO) -> None:
    """The leads in the order given, for French Excel: UTF-8 with its mark, semicolons, every cell quoted."""
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    rows = csv.writer(text, delimiter=";", quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    rows.writerow([title for title, _width, _read in COLUMNS])
    rows.writerows([harmless(read(card)) for _title, _width, read in COLUMNS] for card in cards)
    text.detach()


def write_xlsx(cards: Sequence[Card], file: BinaryIO) -> None:
    """The leads in the order given, every cell a typed string: nothing is computed, linked or guessed."""
    book = xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
    sheet = book.add_worksheet(_("Pistes"))
    title_look = book.add_format({"bold": True, "bg_color": "#E4EDE4", "text_wrap": True, "valign": "top"})
    text_look = book.add_format({"num_format": "@", "text_wrap": True, "valign": "top"})
    for place, (title, width, read) in enumerate(COLUMNS):
        sheet.set_column(place, place, width)
        sheet.write_string(0, place, title, title_look)
        for line, card in enumerate(cards, start=1):
            sheet.write_string(line, place, _printable(read(card)), text_look)
    sheet.freeze_panes(1, 2)
    sheet.autofilter(0, 0, max(len(cards), 1), len(COLUMNS) - 1)
    book.close()


def harmless(text: str) -> str:
    """The same text, behind an apostrophe where a spreadsheet could read a formula, full-width signs included."""
    text = _printable(text)
    seen = unicodedata.normalize("NFKC", text.lstrip("\u200b\ufeff \u00a0'\""))
    return f"'{text}" if text.startswith(_DANGEROUS) or seen.startswith(_DANGEROUS) else text


def _printable(text: str) -> str:
    """Without control characters; a line break becomes a space."""
    spaced = re.sub(r"[\t\r\n]+", " ", text)
    return "".join(letter for letter in spaced if unicodedata.category(letter) != "Cc")
