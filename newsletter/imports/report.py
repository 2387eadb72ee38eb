"""The report of an import: the sum, then a sentence per refused, quarantined or doubtful row. Never an address."""

from collections import Counter
from collections.abc import Iterator

from newsletter.i18n import _, lazy, ngettext
from newsletter.imports.columns import COLUMN_LABELS, Column
from newsletter.imports.judging import JudgedRow, RowDoubt, RowStatus
from newsletter.imports.plan import ImportPlan
from newsletter.imports.reading import DELIMITER_NAMES, Sheet

_STATUS_LABELS = {
    RowStatus.taken: lazy("à vérifier"),
    RowStatus.quarantined: lazy("mise de côté"),
    RowStatus.refused: lazy("refusée"),
}


def columns_text(sheet: Sheet) -> str:
    """How the file was understood, to be shown before anything is written."""
    lines = [
        _("Fichier {name} : {encoding}, {delimiter}, titres à la ligne {line}.").format(
            name=sheet.name,
            encoding=sheet.encoding,
            delimiter=DELIMITER_NAMES.get(sheet.delimiter, sheet.delimiter),
            line=sheet.header_row,
        ),
        _("Colonnes reconnues :"),
    ]
    lines += [f"  {COLUMN_LABELS[column]} ← « {sheet.title(column)} »" for column in Column if column in sheet.found]
    ignored = [title for index, title in enumerate(sheet.titles) if index not in sheet.found.values() and title.strip()]
    if ignored:
        lines.append(_("Colonnes laissées de côté : {titles}.").format(titles=", ".join(ignored)))
    return "\n".join(lines)


def sum_text(plan: ImportPlan) -> str:
    """The sum, which must come out: what became of the rows."""
    doubtful = sum(1 for row in plan.judged if row.status == RowStatus.taken and row.doubts)
    total = _(
        "{imported} importées + {merged} fusionnées + {quarantined} mises de côté + {refused} refusées = {lines} lignes"
    )
    more = ngettext(
        "dont {number} ligne prise mais à vérifier", "dont {number} lignes prises mais à vérifier", doubtful
    )
    return "\n".join(
        [
            total.format(
                imported=plan.imported,
                merged=plan.merged,
                quarantined=plan.quarantined,
                refused=plan.refused,
                lines=plan.rows,
            ),
            more.format(number=doubtful),
        ]
    )


def row_sentences(plan: ImportPlan) -> Iterator[str]:
    """One sentence per row that needs a look: its number, its status, and per column what is wrong and what to do."""
    for row in plan.judged:
        if row.doubts:
            yield _sentence(row)


def abridged(plan: ImportPlan, *, at_most: int) -> Iterator[str]:
    """The same for a screen: refused rows first, cut after `at_most`, then what the rest is about, counted."""
    needing = sorted((row for row in plan.judged if row.doubts), key=_gravity)
    if len(needing) <= at_most:
        yield from row_sentences(plan)
        return
    for row in needing[:at_most]:
        yield _sentence(row)
    rest = needing[at_most:]
    yield ngettext("… et {number} autre ligne :", "… et {number} autres lignes :", len(rest)).format(number=len(rest))
    kinds = Counter((row.status, doubt.column, doubt.sentence) for row in rest for doubt in row.doubts)
    for (status, column, sentence), number in kinds.most_common():
        yield f"  {number} × {_STATUS_LABELS[status]}, {COLUMN_LABELS[column]} : {sentence}"


def file_text(sheet: Sheet, plan: ImportPlan) -> str:
    """The whole report, to be kept as a file."""
    heading = _("Les lignes sont numérotées comme dans un tableur : la première ligne du fichier est la ligne 1.")
    return "\n".join([columns_text(sheet), "", sum_text(plan), "", heading, "", *row_sentences(plan), ""])


def _sentence(row: JudgedRow) -> str:
    return _("Ligne {number}, {fate} : {doubts}").format(
        number=row.number, fate=_STATUS_LABELS[row.status], doubts=_doubts(row)
    )


def _doubts(row: JudgedRow) -> str:
    doubts = sorted(row.doubts, key=_left_to_right)
    return " ".join(f"[{COLUMN_LABELS[doubt.column]}] {doubt.sentence}" for doubt in doubts)


def _left_to_right(doubt: RowDoubt) -> int:
    return list(Column).index(doubt.column)


def _gravity(row: JudgedRow) -> tuple[int, int]:
    return [RowStatus.refused, RowStatus.quarantined, RowStatus.taken].index(row.status), row.number
