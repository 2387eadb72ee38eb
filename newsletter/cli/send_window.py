"""When an issue's mails may leave: at once, or between two hours of the day. Part of `newsletter issue`."""

from datetime import datetime, time

import click

from newsletter import pipeline
from newsletter.cli.current import current_instance
from newsletter.i18n import _, lazy

_number = click.argument("number", type=int, metavar=lazy("NUMÉRO"))
_HOUR = click.DateTime(["%H:%M"])


@click.command(help=lazy("Envoyer maintenant un numéro approuvé ou programmé, même en retard."))
@_number
def now(number: int) -> None:
    pipeline.send_issue_now(current_instance(), number)
    click.echo(_("Le numéro {number} part maintenant.").format(number=number))


@click.command(help=lazy("N’envoyer qu’entre deux heures de la journée, à Paris : window 3 08:00 20:00."))
@_number
@click.argument("opens", type=_HOUR, required=False, metavar=lazy("DE"))
@click.argument("closes", type=_HOUR, required=False, metavar=lazy("À"))
@click.option("--none", "always", is_flag=True, help=lazy("À toute heure."))
def window(number: int, opens: datetime | None, closes: datetime | None, *, always: bool) -> None:
    if always == (opens is not None):
        raise click.UsageError(_("Donnez deux heures, comme 08:00 20:00, ou bien --none."))
    pipeline.set_send_window(current_instance(), number, opens=_hour(opens), closes=_hour(closes))
    if opens is None or closes is None:
        click.echo(_("Les lettres du numéro {number} partent à toute heure.").format(number=number))
    else:
        said = _("Les lettres du numéro {number} partent entre {opens:%H:%M} et {closes:%H:%M}, heure de Paris.")
        click.echo(said.format(number=number, opens=opens, closes=closes))


def _hour(typed: datetime | None) -> time | None:
    return typed.time() if typed else None
