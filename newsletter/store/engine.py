"""Opening the store, and its transactions: one request or one tick is one `with store.transaction()`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlmodel import Session

from newsletter.errors import NewsletterError
from newsletter.i18n import _
from newsletter.store.portable import keys_unchecked, open_engine


class StoreError(NewsletterError):
    """The store cannot be opened or used as it is."""


class Store:
    """One database, SQLite or PostgreSQL, and the two ways into it.

    `transaction()` may write and commits on leaving, or rolls back when the block raises. `reading()` never writes.
    Between them no session is ever kept.
    """

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)

    @contextmanager
    def transaction(self) -> Iterator[Session]:
        """A session that writes; committed on leaving, rolled back on an error."""
        with Session(self.engine, expire_on_commit=False) as session:
            session.connection(execution_options={"writes": True})
            yield session
            session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A session that only reads one consistent picture; rolled back on leaving."""
        with Session(self.engine, expire_on_commit=False, autoflush=False) as session:
            yield session

    def upgrade(self) -> bool:
        """Bring the tables to this program's version; True when anything had to change. Safe to repeat.

        Raises StoreError when the database was written by a newer program, or cannot be reached.
        """
        before = self.revision()
        if before == newest_revision():
            return False
        with self.engine.connect() as connection, keys_unchecked(connection):
            settings = migration_settings()
            settings.attributes["connection"] = connection
            command.upgrade(settings, "head")
        return True

    def check_version(self) -> None:
        """Raise StoreError unless the database has exactly this program's tables."""
        found = self.revision()
        if found is None:
            raise StoreError(_("La base de données est vide. Lancez d’abord « newsletter init »."))
        if found != newest_revision():
            raise StoreError(
                _("La base de données date d’une version antérieure du programme. Lancez « newsletter init ».")
            )

    def revision(self) -> str | None:
        """The migration the database stands at; None when it is empty."""
        try:
            with self.engine.connect() as connection:
                found = MigrationContext.configure(connection).get_current_revision()
        except sa.exc.DBAPIError as error:
            raise StoreError(
                _("La base de données ne répond pas ou ne s’ouvre pas. Vérifiez DATABASE_URL et qu’elle est démarrée.")
            ) from error
        if found is not None and found not in known_revisions():
            raise StoreError(
                _(
                    "La base de données a été écrite par une version plus récente du programme. "
                    "Installez cette version, ou remettez une sauvegarde de cette époque."
                )
            )
        return found

    def close(self) -> None:
        """Give back every connection."""
        self.engine.dispose()


def migration_settings() -> Config:
    """Alembic's settings, without a file of their own."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return settings


def newest_revision() -> str | None:
    return ScriptDirectory.from_config(migration_settings()).get_current_head()


def known_revisions() -> set[str]:
    return {step.revision for step in ScriptDirectory.from_config(migration_settings()).walk_revisions()}
