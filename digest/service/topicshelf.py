"""Topics, from the operator's side: each verb one transaction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from digest.errors import InputError
from digest.service.topicrules import REMATCHED, Looked, Rematched, Trial, look, rematch, try_rule
from digest.store.db import reading, writing
from digest.stories.rules import parse
from subscribers import topics as shelf
from subscribers.types import NEVER, Breaking, TopicRow

LONGEST_TRIAL = 366
"""Days that a trial may look back."""


@dataclass(frozen=True, slots=True)
class Edited:
    """A topic as it is now, and what that did to its articles when its rule was given."""

    topic: TopicRow
    rematched: Rematched | None = None


class TopicShelf:
    """Topics."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    def add(
        self,
        name: str,
        *,
        slug: str = "",
        description: str = "",
        language: str = "en",
        public: bool = True,
        rule: str = "",
        breaking: Breaking = NEVER,
        archived: bool = False,
    ) -> TopicRow:
        """A new topic; its slug comes from the name when none is given. With a rule, it takes what of the last 14 days
        it matches. Raises BadTopic, InputError, RuleError."""
        now, slug, rule = self._now(), slug or slug_of(name), checked_rule(rule)
        so_far = self._look("", rule, now)
        with writing(self._engine) as session:
            topic = shelf.add_topic(
                session,
                slug,
                name,
                now=now,
                description=description,
                language=language,
                public=public,
                rule=rule,
                breaking=breaking,
                archived=archived,
            )
            if topic.rule:
                rematch(session, topic.id, topic.rule, now=now, so_far=so_far)
            return topic

    def get(self, slugs: Sequence[str]) -> Sequence[TopicRow]:
        """The topics of these slugs, in this order. Raises UnknownTopic."""
        with reading(self._engine) as session:
            return shelf.find_topics(session, slugs)

    def list(self) -> Sequence[TopicRow]:
        """All topics with their numbers of active readers."""
        with reading(self._engine) as session:
            return shelf.list_topics(session, count=True)

    def edit(
        self,
        slug: str,
        *,
        name: str | None = None,
        description: str | None = None,
        language: str | None = None,
        public: bool | None = None,
        rule: str | None = None,
        breaking: Callable[[Breaking], Breaking] | None = None,
        archived: bool | None = None,
    ) -> Edited:
        """Change what is given; `breaking` makes the new terms of the old ones.

        With a rule ("" takes it away), the articles of the last 14 days enter and leave in the same transaction; what
        older ones the topic has, it keeps. Raises UnknownTopic, BadTopic, RuleError.
        """
        now = self._now()
        rule = None if rule is None else checked_rule(rule)
        so_far = None if rule is None else self._look(slug, rule, now)
        with writing(self._engine) as session:
            topic = shelf.edit_topic(
                session,
                slug,
                name=name,
                description=description,
                language=language,
                public=public,
                rule=rule,
                breaking=breaking and breaking(shelf.get_topic(session, slug).breaking),
                archived=archived,
            )
            if rule is None:
                return Edited(topic)
            return Edited(topic, rematch(session, topic.id, rule, now=now, so_far=so_far))

    def _look(self, slug: str, rule: str, now: datetime) -> Looked:
        """Ahead of the transaction, so that a sign-up need not wait while two weeks of articles are read. A topic that
        is yet to be made ("") has no source."""
        with reading(self._engine) as session:
            topic_id = shelf.get_topic(session, slug).id if slug else 0
            return look(session, topic_id, rule, since=now - REMATCHED)

    def try_rule(self, slug: str, *, rule: str | None = None, days: int = 7) -> Trial:
        """What `rule`, or the topic's own, would have taken of the last days, and why. Nothing is changed.

        Raises UnknownTopic, RuleError; InputError when there is no rule to try or `days` is out of range.
        """
        if not 1 <= days <= LONGEST_TRIAL:
            raise InputError(f"{days} days cannot be looked at; give --days from 1 to {LONGEST_TRIAL}")
        with reading(self._engine) as session:
            topic = shelf.get_topic(session, slug)
            wanted = checked_rule(topic.rule if rule is None else rule)
            if not wanted:
                raise InputError(f"topic {slug} has no rule, it takes all of its sources; try one with --match RULE")
            return try_rule(session, topic.id, wanted, since=self._now() - timedelta(days=days))

    def remove(self, slug: str) -> None:
        """Take a topic away with its subscriptions. Raises UnknownTopic."""
        with writing(self._engine) as session:
            shelf.remove_topic(session, slug)


def slug_of(name: str) -> str:
    """A slug made from a name: "Énergie & climat" is energie-climat. Raises InputError when nothing is left of it."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:64]
    if not slug:
        raise InputError(f"no short name can be made from {name!r}; give one with --slug")
    return slug


def checked_rule(rule: str) -> str:
    """The rule as it is stored: as typed, with single spaces; "" for none. Raises RuleError."""
    if not rule.strip():
        return ""
    parse(rule)
    return " ".join(rule.split())
