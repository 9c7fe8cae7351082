"""who sits in which room"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "exam_seats",
        sa.Column("exam_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("room", sqlmodel.sql.sqltypes.AutoString(), nullable=False),
        sa.ForeignKeyConstraint(["exam_id"], ["exams.id"], name=op.f("fk_exam_seats_exam_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("exam_id", "student_id", name=op.f("pk_exam_seats")),
    )


def downgrade() -> None:
    op.drop_table("exam_seats")
