"""The readers' desk: what pages and operators do with the roster. Each verb is one transaction, durable on return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from digest.service.archive import ArchivePages
from digest.service.asking import Asking
from digest.service.building import Workshop
from digest.service.composing import Press
from digest.service.operating import Operating
from digest.service.sampling import Sampler
from digest.service.storypages import StoryPages
from digest.service.tuning import Tuning
from digest.settings import Settings
from digest.store import editions
from digest.store.db import reading
from digest.types import ArchivedTopic, DayList, DayPage, StorySoFar, TopicFeed, ViewedMail
from subscribers import topics as shelf
from subscribers.tokens import Keyring
from subscribers.types import TopicRow


class ReaderDesk(Asking, Tuning, Operating):
    """Implements `subscribers.desk.Desk` and what `digest.web` asks for besides (`WebService`).

    asking.py      what anybody may type an address into
    steering.py    what a link proves: confirm, steer, leave
    tuning.py      what the links below a story do: why, more, less, mute
    accounts.py    what only a fresh link opens
    operating.py   what `digest subscribers` does
    """

    def __init__(
        self, shop: Workshop, press: Press, keyring: Keyring, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        super().__init__(shop, press, keyring, settings, now=now)
        self._sampler = Sampler(shop, timezone=settings.default_timezone, now=now)
        self._story_pages = StoryPages(shop.engine, now=now)
        self._archive_pages = ArchivePages(shop.engine)

    def topics(self) -> Sequence[TopicRow]:
        """The public topics, by name."""
        with reading(self.engine) as session:
            return shelf.list_topics(session, public_only=True)

    def sample(self, slug: str, language: str) -> ViewedMail | None:
        """What a digest of a public topic looks like; None while it has no story. Raises UnknownTopic."""
        return self._sampler.sample(slug, language)

    def story(self, story_id: int) -> StorySoFar | None:
        """How a story was told so far; None when there is none, or when no article of it belongs to a public topic."""
        return self._story_pages.story(story_id)

    def archives(self) -> tuple[ArchivedTopic, ...]:
        """The topics with a public archive, by name."""
        return self._archive_pages.topics()

    def archived_days(self, slug: str, before: date | None) -> DayList:
        """A topic's past days, the newest first, those before that date only. Raises UnknownTopic."""
        return self._archive_pages.days(slug, before)

    def archived_day(self, slug: str, day: date) -> DayPage | None:
        """What a day told of a topic; None when that is nothing. Raises UnknownTopic."""
        return self._archive_pages.day(slug, day)

    def archive_feed(self, slug: str) -> TopicFeed:
        """A topic's last days for feeds. Raises UnknownTopic."""
        return self._archive_pages.feed(slug)

    def view(self, subscriber_id: int, edition_id: int) -> ViewedMail | None:
        """A mail in the browser, without personal links; None when there is none."""
        with reading(self.engine) as session:
            if not editions.exists(session, edition_id):
                return None
        return self.press.view(edition_id, subscriber_id)

    def healthy(self) -> None:
        """Look into the database; raises StoreError when it cannot be used."""
        with reading(self.engine) as session:
            editions.exists(session, 0)
