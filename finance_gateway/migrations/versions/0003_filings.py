"""Filings in the movable-property registry."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    op.create_table(
        "filings",
        sa.Column("filing_id", sa.String(32), nullable=False),
        sa.Column("operation_id", sa.String(64), nullable=False, unique=True, comment="at the registry"),
        sa.Column("act", sa.String(8), nullable=False, comment="file, amend or cancel"),
        sa.Column(
            "state",
            sa.String(16),
            nullable=False,
            comment="pending, unknown (sent, no answer yet), done or refused",
        ),
        sa.Column("registration", sa.String(40), nullable=False, server_default=""),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("term_months", sa.Integer(), nullable=False, server_default="0"),
        sa.Column(
            "fingerprints", sa.Text(), nullable=False, server_default="[]", comment="assets that it is about"
        ),
        sa.Column(
            "request",
            sa.LargeBinary(),
            nullable=False,
            comment="message to the registry, sealed: it names parties",
        ),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column(
            "attempts", sa.Integer(), nullable=False, server_default="0", comment="times that it was sent"
        ),
        sa.Column(
            "registered", sa.BigInteger(), nullable=False, server_default="0", comment="time in the registry"
        ),
        sa.Column("expires", sa.BigInteger(), nullable=False, server_default="0"),
        sa.Column(
            "digest", sa.String(64), nullable=False, server_default="", comment="of the registry's answer"
        ),
        sa.Column("reason", sa.String(64), nullable=False, server_default=""),
        sa.Column("message", sa.String(512), nullable=False, server_default=""),
        sa.Column("created", sa.BigInteger(), nullable=False),
        sa.Column("requested_by", sa.String(128), nullable=False),
        sa.PrimaryKeyConstraint("filing_id"),
    )
    op.create_index("filings_by_state", "filings", ["state"])
    op.create_index("filings_by_registration", "filings", ["registration"])
    op.create_table(
        "filing_assets",
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("filing_id", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "filing_id"),
    )
