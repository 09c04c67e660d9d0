"""Registrations wait in parcels, and a subject's documents are found by three indexes that hardly overlap.

Items that wait in ``outbox_items`` stay there and go from there.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the parcels' tables and changes the indexes."""
    op.create_table(
        "outbox_parcels",
        sa.Column("parcel_id", sa.String(length=32), nullable=False),
        sa.Column("lane", sa.String(length=16), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("batch_id", sa.String(length=32), nullable=True),
        sa.PrimaryKeyConstraint("parcel_id"),
        sqlite_with_rowid=False,
    )
    _index("ix_outbox_parcels_batch", "outbox_parcels", "batch_id", "batch_id IS NOT NULL")
    op.create_table(
        "outbox_parcel_items",
        sa.Column("parcel_id", sa.String(length=32), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("parcel_id"),
    )
    op.drop_index("ix_documents_seller", "documents")
    op.drop_index("ix_documents_issuer", "documents")
    op.create_index("ix_documents_pushed_by", "documents", ["pushed_by"])
    _index("ix_documents_other_seller", "documents", "seller", "seller <> pushed_by")
    _index("ix_documents_other_issuer", "documents", "issuer", "issuer <> pushed_by AND issuer <> seller")


def _index(name: str, table: str, column: str, where: str) -> None:
    op.create_index(
        name, table, [column], unique=False, sqlite_where=sa.text(where), postgresql_where=sa.text(where)
    )
