"""The flows that cross stations, one short function each. Read this first.

A station reads rows that its neighbour wrote and writes rows that its neighbour will read; only this file knows the
order. Doors (the pages, the commands, the scheduler) call these functions and decide nothing.
"""

from dataclasses import dataclass

from newsletter.clock import Clock, SystemClock
from newsletter.config import Settings
from newsletter.store import Store
from newsletter.tokens import Keyring


@dataclass(frozen=True, slots=True)
class House:
    """What every flow needs: the settings, the store, the keys and the clock of this installation."""

    settings: Settings
    store: Store
    keys: Keyring
    clock: Clock


def open_house(settings: Settings, *, clock: Clock | None = None) -> House:
    """The house of these settings. Raises when `newsletter init` was never run, or the store is of another version."""
    keys = Keyring.load(settings.keys_file)
    store = Store(settings.store_url)
    store.check_version()
    return House(settings, store, keys, clock or SystemClock())
