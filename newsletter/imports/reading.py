"""A sign-up file as its rows, whatever program exported it.

The encoding is told by its byte-order mark or by trying; the delimiter and the header are found together: the pair
under which the most columns are recognised. Title lines above the header, empty rows and totals at the end are no
sign-ups.
"""

import codecs
import contextlib
import csv
import hashlib
import io
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.imports import columns
from newsletter.imports.columns import Column
from newsletter.text import fold

DELIMITER_NAMES = {
    ";": lazy("points-virgules"),
    ",": lazy("virgules"),
    "\t": lazy("tabulations"),
    "|": lazy("barres"),
}
"""Every delimiter that is looked for, with its French name."""
_HEADER_WITHIN = 30  # rows: title lines above the header never go further
_TOTALS = ("total", "totaux", "sous total", "somme", "nombre", "sum", "count")

_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


class ReadingError(NewsletterError):
    """The file cannot be read as a table of sign-ups."""


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One sign-up, numbered as a spreadsheet numbers its row (the first row of the file is 1).

    `cells` holds what the row says in each recognised column, trimmed; a cell the row is too short for is empty.
    """

    number: int
    cells: Mapping[Column, str]

    def cell(self, column: Column) -> str:
        """What the row says in a column; empty where the file has no such column."""
        return self.cells.get(column, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A file that was read: what its columns are, and its rows without titles, blanks and totals."""

    name: str
    fingerprint: str  # SHA-256 of the bytes
    encoding: str
    delimiter: str
    header_row: int
    titles: tuple[str, ...]
    found: Mapping[Column, int]
    rows: tuple[SheetRow, ...]

    def title(self, column: Column) -> str:
        """The title of a column that is there, as the file writes it."""
        return " ".join(self.titles[self.found[column]].split())


class _CsvRow(NamedTuple):
    """A row as the file has it, header and blanks included."""

    number: int
    cells: tuple[str, ...]

    def named(self, found: Mapping[Column, int]) -> SheetRow:
        cells = {
            column: self.cells[index].strip() if index < len(self.cells) else "" for column, index in found.items()
        }
        return SheetRow(self.number, cells)


def read_file(
    path: Path, *, encoding: str | None = None, delimiter: str | None = None, chosen: Mapping[Column, str] | None = None
) -> Sheet:
    """The sheet in this file. Raises ReadingError, or ColumnError, with one sentence that says what to do."""
    try:
        raw = path.read_bytes()
    except OSError:
        raise ReadingError(
            _("Le fichier {name} ne s’ouvre pas. Vérifiez son nom et que vous avez le droit de le lire.").format(
                name=path.name
            )
        ) from None
    return read(raw, name=path.name, encoding=encoding, delimiter=delimiter, chosen=chosen)


def read(
    raw: bytes,
    *,
    name: str,
    encoding: str | None = None,
    delimiter: str | None = None,
    chosen: Mapping[Column, str] | None = None,
) -> Sheet:
    """The sheet in these bytes; `encoding`, `delimiter` and `chosen` columns are found out where they are not given."""
    chosen = chosen or {}
    spelled, text = _decode(raw, encoding)
    cut, header = _find_header(text, [delimiter] if delimiter else list(DELIMITER_NAMES), chosen)
    table = list(_csv_rows(text, cut))
    titles = table[header].cells
    found = columns.recognise(titles, chosen)
    columns.check_columns(titles, found, chosen)
    rows = _without_totals([row for row in table[header + 1 :] if any(cell.strip() for cell in row.cells)])
    if not rows:
        raise ReadingError(_("Le fichier a des titres de colonnes mais aucune ligne. Rien n’est à importer."))
    return Sheet(
        name=name,
        fingerprint=hashlib.sha256(raw).hexdigest(),
        encoding=spelled,
        delimiter=cut,
        header_row=table[header].number,
        titles=titles,
        found=found,
        rows=tuple(row.named(found) for row in rows),
    )


def _decode(raw: bytes, encoding: str | None) -> tuple[str, str]:
    """The encoding and the text. UTF-8 by trying, then the cp1252 of a French Excel, which knows nearly every byte."""
    if not raw.strip():
        raise ReadingError(_("Le fichier est vide. Exportez-le de nouveau."))
    if raw.startswith(_EXCEL):
        raise ReadingError(
            _("C’est un classeur Excel, pas un CSV. Dans Excel, enregistrez-le sous le type « CSV UTF-8 » et relancez.")
        )
    for candidate in [encoding] if encoding else _likely_encodings(raw):
        try:
            text = raw.decode(candidate)
        except LookupError:
            raise ReadingError(
                _("L’encodage « {encoding} » n’existe pas. Essayez utf-8, cp1252 ou utf-16.").format(encoding=candidate)
            ) from None
        except UnicodeError:
            continue
        if "\0" not in text:
            return candidate, text.removeprefix("\ufeff")
    if encoding:
        raise ReadingError(
            _("Le fichier n’est pas écrit en {encoding}. Relancez sans --encoding pour qu’il soit reconnu.").format(
                encoding=encoding
            )
        )
    raise ReadingError(_("Ce fichier n’est pas un texte lisible. Exportez-le en CSV (UTF-8) et relancez."))


def _likely_encodings(raw: bytes) -> list[str]:
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            return [encoding]
    start = raw[:2000]
    if start[1::2].count(0) > len(start) // 4:
        return ["utf-16-le"]
    if start[0::2].count(0) > len(start) // 4:
        return ["utf-16-be"]
    return ["utf-8", "cp1252"]


def _find_header(text: str, delimiters: Sequence[str], chosen: Mapping[Column, str]) -> tuple[str, int]:
    """The delimiter, and the index of the header row, under which the most columns are recognised."""
    best, most = (delimiters[0], 0), (0, 0)
    for delimiter in delimiters:
        for index, row in enumerate(_first_rows(text, delimiter)):
            recognised = len(columns.recognise(row.cells, chosen))
            score = (recognised, len(row.cells))
            if score > most and (recognised or not most[0]):
                best, most = (delimiter, index), score
    return best


def _first_rows(text: str, delimiter: str) -> list[_CsvRow]:
    """The rows that may hold the header, as far as they can be read with this delimiter."""
    found: list[_CsvRow] = []
    with contextlib.suppress(ReadingError):  # quotes that make no sense: another delimiter may be the right one
        found.extend(itertools.islice(_csv_rows(text, delimiter), _HEADER_WITHIN))
    return found


def _csv_rows(text: str, delimiter: str) -> Iterator[_CsvRow]:
    """Every row, blank ones included. Raises ReadingError where the quotes of the file do not close."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    try:
        for number, cells in enumerate(table, start=1):
            yield _CsvRow(number, tuple(cells))
    except csv.Error:
        raise ReadingError(
            _(
                "Les guillemets ne se referment pas à partir de la ligne {line}. Corrigez cette ligne et relancez."
            ).format(line=number + 1)
        ) from None


def _without_totals(rows: list[_CsvRow]) -> list[_CsvRow]:
    """The rows without the totals below the table."""
    while rows and _is_total(rows[-1]):
        rows.pop()
    return rows


def _is_total(row: _CsvRow) -> bool:
    """A row without any address whose first words announce a sum."""
    filled = [cell for cell in row.cells if cell.strip()]
    words = fold(filled[0]).split() if filled else []
    return (
        bool(words)
        and not any("@" in cell for cell in filled)
        and (words[0] in _TOTALS or words[:2] == ["sous", "total"])
    )
