"""The installation that every flow works in: laying it, opening it, and whether it may mail."""

from contextlib import closing
from dataclasses import dataclass

from newsletter.catalogue import territory
from newsletter.clock import Clock, SystemClock
from newsletter.config import Settings
from newsletter.delivery import lock
from newsletter.delivery.hints import prepare_hints
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
    try:
        store.check_version()
    except BaseException:
        store.close()
        raise
    return House(settings, store, keys, clock or SystemClock())


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    """What laying the house did; all False when it stood already."""

    keys: bool
    tables: bool
    territory: territory.Loaded


def lay_house(settings: Settings) -> Laid:
    """Make the folders, keys, tables and territory that are missing. Safe to repeat: what is there stays."""
    for folder in (settings.home, settings.media, settings.journal):
        folder.mkdir(parents=True, exist_ok=True)
    fresh_keys = not settings.keys_file.exists()
    if fresh_keys:
        Keyring.fresh().save(settings.keys_file)
    with closing(Store(settings.store_url)) as store:
        tables = store.upgrade()
        prepare_hints(store)
        with store.transaction() as session:
            loaded = territory.load(session)
    return Laid(keys=fresh_keys, tables=tables, territory=loaded)


def send_lock(house: House) -> str:
    """Why this house may mail nobody until a person confirms; empty when it may, and it then notes how far it is.

    A look that finds nothing to note only reads, so the ticks that look all day hold no sender up.
    """
    home = house.settings.home
    with house.store.reading() as session:
        found = lock.look(session, home)
    if not found.news:
        return found.why
    with house.store.transaction() as session:
        return lock.note(session, home, now=house.clock.now())  # looks again: another home may have come first
