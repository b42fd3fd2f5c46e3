"""Ranking and machine summaries.

Version 0005, after 0004. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0005"
down_revision: str | None = "0004"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    op.create_table(
        "machine_day",
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("tokens", BigId, nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_machine_day")),
    )
    op.create_table(
        "machine_summary",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_machine_summary")),
    )
    with op.batch_alter_table("machine_summary", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_machine_summary_at"), ["at"], unique=False)

    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("weight", sa.Float(), server_default=sa.text("1"), nullable=False))
