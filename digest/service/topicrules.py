"""Topic rules at work: read from the store, compiled once, tried on the articles of the last days, and set.

A gather calls `topic_rules` in the transaction in which it stores articles, so a changed rule counts from then on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import RuleError
from digest.store import matches
from digest.store.db import reading, writing
from digest.store.matches import StoredArticle, StoredRule
from digest.stories.match import TopicRules, topics_of
from digest.stories.matching import Matcher, Reason, compile_rules
from digest.stories.rules import NEVER, Rule, parse

log = logging.getLogger(__name__)

REMATCHED = timedelta(days=14)
"""How far back a changed rule reaches: a story closes after 14 quiet days, and no reader is told older news."""


@dataclass(frozen=True, slots=True)
class Rematched:
    """What a changed rule did to the articles of the last `REMATCHED`."""

    entered: int
    left: int


@dataclass(frozen=True, slots=True)
class Match:
    """An article that a rule takes, and why."""

    article: StoredArticle
    reasons: tuple[Reason, ...]
    """Empty when it is taken because of what is not in it."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a rule would have taken."""

    rule: str
    looked_at: int
    """Articles of the topic's sources, or of all sources when it has none."""
    matches: tuple[Match, ...]
    """The latest news first."""


@dataclass(frozen=True, slots=True)
class Looked:
    """How far a topic's articles have been looked through, and which of them it takes."""

    sources: frozenset[int]
    newest: int = 0
    """The highest number of an article that was looked at."""
    taken: frozenset[int] = frozenset()


def topic_rules(session: Session) -> TopicRules:
    """The rules of all topics, for `topics_of`; compiled when one has changed since the last call in this process."""
    stored = matches.load_rules(session)
    return TopicRules(_compiled(stored.rules), stored.everywhere)


@lru_cache(maxsize=2)
def _compiled(rules: tuple[StoredRule, ...]) -> Matcher:
    return Matcher({stored.topic_id: _tree(stored) for stored in rules})


def _tree(stored: StoredRule) -> Rule:
    """A bulkhead: no rule is stored that cannot be understood, but one that was written past the commands must not
    keep the others from their articles."""
    try:
        return parse(stored.rule)
    except RuleError as error:
        log.warning("topic %s takes no article: %s; `digest topics edit` mends it", stored.slug, error)
        return NEVER


def look(session: Session, topic_id: int, rule: str, *, since: datetime, so_far: Looked | None = None) -> Looked:
    """The articles that became news after `since` and that the topic takes with `rule` ("": all of its sources).

    Goes on behind `so_far` if the topic has still the same sources. Raises RuleError.
    """
    sources = matches.sources_of(session, topic_id)
    known = so_far if so_far is not None and so_far.sources == sources else Looked(sources)
    rules = _rules_of(topic_id, rule, sources)
    newest, taken = known.newest, set(known.taken)
    for article in _articles(session, rule, sources, since=since, after=known.newest):
        newest = article.id
        if topics_of(article.raw, _fed(topic_id, article, sources), rules):
            taken.add(article.id)
    return Looked(sources, newest, frozenset(taken))


def rematch(session: Session, topic_id: int, rule: str, *, now: datetime, so_far: Looked | None = None) -> Rematched:
    """Let the topic have what `rule` takes of the articles of the last `REMATCHED`, in the caller's transaction.

    To be called when its rule or, while it has one, its sources have changed. With `so_far`, from a reading session
    just before, only the articles since then are looked at while the transaction holds the database's write lock.
    """
    since = now - REMATCHED
    looked = look(session, topic_id, rule, since=since, so_far=so_far)
    return Rematched(*matches.set_articles(session, topic_id, looked.taken, since=since))


def sources_changed(engine: Engine, topic_ids: Iterable[int], *, now: datetime) -> None:
    """Look again through the articles of those of these topics that have a rule: other sources feed them now, and with
    its first or last source a rule looks at that source only, or at all there are.

    To be called once the change is durable. What takes long is done before the transaction, so that no sign-up waits
    (two weeks of 20,000 articles: 9 s); after a crash in between, editing the rule to the same does the same.
    """
    changed = set(topic_ids)
    with reading(engine) as session:
        ruled = [stored for stored in matches.load_rules(session).rules if stored.topic_id in changed]
    for stored in ruled:
        with reading(engine) as session:
            so_far = look(session, stored.topic_id, stored.rule, since=now - REMATCHED)
        with writing(engine) as session:
            rematch(session, stored.topic_id, stored.rule, now=now, so_far=so_far)


def try_rule(session: Session, topic_id: int, rule: str, *, since: datetime) -> Trial:
    """What the topic would have taken with `rule` of the articles that became news after `since`; nothing is changed.

    Raises RuleError.
    """
    matcher = compile_rules({topic_id: rule})
    sources = matches.sources_of(session, topic_id)
    looked_at = 0
    found = []
    for article in _articles(session, rule, sources, since=since):
        looked_at += 1
        if (reasons := matcher.match(article.raw).get(topic_id)) is not None:
            found.append(Match(article, reasons))
    found.sort(key=lambda match: (match.article.news_at, match.article.id), reverse=True)
    return Trial(rule, looked_at, tuple(found))


def _rules_of(topic_id: int, rule: str, sources: frozenset[int]) -> TopicRules:
    if not rule:
        return TopicRules()
    return TopicRules(compile_rules({topic_id: rule}), frozenset() if sources else frozenset((topic_id,)))


def _fed(topic_id: int, article: StoredArticle, sources: frozenset[int]) -> tuple[int, ...]:
    return (topic_id,) if article.source_id in sources else ()


def _articles(
    session: Session, rule: str, sources: frozenset[int], *, since: datetime, after: int = 0
) -> Iterator[StoredArticle]:
    """What the topic may take from: its sources, or with a rule and no source all of them."""
    if rule or sources:
        yield from matches.news(session, since=since, only=sources, after=after)
