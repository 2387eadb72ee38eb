"""The accounts of the team, from the command line."""

import json
import sys

import click

from newsletter.accounts.accounts import all_accounts, change_password, create_account
from newsletter.cli.current import current_instance
from newsletter.i18n import _, lazy
from newsletter.words import Role, label

_NEW = click.option(
    "--password-stdin", is_flag=True, help=lazy("Lire le mot de passe sur l’entrée standard, sans le demander.")
)


@click.group(help=lazy("Les comptes de l’équipe : qui peut entrer au bureau."))
def account() -> None:
    pass


@account.command(help=lazy("Ouvrir un compte. Le mot de passe est demandé."))
@click.argument("login")
@click.option("--name", default="", help=lazy("Nom de la personne ; sinon, son identifiant."))
@click.option(
    "--role", type=click.Choice([role.value for role in Role]), required=True, help=lazy("Ce qu’elle fait ici.")
)
@_NEW
def add(login: str, name: str, role: str, *, password_stdin: bool) -> None:
    password = _password(from_stdin=password_stdin)
    instance = current_instance()
    made = create_account(instance.store, login=login, name=name or login, role=Role(role), password=password)
    click.echo(_("Le compte « {login} » est ouvert, rôle : {role}.").format(login=made.login, role=label(made.role)))


@account.command("list", help=lazy("Dire qui a un compte."))
@click.option("--json", "as_json", is_flag=True, help=lazy("Pour un programme."))
def list_accounts(*, as_json: bool) -> None:
    with current_instance().store.reading() as session:
        accounts = all_accounts(session)
    if as_json:
        rows = [{"login": one.login, "name": one.name, "role": one.role, "open": not one.closed_at} for one in accounts]
        click.echo(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    for one in accounts:
        closed = _(" (fermé)") if one.closed_at else ""
        click.echo(f"{one.login:<16} {label(one.role):<18} {one.name}{closed}")


@account.command(help=lazy("Donner un nouveau mot de passe. Les navigateurs ouverts sont déconnectés."))
@click.argument("login")
@_NEW
def password(login: str, *, password_stdin: bool) -> None:
    new = _password(from_stdin=password_stdin)
    change_password(current_instance().store, login=login, password=new)
    click.echo(_("Le mot de passe de « {login} » est changé.").format(login=login))


def _password(*, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(click.prompt(_("Mot de passe"), hide_input=True, confirmation_prompt=_("Encore une fois")))
