"""A store as an older version of the program left it, to see what an upgrade makes of it."""

from typing import Any

import sqlalchemy as sa
from alembic import command

from newsletter.store import Store
from newsletter.store.engine import migration_settings
from newsletter.store.portable import keys_unchecked


def rebuild_at(store: Store, revision: str) -> None:
    """Empty the store and give it the tables of this migration, by the migrations themselves."""
    with store.engine.connect() as connection, keys_unchecked(connection):
        _drop_everything(connection)
        settings = migration_settings()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)


def insert_old(connection: sa.Connection, table: str, **values: Any) -> None:
    """Insert a row into a table as it is there; today's models need not know its columns."""
    there = sa.Table(table, sa.MetaData(), autoload_with=connection, resolve_fks=False)
    connection.execute(sa.insert(there).values(**values))


def _drop_everything(connection: sa.Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    else:
        tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        for (name,) in connection.exec_driver_sql(tables).all():
            connection.exec_driver_sql(f'DROP TABLE "{name}"')
    connection.commit()
