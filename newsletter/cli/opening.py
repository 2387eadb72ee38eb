"""The house that a command works in."""

import click

from newsletter.config import read_settings
from newsletter.house import House, open_house


def the_house() -> House:
    """The house of this folder's settings, closed when the command ends."""
    house = open_house(read_settings())
    click.get_current_context().call_on_close(house.store.close)
    return house
