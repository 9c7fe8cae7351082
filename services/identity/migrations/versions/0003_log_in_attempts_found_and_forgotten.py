"""log-in attempts found and forgotten"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_login_attempts_at"), "login_attempts", ["at"], unique=False)
    op.create_index("ix_login_attempts_centre", "login_attempts", ["centre_id", "at"], unique=False)
    op.create_index("ix_login_attempts_person", "login_attempts", ["person_id", "at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_login_attempts_person", table_name="login_attempts")
    op.drop_index("ix_login_attempts_centre", table_name="login_attempts")
    op.drop_index(op.f("ix_login_attempts_at"), table_name="login_attempts")
