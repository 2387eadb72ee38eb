"""`newsletter demo`: the whole story once, on made-up people, over real SMTP and real HTTP, into one folder."""

from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import click

from newsletter.cli.running import in_background, run
from newsletter.demo import stage, story
from newsletter.demo.clock import MovedClock
from newsletter.demo.mail_server import open_mail_server
from newsletter.errors import NewsletterError
from newsletter.i18n import _, lazy
from newsletter.instance import create_instance, open_instance
from newsletter.sockets import listen

PORT = 8046
_AN_AFTERNOON = timedelta(hours=4)


@click.command(help=lazy("Jouer toute l’histoire une fois, avec des personnes inventées, dans un dossier à part."))
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help=lazy("Où."))
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    show_default=str(PORT),
    help=lazy("Port du site. Avec --open et sans --port : celui de la dernière démo."),
)
@click.option("--open", "reopen", is_flag=True, help=lazy("Ne rien rejouer : ouvrir ce que la dernière démo a laissé."))
def demo(folder: Path, port: int | None, *, reopen: bool) -> None:
    if reopen:
        _reopen(folder, port)
    else:
        _play(folder, PORT if port is None else port)


def _play(folder: Path, port: int) -> None:
    """Play the story over a new instance in this folder; on another port when this one is taken."""
    stage.clear(folder)
    try:
        sock = listen("127.0.0.1", port)
    except NewsletterError:
        sock = listen("127.0.0.1", 0)
    url = "http://{}:{}".format(*sock.getsockname()[:2])
    stage.remember_url(folder, url)
    clock = MovedClock(behind=_AN_AFTERNOON)
    with open_mail_server(stage.mailbox_of(folder)) as mail_server:
        settings = stage.settings_of(folder, base_url=url, smtp_port=mail_server.port)
        create_instance(settings)
        instance = open_instance(settings, clock=clock)
        with in_background(instance, sock):
            story.play(stage.Stage(folder=folder, url=url, instance=instance, mail_server=mail_server, clock=clock))
        instance.store.close()


def _reopen(folder: Path, port: int | None) -> None:
    """Serve what the last demo left, until Ctrl+C; at its own address, or on this port for once."""
    before = stage.url_of(folder)
    sock = listen(before.host, (before.port or 80) if port is None else port)
    url = before.copy_with(port=sock.getsockname()[1])
    with open_mail_server(stage.mailbox_of(folder)) as mail_server:
        instance = open_instance(stage.settings_of(folder, base_url=str(url), smtp_port=mail_server.port))
        click.echo(_("La démo est ouverte : {url}/bureau   (Ctrl+C pour fermer)").format(url=url))
        if url != before:
            click.echo(
                _("Les liens des lettres déjà envoyées mènent encore à {before} : ils ne s’ouvrent pas ici.").format(
                    before=before
                )
            )
        story.say_accounts()
        with suppress(KeyboardInterrupt):  # the end that was announced
            run(instance, sock)
        instance.store.close()
