"""The installation that every flow works in: laying it, opening it, and whether it may mail."""

from contextlib import closing
from dataclasses import dataclass

from newsletter.catalogue import territory
from newsletter.clock import Clock, SystemClock
from newsletter.config import Settings
from newsletter.delivery.ledger import restore_lock
from newsletter.delivery.workers.hints import prepare_hints
from newsletter.store import Store
from newsletter.tokens import Keyring


@dataclass(frozen=True, slots=True)
class Instance:
    """What every flow needs: the settings, the store, the keys and the clock of this installation."""

    settings: Settings
    store: Store
    keys: Keyring
    clock: Clock


def open_instance(settings: Settings, *, clock: Clock | None = None) -> Instance:
    """The instance of these settings. Raises when `newsletter init` never ran, or the store is of another version."""
    keys = Keyring.load(settings.keys_file)
    store = Store(settings.store_url)
    try:
        store.check_version()
    except BaseException:
        store.close()
        raise
    return Instance(settings, store, keys, clock or SystemClock())


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """What creating the instance did; all False when everything stood already."""

    keys: bool
    tables: bool
    territory: territory.TerritoryCounts


def create_instance(settings: Settings) -> Created:
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
    return Created(keys=fresh_keys, tables=tables, territory=loaded)


def send_lock(instance: Instance) -> str:
    """Why this instance may mail nobody until a person confirms; empty when it may, and it then notes how far it is.

    A look that finds nothing to note only reads, so the ticks that look all day hold no sender up.
    """
    home = instance.settings.home
    with instance.store.reading() as session:
        found = restore_lock.lock_state(session, home)
    if not found.must_note:
        return found.why
    with instance.store.transaction() as session:
        # Looks again: another home folder may have come first.
        return restore_lock.note_claims(session, home, now=instance.clock.now())
