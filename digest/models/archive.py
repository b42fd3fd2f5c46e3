"""The public archive: what the editions of a day told of a topic, for everybody (docs/readers.md).

Nothing here points to an edition or a story, so the archive stays when those are tidied away; it goes with its topic.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Boolean, Column, ForeignKey, ForeignKeyConstraint, Index, Integer, String, Text
from sqlmodel import Field, SQLModel

from subscribers.models import BigId, UtcDateTime


class TopicDay(SQLModel, table=True):
    """A day of a topic: the first edition that told something of it made the row."""

    __tablename__ = "topic_day"

    topic_id: int = Field(sa_column=Column(Integer, ForeignKey("topic.id", ondelete="CASCADE"), primary_key=True))
    day: str = Field(sa_column=Column(String(10), primary_key=True))
    """The date in DEFAULT_TIMEZONE at which the editions were frozen, 2026-11-25."""
    opened_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    changed_at: datetime = Field(sa_column=Column(UtcDateTime, nullable=False))
    """When an edition last told a story, or a version of one, that was not there yet."""


class TopicDayStory(SQLModel, table=True):
    """What was last told of a story on that day."""

    __tablename__ = "topic_day_story"
    __table_args__ = (
        ForeignKeyConstraint(["topic_id", "day"], ["topic_day.topic_id", "topic_day.day"], ondelete="CASCADE"),
        Index("ix_topic_day_story_topic_id_story_id", "topic_id", "story_id"),
    )

    topic_id: int = Field(sa_column=Column(Integer, primary_key=True))
    day: str = Field(sa_column=Column(String(10), primary_key=True))
    story_id: int = Field(sa_column=Column(BigId, primary_key=True))
    version: int = Field(sa_column=Column(Integer, nullable=False))
    from_version: int = Field(default=0, sa_column=Column(Integer, nullable=False))
    """0 for the full telling, else an update on what a day before told."""
    edition_id: int = Field(sa_column=Column(BigId, nullable=False))
    """The edition that placed it."""
    place: int = Field(sa_column=Column(Integer, nullable=False))
    """From 0: where it stood in that edition."""
    ranked: bool = Field(sa_column=Column(Boolean, nullable=False))
    """Whether that edition looked back a day, so that its order is that of a digest."""
    title: str = Field(sa_column=Column(Text, nullable=False))
    language: str = Field(default="", sa_column=Column(Text, nullable=False))
    data: str = Field(sa_column=Column(Text, nullable=False))
    """JSON: the rest of the card (`store.archive`)."""
