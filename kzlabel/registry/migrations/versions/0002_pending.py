"""An index over pending entries alone, so that `prune` and `status` need not read the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    pending = sa.text("state = 'pending'")
    op.create_index("entry_pending", "entry", ["created"], sqlite_where=pending, postgresql_where=pending)
