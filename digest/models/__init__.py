"""The tables of this package. Vocabulary and states are the design's (`docs/design.md`, sections 2 and 5).

Rows that are written by the million (delivery, attempt) are handled by Core statements in `digest.store`, never by the
ORM: `INSERT ... SELECT` is about fifty times faster than `add_all` (docs/design.md, section 6).
"""

from __future__ import annotations

from digest.models.archive import TopicDay, TopicDayStory
from digest.models.deliveries import DeliveryChange
from digest.models.events import ProviderEvent
from digest.models.flow import ProviderFlow
from digest.models.gathered import ApiCall, ApiKey, Article, ArticleTopic, ArticleVersion, Source, TopicSource
from digest.models.ledger import Attempt, Blob, Chunk, ClockLease, Delivery, Edition, EditionStory
from digest.models.stories import (
    ClusterRound,
    GoldenLine,
    MachineDay,
    MachineSummary,
    Story,
    StoryLeft,
    StoryMerge,
    StoryRelated,
    StoryRuling,
    StoryTie,
)

__all__ = [
    "ApiCall",
    "ApiKey",
    "Article",
    "ArticleTopic",
    "ArticleVersion",
    "Attempt",
    "Blob",
    "Chunk",
    "ClockLease",
    "ClusterRound",
    "Delivery",
    "DeliveryChange",
    "Edition",
    "EditionStory",
    "GoldenLine",
    "MachineDay",
    "MachineSummary",
    "ProviderEvent",
    "ProviderFlow",
    "Source",
    "Story",
    "StoryLeft",
    "StoryMerge",
    "StoryRelated",
    "StoryRuling",
    "StoryTie",
    "TopicDay",
    "TopicDayStory",
    "TopicSource",
]
