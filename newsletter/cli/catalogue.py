"""`newsletter catalogue`: load files, list, and the demonstration catalogue."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import click

from newsletter.catalogue import employers, files, openings, partners, portraits, supports, territory
from newsletter.catalogue.entries import EntryKind
from newsletter.cli.current import current_instance
from newsletter.clock import paris_day
from newsletter.demo import samples
from newsletter.i18n import _, lazy
from newsletter.instance import Instance
from newsletter.store.columns import key
from newsletter.words import label

_Rows = list[dict[str, str | int | bool]]
_TITLES = {
    EntryKind.employers: lazy("employeurs"),
    EntryKind.openings: lazy("offres"),
    EntryKind.portraits: lazy("portraits"),
    EntryKind.partners: lazy("partenaires"),
    EntryKind.supports: lazy("supports"),
}


@click.group(help=lazy("Employeurs, offres, portraits, partenaires et supports."))
def catalogue() -> None:
    pass


@catalogue.command(help=lazy("Charger des fichiers YAML ou CSV. Un fichier est pris en entier, ou pas du tout."))
@click.argument("paths", metavar=lazy("FICHIER…"), nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--kind", type=click.Choice(EntryKind), help=lazy("Ce que liste un fichier CSV, si son nom ne le dit pas.")
)
def load(paths: tuple[Path, ...], kind: EntryKind | None) -> None:
    instance = current_instance()
    today = paris_day(instance.clock.now())
    for path in paths:
        with instance.store.transaction() as session:
            reports = files.load(session, path, today=today, media=instance.settings.media, kind=kind)
        click.echo(f"{path.name}\n{_told(reports)}")


@catalogue.command(
    "samples", help=lazy("Charger le catalogue de démonstration, avec ses dessins. Sans risque à répéter.")
)
def load_samples() -> None:
    instance = current_instance()
    with instance.store.transaction() as session:
        territory.load(session)
        reports = samples.load_demo_catalogue(
            session, today=paris_day(instance.clock.now()), media=instance.settings.media
        )
    click.echo(_told(reports))


@catalogue.command("list", help=lazy("Montrer ce que contient le catalogue."))
@click.argument("kind", metavar=lazy("GENRE"), type=click.Choice(EntryKind))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def list_(kind: EntryKind, as_json: bool) -> None:
    instance = current_instance()
    lines = _LISTS[kind](instance, paris_day(instance.clock.now()))
    if as_json:
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for line in lines:
        click.echo(" · ".join(str(value) for value in line.values() if value != "" and not isinstance(value, bool)))
    if not lines:
        click.echo(_("Rien encore. « newsletter catalogue load FICHIER » remplit le catalogue."))


def _told(reports: Sequence[files.LoadReport]) -> str:
    parts = [
        _("{what} : {added} en plus, {changed} avec changement, {same} sans changement").format(
            what=_TITLES[report.kind], added=report.added, changed=report.changed, same=report.same
        )
        for report in reports
    ]
    return "\n".join(parts)


def _employers(instance: Instance, today: date) -> _Rows:
    with instance.store.reading() as session:
        found = employers.listed(session, today=today)
    return [
        {
            "id": key(line.employer.id),
            "name": line.employer.name,
            "sector": line.sector.code,
            "commune": line.commune.name,
            "open": line.openings,
        }
        for line in found
    ]


def _openings(instance: Instance, today: date) -> _Rows:
    with instance.store.reading() as session:
        found = openings.listed(session, today=today)
    return [
        {
            "id": key(line.opening.id),
            "title": line.opening.title,
            "employer": line.employer.name,
            "contract": line.opening.contract,
            "expires_on": line.opening.expires_on.isoformat(),
            "open": line.open,
        }
        for line in found
    ]


def _portraits(instance: Instance, today: date) -> _Rows:
    with instance.store.reading() as session:
        found = portraits.listed(session, today=today)
    return [
        {
            "id": key(line.portrait.id),
            "person": line.portrait.person,
            "role": line.portrait.role,
            "commune": line.commune.name if line.commune else "",
            "image_right_until": line.portrait.image_right_until.isoformat(),
            "showable": line.showable,
        }
        for line in found
    ]


def _partners(instance: Instance, _today: date) -> _Rows:
    with instance.store.reading() as session:
        found = partners.listed(session)
    return [
        {
            "id": key(line.partner.id),
            "name": line.partner.name,
            "kind": label(line.partner.kind),
            "commune": line.commune.name if line.commune else "",
            "supports": line.supports,
        }
        for line in found
    ]


def _supports(instance: Instance, _today: date) -> _Rows:
    with instance.store.reading() as session:
        found = supports.listed(session)
    return [
        {
            "code": line.support.code,
            "partner": line.partner.name,
            "kind": label(line.support.kind),
            "season": line.support.season,
            "note": line.support.note,
        }
        for line in found
    ]


_LISTS: dict[EntryKind, Callable[[Instance, date], _Rows]] = {
    EntryKind.employers: _employers,
    EntryKind.openings: _openings,
    EntryKind.portraits: _portraits,
    EntryKind.partners: _partners,
    EntryKind.supports: _supports,
}
