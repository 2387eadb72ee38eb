"""back-off by provider: `slowdown`, whose family was a mailbox provider, becomes `provider_backoff`

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

from newsletter.store.columns import UtcMoment

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

KEPT = ('lane', 'until', 'began_at', 'suspended', 'per_minute', 'connections', 'words')


def upgrade() -> None:
    # A new table rather than a rename: its constraints have the names of their table on both databases.
    made = op.create_table(
        'provider_backoff',
        sa.Column('lane', sa.String(), nullable=False),
        sa.Column('provider', sa.String(), nullable=False),
        sa.Column('until', UtcMoment(), nullable=False),
        sa.Column('began_at', UtcMoment(), nullable=False),
        sa.Column('suspended', sa.Boolean(), nullable=False),
        sa.Column('per_minute', sa.Integer(), nullable=False),
        sa.Column('connections', sa.Integer(), nullable=False),
        sa.Column('words', sa.String(), nullable=False),
        sa.ForeignKeyConstraint(['lane'], ['lane.name'], name=op.f('fk_provider_backoff_lane_lane')),
        sa.PrimaryKeyConstraint('lane', 'provider', name=op.f('pk_provider_backoff')),
    )
    before = sa.table('slowdown', sa.column('family'), *(sa.column(name) for name in KEPT))
    rows = sa.select(before.c.family, *(before.c[name] for name in KEPT))
    op.execute(made.insert().from_select(['provider', *KEPT], rows))
    op.drop_table('slowdown')


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
