"""A digest that nobody has planned: what samples, previews and `topics explain` look at. Nothing is stored, and no
language model is asked, because looking must not cost anything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from digest.compose.content import Frozen
from digest.service.allquiet import all_quiet
from digest.service.building import Workshop, build_digest
from digest.service.variants import asked_by
from digest.types import ReaderProfile

LOOKS_BACK = (timedelta(days=1), timedelta(days=7))
"""A day, as most readers choose, or the week when the day brought nothing."""

SEVEN = 7 * 60
"""The hour of somebody who took one topic, in minutes: the one that the form suggests."""
STORIES = 12


@dataclass(frozen=True, slots=True)
class Draft:
    """A digest of all that became news after `since`, until `until`, with whom it is for."""

    frozen: Frozen
    profile: ReaderProfile
    since: datetime
    until: datetime
    starts: Mapping[int, datetime] = field(default_factory=dict)
    """Of topics with a window of their own: where it begins."""

    @property
    def windows(self) -> tuple[datetime, ...]:
        """Where the windows of its topics begin, the earliest first."""
        return tuple(sorted({self.starts.get(topic, self.since) for topic in self.profile.topics} or {self.since}))


def draft(
    shop: Workshop,
    profile: ReaderProfile,
    *,
    since: datetime,
    until: datetime,
    now: datetime,
    starts: Mapping[int, datetime] | None = None,
    among: Sequence[int] = (),
) -> Draft:
    """A digest for this profile, which need not be stored, as it would be frozen at `now`. `among` are topics of other
    readers of the same edition. Raises TemplateError when a template of the chrome is broken, and StoreError."""
    own = starts or {}
    frozen = build_digest(
        shop,
        topics=sorted({*profile.topics, *among}),
        languages=[profile.language],
        starts=sorted({since, *own.values()}),
        until=until,
        now=now,
        values=all_quiet(shop, [profile]),
        write=shop.scribe.known if shop.scribe else None,
        asked=asked_by([profile]),
    )
    return Draft(frozen, profile, since, until, own)


def first_drafts(shop: Workshop, topic_id: int, language: str, timezone: str, now: datetime) -> Iterator[Draft]:
    """What somebody who took one topic would get of it now, in ever longer windows. Raises as `draft`."""
    reader = sample_reader(topic_id, language, timezone)
    for back in LOOKS_BACK:
        yield draft(shop, reader, since=now - back, until=now, now=now)


def sample_reader(topic_id: int, language: str, timezone: str) -> ReaderProfile:
    """Somebody who took one topic and left everything as the form suggests it."""
    return ReaderProfile(
        id=0,
        topics=(topic_id,),
        language=language,
        timezone=timezone,
        cadence="daily",
        send_minute=SEVEN,
        max_stories=STORIES,
    )
