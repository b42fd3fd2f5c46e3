"""A sample mail: what a digest of one public topic would look like today. Nothing is stored, nobody is mailed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from typing import NoReturn

from digest.compose.assemble import Composer, Hands
from digest.compose.select import select
from digest.errors import TemplateError
from digest.service.building import Workshop
from digest.service.drafting import first_drafts
from digest.service.hours import next_mail
from digest.service.letters import language_of
from digest.store.db import reading
from digest.types import ViewedMail
from subscribers import topics as shelf
from subscribers.cadence import quarter

KEPT = 64
"""Samples in memory, at most a few hundred kilobytes each: whoever asks again within a quarter hour gets the same."""

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
        for made in first_drafts(self._shop, topic_id, language, self._timezone, now):
            picks = select(made.frozen.manifest, made.since.isoformat(), made.profile, {})
            if picks:
                hands = Hands(links=_nobody, letter_links=_nobody, next_due=next_mail)
                return Composer(0, made.frozen, self._shop.theme, hands, "raw").view(picks, made.profile, made.since)
        return None


def _nobody(_: int) -> NoReturn:
    raise TemplateError("a sample has no reader, so it has no personal link")
