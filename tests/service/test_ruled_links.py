"""What a topic with a rule takes when its sources change, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

from sqlalchemy import Engine, text

from digest.service.sourcing import remove_source, store_source
from digest.service.topicrules import sources_changed, topic_rules
from digest.store import articles, sources
from digest.store.db import reading, writing
from digest.stories.match import TopicRules, topics_of
from digest.types import Feed, Intents, NewArticle, RawArticle
from subscribers.topics import add_topic, get_topic

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
TAKEN = """
SELECT a.guid FROM article a JOIN article_topic t ON t.article_id = a.id JOIN topic p ON p.id = t.topic_id
WHERE p.slug = 'all' ORDER BY a.guid
"""


def of(fed: tuple[int, ...], rules: TopicRules, raw: RawArticle) -> tuple[int, ...]:
    return topics_of(raw, fed, rules)


def test_a_first_source_narrows_a_rule_and_the_last_one_gone_widens_it(database: Engine) -> None:
    """A topic with a rule and no source takes from all of them; with one, from that one only."""
    with writing(database) as session:
        for slug, rule in (("all", "ferry"), ("one", "")):
            add_topic(session, slug, slug.title(), now=NOW, rule=rule)
    feed = Feed("Gull", "en", "", ())
    numbers = []
    for name in ("a", "b"):
        with writing(database) as session:
            numbers.append(store_source(session, f"https://{name}.example/feed", feed, topic_slugs=["one"], now=NOW).id)
            source = sources.get_source(session, numbers[-1])
            raw = RawArticle(guid=name, url=f"https://{name}.example/1", title=f"The ferry of {name}")
            intents = Intents((NewArticle(raw, "0" * 32, NOW),))
            rules = topic_rules(session)
            articles.save(session, source, intents, now=NOW, topics_of=partial(of, source.topic_ids, rules))

    def taken() -> list[str]:
        with reading(database) as session:
            return list(session.connection().execute(text(TAKEN)).scalars())

    assert taken() == ["a", "b"]
    with writing(database) as session:
        store_source(session, "https://a.example/feed", feed, topic_slugs=["all"], now=NOW)
    with reading(database) as session:
        ruled = get_topic(session, "all").id
    sources_changed(database, [ruled], now=NOW)
    assert taken() == ["a"]
    remove_source(database, numbers[0], now=NOW)
    assert taken() == ["b"]
