"""The reader's side: choices of each topic, pauses, fresh links, caps, imports.

Version 0002, after 0001. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0002"
down_revision: str | None = "0001"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    op.create_table(
        "import_run",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("line", BigId, nullable=False),
        sa.Column("counts", sa.Text(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("fingerprint", name=op.f("pk_import_run")),
    )
    op.create_table(
        "intake",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("ready_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_intake")),
    )
    op.create_table(
        "tally",
        sa.Column("key", sa.String(length=100), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("key", "since", name=op.f("pk_tally")),
    )
    op.create_table(
        "wording",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_wording")),
    )
    op.create_table(
        "fresh_link",
        sa.Column("id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("purpose", sa.String(length=12), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=True),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("former", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["subscriber_id"],
            ["subscriber.id"],
            name=op.f("fk_fresh_link_subscriber_id_subscriber"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fresh_link")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("fresh_link", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fresh_link_subscriber_id"), ["subscriber_id"], unique=False)

    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.add_column(sa.Column("wording", sa.String(length=64), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("source", sa.String(length=64), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("note", sa.Text(), server_default=sa.text("''"), nullable=False))
        batch_op.add_column(sa.Column("profile_id", BigId, nullable=True))
        batch_op.create_foreign_key(batch_op.f("fk_consent_profile_id_profile"), "profile", ["profile_id"], ["id"])

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("due_at", UtcDateTime(), nullable=True))

    # recreate="never": Alembic would copy the table without AUTOINCREMENT, and a number that stands in links would be
    # given twice.
    with op.batch_alter_table("edition", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("to_link", BigId, nullable=True))
        batch_op.add_column(sa.Column("to_former", sa.Boolean(), server_default=sa.false(), nullable=False))

    # recreate="never", as above: the number of an erased person, with the links in old mails, is nobody else's.
    with op.batch_alter_table("subscriber", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("format", sa.String(length=8), server_default="html", nullable=False))
        batch_op.add_column(sa.Column("own_hours", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch_op.add_column(sa.Column("paused_until", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("links_from", UtcDateTime(), nullable=True))

    with op.batch_alter_table("subscription", schema=None) as batch_op:
        batch_op.add_column(sa.Column("cadence", sa.String(length=64), nullable=True))
        batch_op.add_column(sa.Column("send_minute", sa.Integer(), nullable=True))

    with op.batch_alter_table("topic", schema=None) as batch_op:
        batch_op.add_column(sa.Column("public", sa.Boolean(), server_default=sa.true(), nullable=False))
