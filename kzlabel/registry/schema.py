"""The tables. A change here goes with a migration in `migrations/versions`, and a new VERSION."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

VERSION = "0003"  # the newest migration

metadata = MetaData()
_long = BigInteger().with_variant(Integer(), "sqlite")  # where every integer has 64 bits, and only that one counts up

# Who is known. enrolled: since when it may write; null for signers whose entries were imported.
signer = Table(
    "signer",
    metadata,
    Column("fingerprint", Text, CheckConstraint("length(fingerprint) = 64"), primary_key=True),
    Column("enrolled", _long),
    sqlite_strict=True,
)
# Every identifier that was ever drawn, whether or not a file came of it: never removed.
issued = Table(
    "issued",
    metadata,
    Column("identifier", Text, CheckConstraint("length(identifier) = 12"), primary_key=True),
    Column("signer", Text, ForeignKey("signer.fingerprint"), nullable=False),
    Column("issued", _long, nullable=False),
    sqlite_strict=True,
)
# content is null where manifests are kept outside the database.
manifest = Table(
    "manifest",
    metadata,
    Column("digest", Text, CheckConstraint("length(digest) = 64"), primary_key=True),
    Column("size", _long, nullable=False),
    Column("content", LargeBinary),
    sqlite_strict=True,
)
entry = Table(
    "entry",
    metadata,
    Column("number", _long, primary_key=True, autoincrement=True),
    Column("identifier", Text, ForeignKey("issued.identifier"), nullable=False),
    Column("watermark", Text),
    Column("manifest", Text, ForeignKey("manifest.digest"), nullable=False),
    Column("manifest_id", Text),
    Column("sha256", Text, nullable=False),
    Column("signer", Text, ForeignKey("signer.fingerprint"), nullable=False),
    Column("state", Text, CheckConstraint("state in ('pending', 'confirmed')"), nullable=False),
    Column("created", _long, nullable=False),
    Column("confirmed", _long),
    UniqueConstraint("manifest", "sha256", name="entry_once"),
    Index("entry_identifier", "identifier"),
    Index("entry_watermark", "watermark"),
    Index("entry_sha256", "sha256"),
    Index("entry_manifest_id", "manifest_id"),
    sqlite_strict=True,
)
Index(
    "entry_pending",
    entry.c.created,
    sqlite_where=entry.c.state == "pending",
    postgresql_where=entry.c.state == "pending",
)
fingerprint = Table(
    "fingerprint",
    metadata,
    Column("number", _long, primary_key=True, autoincrement=True),
    Column("entry", _long, ForeignKey("entry.number", ondelete="CASCADE"), nullable=False),
    Column("algorithm", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    Column("digest", Text, CheckConstraint("length(digest) = 64"), nullable=False),
    UniqueConstraint("entry", "algorithm", "digest", name="fingerprint_once"),
    sqlite_strict=True,
)
# Where a look-up begins: its keys are the first column of the primary key. The index is for removing and exporting.
lookup = Table(
    "lookup",
    metadata,
    Column("key", _long, primary_key=True, autoincrement=False),
    Column(
        "fingerprint",
        _long,
        ForeignKey("fingerprint.number", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    Index("lookup_fingerprint", "fingerprint"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
# manifests: the folder or bucket that keeps them, absent for the database.
setting = Table(
    "setting",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", Text, nullable=False),
    sqlite_strict=True,
)
