"""What an operator is told of a day. Counts and names of sources and topics; nothing about any one reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Doubt:
    """Mails of one call of which nobody knows whether the provider took them."""

    edition_id: int
    provider: str
    at: datetime
    """When the call was made, by the database's clock."""
    mails: int


@dataclass(frozen=True, slots=True)
class FailingSource:
    """A source that fails, or one that its publisher has ended."""

    id: int
    name: str
    problem: str
    since: datetime
    retired: bool = False


@dataclass(frozen=True, slots=True)
class QuietTopic:
    """A topic of which nothing became news in the day."""

    slug: str
    name: str
    since: datetime | None
    """When something last did, as far as anybody looks back (`store.report.LOOKED_BACK`); None otherwise."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Day:
    """The facts of the time from `since` to `until`. Mails are those to readers of the editions planned in it, in the
    state in which they are by now."""

    since: datetime
    until: datetime
    digests: int = 0
    """Editions of stories."""
    letters: int = 0
    """Editions of system mails, welcomes too."""
    mails: Mapping[str, int] = field(default_factory=dict)
    """Delivery state -> how many; absent states have none."""
    skipped: Mapping[str, int] = field(default_factory=dict)
    """Reason -> how many of those skipped."""
    rejected: Mapping[str, int] = field(default_factory=dict)
    """What the provider said, without addresses -> how many; the most frequent."""
    unknown: int = 0
    """Mails of which nobody knows whether the provider took them, of the day before too: a call may have been in doubt
    when that day's report was made, and nobody must miss it."""
    doubts: tuple[Doubt, ...] = ()
    """The calls that carried them, the newest first, at most `store.report.LISTED`."""
    waiting_since: datetime | None = None
    """When the edition was planned whose mails wait longest, of whatever day; None when nothing waits."""
    waiting: int = 0
    """Mails that wait, of whatever day."""
    readers: int = 0
    """Active by now."""
    asked: int = 0
    """Who asked to read, known before or not. Every number here is of people, not of askings."""
    new: int = 0
    """Who became a reader for the first time, imports apart."""
    imported: int = 0
    returned: int = 0
    """Who took a leaving back."""
    left: int = 0
    """Who left everything."""
    suppressed: Mapping[str, int] = field(default_factory=dict)
    """Reason -> addresses that are kept from mail since."""
    sources: int = 0
    failing: tuple[FailingSource, ...] = ()
    """All that fail by now, the longest first."""
    retired: tuple[FailingSource, ...] = ()
    """Those that ended in the day."""
    topics: int = 0
    quiet: tuple[QuietTopic, ...] = ()
    database_bytes: int = 0
    disk_free: int = 0
    disk_total: int = 0
    """Bytes of the disk that holds DATA_DIR, or the SQLite file; 0 when nobody could tell."""

    def count(self, state: str) -> int:
        """Mails in a state."""
        return self.mails.get(state, 0)
