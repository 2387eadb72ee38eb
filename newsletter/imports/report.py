"""The report of an import: the sum, then a sentence per refused, quarantined or doubtful line. Never an address."""

from collections import Counter
from collections.abc import Iterator

from newsletter.i18n import _, lazy, ngettext
from newsletter.imports.columns import LABELS, Column
from newsletter.imports.judging import Doubt, Fate, Judged
from newsletter.imports.plan import Plan
from newsletter.imports.reading import Sheet

FATES = {Fate.taken: lazy("à vérifier"), Fate.quarantined: lazy("mise de côté"), Fate.refused: lazy("refusée")}

DELIMITERS = {";": lazy("points-virgules"), ",": lazy("virgules"), "\t": lazy("tabulations"), "|": lazy("barres")}


def columns_text(sheet: Sheet) -> str:
    """How the file was understood, to be shown before anything is written."""
    lines = [
        _("Fichier {name} : {encoding}, {delimiter}, titres à la ligne {line}.").format(
            name=sheet.name,
            encoding=sheet.encoding,
            delimiter=DELIMITERS.get(sheet.delimiter, sheet.delimiter),
            line=sheet.header_line,
        ),
        _("Colonnes reconnues :"),
    ]
    lines += [f"  {LABELS[column]} ← « {sheet.title(column)} »" for column in Column if column in sheet.found]
    ignored = [title for index, title in enumerate(sheet.titles) if index not in sheet.found.values() and title.strip()]
    if ignored:
        lines.append(_("Colonnes laissées de côté : {titles}.").format(titles=", ".join(ignored)))
    return "\n".join(lines)


def sum_text(plan: Plan) -> str:
    """The sum, which must come out: what became of the lines."""
    doubtful = sum(1 for line in plan.judged if line.fate == Fate.taken and line.doubts)
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
                lines=plan.lines,
            ),
            more.format(number=doubtful),
        ]
    )


def line_sentences(plan: Plan) -> Iterator[str]:
    """One sentence per line that needs a look: its number, its fate, and per column what is wrong and what to do."""
    for line in plan.judged:
        if line.doubts:
            yield _("Ligne {number}, {fate} : {doubts}").format(
                number=line.number, fate=FATES[line.fate], doubts=_doubts(line)
            )


def abridged(plan: Plan, *, at_most: int) -> Iterator[str]:
    """The same for a screen: refused lines first, cut after `at_most`, then what the rest is about, counted."""
    needing = sorted((line for line in plan.judged if line.doubts), key=_gravity)
    if len(needing) <= at_most:
        yield from line_sentences(plan)
        return
    for line in needing[:at_most]:
        yield _("Ligne {number}, {fate} : {doubts}").format(
            number=line.number, fate=FATES[line.fate], doubts=_doubts(line)
        )
    rest = needing[at_most:]
    yield ngettext("… et {number} autre ligne :", "… et {number} autres lignes :", len(rest)).format(number=len(rest))
    kinds = Counter((line.fate, doubt.column, doubt.sentence) for line in rest for doubt in line.doubts)
    for (fate, column, sentence), number in kinds.most_common():
        yield f"  {number} × {FATES[fate]}, {LABELS[column]} : {sentence}"


def file_text(sheet: Sheet, plan: Plan) -> str:
    """The whole report, to be kept as a file."""
    heading = _("Les lignes sont numérotées comme dans un tableur : la première ligne du fichier est la ligne 1.")
    return "\n".join([columns_text(sheet), "", sum_text(plan), "", heading, "", *line_sentences(plan), ""])


def _doubts(line: Judged) -> str:
    return " ".join(f"[{LABELS[doubt.column]}] {doubt.sentence}" for doubt in sorted(line.doubts, key=_left_to_right))


def _left_to_right(doubt: Doubt) -> int:
    return list(Column).index(doubt.column)


def _gravity(line: Judged) -> tuple[int, int]:
    return [Fate.refused, Fate.quarantined, Fate.taken].index(line.fate), line.number
