"""`newsletter adviser`: the advisers, their territories, and their leads as files."""

import io
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import click

from newsletter.advisers import export, files, lists, people
from newsletter.advisers.cards import Card
from newsletter.cli.current import current_instance
from newsletter.clock import paris_day
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy, ngettext
from newsletter.store.columns import key

_JSON = click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
_FILE = click.Path(dir_okay=False, path_type=Path)


class ExportError(NewsletterError):
    """The file could not be written."""


@click.group(help=lazy("Les référents accueil, leurs territoires et leurs pistes."))
def adviser() -> None:
    pass


@adviser.command("list", help=lazy("Dire qui sont les référents, et combien de pistes ouvertes ils ont."))
@_JSON
def list_advisers(*, as_json: bool) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        found = lists.adviser_list(session, today=paris_day(instance.clock.now()))
    loads = [(one, found.loads[key(one.id)]) for one in found.advisers]
    if as_json:
        rows = [{"name": one.name, "open": load, "capacity": one.capacity} for one, load in loads]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for one, load in loads:
        said = _("{name} : {open} pistes ouvertes sur {most}")
        click.echo(said.format(name=one.name, open=load, most=one.capacity))


@adviser.command(help=lazy("Charger des référents et leurs territoires d’un fichier YAML, en entier ou pas du tout."))
@click.argument("path", metavar=lazy("FICHIER"), type=click.Path(path_type=Path))
def load(path: Path) -> None:
    with current_instance().store.transaction() as session:
        loaded = files.load_file(session, path)
    said = _("{added} référents ajoutés, {changed} mis à jour, {rules} règles de territoire.")
    click.echo(said.format(added=loaded.added, changed=loaded.changed, rules=loaded.rules))
    for name in loaded.without_account:
        click.echo(_("{name} n’a pas encore de compte : ouvrez-le, puis rechargez ce fichier.").format(name=name))


@adviser.command(help=lazy("Dire qui prend quel territoire et quel métier, le plus précis d’abord."))
@_JSON
def rules(*, as_json: bool) -> None:
    with current_instance().store.reading() as session:
        names = {one.id: one.name for one in people.advisers(session)}
        found = people.territories(session)
    if as_json:
        rows = [{"epci": rule.epci, "sector": rule.sector, "adviser": names[rule.adviser_id]} for rule in found]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for rule in found:
        where = " + ".join(part for part in (rule.epci, rule.sector) if part) or _("tout le reste")
        click.echo(f"{where} → {names[rule.adviser_id]}")


@adviser.command("export", help=lazy("Écrire les pistes ouvertes d’un référent dans un fichier CSV ou Excel."))
@click.argument("name", metavar=lazy("NOM"))
@click.option("--csv", "csv_path", type=_FILE, help=lazy("Écrire un CSV ici."))
@click.option("--xlsx", "xlsx_path", type=_FILE, help=lazy("Écrire un classeur Excel ici."))
def export_leads(name: str, csv_path: Path | None, xlsx_path: Path | None) -> None:
    if csv_path is None and xlsx_path is None:
        raise ExportError(_("Dites où écrire : --csv FICHIER, --xlsx FICHIER, ou les deux."))
    with current_instance().store.reading() as session:
        found = lists.open_cards_of(session, name)
    for path, write in ((csv_path, export.write_csv), (xlsx_path, export.write_xlsx)):
        if path is not None:
            _write_whole(path, found, write)
            said = ngettext("{number} piste dans {path}", "{number} pistes dans {path}", len(found))
            click.echo(said.format(number=len(found), path=path))


def _write_whole(path: Path, found: Sequence[Card], write: Callable[[Sequence[Card], BinaryIO], None]) -> None:
    """The file, whole, or the old one untouched. Readable by its owner alone: it holds names and telephone numbers."""
    whole = io.BytesIO()
    write(found, whole)
    new = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, delete=False) as file:
            new = Path(file.name)
            file.write(whole.getvalue())
        new.replace(path)
    except OSError:
        if new is not None:
            new.unlink(missing_ok=True)
        raise ExportError(
            _("Le fichier {name} ne peut pas être écrit : vérifiez le dossier et la place.").format(name=path.name)
        ) from None
