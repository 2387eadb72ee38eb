"""How far a send is, as a bar that moves: `newsletter issue follow` and `newsletter work --until-done`."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from newsletter.cli.instance import the_instance
from newsletter.delivery.ledger.balance import Balance, balances
from newsletter.delivery.ledger.lanes import troubles
from newsletter.delivery.ledger.throughput import Rate, rate, time_left
from newsletter.errors import NotFoundError
from newsletter.i18n import _, lazy
from newsletter.instance import Instance
from newsletter.issues import draft
from newsletter.store.columns import key
from newsletter.store.issues import edition_of

LOOK_SECONDS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How far some editions are together."""

    planned: int
    ended: int
    rates: Sequence[Rate]
    trouble: str = ""  # why a lane stands still

    @property
    def finished(self) -> bool:
        return self.ended == self.planned

    def speed(self) -> str:
        """ "1 200 par seconde, reste 3 minutes"; why nothing moves, where that is known."""
        per_second = sum(one.per_second for one in self.rates)
        left = max((one.seconds_left for one in self.rates if one.seconds_left is not None), default=None)
        if left is None:
            return self.trouble
        return _("{rate:.0f} par seconde, reste {left}").format(rate=per_second, left=time_left(left))


@click.command(help=lazy("Suivre l’envoi d’un numéro, avec une barre qui avance, jusqu’à sa dernière lettre."))
@click.argument("number", type=int, metavar=lazy("NUMÉRO"))
def follow(number: int) -> None:
    instance = the_instance()
    with instance.store.reading() as session:
        draft.the_issue(session, number)
        edition = edition_of(session, number)
    if edition is None or edition.planned_at is None:
        raise NotFoundError(_("Le numéro {number} n’est pas encore parti : rien à suivre.").format(number=number))
    edition_id = key(edition.id)
    show(instance, lambda: [edition_id], until=lambda standing: standing.finished)


def show(instance: Instance, editions: Callable[[], Sequence[int]], *, until: Callable[[Standing], bool]) -> None:
    """A bar over the mails of these editions, looked at every second; and at the end their sum in words."""
    standing = stand(instance, editions())
    with click.progressbar(
        length=max(standing.planned, 1), label=_("Lettres"), show_pos=True, item_show_func=lambda words: words
    ) as bar:
        while True:
            bar.length = max(standing.planned, 1)
            bar.update(max(0, standing.ended - bar.pos), standing.speed())
            if until(standing):
                break
            time.sleep(LOOK_SECONDS)
            standing = stand(instance, editions())
    click.echo(_("{ended} lettres sur {planned} ont leur sort.").format(ended=standing.ended, planned=standing.planned))


def stand(instance: Instance, edition_ids: Sequence[int]) -> Standing:
    with instance.store.reading() as session:
        found: Sequence[Balance] = list(balances(session, list(edition_ids)).values())
        rates = [rate(session, edition_id, instance.clock.now()) for edition_id in edition_ids]
        trouble = next(iter(troubles(session)), "")
    planned = sum(one.planned for one in found)
    return Standing(planned=planned, ended=planned - sum(one.waiting for one in found), rates=rates, trouble=trouble)
