"""Gathering: pages, the inbound API, rights, versions, topic rules.

Version 0003, after 0002. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0003"
down_revision: str | None = "0002"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    op.create_table(
        "api_key",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("hint", sa.String(length=16), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_api_key_source_id_source"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_key_key_hash")),
        sa.UniqueConstraint("name", name=op.f("uq_api_key_name")),
    )
    with op.batch_alter_table("api_key", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_key_source_id"), ["source_id"], unique=False)

    op.create_table(
        "api_call",
        sa.Column("key_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("body_hash", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("response", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_key.id"], name=op.f("fk_api_call_key_id_api_key"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("key_id", "name", name=op.f("pk_api_call")),
    )
    with op.batch_alter_table("api_call", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_call_at"), ["at"], unique=False)

    op.create_table(
        "article_version",
        sa.Column("article_id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["article_id"], ["article.id"], name=op.f("fk_article_version_article_id_article"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("article_id", "version", name=op.f("pk_article_version")),
    )
    with op.batch_alter_table("article", schema=None) as batch_op:
        batch_op.add_column(sa.Column("url_key", sa.String(length=32), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False))
        batch_op.add_column(sa.Column("summary", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("html", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("words", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("credit", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("updated_at", UtcDateTime(), nullable=True))
        batch_op.create_index("ix_article_source_id_url_key", ["source_id", "url_key"], unique=False)

    with op.batch_alter_table("source", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rights", sa.String(length=8), server_default="excerpt", nullable=False))
        batch_op.add_column(sa.Column("full_text", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("selector", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("slices", sa.LargeBinary(), nullable=True))
        batch_op.add_column(sa.Column("interval", sa.Integer(), server_default=sa.text("900"), nullable=False))
        batch_op.add_column(sa.Column("gap", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("pace", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("newest_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("failing_since", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("moved_to", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("moved_since", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("retired_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("fallbacks", sa.Integer(), server_default=sa.text("0"), nullable=False))

    with op.batch_alter_table("topic", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rule", sa.Text(), server_default=sa.text("''"), nullable=False))
