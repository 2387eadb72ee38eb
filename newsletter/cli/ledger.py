"""The ledger from the command line: who got what, how it adds up, and what nobody knows."""

import dataclasses
import json

import click

from newsletter import pipeline
from newsletter.addresses import normalise
from newsletter.cli.current import current_instance
from newsletter.clock import in_paris
from newsletter.delivery.ledger import doubt, restore_lock
from newsletter.delivery.ledger.balance import Balance
from newsletter.delivery.ledger.listing import LedgerRow, rows_of
from newsletter.errors import NotFoundError
from newsletter.i18n import _, lazy
from newsletter.reports.sending import edition_balances
from newsletter.words import MailState, label


@click.group(help=lazy("Le registre : qui a reçu quoi."))
def ledger() -> None:
    pass


@ledger.command(help=lazy("Le sort de chaque lettre d’une édition, ou celui d’une seule personne (son adresse)."))
@click.argument("edition", type=int)
@click.argument("address", required=False)
@click.option("--state", type=click.Choice([state.value for state in MailState]), help=lazy("Seulement ce sort."))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def show(edition: int, address: str | None, state: str | None, *, as_json: bool) -> None:
    instance = current_instance()
    only = instance.keys.address_hash(normalise(address)) if address else None
    wanted = MailState(state) if state else None
    with instance.store.reading() as session:
        lines = rows_of(session, edition, address_hash=only, state=wanted)
    if not lines:
        raise NotFoundError(_("Le registre n’a aucune lettre qui réponde à cela."))
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(line) for line in lines], default=str, ensure_ascii=False, indent=2))
        return
    for line in lines:
        click.echo(_told(line))


@ledger.command(
    help=lazy("Le bilan de chaque édition : prévues = acceptées + refusées + retirées + en doute + annulées.")
)
@click.argument("edition", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def balance(edition: int | None, *, as_json: bool) -> None:
    balances = edition_balances(current_instance(), only=edition)
    if as_json:
        click.echo(json.dumps({number: dataclasses.asdict(one) for number, one in balances.items()}, indent=2))
        return
    for number, one in balances.items():
        click.echo(_("Édition {number} : {balance}").format(number=number, balance=balance_text(one)))


@ledger.group("doubt", help=lazy("Les lettres dont personne ne sait si elles sont arrivées."))
def doubt_() -> None:
    pass


@doubt_.command("list", help=lazy("Les montrer, la plus ancienne d’abord."))
@click.argument("edition", type=int, required=False)
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def list_doubts(edition: int | None, *, as_json: bool) -> None:
    with current_instance().store.reading() as session:
        found = doubt.mails_in_doubt(session, edition_id=edition)
    if as_json:
        click.echo(json.dumps([dataclasses.asdict(one) for one in found], default=str, ensure_ascii=False, indent=2))
        return
    for one in found:
        when = in_paris(one.armed_at).strftime("%d/%m/%Y %H:%M:%S")
        click.echo(_("lettre {mail} (édition {edition}), partie le {when} : {words}").format(
            mail=one.mail_id, edition=one.edition_id, when=when, words=one.words
        ))  # fmt: skip
    if not found:
        click.echo(_("Aucune lettre n’est dans le doute."))


@doubt_.command(
    help=lazy("Décider : arrived (elle est arrivée), resend (la renvoyer à l’identique), drop (l’abandonner).")
)
@click.argument("ruling", type=click.Choice([ruling.value for ruling in doubt.Ruling]))
@click.argument("mails", type=int, nargs=-1)
@click.option("--all", "every", is_flag=True, help=lazy("Toutes les lettres dans le doute."))
@click.option("--edition", type=int, help=lazy("Avec --all : seulement celles de cette édition."))
def settle(ruling: str, mails: tuple[int, ...], *, every: bool, edition: int | None) -> None:
    if every == bool(mails):
        raise click.UsageError(_("Nommez des lettres par leur numéro, ou bien dites --all."))
    instance, why = current_instance(), _("décidé en ligne de commande")
    if every:
        settled = pipeline.settle_all_doubts(instance, doubt.Ruling(ruling), edition_id=edition, why=why)
    else:
        with instance.store.transaction() as session:
            settled = doubt.apply_ruling(session, mails, doubt.Ruling(ruling), now=instance.clock.now(), why=why)
    click.echo(_("{count} doute(s) levé(s).").format(count=settled))


@ledger.command(help=lazy("Rouvrir l’envoi, verrouillé après une restauration ou une copie, une fois tout vérifié."))
@click.option("--go-on", is_flag=True, help=lazy("Reprendre les numéros en route, au lieu de les mettre en pause."))
@click.option("--yes", is_flag=True, help=lazy("Sans demander."))
def unlock(*, go_on: bool, yes: bool) -> None:
    instance = current_instance()
    with instance.store.reading() as session:
        why = restore_lock.why_locked(session, instance.settings.home)
    if not why:
        click.echo(_("L’envoi est ouvert : rien à faire."))
        return
    click.echo(why)
    if not yes:
        click.confirm(_("Cette installation est-elle bien la seule à envoyer ? Ouvrir l’envoi ?"), abort=True)
    held = pipeline.open_sending(instance, hold=not go_on)
    click.echo(_("L’envoi est ouvert. Numéros mis en pause : {held}.").format(held=held))


def balance_text(one: Balance) -> str:
    """The balance as one line that can be added up by eye."""
    return _(
        "{planned} prévues = {accepted} acceptées + {refused} refusées + {suppressed} retirées + {in_doubt} en doute "
        "+ {cancelled} annulées + {waiting} à venir"
    ).format(**dataclasses.asdict(one))


def _told(line: LedgerRow) -> str:
    when = line.answered_at or line.due_at
    moment = in_paris(when).strftime("%d/%m/%Y %H:%M") if when else ""
    said = " ".join(part for part in (str(line.code or ""), line.enhanced, line.words) if part)
    return f"{line.seq:>8}  {label(line.state):<28} {moment:<17} {said}".rstrip()
