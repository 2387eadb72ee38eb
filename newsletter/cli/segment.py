"""`newsletter segment`: read a segment, count whom it reaches, say why someone is in or out."""

import json
from dataclasses import asdict
from pathlib import Path

import click

import segments
from newsletter.cli.current import current_instance
from newsletter.clock import paris_day
from newsletter.errors import NotFoundError
from newsletter.i18n import _, lazy
from segments import Explanation, Reach

TEXT = click.argument("text", metavar="TEXTE|FICHIER")


@click.group(help=lazy("Les segments : choisir à qui l’on écrit."))
def segment() -> None:
    pass


@segment.command(help=lazy("Lire un segment et le redire en bon français ; ne change rien."))
@TEXT
def check(text: str) -> None:
    with current_instance().store.reading() as session:
        click.echo(segments.sentence(segments.understand(session, _text(text))))


@segment.command(help=lazy("Compter les personnes d’un segment, et celles à qui l’on peut écrire."))
@TEXT
@click.option("--json", "as_json", is_flag=True, help=lazy("Donner les nombres en JSON."))
def count(text: str, as_json: bool) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        tree = segments.understand(session, _text(text))
        found = segments.reach(session, tree, today=paris_day(instance.clock.now()))
    if as_json:
        click.echo(json.dumps(asdict(found) | {"segment": segments.segment_text(tree)}, ensure_ascii=False))
        return
    click.echo(segments.sentence(tree))
    click.echo(_counted(found))


@segment.command(help=lazy("Dire pourquoi une personne est dans un segment, ou n’y est pas."))
@TEXT
@click.option(
    "--subscriber",
    type=click.IntRange(1, 2**31 - 1),
    required=True,
    metavar="N",
    help=lazy("Le numéro de la personne."),
)
def explain(text: str, subscriber: int) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        tree = segments.understand(session, _text(text))
        told = segments.explain(session, tree, subscriber, today=paris_day(instance.clock.now()))
    click.echo(_told(told))


@segment.command(help=lazy("Montrer les segments tout prêts."))
@click.argument("name", metavar="[NOM]", required=False)
def library(name: str | None) -> None:
    saved = {one.name: one for one in segments.library()}
    if name is None:
        for one in saved.values():
            click.echo(f"{one.name:<24} {one.title} : {one.purpose}")
        return
    if name not in saved:
        raise NotFoundError(
            _("Aucun segment tout prêt ne s’appelle « {name} ». Choisissez parmi : {names}.").format(
                name=name, names=", ".join(saved)
            )
        )
    click.echo(saved[name].text)


def _text(given: str) -> str:
    """The segment, given as it is or as the name of a file that holds it."""
    try:
        path = Path(given)
        return path.read_text(encoding="utf-8-sig") if path.is_file() else given
    except UnicodeDecodeError:
        raise NotFoundError(_("Ce fichier n’est pas un texte en UTF-8. Enregistrez-le en UTF-8.")) from None
    except (OSError, ValueError):  # too long for a file name, or unreadable: then it is the segment itself
        return given


def _counted(found: Reach) -> str:
    lines = [
        _("{number} personne(s) dans le segment, dont {mailable} à qui l’on peut écrire.").format(
            number=found.matching, mailable=found.mailable
        )
    ]
    if found.without_consent:
        lines.append(_("  {number} sans oui à la lettre.").format(number=found.without_consent))
    if found.suppressed:
        lines.append(
            _("  {number} sur la liste d’exclusion (désinscrites ou adresse morte).").format(number=found.suppressed)
        )
    if found.unmeasured:
        lines.append(
            _("À savoir : {number} abonnés n’acceptent pas la mesure des clics ; leurs clics sont inconnus.").format(
                number=found.unmeasured
            )
        )
    return "\n".join(lines)


def _told(told: Explanation) -> str:
    answer = _("Dans le segment, parce que :") if told.inside else _("Hors du segment, parce que :")
    lines = [f"  {'✓' if reason.holds else '✗'} {reason.condition}   ({reason.known})" for reason in told.because]
    return "\n".join([answer, *(lines or [_("  le segment prend tout le monde")])])
