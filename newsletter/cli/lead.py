"""`newsletter lead`: who is warm, and finding out anew."""

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

import click

from newsletter import pipeline
from newsletter.advisers import cards, outcome
from newsletter.cli.current import current_instance
from newsletter.i18n import _, lazy
from newsletter.leads.warmth import now_value
from newsletter.words import LeadState, OutcomeKind, label

_JSON = click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))


@click.group(help=lazy("Les pistes : les personnes à appeler, et pourquoi."))
def lead() -> None:
    pass


@lead.command(
    "list", help=lazy("Dire qui est une piste : d’abord qui a demandé à être rappelé, puis les plus chaudes.")
)
@click.option("--state", type=click.Choice([state.value for state in LeadState]), help=lazy("Seulement dans cet état."))
@_JSON
def list_leads(state: str | None, *, as_json: bool) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        found = cards.cards(session, state=LeadState(state) if state else None)
    if as_json:
        rows = [
            {
                "lead": card.lead_id, "state": card.state, "asked": card.asked, "because": card.because,
                "warmth": round(now_value(card.score, instance.clock.now()), 1), "adviser": card.adviser,
                "since": card.since.isoformat(),
            }
            for card in found
        ]  # fmt: skip
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    if not found:
        click.echo(_("Aucune piste pour le moment."))
    for card in found:
        to = card.adviser or _("à confier")
        click.echo(f"{card.lead_id:>5}  {label(card.state):<8}  {to:<18}  {card.name} · {card.because}")


@lead.command(help=lazy("Relire les actes des lecteurs, trouver les nouvelles pistes et les confier."))
@_JSON
def refresh(*, as_json: bool) -> None:
    done = pipeline.find_leads(current_instance())
    click.echo(json.dumps(_counts(done)) if as_json else _in_words(done))


@lead.command(
    help=lazy(
        "Rejuger tout le passé avec les règles actuelles (clics et ouvertures : une personne ou un robot ?), puis "
        "recompter les clics, la chaleur et les pistes. Sans risque à répéter."
    )
)
@_JSON
def rejudge(*, as_json: bool) -> None:
    def watched(parts: Sequence[list[int]]) -> Iterator[list[int]]:
        with click.progressbar(parts, label=_("Jugement"), file=sys.stderr) as bar:
            yield from bar

    done = pipeline.rejudge_events(current_instance(), watched=watched)
    if as_json:
        click.echo(json.dumps(asdict(done.events) | _counts(done.leads)))
        return
    said = _("{events} événements rejugés, dont {human} d’une personne ; {changed} ont changé de verdict.")
    click.echo(said.format(**asdict(done.events)))
    click.echo(_in_words(done.leads))


@lead.command(help=lazy("Dire ce qu’ont donné les appels : combien de pistes à chaque résultat, le dernier noté."))
@_JSON
def outcomes(*, as_json: bool) -> None:
    with current_instance().store.reading() as session:
        found = outcome.outcome_counts(session)
    if as_json:
        click.echo(json.dumps({kind.value: found.get(kind, 0) for kind in OutcomeKind}, indent=2))
        return
    if not found:
        click.echo(_("Aucun résultat noté pour le moment."))
    for kind in (kind for kind in OutcomeKind if kind in found):
        click.echo(f"{found[kind]:>5}  {label(kind)}")


def _counts(done: pipeline.LeadsRefreshed) -> dict[str, int]:
    return asdict(done.found) | {"handed_over": done.handed_over}


def _in_words(done: pipeline.LeadsRefreshed) -> str:
    found = done.found
    said = _("{people} personnes actives, {new} nouvelles pistes, {handed} confiées, {gone} retirées.")
    return said.format(people=found.people, new=found.new_leads, handed=done.handed_over, gone=found.withdrawn)
