"""Stories that merge, that people correct, and that break.

Version 0007, after 0006. Articles that are there know nothing of their nearest: the first gathering compares them once.
There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0007"
down_revision: str | None = "0006"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    _merges()
    _corrections()
    with op.batch_alter_table("article", schema=None) as batch_op:
        batch_op.add_column(sa.Column("original_id", BigId, nullable=True))
        batch_op.add_column(sa.Column("nearest", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("topic", schema=None) as batch_op:
        for name, usual in (("publishers", "0"), ("minutes", "60"), ("a_day", "3")):
            batch_op.add_column(
                sa.Column(f"breaking_{name}", sa.Integer(), server_default=sa.text(usual), nullable=False)
            )


def _merges() -> None:
    op.create_table(
        "story_merge",
        sa.Column("id", BigId, nullable=False),
        sa.Column("gone", BigId, nullable=False),
        sa.Column("kept", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("at", sa.Float(53), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_story_merge")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("story_merge", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_story_merge_gone"), ["gone"], unique=False)
        batch_op.create_index(batch_op.f("ix_story_merge_kept"), ["kept"], unique=False)
    op.create_table(
        "story_left",
        sa.Column("article_id", BigId, nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.Column("story_id", BigId, nullable=False),
        sa.Column("story_version", sa.Integer(), nullable=False),
        sa.Column("joined_score", sa.Float(), nullable=False),
        sa.Column("joined_terms", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_story_left_article_id_article"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "until", name=op.f("pk_story_left")),
    )
    with op.batch_alter_table("story_left", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_story_left_story_id"), ["story_id"], unique=False)
    op.create_table(
        "story_related",
        sa.Column("story_id", BigId, nullable=False),
        sa.Column("other_id", BigId, nullable=False),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_story_related_story_id_story"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["other_id"], ["story.id"], name=op.f("fk_story_related_other_id_story"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("story_id", "other_id", name=op.f("pk_story_related")),
    )
    with op.batch_alter_table("story_related", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_story_related_other_id"), ["other_id"], unique=False)
    op.create_table(
        "cluster_round",
        sa.Column("name", sa.String(length=32), nullable=False),
        sa.Column("number", BigId, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_cluster_round")),
    )


def _corrections() -> None:
    op.create_table(
        "story_tie",
        sa.Column("one", BigId, nullable=False),
        sa.Column("two", BigId, nullable=False),
        sa.Column("apart", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["one"], ["article.id"], name=op.f("fk_story_tie_one_article"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["two"], ["article.id"], name=op.f("fk_story_tie_two_article"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("one", "two", name=op.f("pk_story_tie")),
    )
    with op.batch_alter_table("story_tie", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_story_tie_two"), ["two"], unique=False)
    op.create_table(
        "story_ruling",
        sa.Column("story_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("topic_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["story_id"], ["story.id"], name=op.f("fk_story_ruling_story_id_story"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("story_id", "kind", "topic_id", "day", name=op.f("pk_story_ruling")),
    )
    op.create_table(
        "golden_line",
        sa.Column("id", BigId, nullable=False),
        sa.Column("verdict", sa.String(length=8), nullable=False),
        sa.Column("articles", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_golden_line")),
    )
