"""`newsletter pace`: how fast each receiver is written to, and whether pace.toml can be read."""

import json
from pathlib import Path

import click

from newsletter import pipeline
from newsletter.cli.current import current_instance
from newsletter.clock import in_paris
from newsletter.config import read_settings
from newsletter.delivery.throttle import backoff, warmup
from newsletter.delivery.throttle.providers import (
    PACE_FILE,
    LaneSection,
    RateLimits,
    provider_label,
    read_pace,
)
from newsletter.i18n import _, lazy
from newsletter.reports.sending import pace_report


@click.group(help=lazy("Le rythme de l’envoi, fournisseur de messagerie par fournisseur."))
def pace() -> None:
    pass


@pace.command(help=lazy("Les limites en vigueur, et ce que chaque fournisseur de messagerie a accepté aujourd’hui."))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def show(*, as_json: bool) -> None:
    found = pace_report(current_instance())
    table, taken, left = found.table, found.taken, found.left
    if as_json:
        rows = {
            provider: table.limits(provider).model_dump()
            | {"today": taken.get(provider, [0])[0], "left_today": left.get(provider)}
            for provider in [*table.providers, *(name for name in taken if name not in table.providers)]
        }
        told = {
            "trouble": found.trouble,
            "default": table.default.model_dump(),
            "providers": rows,
            "slowdowns": [one.model_dump(mode="json") for one in found.slowdowns],
            "lanes": {name: rules.model_dump(mode="json", exclude_unset=True) for name, rules in table.lanes.items()},
        }
        click.echo(json.dumps(told, indent=2, ensure_ascii=False))
        return
    if found.trouble:
        click.echo(found.trouble, err=True)
    for provider, limits in table.providers.items():
        click.echo(_line(provider, limits, taken.get(provider, [0])[0], left.get(provider)))
    others = sum(days[0] for provider, days in taken.items() if provider not in table.providers)
    click.echo(_line(_("les autres, par domaine"), table.default, others, None))
    for name, rules in table.lanes.items():
        click.echo(_("voie {name} : {said}").format(name=name, said=_as_written(rules)))
    for one in found.slowdowns:
        click.echo(
            _("{provider} nous a demandé de ralentir : {meanwhile}, jusqu’au {until} (« {words} »).").format(
                provider=provider_label(one.family),
                meanwhile=backoff.backoff_sentence(one),
                until=in_paris(one.until).strftime(_("%d/%m/%Y à %H:%M")),
                words=one.words,
            )
        )


@pace.command(help=lazy("Rendre à une messagerie son rythme habituel, avant l’heure."))
@click.argument("provider", metavar=lazy("FOURNISSEUR"))
def lift(provider: str) -> None:
    if not pipeline.lift_backoff(current_instance(), provider):
        raise click.ClickException(
            _("« {provider} » n’est pas au ralenti. « newsletter pace show » dit qui l’est.").format(provider=provider)
        )
    click.echo(_("{provider} retrouve son rythme habituel.").format(provider=provider))


@pace.command(help=lazy("Dire si pace.toml se lit, avant de le mettre en place ou après."))
@click.argument(
    "file", type=click.Path(path_type=Path, dir_okay=False, exists=True), required=False, metavar=lazy("FICHIER")
)
def check(file: Path | None) -> None:
    home = read_settings().home if file else current_instance().settings.home
    path = file or home / PACE_FILE
    read_pace(path, home=home)
    if path.exists():
        click.echo(_("{name} se lit, et vaut sans redémarrage.").format(name=path.name))
    else:
        click.echo(_("Il n’y a pas de {name} : les limites livrées avec le programme valent.").format(name=path.name))


def _as_written(rules: LaneSection) -> str:
    """What pace.toml says of a lane, in its words."""
    said = rules.model_dump(mode="json", exclude_unset=True)
    return ", ".join(f"{word} = {json.dumps(value, ensure_ascii=False)}" for word, value in said.items())


def _line(provider: str, limits: RateLimits, today: int, left: int | None) -> str:
    """One family on one line; `left` is what its warm-up still allows today."""
    said = _(
        "{provider:<24} {connections} connexions, {rate} par minute, {line} par connexion ; aujourd’hui {today}"
    ).format(
        provider=provider,
        connections=limits.connections or _("toutes les"),
        rate=limits.per_minute or _("sans limite"),
        line=limits.per_connection or _("sans limite"),
        today=today,
    )
    if limits.warmup is None or left == warmup.UNCAPPED:
        return said
    return said + _(", encore {left} (mise en route)").format(left=limits.warmup.first if left is None else left)
