"""Stories, what became of them, and what people and machines said of them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Column, Float, ForeignKey, Integer, String, Text
from sqlmodel import Field, SQLModel

from subscribers.models import BigId, UtcDateTime


class Story(SQLModel, table=True):
    """A cluster of articles about one event. `version` grows by one with every gather that adds to it."""

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    language: str = Field(default="", sa_column=Column(String(16), nullable=False))
    version: int = Field(default=1, sa_column=Column(Integer, nullable=False))
    opened_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    last_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))
    """When its newest article became news. After 14 quiet days the story is closed."""


class StoryMerge(SQLModel, table=True):
    """A story that became another one. Its row stays, for its number stands in mails, links and readers' memory."""

    __tablename__ = "story_merge"
    __table_args__ = {"sqlite_autoincrement": True}

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    """In the order in which they happened."""
    gone: int = Field(sa_column=Column(BigId, nullable=False, index=True))
    kept: int = Field(sa_column=Column(BigId, nullable=False, index=True))
    """What it became; that may have become another one later."""
    version: int = Field(sa_column=Column(Integer, nullable=False))
    """Of `kept`: the one that has both. Who was sent `gone` counts as having been sent this."""
    at: float = Field(sa_column=Column(Float(53), nullable=False))
    """Database time."""


class StoryLeft(SQLModel, table=True):
    """Where an article was before it came to another story: what an edition told of it can still be explained."""

    __tablename__ = "story_left"

    article_id: int = Field(sa_column=Column(BigId, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True))
    until: datetime = Field(sa_column=Column(UtcDateTime, primary_key=True))
    story_id: int = Field(sa_column=Column(BigId, nullable=False, index=True))
    story_version: int = Field(sa_column=Column(Integer, nullable=False))
    joined_score: float = Field(sa_column=Column(Float, nullable=False))
    joined_terms: str = Field(sa_column=Column(Text, nullable=False))


class StoryRelated(SQLModel, table=True):
    """Two stories of one thread: near, but not the same event (`stories.cluster.RELATED`). Both ways round."""

    __tablename__ = "story_related"

    story_id: int = Field(sa_column=Column(BigId, ForeignKey("story.id", ondelete="CASCADE"), primary_key=True))
    other_id: int = Field(
        sa_column=Column(BigId, ForeignKey("story.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    value: float = Field(sa_column=Column(Float, nullable=False))
    """How near, 0..1."""


class StoryTie(SQLModel, table=True):
    """What an operator said of two articles: that they tell one event, or that they do not. The last word holds."""

    __tablename__ = "story_tie"

    one: int = Field(sa_column=Column(BigId, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True))
    two: int = Field(
        sa_column=Column(BigId, ForeignKey("article.id", ondelete="CASCADE"), primary_key=True, index=True)
    )
    """The higher number."""
    apart: bool = Field(sa_column=Column(Boolean, nullable=False))
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class StoryRuling(SQLModel, table=True):
    """A story that an operator put first or out of sight."""

    __tablename__ = "story_ruling"

    story_id: int = Field(sa_column=Column(BigId, ForeignKey("story.id", ondelete="CASCADE"), primary_key=True))
    kind: str = Field(sa_column=Column(String(8), primary_key=True))
    """pin or hide."""
    topic_id: int = Field(default=0, sa_column=Column(Integer, primary_key=True))
    """0 for every topic."""
    day: str = Field(default="", sa_column=Column(String(10), primary_key=True))
    """The readers' local date, 2026-11-25; empty for every day."""
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class GoldenLine(SQLModel, table=True):
    """A correction with the words of the articles it was about: what the benchmark is asked (`benchmarks.stories`)."""

    __tablename__ = "golden_line"

    id: int | None = Field(default=None, sa_column=Column(BigId, primary_key=True))
    verdict: str = Field(sa_column=Column(String(8), nullable=False))
    """together or apart."""
    articles: str = Field(sa_column=Column(Text, nullable=False))
    """JSON: two lists of articles."""
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))


class ClusterRound(SQLModel, table=True):
    """How often stories changed hands: who finds another number than their own last one has an old window."""

    __tablename__ = "cluster_round"

    name: str = Field(sa_column=Column(String(32), primary_key=True))
    number: int = Field(default=0, sa_column=Column(BigId, nullable=False))


class MachineSummary(SQLModel, table=True):
    """What a language model answered, so that nothing is asked twice (`service.scribe`)."""

    __tablename__ = "machine_summary"

    key: str = Field(sa_column=Column(String(64), primary_key=True))
    """blake2b-256 of the endpoint, the model and the whole question (`service.scribe`)."""
    text: str = Field(sa_column=Column(Text, nullable=False))
    """Fit to be shown; empty when the answer was not."""
    reason: str = Field(default="", sa_column=Column(Text, nullable=False))
    """Why it was not."""
    at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False, index=True))


class MachineDay(SQLModel, table=True):
    """How many tokens a language model was given and asked for on one day."""

    __tablename__ = "machine_day"

    day: str = Field(sa_column=Column(String(10), primary_key=True))
    """UTC, 2026-08-24."""
    tokens: int = Field(sa_column=Column(BigId, nullable=False))
