"""Sending under control: what operators do to deliveries by hand, the pace of providers, the stop of an edition.

Version 0011, after 0010. There is no way down: who must go back restores the backup made before.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from subscribers.models import BigId, UtcDateTime

revision = "0011"
down_revision: str | None = "0010"


def upgrade() -> None:
    """Runs inside the one transaction that `digest.store.schema.upgrade` holds."""
    op.create_table(
        "provider_flow",
        sa.Column("provider", sa.String(length=20), nullable=False),
        sa.Column("mails_at", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.Column("calls_at", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.Column("rate", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.Column("rate_at", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.Column("until", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("opened", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("open_until", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.Column("probe_until", sa.Float(precision=53), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_flow")),
    )
    op.create_table(
        "delivery_change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("edition_id", BigId, nullable=False),
        sa.Column("subscriber_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("action", sa.String(length=8), nullable=False),
        sa.Column("was", sa.String(length=12), nullable=False),
        sa.Column("became", sa.String(length=12), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["edition.id"], name=op.f("fk_delivery_change_edition_id_edition"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery_change")),
    )
    with op.batch_alter_table("delivery_change", schema=None) as batch_op:
        batch_op.create_index("ix_delivery_change_edition_id", ["edition_id", "subscriber_id"], unique=False)
        batch_op.create_index("ix_delivery_change_subscriber_id", ["subscriber_id"], unique=False)

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(
            "ix_delivery_unknown",
            ["edition_id"],
            unique=False,
            sqlite_where=sa.text("state = 'unknown'"),
            postgresql_where=sa.text("state = 'unknown'"),
        )

    # recreate="never": Alembic would copy the table without AUTOINCREMENT, and a number that stands in links would be
    # given twice.
    with op.batch_alter_table("edition", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("stopped_at", UtcDateTime(), nullable=True))
        batch_op.add_column(sa.Column("stopped_why", sa.Text(), nullable=True))
        batch_op.add_column(sa.Column("spared_sent", sa.Integer(), server_default=sa.text("0"), nullable=False))
        batch_op.add_column(sa.Column("spared_bad", sa.Integer(), server_default=sa.text("0"), nullable=False))

    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_event_bad",
            ["edition_id"],
            unique=False,
            sqlite_where=sa.text("kind IN ('bounced_soft', 'bounced_hard', 'rejected', 'complained')"),
            postgresql_where=sa.text("kind IN ('bounced_soft', 'bounced_hard', 'rejected', 'complained')"),
        )
