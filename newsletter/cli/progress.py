"""How far a send is, as a bar that moves: `newsletter issue follow` and `newsletter work --until-done`."""

import time
from collections.abc import Callable, Sequence

import click

from newsletter.cli.current import current_instance
from newsletter.delivery.ledger.throughput import time_left
from newsletter.errors import NotFoundError
from newsletter.i18n import _, lazy
from newsletter.instance import Instance
from newsletter.reports.issues import issue_standing
from newsletter.reports.sending import EditionsProgress, editions_progress
from newsletter.store.columns import key

_LOOK_SECONDS = 0.5


@click.command(help=lazy("Suivre l’envoi d’un numéro, avec une barre qui avance, jusqu’à sa dernière lettre."))
@click.argument("number", type=int, metavar=lazy("NUMÉRO"))
def follow(number: int) -> None:
    instance = current_instance()
    edition = issue_standing(instance, number).edition
    if edition is None or edition.planned_at is None:
        raise NotFoundError(_("Le numéro {number} n’est pas encore parti : rien à suivre.").format(number=number))
    edition_id = key(edition.id)
    show_progress(instance, lambda: [edition_id], until=lambda progress: progress.finished)


def show_progress(
    instance: Instance, editions: Callable[[], Sequence[int]], *, until: Callable[[EditionsProgress], bool]
) -> None:
    """A bar over the mails of these editions, looked at twice a second; and at the end their sum in words."""
    progress = editions_progress(instance, editions())
    with click.progressbar(
        length=max(progress.planned, 1), label=_("Lettres"), show_pos=True, item_show_func=lambda words: words
    ) as bar:
        while True:
            bar.length = max(progress.planned, 1)
            bar.update(max(0, progress.ended - bar.pos), _speed(progress))
            if until(progress):
                break
            time.sleep(_LOOK_SECONDS)
            progress = editions_progress(instance, editions())
    click.echo(_("{ended} lettres sur {planned} ont leur sort.").format(ended=progress.ended, planned=progress.planned))


def _speed(progress: EditionsProgress) -> str:
    """ "1 200 par seconde, reste 3 minutes"; why nothing moves, where that is known."""
    per_second = sum(one.per_second for one in progress.rates)
    left = max((one.seconds_left for one in progress.rates if one.seconds_left is not None), default=None)
    if left is None:
        return progress.trouble
    return _("{rate:.0f} par seconde, reste {left}").format(rate=per_second, left=time_left(left))
