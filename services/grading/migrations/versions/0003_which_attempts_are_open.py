"""which attempts are open"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_attempts_open", "attempts", ["exam_id"], unique=False, postgresql_where=sa.text("status <> 'submitted'")
    )


def downgrade() -> None:
    op.drop_index("ix_attempts_open", table_name="attempts", postgresql_where=sa.text("status <> 'submitted'"))
