"""The tables of the reconciliation machinery, for the first migration of a product that has jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def create_first_tables() -> None:
    """Makes ``job_slots`` and ``reconcile_breaks`` as they were at first; later changes are further migrations."""
    op.create_table(
        "job_slots",
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column(
            "slot", sa.BigInteger(), nullable=False, comment="start of the slot, seconds since 1970 UTC"
        ),
        sa.Column("owner", sa.String(64), nullable=False),
        sa.Column("token", sa.Integer(), nullable=False, comment="fencing token: grows with every take-over"),
        sa.Column(
            "lease_until",
            sa.BigInteger(),
            nullable=False,
            comment="seconds since 1970 UTC, the database's clock",
        ),
        sa.Column("state", sa.String(16), nullable=False, comment="running, done, failed or missed"),
        sa.Column("started", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.BigInteger()),
        sa.Column("message", sa.String(512), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("job", "slot"),
    )
    op.create_table(
        "reconcile_breaks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("job", sa.String(64), nullable=False),
        sa.Column("break_class", sa.String(16), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.Column("evidence", sa.Text(), nullable=False),
        sa.Column("first_seen", sa.BigInteger(), nullable=False),
        sa.Column("last_seen", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.BigInteger()),
        sa.Column("state", sa.String(8), nullable=False, comment="open or closed"),
        sa.Column("owner", sa.String(128), nullable=False, server_default=""),
        sa.Column("resolution", sa.Text(), nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("reconcile_breaks_by_job", "reconcile_breaks", ["job", "state"])
