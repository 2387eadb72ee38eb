"""The only file that knows which database it is.

SQLite runs in WAL mode with `synchronous=FULL`: a commit that returned survives a power cut, which the ledger needs
(DESIGN §7.5). A transaction that will write takes the write lock at its start (`BEGIN IMMEDIATE`), since a reader that
turns into a writer half-way may be refused at once, whatever the time-out.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as SQLiteConnection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from newsletter.store.columns import fold_names, folded_columns

BUSY_SECONDS = 30
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "temp_store=MEMORY",
    "wal_autocheckpoint=4000",  # 16 MB: a send changes the same few pages over and over
)


def open_engine(url: str) -> sa.Engine:
    """An engine for an SQLite or PostgreSQL URL. `postgresql://…` means psycopg 3."""
    parsed = sa.make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.get_backend_name() != "sqlite":
        return sa.create_engine(parsed, pool_pre_ping=True)
    if parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: SQLiteConnection, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    own: Any = connection.connection.driver_connection  # itself: the sender begins some thousand times a second
    own.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


@contextmanager
def keys_unchecked(connection: sa.Connection) -> Iterator[None]:
    """While a migration rebuilds a table: dropping the old one must not act on the rows that point at it (SQLite).

    To be entered outside a transaction, and left so.
    """
    own = connection.connection.driver_connection
    if not isinstance(own, SQLiteConnection):
        yield
        return
    own.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    except BaseException:
        connection.invalidate()  # in its broken transaction the next line would do nothing
        raise
    own.execute("PRAGMA foreign_keys=ON")


def among(engine: sa.Engine, column: sa.ColumnElement[Any], name: str) -> sa.ColumnElement[bool]:
    """Condition: the column is one of the numbers bound as `name`, by `as_list`: one statement for any count."""
    if engine.dialect.name == "postgresql":
        return column == sa.any_(sa.bindparam(name, type_=postgresql.ARRAY(sa.Integer)))
    numbers = sa.func.json_each(sa.bindparam(name, type_=sa.String)).table_valued("value")
    return column.in_(sa.select(numbers.c.value))


def as_list(engine: sa.Engine, numbers: Sequence[int]) -> Any:
    """These numbers as `among` wants them bound."""
    return list(numbers) if engine.dialect.name == "postgresql" else json.dumps(list(numbers))


def is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


def postgresql_address(engine: sa.Engine) -> str:
    """The address, password included, for a library that speaks to PostgreSQL by itself; empty for SQLite."""
    if engine.dialect.name != "postgresql":
        return ""
    return engine.url.set(drivername="postgresql").render_as_string(hide_password=False)


def insert_new(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> int:
    """Insert these rows, passing over those whose key is already there; how many were new. One statement."""
    if not rows:
        return 0
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    statement = insert(table).values(_with_folded(table, rows)).on_conflict_do_nothing()
    return session.connection().execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def _with_folded(table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with their folded names: with many rows in one statement SQLAlchemy cannot make them by itself."""
    columns = folded_columns(table)
    return [row | {column: fold_names(row, names) for column, names in columns.items()} for row in rows]


def learn_sizes(session: Session, table: type[SQLModel]) -> None:
    """Tell the planner of PostgreSQL that a table has just grown much: it would go on reading all of it for one row."""
    if is_postgresql(session):
        session.connection().execute(sa.text(f"ANALYZE {table.__tablename__}"))


def upsert(
    session: Session,
    table: type[SQLModel],
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    add: Sequence[str] = (),
    replace: Sequence[str] = (),
    largest: Sequence[str] = (),
) -> None:
    """Insert rows, or on the same key add to, replace, or keep the largest of the named columns. One statement.

    No two of `rows` may have the same key.
    """
    if not rows:
        return
    insert = postgresql.insert if is_postgresql(session) else sqlite.insert
    statement = insert(table).values(_with_folded(table, rows))
    replace = [*replace, *(column for column, names in folded_columns(table).items() if set(names) & set(replace))]
    columns = sa.inspect(table).local_table.c
    greatest = sa.func.greatest if is_postgresql(session) else sa.func.max
    changes: dict[str, Any] = {name: columns[name] + statement.excluded[name] for name in add}
    changes |= {name: statement.excluded[name] for name in replace}
    changes |= {name: greatest(columns[name], statement.excluded[name]) for name in largest}
    session.connection().execute(statement.on_conflict_do_update(index_elements=list(key), set_=changes))


def domain_of(session: Session, address: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """What stands after the @ of an address."""
    if is_postgresql(session):
        return sa.func.split_part(address, "@", 2)
    return sa.func.substr(address, sa.func.instr(address, "@") + 1)


def skip_locked(statement: sa.Select[Any], session: Session, *, of: type[SQLModel]) -> sa.Select[Any]:
    """Lock the rows of `of`, leaving out those another holds. SQLite has one writer: its transaction is the lock."""
    return statement.with_for_update(skip_locked=True, of=of) if is_postgresql(session) else statement
