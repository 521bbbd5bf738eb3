"""Fingerprints of entries, and the keys by which they are found; entries by their manifest's URN."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "fingerprint",
        sa.Column("number", _LONG, primary_key=True, autoincrement=True),
        sa.Column("entry", _LONG, sa.ForeignKey("entry.number", ondelete="CASCADE"), nullable=False),
        sa.Column("algorithm", sa.Text, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.Column("digest", sa.Text, sa.CheckConstraint("length(digest) = 64"), nullable=False),
        sa.UniqueConstraint("entry", "algorithm", "digest", name="fingerprint_once"),
        sqlite_strict=True,
    )
    op.create_table(
        "lookup",
        sa.Column("key", _LONG, primary_key=True, autoincrement=False),
        sa.Column(
            "fingerprint",
            _LONG,
            sa.ForeignKey("fingerprint.number", ondelete="CASCADE"),
            primary_key=True,
            autoincrement=False,
        ),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_index("lookup_fingerprint", "lookup", ["fingerprint"])
    op.create_index("entry_manifest_id", "entry", ["manifest_id"])
