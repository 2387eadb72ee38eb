"""`newsletter issue`: writing, approving and following issues."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click
import yaml

from newsletter import pipeline
from newsletter.blocks.block import DraftError
from newsletter.blocks.registry import read_blocks
from newsletter.cli import send_window
from newsletter.cli.current import current_instance
from newsletter.cli.doubts import doubts
from newsletter.cli.progress import follow
from newsletter.clock import in_paris
from newsletter.delivery.ledger.balance import Balance
from newsletter.i18n import _, lazy
from newsletter.issues import draft
from newsletter.reports.issues import issue_standing, listed_issues, review_issue
from newsletter.store.columns import key
from newsletter.store.issues import Issue
from newsletter.words import label

_FIELDS = ("title", "subject", "preheader", "segment", "template", "blocks")

number_argument = click.argument("number", type=int, metavar=lazy("NUMÉRO"))
json_option = click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))


@click.group(help=lazy("Les numéros de la lettre : écrire, approuver, programmer, suivre."))
def issue() -> None:
    pass


issue.add_command(send_window.now)
issue.add_command(send_window.window)
issue.add_command(doubts)
issue.add_command(follow)


@issue.command(help=lazy("Commencer un numéro, vide ou d’après un fichier YAML (voir « edit »)."))
@click.argument("title", metavar=lazy("TITRE"))
@click.option("--file", type=click.Path(path_type=Path), metavar=lazy("FICHIER"), help=lazy("Le contenu, en YAML."))
@json_option
def new(title: str, file: Path | None, as_json: bool) -> None:
    instance = current_instance()
    fields = _read(file) if file else {}
    fields.pop("title", None)
    with instance.store.transaction() as session:
        made = draft.create(session, title=title, now=instance.clock.now(), **fields)
    if as_json:
        click.echo(_as_json(_row(made)))
    else:
        click.echo(_("Le numéro {number} est créé : « {title} ».").format(number=made.id, title=made.title))


@issue.command("list", help=lazy("Montrer tous les numéros, le plus récent d’abord."))
@json_option
def list_(as_json: bool) -> None:
    instance = current_instance()
    found = listed_issues(instance)
    if as_json:
        click.echo(_as_json([_row(one.issue) for one in found]))
        return
    for one in found:
        state = _("envoyé") if one.balance and one.balance.finished else label(one.issue.state)
        said = (str(one.issue.id), one.issue.title, state, _hour(one.issue))
        click.echo(" · ".join(part for part in said if part))
    if not found:
        click.echo(_("Aucun numéro. « newsletter issue new TITRE » en commence un."))


@issue.command(help=lazy("Montrer un numéro, et ce qu’il reste à mettre au point."))
@number_argument
@json_option
def show(number: int, as_json: bool) -> None:
    one, found = review_issue(current_instance(), number)
    if as_json:
        click.echo(_as_json(_row(one) | {"blocks": one.blocks, "findings": [asdict(finding) for finding in found]}))
        return
    click.echo(_("Numéro {number} : {title} ({state})").format(number=one.id, title=one.title, state=label(one.state)))
    rows = (
        (_("Objet"), one.subject),
        (_("Accroche"), one.preheader),
        (_("Segment"), one.segment or _("tout le monde")),
    )
    for name, value in (*rows, (_("Départ"), _hour(one))):
        if value:
            click.echo(f"  {name} : {value}")
    for position, block in enumerate(draft.blocks_of(one), start=1):
        click.echo(f"  {position}. {block.label}")
    for finding in found:
        click.echo((_("À corriger : ") if finding.level == "block" else _("À voir : ")) + finding.sentence)


@issue.command(
    help=lazy(
        "Changer un brouillon d’après un fichier YAML : title, subject, preheader, segment, template, blocks. "
        "Ce que le fichier ne dit pas reste comme avant."
    )
)
@number_argument
@click.argument("file", type=click.Path(path_type=Path), metavar=lazy("FICHIER"))
def edit(number: int, file: Path) -> None:
    instance = current_instance()
    fields = _read(file)
    with instance.store.transaction() as session:
        draft.edit(session, number, **fields)
    click.echo(_("Le numéro {number} est enregistré.").format(number=number))


@issue.command(help=lazy("Écrire l’aperçu d’un numéro en deux fichiers : page HTML et texte."))
@number_argument
@click.option(
    "--to", type=click.Path(path_type=Path, file_okay=False), default=Path(), help=lazy("Dossier ; ici sans lui.")
)
def preview(number: int, to: Path) -> None:
    mail = pipeline.preview_issue(current_instance(), number)
    to.mkdir(parents=True, exist_ok=True)
    for suffix, body in (("html", mail.html), ("txt", mail.text)):
        path = to / _("apercu-{number}.{suffix}").format(number=number, suffix=suffix)
        path.write_text(body, encoding="utf-8")
        click.echo(_("Écrit : {path}").format(path=path))


@issue.command(help=lazy("Envoyer un essai à une adresse, la vôtre par exemple."))
@number_argument
@click.argument("address", metavar=lazy("ADRESSE"))
def test(number: int, address: str) -> None:
    pipeline.send_test(current_instance(), number, to=address)
    click.echo(_("L’essai du numéro {number} est parti.").format(number=number))


@issue.command(help=lazy("Approuver un numéro : ce qui partira est figé."))
@number_argument
def approve(number: int) -> None:
    instance = current_instance()
    pipeline.approve_issue(instance, number, by=None)
    click.echo(
        _("Le numéro {number} est approuvé. « newsletter issue schedule » lui donne une date.").format(number=number)
    )


@issue.command(
    help=lazy("Rouvrir pour le modifier un numéro approuvé, programmé ou annulé, tant que son envoi n’a pas commencé.")
)
@number_argument
def reopen(number: int) -> None:
    pipeline.reopen_issue(current_instance(), number)
    click.echo(_("Le numéro {number} est de nouveau un brouillon.").format(number=number))


@issue.command(help=lazy('Programmer un numéro approuvé, à l’heure de Paris : schedule 3 "2026-12-03 09:00".'))
@number_argument
@click.argument("local", type=click.DateTime(["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]), metavar=lazy("DATE"))
def schedule(number: int, local: datetime) -> None:
    planned = pipeline.schedule_issue(current_instance(), number, local=local)
    click.echo(_("Le numéro {number} partira le {hour}.").format(number=number, hour=_hour(planned)))


@issue.command(help=lazy("Retirer sa date à un numéro programmé : il reste approuvé, et ne part pas."))
@number_argument
def unschedule(number: int) -> None:
    pipeline.unschedule_issue(current_instance(), number)
    click.echo(
        _("Le numéro {number} n’a plus de date. « newsletter issue schedule » lui en donne une.").format(number=number)
    )


@issue.command(help=lazy("Mettre un envoi en pause : rien de plus ne part."))
@number_argument
def pause(number: int) -> None:
    pipeline.pause_issue(current_instance(), number)
    click.echo(_("Le numéro {number} est en pause. « newsletter issue resume » le reprend.").format(number=number))


@issue.command(help=lazy("Reprendre un envoi mis en pause."))
@number_argument
def resume(number: int) -> None:
    pipeline.resume_issue(current_instance(), number)
    click.echo(_("L’envoi du numéro {number} reprend.").format(number=number))


@issue.command(help=lazy("Annuler un numéro : ce qui est parti est parti, le reste ne partira pas."))
@number_argument
@click.confirmation_option("--yes", prompt=lazy("Annuler ce numéro ?"), help=lazy("Sans demander."))
def cancel(number: int) -> None:
    pipeline.cancel_issue(current_instance(), number)
    click.echo(_("Le numéro {number} est annulé.").format(number=number))


@issue.command(help=lazy("Dire où en sont les mails d’un numéro."))
@number_argument
@json_option
def balance(number: int, as_json: bool) -> None:
    counted = issue_standing(current_instance(), number).balance
    if as_json:
        click.echo(_as_json(asdict(counted)))
        return
    for name, count in _shown(counted):
        click.echo(f"{count:>8}  {name}")


def _read(file: Path) -> dict[str, Any]:
    """The fields of an issue from a YAML file. Raises DraftError before anything is written."""
    try:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
    except OSError:
        raise DraftError(_("Le fichier {name} ne s’ouvre pas. Vérifiez son chemin.").format(name=file)) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        where = getattr(error, "problem_mark", None)
        place = _(", ligne {line}").format(line=where.line + 1) if where else ""
        raise DraftError(
            _("Le fichier {name} n’est pas du YAML en UTF-8{place}.").format(name=file.name, place=place)
        ) from None
    if not isinstance(found, Mapping):
        raise DraftError(_("Le fichier {name} doit donner des champs : subject, blocks…").format(name=file.name))
    return _fields(found)


def _fields(found: Mapping[Any, Any]) -> dict[str, Any]:
    unknown = [str(name) for name in found if name not in _FIELDS]
    if unknown:
        raise DraftError(
            _("Le champ « {name} » n’existe pas. Les champs possibles sont : {known}.").format(
                name=unknown[0], known=", ".join(_FIELDS)
            )
        )
    fields = {name: str(value or "") for name, value in found.items() if name != "blocks"}
    if "blocks" not in found:
        return fields
    if not isinstance(found["blocks"], list):
        raise DraftError(_("« blocks » doit être une liste de blocs, chacun avec son « kind »."))
    return fields | {"blocks": read_blocks(found["blocks"])}


def _row(one: Issue) -> dict[str, Any]:
    return {
        "id": key(one.id),
        "title": one.title,
        "subject": one.subject,
        "preheader": one.preheader,
        "segment": one.segment,
        "template": one.template,
        "state": one.state.value,
        "send_at": one.send_at.isoformat() if one.send_at else None,
    }


def _hour(one: Issue) -> str:
    if one.send_at is None:
        return ""
    return in_paris(one.send_at).strftime(_("%d/%m/%Y à %H:%M (heure de Paris)"))


def _shown(counted: Balance) -> list[tuple[str, int]]:
    return [
        (_("prévus"), counted.planned),
        (_("acceptés"), counted.accepted),
        (_("refusés"), counted.refused),
        (_("retirés (désinscrits depuis)"), counted.suppressed),
        (_("dans le doute"), counted.in_doubt),
        (_("annulés"), counted.cancelled),
        (_("en attente, dont {deferred} à réessayer").format(deferred=counted.deferred), counted.waiting),
    ]


def _as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)
