"""The first tables: packages, claims, operations, and those of the reconciliation machinery."""

from __future__ import annotations

from alembic import op

from consortium.reconcile import breaks
from consortium.storage import leases
from finance_gateway.store.tables import METADATA

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the tables."""
    METADATA.create_all(op.get_bind())
    assert breaks.breaks.metadata is leases.METADATA
    leases.METADATA.create_all(op.get_bind())
