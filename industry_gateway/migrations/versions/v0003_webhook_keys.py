"""The key under which a webhook's secret is sealed has a column of its own, as with bodies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds it."""
    op.add_column("webhook_endpoints", sa.Column("wrapped_key", sa.LargeBinary(), nullable=True))
