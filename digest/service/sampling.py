"""A sample mail: what a digest of one public topic would look like today. Nothing is stored, nobody is mailed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NoReturn

from digest.compose.assemble import Composer, Hands
from digest.compose.select import select
from digest.errors import TemplateError
from digest.service.building import Workshop, build_digest
from digest.service.hours import next_mail
from digest.service.letters import language_of
from digest.store.db import reading
from digest.types import ReaderProfile, ViewedMail
from subscribers import topics as shelf
from subscribers.cadence import quarter

LOOKS_BACK = (timedelta(days=1), timedelta(days=7))
"""A day, as most readers choose, or the week when the day brought nothing."""

KEPT = 64
"""Samples in memory, at most a few hundred kilobytes each: whoever asks again within a quarter hour gets the same."""

SEVEN = 7 * 60
"""The hour of the sample's reader, in minutes: the one that the form suggests."""
STORIES = 12


_Key = tuple[str, str, datetime]
"""Slug, language, quarter hour."""


class Sampler:
    """Makes samples, one at a time: anybody may ask for one, and compiling a digest is work."""

    def __init__(self, shop: Workshop, *, timezone: str, now: Callable[[], datetime]) -> None:
        """`timezone` is that of the sample's reader."""
        self._shop, self._timezone, self._now = shop, timezone, now
        self._kept: OrderedDict[_Key, ViewedMail | None] = OrderedDict()
        self._kept_lock, self._one_at_a_time = threading.Lock(), threading.Lock()

    def sample(self, slug: str, language: str) -> ViewedMail | None:
        """The sample of a public topic, our own words in `language` where there is a catalogue; None while the topic
        has had no story for a week. Raises UnknownTopic, for a private topic too, StoreError and TemplateError."""
        with reading(self._shop.engine) as session:
            topic = shelf.find_topics(session, [slug], public_only=True)[0]
        now = self._now()
        key = (slug, language_of(self._shop, language), quarter(now))
        known, mail = self._look(key)
        if known:
            return mail
        with self._one_at_a_time:
            known, mail = self._look(key)  # somebody else may have made it while we waited
            if not known:
                mail = self._made(topic.id, key[1], now)
                self._keep(key, mail)
        return mail

    def _look(self, key: _Key) -> tuple[bool, ViewedMail | None]:
        with self._kept_lock:
            return key in self._kept, self._kept.get(key)

    def _keep(self, key: _Key, mail: ViewedMail | None) -> None:
        with self._kept_lock:
            self._kept[key] = mail
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def _made(self, topic_id: int, language: str, now: datetime) -> ViewedMail | None:
        reader = sample_reader(topic_id, language, self._timezone)
        for back in LOOKS_BACK:
            since = now - back
            frozen = build_digest(
                self._shop,
                topics=[topic_id],
                languages=[language],
                starts=[since],
                until=now,
                now=now,
                write=self._shop.scribe.known if self._shop.scribe else None,  # a visitor must not cost anything
            )
            picks = select(frozen.manifest, since.isoformat(), reader, {})
            if picks:
                hands = Hands(links=_nobody, letter_links=_nobody, next_due=next_mail)
                return Composer(0, frozen, self._shop.theme, hands, "raw").view(picks, reader)
        return None


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


def _nobody(_: int) -> NoReturn:
    raise TemplateError("a sample has no reader, so it has no personal link")
