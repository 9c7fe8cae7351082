"""when an attempt last stood still"""

import sqlalchemy as sa
import sqlmodel
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COLUMNS = ("last_pause_began_at", "last_pause_ended_at")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("attempts", sa.Column(name, sqlmodel.sql.sqltypes.UTCDateTime(), nullable=True))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("attempts", name)
