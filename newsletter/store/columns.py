"""Column habits that every table shares."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.default import DefaultExecutionContext
from sqlalchemy.orm import Mapper, declared_attr
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel

from newsletter.text import fold

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Row(SQLModel):
    """A row of a table; `MailNote` lives in the table `mail_note`."""

    @declared_attr.directive
    def __tablename__(cls) -> str:  # noqa: N805  SQLAlchemy hands over the class
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower()


class UtcMoment(TypeDecorator[datetime]):
    """An aware datetime, UTC on both sides. SQLite has no zones, so the column alone keeps the promise."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a zone was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def word(kind: type[StrEnum]) -> Any:
    """The type of a column that holds one word of a closed list, stored as text."""
    return sa.Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda words: [w.value for w in words],
    )


def key(row_id: int | None) -> int:
    """The id of a stored row. Only a row that was never flushed has none: passing one is a programming error."""
    assert row_id is not None
    return row_id


def folded(*names: str) -> Any:
    """A column that holds `fold` of these text columns of its row, joined by a space: what SQL compares names by.

    It is filled whenever a row is inserted (by the ORM, `insert()`, `insert_new` or `upsert`), whenever the ORM
    flushes a change, and when `upsert` replaces one of the names. A bulk `update()` of a name sets it as well, by
    `fold_names`; `insert().from_select` leaves it empty.
    """

    def of_inserted(context: DefaultExecutionContext) -> str:
        return fold_names(context.get_current_parameters(), names)  # type: ignore[no-untyped-call]  # untyped there

    kept = {"default": of_inserted, "server_default": "", "info": {_FOLDS: names}}
    return Field(default="", sa_column_kwargs=kept)


def fold_names(row: Mapping[str, Any], names: Iterable[str]) -> str:
    """What a `folded` column of these names holds for this row; a name that is missing counts as empty."""
    return fold(" ".join(row.get(name) or "" for name in names))


def folded_columns(table: type[SQLModel]) -> dict[str, tuple[str, ...]]:
    """The `folded` columns of a table, each with the columns whose text it holds."""
    columns = sa.inspect(table).local_table.c
    return {column.key: column.info[_FOLDS] for column in columns if _FOLDS in column.info}


_FOLDS = "folds"


def _fold_flushed(_mapper: Mapper[Any], _connection: sa.Connection, row: Row) -> None:
    for column, names in folded_columns(type(row)).items():
        setattr(row, column, fold_names({name: getattr(row, name) for name in names}, names))


sa.event.listen(Row, "before_insert", _fold_flushed, propagate=True)
sa.event.listen(Row, "before_update", _fold_flushed, propagate=True)
