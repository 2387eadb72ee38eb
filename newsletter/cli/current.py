"""The instance that a command works in."""

import click

from newsletter.config import read_settings
from newsletter.instance import Instance, open_instance


def current_instance() -> Instance:
    """The instance of this folder's settings, closed when the command ends."""
    instance = open_instance(read_settings())
    click.get_current_context().call_on_close(instance.store.close)
    return instance
