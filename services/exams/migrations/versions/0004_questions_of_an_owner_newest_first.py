"""questions of an owner, newest first"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_questions_owner_id_id", "questions", ["owner_id", "id"], unique=False)
    op.drop_index(op.f("ix_questions_owner_id"), table_name="questions")


def downgrade() -> None:
    op.create_index(op.f("ix_questions_owner_id"), "questions", ["owner_id"], unique=False)
    op.drop_index("ix_questions_owner_id_id", table_name="questions")
