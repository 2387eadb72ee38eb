"""The `newsletter` command: one file per group, loaded only when it is used.

A command holds no SQL: it calls one function of a station, or one of `pipeline` (acts) or `reports` (what is shown)
where stations are crossed. Where it asks a person in between, it calls one before the question and one after.
"""

import importlib
import sys
from typing import Any

import click

from newsletter import __version__
from newsletter.errors import NewsletterError
from newsletter.i18n import lazy

COMMANDS = {
    "init": "newsletter.cli.serve:init",
    "serve": "newsletter.cli.serve:serve",
    "work": "newsletter.cli.work:work",
    "account": "newsletter.cli.account:account",
    "import": "newsletter.cli.imports:import_",
    "catalogue": "newsletter.cli.catalogue:catalogue",
    "support": "newsletter.cli.support:support",
    "segment": "newsletter.cli.segment:segment",
    "issue": "newsletter.cli.issue:issue",
    "ledger": "newsletter.cli.ledger:ledger",
    "pace": "newsletter.cli.pace:pace",
    "lead": "newsletter.cli.lead:lead",
    "adviser": "newsletter.cli.adviser:adviser",
    "demo": "newsletter.cli.demo:demo",
}


class Commands(click.Group):
    """The command groups, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, name = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except NewsletterError as error:
            raise click.ClickException(str(error)) from error


@click.command(cls=Commands, help=lazy("Garder contact : la lettre d’information d’Oh my Lot !"))
@click.version_option(__version__, prog_name="newsletter")
def newsletter() -> None:
    pass


def main() -> None:
    """Run the command line. Exit 0 when done, 1 when something is to be put right, 2 for a word it does not know."""
    sys.exit(newsletter.main(prog_name="newsletter"))
