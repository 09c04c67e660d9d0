"""The gateway's tables, for SQLite and PostgreSQL alike. ``industry_gateway/migrations`` makes the same.

Times are whole seconds since 1970 UTC. Fingerprints, handles, tags and commitments are lower-case hex. What a
document says (its body, its number, its amounts) stands only in ``document_bodies``, encrypted under the
document's own key.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

METADATA = MetaData()

_HASH = String(64)
_ID = String(32)
_ALIAS = String(64)

parties = Table(
    "parties",
    METADATA,
    Column("alias", _ALIAS, primary_key=True),
    Column("name", Text, nullable=False),
    Column("handle", _HASH, nullable=False, unique=True),
    Column("key_number", Integer, nullable=False),
    Column("public_key", LargeBinary, nullable=False),
    Column("secret_hash", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

party_identifiers = Table(
    "party_identifiers",
    METADATA,
    Column("identifier", String(200), primary_key=True),
    Column("alias", _ALIAS, ForeignKey("parties.alias"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
)

documents = Table(
    "documents",
    METADATA,
    Column("document_id", _ID, primary_key=True),
    # The fingerprint while this row stands for it; NULL once the ledger has other content or refused it, so
    # that a corrected document can be pushed. NULLs do not collide in a unique index.
    Column("live_fingerprint", _HASH, unique=True),
    Column("fingerprint", _HASH, nullable=False),
    Column("tag", _HASH, nullable=False),
    Column("commitment", _HASH, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("seller", _HASH, nullable=False),
    Column("buyer", _HASH, nullable=False),
    Column("issuer", _HASH, nullable=False),
    Column("pushed_by", _HASH, nullable=False),
    Column("push_id", _ID, nullable=False),
    Column("state", String(16), nullable=False),
    Column("txid", _HASH, nullable=False, server_default=""),
    Column("block", BigInteger),
    Column("reason", String(64), nullable=False, server_default=""),
    Column("message", Text, nullable=False, server_default=""),
    Column("created_at", BigInteger, nullable=False),
    # Mostly who pushes a document is its seller or issuer: each row stands in one of these, seldom in more.
    Index("ix_documents_pushed_by", "pushed_by"),
    Index(
        "ix_documents_other_seller",
        "seller",
        sqlite_where=text("seller <> pushed_by"),
        postgresql_where=text("seller <> pushed_by"),
    ),
    Index(
        "ix_documents_other_issuer",
        "issuer",
        sqlite_where=text("issuer <> pushed_by AND issuer <> seller"),
        postgresql_where=text("issuer <> pushed_by AND issuer <> seller"),
    ),
    sqlite_with_rowid=False,
)

document_bodies = Table(
    "document_bodies",
    METADATA,
    Column("document_id", _ID, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    # NULL after an erasure: without its key the sealed body is noise.
    Column("wrapped_key", LargeBinary),
)

document_keys = Table(
    # Further keys of documents that have more than their primary fingerprint: other epochs, other
    # identifiers.
    "document_keys",
    METADATA,
    Column("fingerprint", _HASH, primary_key=True),
    Column("document_id", _ID, primary_key=True),
    # Content tag under this key; empty for an alias, the key of another document of the same receivable.
    Column("tag", _HASH, nullable=False),
    sqlite_with_rowid=False,
)

document_links = Table(
    # What a document refers to: weights for assets:link, credits for encumbrances:fact.
    "document_links",
    METADATA,
    Column("child", _HASH, primary_key=True),
    # One reference may have several likely fingerprints: rows with one slot, of which one comes true.
    Column("parent", _HASH, primary_key=True),
    Column("slot", Integer, nullable=False),
    Column("role", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("reason", String(64), nullable=False, server_default=""),
    Index("ix_document_links_parent", "parent"),
    Index(
        "ix_document_links_open",
        "state",
        sqlite_where=text("state IN ('waiting', 'ready')"),
        postgresql_where=text("state IN ('waiting', 'ready')"),
    ),
    sqlite_with_rowid=False,
)

pushes = Table(
    "pushes",
    METADATA,
    Column("push_id", _ID, primary_key=True),
    Column("party", _ALIAS, nullable=False),
    # NULL when the caller gave none; NULLs do not collide.
    Column("idempotency_key", String(128)),
    Column("state", String(16), nullable=False),
    Column("digest", _HASH, nullable=False),
    # While in flight: whoever works on it renews this; afterwards another request may take it over.
    Column("lease_until", BigInteger, nullable=False),
    Column("owner", _ID, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("party", "idempotency_key"),
)

push_chunks = Table(
    # The results as they were given, chunk by chunk, stored together with the chunk's documents.
    "push_chunks",
    METADATA,
    Column("push_id", _ID, ForeignKey("pushes.push_id"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("digest", _HASH, nullable=False),
    # Results quote numbers and offending values: sealed like bodies.
    Column("sealed", LargeBinary, nullable=False),
    Column("wrapped_key", LargeBinary),
)

outbox_items = Table(
    # One row per thing that the ledger does not have yet; the primary key lets no second one be under way. Documents
    # that intake stores many at a time stand in outbox_parcels instead.
    "outbox_items",
    METADATA,
    Column("lane", String(16), primary_key=True),
    Column("item_key", String(130), primary_key=True),
    Column("root", _HASH, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("batch_id", _ID),
    Index(
        "ix_outbox_items_batch",
        "batch_id",
        sqlite_where=text("batch_id IS NOT NULL"),
        postgresql_where=text("batch_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

outbox_parcels = Table(
    # Registrations that were stored together and are packed together: one row instead of hundreds of items. That no
    # document is in two of them, the unique fingerprint of its own row sees to.
    "outbox_parcels",
    METADATA,
    Column("parcel_id", _ID, primary_key=True),
    Column("lane", String(16), nullable=False),
    Column("items", Integer, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("batch_id", _ID),
    Index(
        "ix_outbox_parcels_batch",
        "batch_id",
        sqlite_where=text("batch_id IS NOT NULL"),
        postgresql_where=text("batch_id IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

outbox_parcel_items = Table(
    # A row of its own, so that taking a parcel into a batch does not write its items again.
    "outbox_parcel_items",
    METADATA,
    Column("parcel_id", _ID, primary_key=True),
    # One line per item: its key, a blank, canonical JSON of the contract's item.
    Column("payload", LargeBinary, nullable=False),
)

outbox_batches = Table(
    "outbox_batches",
    METADATA,
    Column("batch_id", _ID, primary_key=True),
    Column("lane", String(16), nullable=False),
    # Chosen before anything is endorsed and kept for every later envelope: the contract knows a repetition by
    # it.
    Column("operation_id", String(64), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("items", Integer, nullable=False),
    Column("failures", Integer, nullable=False),
    # Raised by every change: whoever changes a batch names the version that it saw.
    Column("version", Integer, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Index(
        "ix_outbox_batches_open",
        "state",
        sqlite_where=text("state NOT IN ('committed', 'split')"),
        postgresql_where=text("state NOT IN ('committed', 'split')"),
    ),
)

outbox_attempts = Table(
    # Every envelope that may have been sent, until the ledger has judged it; then only its verdict stays.
    "outbox_attempts",
    METADATA,
    Column("txid", _HASH, primary_key=True),
    Column("batch_id", _ID, ForeignKey("outbox_batches.batch_id"), nullable=False, index=True),
    Column("envelope", LargeBinary),
    Column("digest", _HASH, nullable=False),
    Column("prepared_at", BigInteger, nullable=False),
    Column("code", Integer),
    Column("block", BigInteger),
)

checkpoints = Table(
    "checkpoints",
    METADATA,
    Column("stream", String(64), primary_key=True),
    # The first block that has not been stored yet.
    Column("next_block", BigInteger, nullable=False),
)

audit_log = Table(
    # Append-only; each row's hash covers the row before it.
    "audit_log",
    METADATA,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_at", BigInteger, nullable=False),
    Column("entry", LargeBinary, nullable=False),
    Column("previous_hash", _HASH, nullable=False),
    Column("hash", _HASH, nullable=False),
)

financing_requests = Table(
    "financing_requests",
    METADATA,
    Column("request_id", _ID, primary_key=True),
    Column("applicant", _HASH, nullable=False, index=True),
    Column("bank", String(128), nullable=False, index=True),
    Column("amount", String(40), nullable=False),
    Column("currency", String(3), nullable=False),
    Column("consent_id", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("idempotency_key", String(128)),
    Column("digest", _HASH, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("applicant", "idempotency_key"),
)

financing_request_assets = Table(
    "financing_request_assets",
    METADATA,
    Column("request_id", _ID, ForeignKey("financing_requests.request_id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("fingerprint", _HASH, nullable=False, index=True),
    Column("claim", String(32), nullable=False, server_default=""),
)

webhook_endpoints = Table(
    "webhook_endpoints",
    METADATA,
    Column("endpoint_id", _ID, primary_key=True),
    Column("party", _ALIAS, nullable=False, unique=True),
    Column("url", Text, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("wrapped_key", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
)

webhook_deliveries = Table(
    "webhook_deliveries",
    METADATA,
    Column("delivery_id", _ID, primary_key=True),
    Column("endpoint_id", _ID, ForeignKey("webhook_endpoints.endpoint_id"), nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_at", BigInteger, nullable=False),
    Column("state", String(16), nullable=False),
    Index(
        "ix_webhook_deliveries_due",
        "next_at",
        sqlite_where=text("state = 'pending'"),
        postgresql_where=text("state = 'pending'"),
    ),
)
