"""The tables of scheduled reconciliation: slots and breaks."""

from __future__ import annotations

from consortium.reconcile.schema import create_first_tables

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes them."""
    create_first_tables()
