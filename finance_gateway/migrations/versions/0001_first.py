"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from consortium.reconcile.schema import create_first_tables

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes all tables."""
    _packages()
    _package_parts()
    _claims()
    _operations()
    create_first_tables()


def _packages() -> None:
    op.create_table(
        "packages",
        sa.Column("package_id", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(128), nullable=False),
        sa.Column("consent_id", sa.String(64), nullable=False),
        sa.Column("profile", sa.String(64), nullable=False),
        sa.Column(
            "stage",
            sa.String(16),
            nullable=False,
            comment="making, valid, reopened, superseded, revoked or failed",
        ),
        sa.Column("state_reason", sa.String(512), nullable=False, server_default=""),
        sa.Column("digest", sa.String(64), nullable=False, server_default=""),
        sa.Column(
            "summary",
            sa.Text(),
            nullable=False,
            server_default="{}",
            comment="canonical JSON of the payload's summary",
        ),
        sa.Column("evaluated_at", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("valid_until", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("supersedes", sa.String(32)),
        sa.Column("anchor_txid", sa.String(64), nullable=False, server_default=""),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(128), nullable=False),
        sa.Column(
            "anchor_op", sa.String(64), nullable=False, server_default="", comment="operation that anchors it"
        ),
        sa.Column(
            "reopen_reason",
            sa.String(512),
            nullable=False,
            server_default="",
            comment="what happened on the ledger between its evidence and its anchor",
        ),
        sa.PrimaryKeyConstraint("package_id"),
    )
    op.create_index("packages_by_subject", "packages", ["subject", "created"])
    op.create_index("packages_by_consent", "packages", ["consent_id"])
    op.create_index("packages_by_stage", "packages", ["stage"])


def _package_parts() -> None:
    op.create_table(
        "package_contents",
        sa.Column("package_id", sa.String(32), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the package file, sealed"),
        sa.Column(
            "wrapped_key",
            sa.LargeBinary(),
            comment="its data key, wrapped; destroying it erases the content",
        ),
        sa.PrimaryKeyConstraint("package_id"),
    )
    op.create_table(
        "package_documents",
        sa.Column("package_id", sa.String(32), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False, comment="of a document, or of an asset"),
        sa.PrimaryKeyConstraint("package_id", "fingerprint"),
    )
    op.create_index("package_documents_by_fingerprint", "package_documents", ["fingerprint"])
    op.create_table(
        "package_events",
        sa.Column("sequence", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("package_id", sa.String(32), nullable=False),
        sa.Column("event", sa.String(16), nullable=False, comment="issued, superseded, reopened or revoked"),
        sa.Column("reason", sa.String(512), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("sequence"),
        sqlite_autoincrement=True,
    )


def _claims() -> None:
    op.create_table(
        "claims",
        sa.Column("claim_id", sa.String(16), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False, comment="as reserved"),
        sa.Column("asset", sa.String(64), nullable=False),
        sa.Column("handle", sa.String(64), nullable=False),
        sa.Column(
            "opening", sa.LargeBinary(), nullable=False, comment="sealed: whoever has it acts on the claim"
        ),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("share", sa.BigInteger(), nullable=False),
        sa.Column("settled", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
            comment="reserving, reserved, financed, released, settled, refused",
        ),
        sa.Column("expires", sa.BigInteger(), nullable=False),
        sa.Column("consent_id", sa.String(64), nullable=False),
        sa.Column("asset_state", sa.String(16), nullable=False, server_default=""),
        sa.Column("shortfall", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column("txid", sa.String(64), nullable=False, server_default=""),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("claim_id"),
        sa.UniqueConstraint("handle"),
    )
    op.create_index("claims_by_asset", "claims", ["asset"])


def _operations() -> None:
    op.create_table(
        "operations",
        sa.Column("op", sa.String(64), nullable=False, comment="operation id on the ledger"),
        sa.Column("function", sa.String(64), nullable=False),
        sa.Column("request", sa.LargeBinary(), nullable=False, comment="canonical JSON"),
        sa.Column(
            "claims",
            sa.Text(),
            nullable=False,
            server_default="[]",
            comment="claims whose openings go along",
        ),
        sa.Column("state", sa.String(16), nullable=False, comment="pending, done or refused"),
        sa.Column(
            "txid", sa.String(64), nullable=False, server_default="", comment="latest transaction tried"
        ),
        sa.Column(
            "result", sa.LargeBinary(), comment="JSON: the contract's result per item, or why it refused"
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("op"),
    )
    op.create_index("operations_by_state", "operations", ["state"])
    op.create_table(
        "idempotency",
        sa.Column("caller", sa.String(200), nullable=False),
        sa.Column("method", sa.String(32), nullable=False),
        sa.Column("key", sa.String(128), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column(
            "subject_id",
            sa.String(64),
            nullable=False,
            comment="package or operation that the first call made",
        ),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "method", "key"),
    )
    op.create_table(
        "checkpoints",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("block", sa.BigInteger(), nullable=False, comment="next block to read"),
        sa.PrimaryKeyConstraint("name"),
    )
