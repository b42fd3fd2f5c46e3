"""Readers' votes on stories, and whose profile it is where they stand in it.

Version 0006, after 0005. Nobody has voted yet, so profiles that are there belong to all who share them. There is no way
down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0006"
down_revision: str | None = "0005"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    op.create_table(
        "vote",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("weight", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"], ["subscriber.id"], name=op.f("fk_vote_subscriber_id_subscriber"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vote")),
        sa.UniqueConstraint("subscriber_id", "kind", "key", name=op.f("uq_vote_subscriber_id_kind_key")),
    )
    with op.batch_alter_table("profile", schema=None) as batch_op:
        batch_op.add_column(sa.Column("owner", BigId, nullable=True))
        batch_op.create_index(batch_op.f("ix_profile_owner"), ["owner"], unique=False)
