"""no statistics of details

Nothing is looked for in what a moment tells, and most saves of an exam become one. Sorting a sample of thirty thousand kept a core busy for more than half
of each of the automatic analyses, which come every few seconds while the table grows.
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE moments ALTER COLUMN details SET STATISTICS 0")


def downgrade() -> None:
    op.execute("ALTER TABLE moments ALTER COLUMN details SET STATISTICS -1")
