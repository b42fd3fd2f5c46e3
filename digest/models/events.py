"""What providers told us later."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from subscribers.models import BigId, UtcDateTime

_BAD = "kind IN ('bounced_soft', 'bounced_hard', 'rejected', 'complained')"


class ProviderEvent(SQLModel, table=True):
    """One event, kept before the provider is told that we have it, and applied afterwards. No address stands here: it
    is known by its keyed hash, as in the suppressions. No foreign keys: what is said of a mail may outlive it."""

    __tablename__ = "event"
    __table_args__ = (
        UniqueConstraint("provider", "event_id"),
        Index(
            "ix_event_waiting",
            "id",
            sqlite_where=text("applied_at IS NULL"),
            postgresql_where=text("applied_at IS NULL"),
        ),
        # What counts against an edition is looked for while it is sent; few events are of that kind.
        Index("ix_event_bad", "edition_id", sqlite_where=text(_BAD), postgresql_where=text(_BAD)),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    provider: str = Field(sa_column=Column(String(20), nullable=False))
    event_id: str = Field(sa_column=Column(String(200), nullable=False))
    kind: str = Field(sa_column=Column(String(16), nullable=False))
    via: str = Field(sa_column=Column(String(8), nullable=False))
    """Of an open or a click: empty for a person's, "proxy" or "scanner"."""
    message_id: str = Field(sa_column=Column(Text, nullable=False))
    """The provider's, as in `delivery.provider_message_id`."""
    edition_id: int | None = Field(default=None, sa_column=Column(BigId))
    """Of the delivery it is about, once that is known."""
    subscriber_id: int | None = Field(default=None, sa_column=Column(BigId, index=True))
    """Whose address it was when the event came; erasing takes it out again."""
    address_hash: bytes | None = Field(default=None, sa_column=Column(LargeBinary(32)))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When it happened, by the provider's clock."""
    sent_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When the provider was given the mail, by its clock."""
    received_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    detail: str = Field(sa_column=Column(Text, nullable=False))
    applied_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Until this is set the sweep tries again."""
