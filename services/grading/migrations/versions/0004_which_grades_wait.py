"""which grades wait"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_grades_waiting",
        "grades",
        ["exam_id", "submitted_at", "attempt_id"],
        unique=False,
        postgresql_where=sa.text("status = 'waiting'"),
    )


def downgrade() -> None:
    op.drop_index("ix_grades_waiting", table_name="grades", postgresql_where=sa.text("status = 'waiting'"))
