"""activity of little and long ago"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index(op.f("ix_activities_exam_id"), table_name="activities")
    op.create_index(
        "ix_activities_exam_id_occurred_at_event_id", "activities", ["exam_id", "occurred_at", "event_id"], unique=False
    )
    op.create_index(
        "ix_activities_registered",
        "activities",
        ["person_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'person_registered'"),
    )


def downgrade() -> None:
    op.drop_index(
        "ix_activities_registered", table_name="activities", postgresql_where=sa.text("kind = 'person_registered'")
    )
    op.drop_index("ix_activities_exam_id_occurred_at_event_id", table_name="activities")
    op.create_index(op.f("ix_activities_exam_id"), "activities", ["exam_id"], unique=False)
