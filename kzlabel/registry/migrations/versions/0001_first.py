"""Signers, identifiers, manifests, entries, settings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_LONG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "signer",
        sa.Column("fingerprint", sa.Text, sa.CheckConstraint("length(fingerprint) = 64"), primary_key=True),
        sa.Column("enrolled", _LONG),
        sqlite_strict=True,
    )
    op.create_table(
        "issued",
        sa.Column("identifier", sa.Text, sa.CheckConstraint("length(identifier) = 12"), primary_key=True),
        sa.Column("signer", sa.Text, sa.ForeignKey("signer.fingerprint"), nullable=False),
        sa.Column("issued", _LONG, nullable=False),
        sqlite_strict=True,
    )
    op.create_table(
        "manifest",
        sa.Column("digest", sa.Text, sa.CheckConstraint("length(digest) = 64"), primary_key=True),
        sa.Column("size", _LONG, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sqlite_strict=True,
    )
    op.create_table(
        "entry",
        sa.Column("number", _LONG, primary_key=True, autoincrement=True),
        sa.Column("identifier", sa.Text, sa.ForeignKey("issued.identifier"), nullable=False),
        sa.Column("watermark", sa.Text),
        sa.Column("manifest", sa.Text, sa.ForeignKey("manifest.digest"), nullable=False),
        sa.Column("manifest_id", sa.Text),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("signer", sa.Text, sa.ForeignKey("signer.fingerprint"), nullable=False),
        sa.Column("state", sa.Text, sa.CheckConstraint("state in ('pending', 'confirmed')"), nullable=False),
        sa.Column("created", _LONG, nullable=False),
        sa.Column("confirmed", _LONG),
        sa.UniqueConstraint("manifest", "sha256", name="entry_once"),
        sqlite_strict=True,
    )
    for name in ("identifier", "watermark", "sha256"):
        op.create_index(f"entry_{name}", "entry", [name])
    op.create_table(
        "setting",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
        sqlite_strict=True,
    )
