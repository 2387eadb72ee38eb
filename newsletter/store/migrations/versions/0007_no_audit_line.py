"""no audit line: nothing wrote or read the table

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_table('audit_line')


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
