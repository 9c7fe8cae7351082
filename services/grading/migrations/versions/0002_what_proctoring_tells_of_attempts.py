"""what proctoring tells of attempts"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "integrity_scores",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("score", sa.Numeric(precision=5, scale=2), nullable=False),
        sa.Column("level", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_integrity_scores")),
    )
    op.create_table(
        "reviews",
        sa.Column("attempt_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("is_invalidated", sa.Boolean(), nullable=False),
        sa.Column("reason", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.PrimaryKeyConstraint("attempt_id", name=op.f("pk_reviews")),
    )
    op.add_column("grades", sa.Column("is_invalidated", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column(
        "grades",
        sa.Column("invalidation_reason", sqlmodel.sql.sqltypes.AutoString(), server_default="", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("grades", "invalidation_reason")
    op.drop_column("grades", "is_invalidated")
    op.drop_table("reviews")
    op.drop_table("integrity_scores")
