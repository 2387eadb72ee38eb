"""receivers that ask for less

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from newsletter.store.columns import UtcMoment

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        'slowdown',
        sa.Column('lane', sa.String(), nullable=False),
        sa.Column('family', sa.String(), nullable=False),
        sa.Column('until', UtcMoment(), nullable=False),
        sa.Column('began_at', UtcMoment(), nullable=False),
        sa.Column('suspended', sa.Boolean(), nullable=False),
        sa.Column('per_minute', sa.Integer(), nullable=False),
        sa.Column('connections', sa.Integer(), nullable=False),
        sa.Column('words', sa.String(), nullable=False),
        sa.ForeignKeyConstraint(['lane'], ['lane.name'], name=op.f('fk_slowdown_lane_lane')),
        sa.PrimaryKeyConstraint('lane', 'family', name=op.f('pk_slowdown')),
    )


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
