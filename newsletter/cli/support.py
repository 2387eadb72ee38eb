"""`newsletter support`: print runs and their QR codes."""

import json
from pathlib import Path

import click

from newsletter.catalogue import qr, supports
from newsletter.catalogue.forms import validated_form
from newsletter.catalogue.pictures import write_whole
from newsletter.catalogue.supports import SupportForm
from newsletter.cli.current import current_instance
from newsletter.clock import paris_day
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.words import SupportKind, label


class PrintError(NewsletterError):
    """The sheet could not be written."""


@click.group(help=lazy("Sets de table, cartes, affiches : leurs codes QR."))
def support() -> None:
    pass


@support.command(help=lazy("Ajouter un tirage pour un partenaire ; son code est créé ici."))
@click.argument("partner", metavar=lazy("PARTENAIRE"))
@click.option("--kind", type=click.Choice(SupportKind), required=True, help=lazy("Ce qu’on imprime."))
@click.option("--season", type=int, help=lazy("L’année ; sans elle, celle d’aujourd’hui."))
@click.option("--code", default="", help=lazy("Un code déjà imprimé, à reprendre."))
@click.option("--note", default="", help=lazy("Où il est posé, combien d’exemplaires…"))
def add(partner: str, kind: SupportKind, season: int | None, code: str, note: str) -> None:
    instance = current_instance()
    year = season or paris_day(instance.clock.now()).year
    form = validated_form(SupportForm, {"partner": partner, "kind": kind, "season": year, "code": code, "note": note})
    with instance.store.transaction() as session:
        added = supports.add(session, form)
    click.echo(
        _("Le support {code} est créé. Son QR code mène à {address}").format(
            code=added.code, address=qr.address(added, instance.settings.base_url)
        )
    )


@support.command("list", help=lazy("Montrer tous les supports."))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def list_(as_json: bool) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        lines = [
            {
                "code": line.support.code,
                "partner": line.partner.name,
                "kind": line.support.kind.value,
                "season": line.support.season,
                "note": line.support.note,
                "address": qr.address(line.support, instance.settings.base_url),
            }
            for line in supports.listed(session)
        ]
    if as_json:
        click.echo(json.dumps(lines, ensure_ascii=False, indent=2))
        return
    for line in lines:
        shown = (line["code"], line["partner"], label(SupportKind(str(line["kind"]))), line["season"], line["note"])
        click.echo(" · ".join(str(value) for value in shown if value))
    if not lines:
        click.echo(_("Aucun support. « newsletter support add PARTENAIRE --kind placemat » en crée un."))


@support.command("qr", help=lazy("Écrire le code QR : en SVG la feuille à imprimer, en PDF le code seul."))
@click.argument("code")
@click.option("--svg", type=click.Path(path_type=Path), metavar=lazy("FICHIER"), help=lazy("La feuille, 105 × 148 mm."))
@click.option("--pdf", type=click.Path(path_type=Path), metavar=lazy("FICHIER"), help=lazy("Le code seul, 60 mm."))
def qr_(code: str, svg: Path | None, pdf: Path | None) -> None:
    if svg is None and pdf is None:
        raise click.UsageError(_("Dites où écrire : --svg FICHIER, --pdf FICHIER, ou les deux."))
    instance = current_instance()
    with instance.store.reading() as session:
        found = supports.find(session, code)
    if svg is not None:
        sheet = qr.qr_svg(found.support, instance.settings.base_url, partner=found.partner)
        _write(svg, sheet.encode())
    if pdf is not None:
        _write(pdf, qr.qr_pdf(found.support, instance.settings.base_url))


def _write(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError:
        raise PrintError(_("{path} ne peut pas être écrit. Choisissez un autre endroit.").format(path=path)) from None
    click.echo(_("Écrit : {path}").format(path=path))
