"""The ledger: states, leases and outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from digest.types.composing import Pick


class DeliveryState(StrEnum):
    PLANNED = "planned"
    ATTEMPTING = "attempting"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RETRY = "retry"
    UNKNOWN = "unknown"
    SKIPPED = "skipped"


class ChunkState(StrEnum):
    PLANNED = "planned"
    LEASED = "leased"
    DONE = "done"


class EditionState(StrEnum):
    PLANNING = "planning"
    FROZEN = "frozen"
    DONE = "done"


SENT_STATES = (DeliveryState.ATTEMPTING, DeliveryState.ACCEPTED, DeliveryState.UNKNOWN)
"""The states whose stories count as sent in story memory (design, section 5)."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A chunk that this worker holds; a stale `fence` writes nothing. When it ends is the chunk row's business."""

    chunk_id: int
    edition_id: int
    fence: int


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery that wants composing. `picks` is set once an attempt fixed them: a recomposition must obey them."""

    edition_id: int
    subscriber_id: int
    profile_id: int
    since: datetime
    picks: tuple[Pick, ...] | None = None
    memory: Mapping[int, tuple[Pick, ...]] = field(default_factory=dict)
    """Story id -> what this reader was already sent of it."""
    due_at: datetime | None = None
    """Of a reader with topics of their own hours: since when this was due."""
    tries: int = 0
    """How often it was put off for a reason of its own (`NotSentItem`)."""


@dataclass(frozen=True, slots=True)
class Accepted:
    provider_message_id: str


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """The mail was not accepted and never will be."""

    reason: str


@dataclass(frozen=True, slots=True)
class NotSentItem:
    """The mail was certainly not accepted, for a reason that is its own (a mailbox that asks us to come back later); it
    may be tried again."""

    reason: str


@dataclass(frozen=True, slots=True)
class UnknownItem:
    """Whether this mail was accepted cannot be known, though others of its batch can."""

    reason: str


ItemResult = Accepted | RejectedItem | NotSentItem | UnknownItem


@dataclass(frozen=True, slots=True)
class DispatchReport:
    """What a drain did. Counts are of deliveries."""

    accepted: int = 0
    rejected: int = 0
    skipped: int = 0
    retry: int = 0
    unknown: int = 0
    problem: str = ""
    """One line when the provider refused us altogether; the operator must act."""

    def __add__(self, other: DispatchReport) -> DispatchReport:
        return DispatchReport(
            self.accepted + other.accepted,
            self.rejected + other.rejected,
            self.skipped + other.skipped,
            self.retry + other.retry,
            self.unknown + other.unknown,
            other.problem or self.problem,
        )
