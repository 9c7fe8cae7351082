"""centres of activity

Lines that a process of the version before writes while it is being replaced have no centre; rebuilding the figures gives them one.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("activities", sa.Column("centre_id", sa.Uuid(), nullable=True))
    op.execute(
        "UPDATE activities SET centre_id = attempts.centre_id FROM attempts"
        " WHERE attempts.id = activities.attempt_id AND attempts.centre_id IS NOT NULL"
    )
    op.execute(
        "UPDATE activities SET centre_id = people.centre_id FROM people"
        " WHERE people.id = activities.person_id AND activities.kind = 'person_registered' AND people.centre_id IS NOT NULL"
    )
    op.create_index(
        "ix_activities_centre_id_occurred_at_event_id",
        "activities",
        ["centre_id", "occurred_at", "event_id"],
        unique=False,
    )
    op.drop_index(
        "ix_activities_registered", table_name="activities", postgresql_where=sa.text("kind = 'person_registered'")
    )


def downgrade() -> None:
    op.create_index(
        "ix_activities_registered",
        "activities",
        ["person_id"],
        unique=False,
        postgresql_where=sa.text("kind = 'person_registered'"),
    )
    op.drop_index("ix_activities_centre_id_occurred_at_event_id", table_name="activities")
    op.drop_column("activities", "centre_id")
