"""`newsletter import FILE`: take in a file of sign-ups."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from newsletter.cli.current import current_instance
from newsletter.clock import in_paris
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.imports import reading
from newsletter.imports.columns import Column, parse_map
from newsletter.imports.judging import JudgedRow
from newsletter.imports.plan import ImportPlan, import_sheet
from newsletter.imports.reading import DELIMITER_NAMES, Sheet
from newsletter.imports.report import abridged, columns_text, file_text, sum_text
from newsletter.instance import Instance

SHOWN = 20  # lines of the report on screen; the whole of it goes to --report
READING = lazy("Lecture")
_TYPED_DELIMITERS = {"tab" if cut == "\t" else cut: cut for cut in DELIMITER_NAMES}


class ReportError(NewsletterError):
    """The report could not be written."""


@click.command("import", help=lazy("Importer un fichier d’inscriptions (CSV). Sans --commit, rien n’est écrit."))
@click.argument("path", metavar="FICHIER", type=click.Path(path_type=Path))
@click.option("--commit", is_flag=True, help=lazy("Écrire pour de bon."))
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar=lazy("CHAMP=COLONNE"),
    help=lazy("Désigner une colonne ; champs : {fields}.").format(fields=", ".join(Column)),
)
@click.option(
    "--encoding", metavar=lazy("NOM"), help=lazy("Encodage du fichier, s’il est mal reconnu : utf-8, cp1252, utf-16.")
)
@click.option("--delimiter", type=click.Choice([*_TYPED_DELIMITERS]), help=lazy("Séparateur, s’il est mal reconnu."))
@click.option(
    "--report", type=click.Path(path_type=Path), metavar=lazy("FICHIER"), help=lazy("Écrire le rapport entier ici.")
)
@click.option("--json", "as_json", is_flag=True, help=lazy("Donner le bilan en JSON."))
def import_(
    path: Path,
    commit: bool,
    maps: tuple[str, ...],
    encoding: str | None,
    delimiter: str | None,
    report: Path | None,
    as_json: bool,
) -> None:
    instance = current_instance()
    cut = _TYPED_DELIMITERS[delimiter] if delimiter else None
    sheet = reading.read_file(path, encoding=encoding, delimiter=cut, chosen=parse_map(maps))
    if not as_json:
        click.echo(columns_text(sheet) + "\n")
    plan = _take_in(instance, sheet, commit=commit, report=_not_the_file_itself(report, path))
    click.echo(_as_json(sheet, plan, written=commit and not plan.already) if as_json else _as_text(plan, commit=commit))
    if report and not as_json:
        click.echo(_("Le rapport entier est dans {path}.").format(path=report))


def _not_the_file_itself(report: Path | None, path: Path) -> Path | None:
    if report and report.exists() and report.samefile(path):
        raise ReportError(_("Le rapport écraserait le fichier à importer. Choisissez un autre nom pour --report."))
    return report


def _take_in(instance: Instance, sheet: Sheet, *, commit: bool, report: Path | None) -> ImportPlan:
    """All in one transaction: a report that cannot be written, or Ctrl-C, leaves the store as it was."""
    now = instance.clock.now()

    def watched(rows: Iterator[JudgedRow]) -> Iterator[JudgedRow]:
        with click.progressbar(rows, length=len(sheet.rows), label=READING, file=sys.stderr) as bar:
            yield from bar

    opened = instance.store.transaction if commit else instance.store.reading
    with opened() as session:
        plan = import_sheet(session, instance.keys, sheet, now=now, commit=commit, watched=watched)
        if report:
            _write_report(report, file_text(sheet, plan))
    return plan


def _write_report(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError:
        raise ReportError(
            _(
                "Le rapport ne peut pas être écrit dans {path}. Choisissez un autre endroit ; rien n’a été importé."
            ).format(path=path)
        ) from None


def _as_text(plan: ImportPlan, *, commit: bool) -> str:
    sentences = list(abridged(plan, at_most=SHOWN))
    parts = [*sentences, "", sum_text(plan), _ending(plan, commit=commit)]
    return "\n".join(parts)


def _ending(plan: ImportPlan, *, commit: bool) -> str:
    if plan.already:
        return _("Ce fichier a déjà été importé le {day} : rien n’a changé.").format(
            day=in_paris(plan.already).strftime("%d/%m/%Y à %H:%M")
        )
    if commit:
        return _("C’est écrit. Importer ce même fichier une seconde fois ne changerait rien.")
    return _("C’était un essai : rien n’est écrit. Relancez avec --commit pour importer.")


def _as_json(sheet: Sheet, plan: ImportPlan, *, written: bool) -> str:
    return json.dumps(
        {
            "file": sheet.name,
            "fingerprint": sheet.fingerprint,
            "lines": plan.rows,
            "imported": plan.imported,
            "merged": plan.merged,
            "quarantined": plan.quarantined,
            "refused": plan.refused,
            "written": written,
            "doubts": [
                {"line": row.number, "fate": row.status, "column": doubt.column, "sentence": doubt.sentence}
                for row in plan.judged
                for doubt in row.doubts
            ],
        },
        ensure_ascii=False,
        indent=2,
    )
