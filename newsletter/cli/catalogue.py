"""`newsletter catalogue`: load files, list, and the demonstration catalogue."""

import json
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import click
from sqlmodel import Session

from newsletter.catalogue import employers, files, openings, partners, portraits, supports, territory
from newsletter.catalogue.entries import Kind
from newsletter.cli.current import current_instance
from newsletter.clock import paris_day
from newsletter.demo import samples
from newsletter.i18n import _, lazy
from newsletter.words import label

Lines = list[dict[str, str | int | bool]]
TITLES = {
    Kind.employers: lazy("employeurs"),
    Kind.openings: lazy("offres"),
    Kind.portraits: lazy("portraits"),
    Kind.partners: lazy("partenaires"),
    Kind.supports: lazy("supports"),
}


@click.group(help=lazy("Employeurs, offres, portraits, partenaires et supports."))
def catalogue() -> None:
    pass


@catalogue.command(help=lazy("Charger des fichiers YAML ou CSV. Un fichier est pris en entier, ou pas du tout."))
@click.argument("paths", metavar=lazy("FICHIER…"), nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--kind", type=click.Choice(Kind), help=lazy("Ce que liste un fichier CSV, si son nom ne le dit pas."))
def load(paths: tuple[Path, ...], kind: Kind | None) -> None:
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
@click.argument("kind", metavar=lazy("GENRE"), type=click.Choice(Kind))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def list_(kind: Kind, as_json: bool) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        lines = LISTS[kind](session, paris_day(instance.clock.now()))
    if as_json:
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for line in lines:
        click.echo(" · ".join(str(value) for value in line.values() if value != "" and not isinstance(value, bool)))
    if not lines:
        click.echo(_("Rien encore. « newsletter catalogue load FICHIER » remplit le catalogue."))


def _told(reports: Sequence[files.Report]) -> str:
    parts = [
        _("{what} : {added} en plus, {changed} avec changement, {same} sans changement").format(
            what=TITLES[report.kind], added=report.added, changed=report.changed, same=report.same
        )
        for report in reports
    ]
    return "\n".join(parts)


def _employers(session: Session, today: date) -> Lines:
    return [
        {
            "id": line.employer.id or 0,
            "name": line.employer.name,
            "sector": line.sector.code,
            "commune": line.commune.name,
            "open": line.openings,
        }
        for line in employers.listed(session, today=today)
    ]


def _openings(session: Session, today: date) -> Lines:
    return [
        {
            "id": line.opening.id or 0,
            "title": line.opening.title,
            "employer": line.employer.name,
            "contract": line.opening.contract,
            "expires_on": line.opening.expires_on.isoformat(),
            "open": line.open,
        }
        for line in openings.listed(session, today=today)
    ]


def _portraits(session: Session, today: date) -> Lines:
    return [
        {
            "id": line.portrait.id or 0,
            "person": line.portrait.person,
            "role": line.portrait.role,
            "commune": line.commune.name if line.commune else "",
            "image_right_until": line.portrait.image_right_until.isoformat(),
            "showable": line.showable,
        }
        for line in portraits.listed(session, today=today)
    ]


def _partners(session: Session, _today: date) -> Lines:
    return [
        {
            "id": line.partner.id or 0,
            "name": line.partner.name,
            "kind": label(line.partner.kind),
            "commune": line.commune.name if line.commune else "",
            "supports": line.supports,
        }
        for line in partners.listed(session)
    ]


def _supports(session: Session, _today: date) -> Lines:
    return [
        {
            "code": line.support.code,
            "partner": line.partner.name,
            "kind": label(line.support.kind),
            "season": line.support.season,
            "note": line.support.note,
        }
        for line in supports.listed(session)
    ]


LISTS: dict[Kind, Callable[[Session, date], Lines]] = {
    Kind.employers: _employers,
    Kind.openings: _openings,
    Kind.portraits: _portraits,
    Kind.partners: _partners,
    Kind.supports: _supports,
}
