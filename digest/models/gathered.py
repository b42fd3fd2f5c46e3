"""What is gathered: sources, articles, and who sends them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Text,
    UniqueConstraint,
    false,
)
from sqlalchemy import text as literal_text
from sqlmodel import Field, SQLModel

from subscribers.models import BigId, UtcDateTime


class Source(SQLModel, table=True):
    """Where articles come from."""

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True))
    kind: str = Field(default="feed", sa_column=Column(String(8), nullable=False))
    """feed, page or push (`types.SourceKind`)."""
    url: str = Field(sa_column=Column(Text, nullable=False, unique=True))
    """Where it is fetched; of a push source "push:" and its name, of a page kept as a file "file:" and its path."""
    name: str = Field(default="", sa_column=Column(String(200), nullable=False))
    """The publisher's name; taken from the feed on the first gather unless the operator gave one."""
    named: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether the operator gave the name: then it goes before the publishers that items name."""
    language: str = Field(default="", sa_column=Column(String(16), nullable=False))
    rights: str = Field(default="excerpt", sa_column=Column(String(8), nullable=False, server_default="excerpt"))
    """How much of an article may be shown (`types.Rights`)."""
    weight: float = Field(default=1.0, sa_column=Column(Float, nullable=False, server_default=literal_text("1")))
    """How much it counts when stories are ranked and a telling leads, 0.1..10 (`stories.scorers`)."""
    full_text: bool = Field(default=False, sa_column=Column(Boolean, nullable=False, server_default=false()))
    """Whether each new article's own page is fetched for its text."""
    selector: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=literal_text("''")))
    """Of a page: a CSS selector of the links to its articles; empty to find them."""
    etag: str = Field(default="", sa_column=Column(Text, nullable=False))
    last_modified: str = Field(default="", sa_column=Column(Text, nullable=False))
    body_hash: str = Field(default="", sa_column=Column(String(64), nullable=False))
    slices: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """Hashes of the items read last (`types.Feed.slices`)."""
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    first_gathered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """None until the first success: what that first gather brings counts by its own dates (design, section 8)."""
    gathered_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    next_gather_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    interval: int = Field(default=900, sa_column=Column(Integer, nullable=False, server_default=literal_text("900")))
    """Seconds from the last gather to the next, as its rhythm suggests (`gather.rhythm`)."""
    gap: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=literal_text("0")))
    """Seconds between two of its articles, as observed; 0 as long as nobody knows."""
    pace: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=literal_text("''")))
    """How often its publisher wants to be asked, packed (`gather.rhythm.pack_pace`): it holds for a 304 as well."""
    newest_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When its newest article was published, or appeared to us."""
    failures: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    """Failures in a row; back-off grows with it."""
    failing_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When the first of them happened."""
    problem: str = Field(default="", sa_column=Column(Text, nullable=False))
    moved_to: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=literal_text("''")))
    """Where its permanent redirect leads; becomes `url` once it has persisted."""
    moved_since: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    retired_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    """When its publisher said that it is gone for good (410); it is not asked any more."""
    fallbacks: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=literal_text("0")))
    """How many of its documents only feedparser could read."""


class TopicSource(SQLModel, table=True):
    """Which sources feed which topics."""

    __tablename__ = "topic_source"

    topic_id: int = Field(sa_column=Column(Integer, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True))
    source_id: int = Field(
        sa_column=Column(Integer, ForeignKey("source.id", ondelete="CASCADE"), primary_key=True, index=True)
    )


