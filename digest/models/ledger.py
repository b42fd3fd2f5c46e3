"""Editions and the ledger of their deliveries (docs/design.md, section 5)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Column, Float, ForeignKey, Index, Integer, LargeBinary, String, Text, false, text
from sqlmodel import Field, SQLModel

from subscribers.models import BigId, UtcDateTime


class ClockLease(SQLModel, table=True):
    """Who holds the clock. `until` is database time, so that two machines' clocks cannot both be right."""

    __tablename__ = "clock_lease"

    name: str = Field(sa_column=Column(String(32), primary_key=True))
    holder: str = Field(default="", sa_column=Column(String(100), nullable=False))
    fence: int = Field(default=0, sa_column=Column(BigId, nullable=False))
    until: float = Field(default=0.0, sa_column=Column(Float(53), nullable=False))
    """Unix seconds of the database's own clock."""


class Blob(SQLModel, table=True):
    """Content-addressed bytes: what an edition froze. The key is the blake2b-256 of the data."""

    key: str = Field(sa_column=Column(String(64), primary_key=True))
    data: bytes = Field(sa_column=Column(LargeBinary, nullable=False))


class Edition(SQLModel, table=True):
    """One run for one slot, with its frozen content. Its number stands in links and is never given twice."""

    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    kind: str = Field(sa_column=Column(String(12), nullable=False))
    """tick, manual, breaking or system."""
    slot: str = Field(sa_column=Column(String(200), nullable=False, unique=True))
    state: str = Field(default="planning", sa_column=Column(String(12), nullable=False, index=True))
    priority: int = Field(default=5, sa_column=Column(Integer, nullable=False))
    """Lower goes first: confirmations overtake digests."""
    topic_id: int | None = Field(default=None, sa_column=Column(Integer))
    """Set when a send by hand is limited to one topic, and of breaking news: the topic in which it broke."""
    to_link: int | None = Field(default=None, sa_column=Column(BigId))
    """Set when a system mail goes to the address of this fresh link and not to the reader's, or, for an account link,
    to a reader who has left; nobody gets it once the link is gone. The address itself stands in the link only, which
    goes with the reader."""
    to_former: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """To the link's former address: the announcement of a move."""
    planned_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """Where the edition's window ends."""
    frozen_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    blob: str | None = Field(default=None, sa_column=Column(String(64), ForeignKey("blob.key")))
    key_id: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    """Which of SECRET_KEYS signs this edition's links."""
    frozen_count: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    stopped_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Set while nobody may lease its chunks: too many of its mails were rejected or bounced. An operator goes on."""
    stopped_why: str | None = Field(default=None, sa_column=Column(Text))
    spared_sent: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    """Mails answered for before an operator last went on with it: they count no more towards the next stop."""
    spared_bad: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=text("0")))
    """And how many of those were rejected or bounced."""


class EditionStory(SQLModel, table=True):
    """Which version of which story an edition froze: update variants are written against these."""

    __tablename__ = "edition_story"

    edition_id: int = Field(sa_column=Column(BigId, ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True))
    story_id: int = Field(sa_column=Column(BigId, primary_key=True, index=True))
    version: int = Field(sa_column=Column(Integer, nullable=False))


class Chunk(SQLModel, table=True):
    """A slice of an edition's deliveries: the unit of leasing. planned -> leased(fence, until) -> done."""

    __table_args__ = (Index("ix_chunk_state_ready", "state", "ready_at"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    edition_id: int = Field(
        sa_column=Column(BigId, ForeignKey("edition.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    state: str = Field(default="planned", sa_column=Column(String(8), nullable=False))
    fence: int = Field(default=0, sa_column=Column(BigId, nullable=False))
    holder: str = Field(default="", sa_column=Column(String(100), nullable=False))
    until: float = Field(default=0.0, sa_column=Column(Float(53), nullable=False))
    """Database time, Unix seconds, like the clock's lease."""
    ready_at: float = Field(default=0.0, sa_column=Column(Float(53), nullable=False))
    """Database time before which nobody needs to look (a retry waits)."""


class Delivery(SQLModel, table=True):
    """The ledger row: what became of one mail (`digest.store.ledger` says when its state is written)."""

    __table_args__ = (
        Index("ix_delivery_subscriber_id_edition_id", "subscriber_id", "edition_id"),
        Index("ix_delivery_chunk_id_state", "chunk_id", "state"),
        # Few rows are ever in doubt, and they are looked for among all that were ever sent.
        Index(
            "ix_delivery_unknown",
            "edition_id",
            sqlite_where=text("state = 'unknown'"),
            postgresql_where=text("state = 'unknown'"),
        ),
    )

    edition_id: int = Field(sa_column=Column(BigId, ForeignKey("edition.id", ondelete="CASCADE"), primary_key=True))
    subscriber_id: int = Field(sa_column=Column(BigId, primary_key=True))
    """A reader's number, who may be gone, so no foreign key; below zero somebody of the house (`store.staff`)."""
    chunk_id: int = Field(sa_column=Column(BigId, ForeignKey("chunk.id", ondelete="CASCADE"), nullable=False))
    profile_id: int = Field(sa_column=Column(BigId, ForeignKey("profile.id"), nullable=False))
    since: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """Where this reader's window begins."""
    due_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Of a reader with topics of their own hours: since when this was due. The windows of those topics follow from it
    (`digest.service.hours`)."""
    state: str = Field(default="planned", sa_column=Column(String(12), nullable=False))
    picks: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """Packed story ids (`digest.store.memory`); story memory."""
    attempt_id: int | None = Field(default=None, sa_column=Column(BigId))
    alone: bool = Field(default=False, sa_column=Column(Boolean, nullable=False))
    """Its batch was refused as a whole: the next attempt carries this mail alone."""
    tries: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    """Attempts, without those that ended in a retry for a reason that was not this mail's own."""
    retry_at: float | None = Field(default=None, sa_column=Column(Float(53)))
    provider_message_id: str | None = Field(default=None, sa_column=Column(Text))
    reason: str | None = Field(default=None, sa_column=Column(Text))


class Attempt(SQLModel, table=True):
    """One call to a provider for a batch, durable before the call is made."""

    __table_args__ = (Index("ix_attempt_chunk_id_state", "chunk_id", "state"),)

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    edition_id: int = Field(sa_column=Column(BigId, ForeignKey("edition.id", ondelete="CASCADE"), nullable=False))
    chunk_id: int = Field(sa_column=Column(BigId, ForeignKey("chunk.id", ondelete="CASCADE"), nullable=False))
    fence: int = Field(sa_column=Column(BigId, nullable=False))
    provider: str = Field(sa_column=Column(String(20), nullable=False))
    idempotency_key: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    request_hash: str = Field(sa_column=Column(String(64), nullable=False))
    """blake2b-256 over the ordered per-reader hashes: a repeat must be the very same batch."""
    recipients: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    """Subscriber ids in order, little-endian signed 64 bit."""
    opened_at: float = Field(sa_column=Column(Float(53), nullable=False))
    """Database time; the provider's key lifetime is counted from here."""
    state: str = Field(default="open", sa_column=Column(String(8), nullable=False))
    """open, settled or unknown."""
    tries: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    problem: str | None = Field(default=None, sa_column=Column(Text))
