"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes all tables, in the order of their foreign keys."""
    _first()
    _second()
    _third()
    _fourth()
    _fifth()


def _first() -> None:
    op.create_table(
        "audit_log",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("recorded_at", sa.BigInteger(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("stream", sa.String(length=64), nullable=False),
        sa.Column("next_block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream"),
    )
    op.create_table(
        "document_bodies",
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("document_id"),
    )
    op.create_table(
        "document_keys",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "document_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "document_links",
        sa.Column("child", sa.String(length=64), nullable=False),
        sa.Column("parent", sa.String(length=64), nullable=False),
        sa.Column("slot", sa.Integer(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("reason", sa.String(length=64), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("child", "parent"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_document_links_open",
        "document_links",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state IN ('waiting', 'ready')"),
        postgresql_where=sa.text("state IN ('waiting', 'ready')"),
    )
    op.create_index("ix_document_links_parent", "document_links", ["parent"], unique=False)


def _second() -> None:
    op.create_table(
        "documents",
        sa.Column("document_id", sa.String(length=32), nullable=False),
        sa.Column("live_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("tag", sa.String(length=64), nullable=False),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("seller", sa.String(length=64), nullable=False),
        sa.Column("buyer", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=64), nullable=False),
        sa.Column("pushed_by", sa.String(length=64), nullable=False),
        sa.Column("push_id", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("txid", sa.String(length=64), server_default="", nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.Column("reason", sa.String(length=64), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("document_id"),
        sa.UniqueConstraint("live_fingerprint"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_documents_issuer", "documents", ["issuer"], unique=False)
    op.create_index("ix_documents_seller", "documents", ["seller"], unique=False)
    op.create_table(
        "financing_requests",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("applicant", sa.String(length=64), nullable=False),
        sa.Column("bank", sa.String(length=128), nullable=False),
        sa.Column("amount", sa.String(length=40), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("consent_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("request_id"),
        sa.UniqueConstraint("applicant", "idempotency_key"),
    )
    op.create_index(
        op.f("ix_financing_requests_applicant"), "financing_requests", ["applicant"], unique=False
    )
    op.create_index(op.f("ix_financing_requests_bank"), "financing_requests", ["bank"], unique=False)


def _third() -> None:
    op.create_table(
        "outbox_batches",
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("operation_id", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("batch_id"),
        sa.UniqueConstraint("operation_id"),
    )
    op.create_index(
        "ix_outbox_batches_open",
        "outbox_batches",
        ["state"],
        unique=False,
        sqlite_where=sa.text("state NOT IN ('committed', 'split')"),
        postgresql_where=sa.text("state NOT IN ('committed', 'split')"),
    )
    op.create_table(
        "outbox_items",
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("item_key", sa.String(length=130), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("lane", "item_key"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_outbox_items_batch",
        "outbox_items",
        ["batch_id"],
        unique=False,
        sqlite_where=sa.text("batch_id IS NOT NULL"),
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_table(
        "parties",
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("handle", sa.String(length=64), nullable=False),
        sa.Column("key_number", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("secret_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("alias"),
        sa.UniqueConstraint("handle"),
    )


def _fourth() -> None:
    op.create_table(
        "pushes",
        sa.Column("push_id", sa.String(length=32), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("idempotency_key", sa.String(length=128), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("lease_until", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("push_id"),
        sa.UniqueConstraint("party", "idempotency_key"),
    )
    op.create_table(
        "webhook_endpoints",
        sa.Column("endpoint_id", sa.String(length=32), nullable=False),
        sa.Column("party", sa.String(length=64), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_id"),
        sa.UniqueConstraint("party"),
    )
    op.create_table(
        "financing_request_assets",
        sa.Column("request_id", sa.String(length=32), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("claim", sa.String(length=32), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["request_id"],
            ["financing_requests.request_id"],
        ),
        sa.PrimaryKeyConstraint("request_id", "position"),
    )
    op.create_index(
        op.f("ix_financing_request_assets_fingerprint"),
        "financing_request_assets",
        ["fingerprint"],
        unique=False,
    )
    op.create_table(
        "outbox_attempts",
        sa.Column("txid", sa.String(length=64), nullable=False),
        sa.Column("batch_id", sa.String(length=32), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=True),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("prepared_at", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=True),
        sa.Column("block", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["batch_id"],
            ["outbox_batches.batch_id"],
        ),
        sa.PrimaryKeyConstraint("txid"),
    )
    op.create_index(op.f("ix_outbox_attempts_batch_id"), "outbox_attempts", ["batch_id"], unique=False)


def _fifth() -> None:
    op.create_table(
        "party_identifiers",
        sa.Column("identifier", sa.String(length=200), nullable=False),
        sa.Column("alias", sa.String(length=64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alias"],
            ["parties.alias"],
        ),
        sa.PrimaryKeyConstraint("identifier"),
    )
    op.create_index(op.f("ix_party_identifiers_alias"), "party_identifiers", ["alias"], unique=False)
    op.create_table(
        "push_chunks",
        sa.Column("push_id", sa.String(length=32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["push_id"],
            ["pushes.push_id"],
        ),
        sa.PrimaryKeyConstraint("push_id", "number"),
    )
    op.create_table(
        "webhook_deliveries",
        sa.Column("delivery_id", sa.String(length=32), nullable=False),
        sa.Column("endpoint_id", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.endpoint_id"],
        ),
        sa.PrimaryKeyConstraint("delivery_id"),
    )
    op.create_index(
        "ix_webhook_deliveries_due",
        "webhook_deliveries",
        ["next_at"],
        unique=False,
        sqlite_where=sa.text("state = 'pending'"),
        postgresql_where=sa.text("state = 'pending'"),
    )