class Article(SQLModel, table=True):
    """One item by one publisher. All texts are plain text, cleaned at the door."""

    __table_args__ = (
        UniqueConstraint("source_id", "guid_hash"),
        Index("ix_article_source_id_url_key", "source_id", "url_key"),
    )

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    source_id: int = Field(sa_column=Column(Integer, ForeignKey("source.id", ondelete="CASCADE"), nullable=False))
    guid: str = Field(sa_column=Column(Text, nullable=False))
    guid_hash: str = Field(sa_column=Column(String(32), nullable=False))
    """blake2b-128 of the guid: guids may be longer than an index entry."""
    url: str = Field(sa_column=Column(Text, nullable=False))
    url_key: str = Field(default="", sa_column=Column(String(32), nullable=False, server_default=literal_text("''")))
    """blake2b-128 of the address in the form in which addresses are compared (`gather.identity`); empty without one."""
    title: str = Field(sa_column=Column(Text, nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False, server_default=literal_text("1")))
    """Grows by one with every changed headline; the older ones are kept (`ArticleVersion`)."""
    text: str = Field(default="", sa_column=Column(Text, nullable=False))
    summary: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=literal_text("''")))
    html: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=literal_text("''")))
    """Sanitised markup; only of sources with full rights."""
    words: int = Field(default=0, sa_column=Column(Integer, nullable=False, server_default=literal_text("0")))
    """Of the text, as reading time counts them."""
    credit: str = Field(default="", sa_column=Column(Text, nullable=False, server_default=literal_text("''")))
    author: str = Field(default="", sa_column=Column(Text, nullable=False))
    publisher: str = Field(default="", sa_column=Column(Text, nullable=False))
    language: str = Field(default="", sa_column=Column(String(16), nullable=False))
    image_url: str = Field(default="", sa_column=Column(Text, nullable=False))
    image_alt: str = Field(default="", sa_column=Column(Text, nullable=False))
    published_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    updated_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    seen_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    news_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime, index=True))
    """When it became news to us; None for backlog, which is never news."""
    content_hash: str = Field(sa_column=Column(String(32), nullable=False))
    story_id: int | None = Field(default=None, sa_column=Column(BigId, ForeignKey("story.id"), index=True))
    story_version: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    joined_score: float = Field(default=0.0, sa_column=Column(Float, nullable=False))
    joined_terms: str = Field(default="", sa_column=Column(Text, nullable=False))
    original_id: int | None = Field(default=None, sa_column=Column(BigId))
    """The article that this one is a copy of, in the same story. It may be gone, so no foreign key."""
    nearest: bytes | None = Field(default=None, sa_column=Column(LargeBinary))
    """What was near when it got its story, packed (`store.windows`): a process that starts compares nothing again."""


class ArticleVersion(SQLModel, table=True):
    """A headline that an article had before its publisher changed it."""

    __tablename__ = "article_version"

    article_id: int = Field(sa_column=Column(BigId, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True))
    version: int = Field(sa_column=Column(Integer, primary_key=True))
    title: str = Field(sa_column=Column(Text, nullable=False))
    until: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When we saw the next headline."""


class ArticleTopic(SQLModel, table=True):
    """Which topics an article belongs to (`stories.match`)."""

    __tablename__ = "article_topic"

    article_id: int = Field(sa_column=Column(BigId, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True))
    topic_id: int = Field(
        sa_column=Column(Integer, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True, index=True)
    )


class ApiKey(SQLModel, table=True):
    """A key of the inbound API, kept only as a hash. What it sends becomes articles of its push source."""

    __tablename__ = "api_key"

    id: int | None = Field(default=None, sa_column=Column(Integer, primary_key=True))
    name: str = Field(sa_column=Column(String(100), nullable=False, unique=True))
    key_hash: str = Field(sa_column=Column(String(64), nullable=False, unique=True))
    """blake2b-256 of the key; it has 256 random bits, so no salt and no slow hash is needed."""
    hint: str = Field(sa_column=Column(String(16), nullable=False))
    """How the key begins, for people to tell keys apart."""
    scopes: str = Field(sa_column=Column(Text, nullable=False))
    """What it may do, separated by spaces: articles:write."""
    source_id: int = Field(
        sa_column=Column(Integer, ForeignKey("source.id", ondelete="CASCADE"), nullable=False, index=True)
    )
    created_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    used_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))
    revoked_at: datetime | None = Field(default=None, sa_column=Column(UtcDateTime))


class ApiCall(SQLModel, table=True):
    """A call with an idempotency key and, once it is done, its answer: a repeat gets the same one."""

    __tablename__ = "api_call"

    key_id: int = Field(sa_column=Column(Integer, ForeignKey("api_key.id", ondelete="CASCADE"), primary_key=True))
    name: str = Field(sa_column=Column(String(255), primary_key=True))
    """The Idempotency-Key header as sent."""
    body_hash: str = Field(sa_column=Column(String(64), nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    status: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    """Of the answer; 0 while the call is in flight."""
    response: str = Field(default="", sa_column=Column(Text, nullable=False))
