"""The roster's tables. The one `SQLModel.metadata` and its naming convention are shared with `digest.models`."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Text,
    TypeDecorator,
)
from sqlmodel import Field, SQLModel

SQLModel.metadata.naming_convention = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

BigId = BigInteger().with_variant(Integer, "sqlite")
"""64 bits everywhere: SQLite only gives INTEGER primary keys a rowid, and they are 64 bits wide there."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC datetimes in Python; `timestamptz` on PostgreSQL, naive UTC text that sorts by time on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime reached the store: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Topic(SQLModel, table=True):
    """What a reader subscribes to."""

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True))
    slug: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    name: str = Field(sa_column=Column(String(200), nullable=False))
    description: str = Field(default="", sa_column=Column(Text, nullable=False))
    language: str = Field(default="en", sa_column=Column(String(16), nullable=False))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class Profile(SQLModel, table=True):
    """Interned reader choices: never updated, only added. `key` is the hash of `data` (canonical JSON)."""

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    key: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    data: str = Field(sa_column=Column(Text, nullable=False))


class Subscriber(SQLModel, table=True):
    """A person. `status`: pending (never confirmed), active, left, suppressed."""

    # SQLite would give an erased person's number to the next one, and with it the links in old mails.
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    address: str = Field(sa_column=Column(String(320), nullable=False))
    """As typed; `address_key` is the same in lower case and unique (listmonk#2726: match without case)."""
    address_key: str = Field(sa_column=Column(String(320), nullable=False, unique=True))
    name: str = Field(default="", sa_column=Column(String(200), nullable=False))
    locale: str = Field(default="en", sa_column=Column(String(16), nullable=False))
    timezone: str = Field(default="UTC", sa_column=Column(String(64), nullable=False))
    cadence: str = Field(default="daily", sa_column=Column(String(64), nullable=False))
    """As `subscribers.cadence` parses it: "daily", "weekdays", "weekly:mon"."""
    send_minute: int = Field(default=420, sa_column=Column(Integer, nullable=False))
    max_stories: int = Field(default=12, sa_column=Column(Integer, nullable=False))
    status: str = Field(default="pending", sa_column=Column(String(12), nullable=False))
    next_due_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    """Set exactly while the reader is active and has a topic."""
    window_from: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """Where the reader's next window begins; None until the first digest was planned."""
    profile_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("profile.id")))
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    confirmed_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class Subscription(SQLModel, table=True):
    """Subscriber x topic. `status`: pending (asked, not confirmed) or active. `position` is the reader's order."""

    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscriber.id", ondelete="CASCADE"), primary_key=True)
    )
    topic_id: int = Field(
        sa_column=Column(Integer, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    position: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    status: str = Field(default="pending", sa_column=Column(String(12), nullable=False))


class Consent(SQLModel, table=True):
    """What was agreed, when, under which form text, from where (the network address only as a keyed hash)."""

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    subscriber_id: int = Field(
        sa_column=Column(BigId, ForeignKey("subscriber.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    action: str = Field(sa_column=Column(String(16), nullable=False))
    """asked, confirmed, left, added (by an operator)."""
    topics: str = Field(default="", sa_column=Column(Text, nullable=False))
    form: str = Field(default="", sa_column=Column(String(64), nullable=False))
    network: bytes | None = Field(default=None, sa_column=Column(LargeBinary))


class Suppression(SQLModel, table=True):
    """An address never to be mailed again, kept only as a keyed hash so that erasing a reader keeps the promise."""

    address_hash: bytes = Field(sa_column=Column(LargeBinary(32), primary_key=True))
    reason: str = Field(sa_column=Column(String(32), nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
