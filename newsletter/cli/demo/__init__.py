"""`newsletter demo`: the whole story once, on made-up people, over real SMTP and real HTTP, into one folder."""

from pathlib import Path

import click

from newsletter.cli.demo import story
from newsletter.words import _


@click.command(help=_("Jouer toute l’histoire une fois, avec des personnes inventées, dans un dossier à part."))
@click.option("--folder", type=click.Path(path_type=Path), default=Path("demo"), show_default=True, help=_("Où."))
@click.option("--port", type=click.IntRange(0, 65535), default=8046, show_default=True, help=_("Port du site."))
@click.option("--open", "reopen", is_flag=True, help=_("Ne rien rejouer : ouvrir ce que la dernière démo a laissé."))
def demo(folder: Path, port: int, *, reopen: bool) -> None:
    if reopen:
        story.reopen(folder)
    else:
        story.play(folder, port=port)
