"""the ledger grows: batches by number, planning in steps, lanes that rest

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from newsletter.store.columns import UtcMoment

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table('mail', schema=None) as batch_op:
        batch_op.drop_index('ix_mail_batch_state')
        batch_op.drop_index('ix_mail_subscriber')
        batch_op.drop_constraint('one_mail_per_reader', type_='unique')
        batch_op.drop_constraint(op.f('fk_mail_batch_id_batch'), type_='foreignkey')
        batch_op.drop_constraint(op.f('fk_mail_edition_id_edition'), type_='foreignkey')
        batch_op.drop_constraint(op.f('fk_mail_subscriber_id_subscriber'), type_='foreignkey')
        batch_op.drop_column('batch_id')
        batch_op.create_unique_constraint('one_mail_per_reader', ['subscriber_id', 'edition_id'])
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE mail SET (fillfactor = 80)')
        op.execute(
            'CREATE FUNCTION mail_forgets_its_reader() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN '
            'UPDATE mail SET subscriber_id = NULL WHERE subscriber_id = OLD.id; RETURN NULL; END $$'
        )
        op.execute(
            'CREATE TRIGGER mail_forgets_its_reader AFTER DELETE ON subscriber '
            'FOR EACH ROW EXECUTE FUNCTION mail_forgets_its_reader()'
        )
    else:
        op.execute(
            'CREATE TRIGGER mail_forgets_its_reader AFTER DELETE ON subscriber BEGIN '
            'UPDATE mail SET subscriber_id = NULL WHERE subscriber_id = OLD.id; END'
        )
    with op.batch_alter_table('mail_note', schema=None) as batch_op:
        batch_op.create_index('ix_mail_note_kind', ['kind', 'mail_id'], unique=False)
    with op.batch_alter_table('consent', schema=None) as batch_op:
        batch_op.drop_index('ix_consent_newest')
        batch_op.create_index('ix_consent_newest', ['subscriber_id', 'axis', 'id', 'state'], unique=False)
    with op.batch_alter_table('edition', schema=None) as batch_op:
        batch_op.add_column(sa.Column('planned_upto', sa.Integer(), server_default='0', nullable=False))
    with op.batch_alter_table('lane', schema=None) as batch_op:
        batch_op.add_column(sa.Column('rests_until', UtcMoment(), nullable=True))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
