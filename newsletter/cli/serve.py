"""`newsletter init` and `newsletter serve`: creating an instance, and running it."""

import secrets
import sys
from contextlib import closing

import click

from newsletter.accounts.accounts import ensure_admin
from newsletter.cli.current import current_instance
from newsletter.cli.running import run
from newsletter.config import Settings, read_settings
from newsletter.i18n import _, lazy
from newsletter.instance import Created, create_instance
from newsletter.sockets import listen
from newsletter.store import Store


@click.command(help=lazy("Créer la base, les clés, le territoire et un compte d’administration. Peut être relancé."))
@click.option("--admin", default="admin", show_default=True, help=lazy("Identifiant du compte d’administration."))
@click.option("--password-stdin", is_flag=True, help=lazy("Lire son mot de passe sur l’entrée standard."))
def init(admin: str, *, password_stdin: bool) -> None:
    settings = read_settings()
    _say(settings, create_instance(settings))
    password = sys.stdin.readline().strip() if password_stdin else ""
    _ensure_admin(settings, admin, password)


@click.command(help=lazy("Ouvrir le site, le suivi des liens et l’envoi, en un seul programme."))
@click.option("--host", help=lazy("Adresse d’écoute."))
@click.option("--port", type=click.IntRange(0, 65535), help=lazy("Port d’écoute ; 0 : un port libre."))
def serve(host: str | None, port: int | None) -> None:
    settings = read_settings()
    instance = current_instance()
    sock = listen(host or settings.host, settings.port if port is None else port)
    url = "http://{}:{}".format(*sock.getsockname()[:2])
    click.echo(_("Garder contact est ouvert : {url}/bureau   (Ctrl+C pour fermer)").format(url=url))
    run(instance, sock)


def _say(settings: Settings, laid: Created) -> None:
    click.echo(_("Dossier des données : {home}").format(home=settings.home))
    click.echo(_("Clés : {what}").format(what=_("créées") if laid.keys else _("déjà là, gardées")))
    click.echo(
        _("Base de données : {what}").format(what=_("tables créées ou mises à jour") if laid.tables else _("à jour"))
    )
    click.echo(
        _("Territoire : {communes} communes, {epcis} intercommunalités, {sectors} secteurs").format(
            communes=laid.territory.communes, epcis=laid.territory.epcis, sectors=laid.territory.sectors
        )
    )


def _ensure_admin(settings: Settings, login: str, password: str) -> None:
    """An account to come in with. Its password is shown once, when it was made up here."""
    chosen = password or secrets.token_urlsafe(12)
    with closing(Store(settings.store_url)) as store:
        added = ensure_admin(store, login=login, name=_("Administration"), password=chosen)
    if not added:
        click.echo(_("Compte d’administration : déjà là, gardé"))
        return
    click.echo(_("Compte d’administration : {login}").format(login=login))
    if not password:
        click.echo(_("Son mot de passe (montré une seule fois) : {password}").format(password=chosen))
