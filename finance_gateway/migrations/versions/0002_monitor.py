"""What institutions are asked again about packages."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Makes the table; packages of before are not watched, their institutions were not kept."""
    op.create_table(
        "package_monitor",
        sa.Column("package_id", sa.String(32), nullable=False),
        sa.Column(
            "content",
            sa.LargeBinary(),
            nullable=False,
            comment="questions and facts of then, packed and sealed",
        ),
        sa.Column(
            "wrapped_key",
            sa.LargeBinary(),
            nullable=True,
            comment="its data key, wrapped; destroying it erases the content",
        ),
        sa.Column("version", sa.Integer(), nullable=False, comment="raised by whoever writes newer facts"),
        sa.Column("polled", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("package_id"),
    )
    op.create_index("package_monitor_by_polled", "package_monitor", ["polled"])
