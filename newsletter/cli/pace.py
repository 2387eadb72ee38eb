"""`newsletter pace`: the rate limits and back-offs in force, and whether pace.toml can be read."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from newsletter import pipeline
from newsletter.cli.current import current_instance
from newsletter.clock import in_paris
from newsletter.config import read_settings
from newsletter.delivery.throttle import backoff, warmup
from newsletter.delivery.throttle.pace_file import PACE_FILE, read_pace
from newsletter.delivery.throttle.providers import LaneSection, RateLimits, provider_label
from newsletter.i18n import _, lazy
from newsletter.reports.sending import PaceReport, pace_report


@click.group(help=lazy("Le rythme de l’envoi, fournisseur de messagerie par fournisseur."))
def pace() -> None:
    pass


@pace.command("show", help=lazy("Les limites en vigueur, et ce que chaque fournisseur a accepté aujourd’hui."))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def show_pace(*, as_json: bool) -> None:
    found = pace_report(current_instance())
    if as_json:
        click.echo(json.dumps(_for_a_program(found), indent=2, ensure_ascii=False))
        return
    if found.trouble:
        click.echo(found.trouble, err=True)
    for line in _for_people(found):
        click.echo(line)


@pace.command("lift", help=lazy("Rendre à une messagerie son rythme habituel, avant l’heure."))
@click.argument("provider", metavar=lazy("FOURNISSEUR"))
def lift_backoff(provider: str) -> None:
    if not pipeline.lift_backoff(current_instance(), provider):
        sentence = _("« {provider} » n’est pas au ralenti. « newsletter pace show » dit qui l’est.")
        raise click.ClickException(sentence.format(provider=provider))
    click.echo(_("{provider} retrouve son rythme habituel.").format(provider=provider))


@pace.command("check", help=lazy("Dire si pace.toml se lit, avant de le mettre en place ou après."))
@click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False, metavar=lazy("FICHIER")
)
def check_pace_file(file: Path | None) -> None:
    home = read_settings().home if file else current_instance().settings.home
    path = file or home / PACE_FILE
    read_pace(path, home=home)
    if path.exists():
        click.echo(_("{name} se lit, et vaut sans redémarrage.").format(name=path.name))
    else:
        click.echo(_("Il n’y a pas de {name} : les limites livrées avec le programme valent.").format(name=path.name))


def _for_a_program(found: PaceReport) -> dict[str, Any]:
    table = found.table
    return {
        "trouble": found.trouble,
        "default": table.default.model_dump(),
        "providers": {
            name: table.limits(name).model_dump()
            | {"today": _accepted_today(found, name), "left_today": found.left.get(name)}
            for name in [*table.providers, *(name for name in found.taken if name not in table.providers)]
        },
        "backoffs": [one.model_dump(mode="json") for one in found.backoffs],
        "lanes": {name: section.model_dump(mode="json", exclude_unset=True) for name, section in table.lanes.items()},
    }


def _for_people(found: PaceReport) -> Iterator[str]:
    table = found.table
    for name, limits in table.providers.items():
        yield _provider_line(name, limits, _accepted_today(found, name), found.left.get(name))
    others = sum(_accepted_today(found, name) for name in found.taken if name not in table.providers)
    yield _provider_line(_("les autres, par domaine"), table.default, others, None)
    for name, section in table.lanes.items():
        yield _("voie {name} : {said}").format(name=name, said=_as_written(section))
    for one in found.backoffs:
        yield _("{provider} nous a demandé de ralentir : {meanwhile}, jusqu’au {until} (« {words} »).").format(
            provider=provider_label(one.provider),
            meanwhile=backoff.backoff_sentence(one),
            until=in_paris(one.until).strftime(_("%d/%m/%Y à %H:%M")),
            words=one.words,
        )


def _accepted_today(found: PaceReport, provider: str) -> int:
    return found.taken.get(provider, [0])[0]


def _as_written(section: LaneSection) -> str:
    """What pace.toml says of a lane, in its words."""
    said = section.model_dump(mode="json", exclude_unset=True)
    return ", ".join(f"{word} = {json.dumps(value, ensure_ascii=False)}" for word, value in said.items())


def _provider_line(provider: str, limits: RateLimits, today: int, left: int | None) -> str:
    """One provider on one line; `left` is what its warm-up still allows today."""
    said = _(
        "{provider:<24} {connections} connexions, {rate} par minute, {each} par connexion ; aujourd’hui {today}"
    ).format(
        provider=provider,
        connections=limits.connections or _("toutes les"),
        rate=limits.per_minute or _("sans limite"),
        each=limits.per_connection or _("sans limite"),
        today=today,
    )
    if limits.warmup is None or left == warmup.UNCAPPED:
        return said
    return said + _(", encore {left} (mise en route)").format(left=limits.warmup.first if left is None else left)
