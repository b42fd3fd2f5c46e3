"""The public archive: which topics have one, and what each of their days told.

Version 0008, after 0007. No topic is archived before its operator says so, and what was told before then is not
archived afterwards. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0008"
down_revision: str | None = "0007"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    with op.batch_alter_table("topic", schema=None) as batch_op:
        batch_op.add_column(sa.Column("archived", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "topic_day",
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["topic_id"], ["topic.id"], name=op.f("fk_topic_day_topic_id_topic"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("topic_id", "day", name=op.f("pk_topic_day")),
    )
    op.create_table(
        "topic_day_story",
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("story_id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("from_version", sa.Integer(), nullable=False),
        sa.Column("edition_id", BigId, nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("ranked", sa.Boolean(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["topic_id", "day"],
            ["topic_day.topic_id", "topic_day.day"],
            name=op.f("fk_topic_day_story_topic_id_topic_day"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("topic_id", "day", "story_id", name=op.f("pk_topic_day_story")),
    )
    with op.batch_alter_table("topic_day_story", schema=None) as batch_op:
        batch_op.create_index("ix_topic_day_story_topic_id_story_id", ["topic_id", "story_id"], unique=False)
