"""names as they are compared: a folded column beside each name that SQL looks for

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

from newsletter.text import fold

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

FOLDED = (
    ('epci', 'siren', 'name_folded', ('name',)),
    ('commune', 'insee_code', 'name_folded', ('name',)),
    ('sector', 'code', 'code_folded', ('code',)),
    ('sector', 'code', 'name_fr_folded', ('name_fr',)),
    ('sector', 'code', 'name_en_folded', ('name_en',)),
    ('employer', 'id', 'name_folded', ('name',)),
    ('partner', 'id', 'name_folded', ('name',)),
    ('subscriber', 'id', 'name_folded', ('first_name', 'last_name')),
)
"""Table, key, new column, and the columns whose folded text it holds."""


def upgrade() -> None:
    for table, key, column, names in FOLDED:
        # With its default it is added in place: SQLite would otherwise copy the table and lose the trigger on subscriber.
        op.add_column(table, sa.Column(column, sa.String(), server_default='', nullable=False))
        _fill(table, key, column, names)


def _fill(table: str, key: str, column: str, names: tuple[str, ...]) -> None:
    rows = sa.table(table, *(sa.column(name) for name in {key, column, *names}))
    connection = op.get_bind()
    stored = connection.execute(sa.select(rows.c[key], *(rows.c[name] for name in names))).all()
    filled = [{'row': one[0], 'folded': fold(' '.join(one[1:]))} for one in stored]
    if filled:
        connection.execute(
            sa.update(rows).where(rows.c[key] == sa.bindparam('row')).values({column: sa.bindparam('folded')}), filled
        )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
