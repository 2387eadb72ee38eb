"""Alembic runs this. The connection is handed over by `Store.upgrade`."""

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlmodel.sql.sqltypes import AutoString

from newsletter.store.columns import UtcMoment
from newsletter.store.tables import metadata


def in_plain_words(kind: str, item: Any, _autogen: AutogenContext) -> str | Literal[False]:
    """How a new step writes our own column types."""
    if kind == "type" and isinstance(item, AutoString):
        return "sa.String()"
    if kind == "type" and isinstance(item, UtcMoment):
        return "UtcMoment()"
    return False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=in_plain_words,
)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
