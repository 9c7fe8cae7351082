"""Frozen versions never change: the database itself refuses, whoever asks."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change_of_frozen_version() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION 'a published version is never changed (% on exam_versions)', TG_OP
                USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER exam_versions_are_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON exam_versions
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_frozen_version()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER exam_versions_are_frozen ON exam_versions")
    op.execute("DROP FUNCTION refuse_change_of_frozen_version()")
