"""What becomes of an issue's mails in doubt, whose fate nobody knows. Part of `newsletter issue`."""

import json

import click

from newsletter import pipeline
from newsletter.cli.current import current_instance
from newsletter.i18n import _, lazy, ngettext
from newsletter.reports.issues import issue_standing
from newsletter.words import DoubtPolicy, label


@click.command(
    help=lazy(
        "Dire ce que deviennent les lettres dans le doute d’un numéro, ou, sans choix, ce qui est dit. "
        "reconcile : attendre une preuve, puis nous demander ; hold : ne rien décider sans nous ; "
        "resend : renvoyer la même lettre ; drop : abandonner la lettre."
    )
)
@click.argument("number", type=int, metavar=lazy("NUMÉRO"))
@click.argument("policy", type=click.Choice([policy.value for policy in DoubtPolicy]), required=False)
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def doubts(number: int, policy: str | None, *, as_json: bool) -> None:
    instance = current_instance()
    if policy is not None:
        pipeline.choose_doubt_policy(instance, number, DoubtPolicy(policy))
    found = issue_standing(instance, number)
    chosen = found.edition.doubt_policy if found.edition else DoubtPolicy.reconcile
    in_doubt = found.balance.in_doubt
    if as_json:
        click.echo(json.dumps({"policy": chosen.value, "in_doubt": in_doubt}, indent=2))
        return
    click.echo(_("Dans le doute : {rule} ({policy}).").format(rule=label(chosen), policy=chosen.value))
    click.echo(ngettext("{n} lettre y est.", "{n} lettres y sont.", in_doubt).format(n=in_doubt))
