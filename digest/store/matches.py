"""Topic rules as stored, the articles they are tried on, and which articles a topic has. All in the caller's
transaction."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from digest.models import Article, ArticleTopic, TopicSource
from digest.types import RawArticle
from subscribers.models import Topic
from subscribers.sql import table

_SLICE = 500
"""Articles a question."""
_RAW = ("guid", "url", "title", "text", "summary", "author", "publisher", "language", "published_at")
"""What a rule looks at, and by what people know an article."""

_article = table(Article)
_belongs = table(ArticleTopic)
_link = table(TopicSource)
_topic = table(Topic)


@dataclass(frozen=True, slots=True)
class StoredRule:
    """The rule of a topic, as its operator wrote it."""

    topic_id: int
    slug: str
    rule: str


@dataclass(frozen=True, slots=True)
class StoredRules:
    """The rules of all topics that have one."""

    rules: tuple[StoredRule, ...]
    """By the topics' numbers; two that are equal compile to the same."""
    everywhere: frozenset[int]
    """The topics among them that no source feeds."""


@dataclass(frozen=True, slots=True)
class StoredArticle:
    """An article as rules see it."""

    id: int
    source_id: int
    news_at: datetime
    raw: RawArticle


def load_rules(session: Session) -> StoredRules:
    """All rules."""
    run = session.connection().execute
    query = select(_topic.c.id, _topic.c.slug, _topic.c.rule).where(_topic.c.rule != "").order_by(_topic.c.id)
    rules = tuple(StoredRule(*row) for row in run(query))
    linked = set(run(select(_link.c.topic_id).distinct()).scalars())
    return StoredRules(rules, frozenset(rule.topic_id for rule in rules) - linked)


def sources_of(session: Session, topic_id: int) -> frozenset[int]:
    """The numbers of the sources that feed a topic."""
    query = select(_link.c.source_id).where(_link.c.topic_id == topic_id)
    return frozenset(session.connection().execute(query).scalars())


def news(session: Session, *, since: datetime, only: Set[int], after: int = 0) -> Iterator[StoredArticle]:
    """The articles that became news after `since`, in the order of their numbers, those above `after`; of the sources
    in `only`, or of all when it is empty. 500 are held at a time.

    Their texts are what was kept of them, which may be less than what their feed told.
    """
    run = session.connection().execute
    columns = [_article.c[name] for name in ("id", "source_id", "news_at", *_RAW)]
    # The numbers first: otherwise each portion would sort the texts of all that follow.
    numbers = run(select(_article.c.id).where(*_news(since, only), _article.c.id > after).order_by(_article.c.id))
    for portion in _slices(numbers.scalars().all()):
        for row in run(select(*columns).where(_article.c.id.in_(portion)).order_by(_article.c.id)).all():
            raw = RawArticle(**{name: getattr(row, name) for name in _RAW})
            yield StoredArticle(row.id, row.source_id, row.news_at, raw)


def set_articles(session: Session, topic_id: int, wanted: Set[int], *, since: datetime) -> tuple[int, int]:
    """Let the topic have exactly these of the articles that became news after `since`; older ones stay as they are.

    Returns how many entered and how many left.
    """
    run = session.connection().execute
    query = select(_belongs.c.article_id).join(_article, _article.c.id == _belongs.c.article_id)
    there = set(run(query.where(_belongs.c.topic_id == topic_id, *_news(since, frozenset()))).scalars())
    entering, leaving = sorted(wanted - there), sorted(there - wanted)
    for portion in _slices(leaving):
        run(delete(_belongs).where(_belongs.c.topic_id == topic_id, _belongs.c.article_id.in_(portion)))
    if entering:
        run(insert(_belongs), [{"article_id": number, "topic_id": topic_id} for number in entering])
    return len(entering), len(leaving)


def _news(since: datetime, only: Set[int]) -> Sequence[Any]:
    return [_article.c.news_at > since, *([_article.c.source_id.in_(sorted(only))] if only else [])]


def _slices(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(numbers), _SLICE):
        yield numbers[start : start + _SLICE]
