"""Articles in the database find their stories: on both databases, in whole rounds, once."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from digest.models import Article, ArticleTopic, Source, Story
from digest.service.clustering import Clusterer
from digest.store import windows
from digest.store.db import reading, writing
from digest.store.placing import change
from digest.store.stories import stories_in_window, tellings_of, unclustered
from digest.types import Joined, Placed
from subscribers.models import Topic

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)
FERRY = "Twelve people were pulled from the sea after the ferry Lady Anwen struck a rock in Marlow Sound on Monday."
LATER = "Divers reached the wreck of the ferry Lady Anwen in Marlow Sound, where it had struck a rock on Monday."
MUSEUM = "Two hundred clocks struck noon when the museum opened its doors again after four years of work."


def add(
    session: Session,
    title: str,
    text: str = "",
    *,
    hours_ago: float = 1,
    news: bool = True,
    topics: Sequence[int] = (),
    publisher: str = "",
) -> int:
    """An article of the one source; topics are made when they do not exist."""
    if session.get(Source, 1) is None:
        session.add(Source(id=1, url="https://news.example/feed", created_at=NOW, next_gather_at=NOW))
        session.flush()
    for topic in topics:
        if session.get(Topic, topic) is None:
            session.add(Topic(id=topic, slug=f"topic-{topic}", name=f"Topic {topic}", created_at=NOW))
            session.flush()
    at = NOW - timedelta(hours=hours_ago)
    count = len(session.exec(select(col(Article.id))).all())
    article = Article(
        source_id=1,
        guid=f"g{count}",
        guid_hash=f"{count:032}",
        url=f"https://news.example/{count}",
        title=title,
        text=text,
        publisher=publisher or f"Paper {count}",
        language="en",
        published_at=at,
        seen_at=NOW,
        news_at=at if news else None,
        content_hash="0" * 32,
    )
    session.add(article)
    session.flush()
    assert article.id is not None
    session.add_all(ArticleTopic(article_id=article.id, topic_id=topic) for topic in topics)
    session.flush()
    return article.id


def article(engine: Engine, id_: int) -> Article:
    with reading(engine) as session:
        return session.exec(select(Article).where(col(Article.id) == id_)).one()


def stories(engine: Engine) -> list[Story]:
    with reading(engine) as session:
        return list(session.exec(select(Story).order_by(col(Story.id))))


def joins(*joined: Joined) -> Placed:
    return Placed(joined, (), {}, {}, {})


def open_articles(engine: Engine, now: datetime) -> list[int]:
    with reading(engine) as session:
        return [telling.id for telling, _, _ in windows.open_tellings(session, now)]


def test_articles_are_grouped_and_later_coverage_joins_with_a_new_version(database: Engine) -> None:
    with writing(database) as session:
        first = add(session, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=30)
        second = add(session, "Marlow Sound: all safe after Lady Anwen hits rock", FERRY, hours_ago=29)
        other = add(session, "Museum of clocks reopens", MUSEUM, hours_ago=28)

    assert Clusterer(database).place_new(now=NOW - timedelta(hours=27)) == 3

    opened, joined, alone = (article(database, id_) for id_ in (first, second, other))
    assert opened.story_id == joined.story_id != alone.story_id
    assert {one.story_version for one in (opened, joined, alone)} == {1}
    assert (opened.joined_score, opened.joined_terms) == (0.0, "")
    assert joined.joined_score > 0.2
    assert "anwen" in joined.joined_terms.split()

    with writing(database) as session:
        third = add(session, "Divers reach the wreck of the Lady Anwen", LATER, hours_ago=2)
        fourth = add(session, "Lady Anwen wreck reached by divers in Marlow Sound", LATER, hours_ago=1)

    assert Clusterer(database).place_new(now=NOW) == 2
    assert Clusterer(database).place_new(now=NOW) == 0

    assert {article(database, id_).story_id for id_ in (third, fourth)} == {opened.story_id}
    assert {article(database, id_).story_version for id_ in (third, fourth)} == {2}
    ferry, museum = stories(database)
    assert (ferry.version, ferry.opened_at, ferry.last_at) == (2, NOW - timedelta(hours=30), NOW - timedelta(hours=1))
    assert (museum.version, museum.last_at, museum.language) == (1, NOW - timedelta(hours=28), "en")


def test_young_backlog_opens_a_story_that_news_joins_and_old_backlog_waits_for_nothing(database: Engine) -> None:
    with writing(database) as session:
        young = add(session, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=24, news=False)
        old = add(session, "Museum of clocks reopens", MUSEUM, hours_ago=24 * 15, news=False)
    assert Clusterer(database).place_new(now=NOW) == 1
    with reading(database) as session:
        assert stories_in_window(session, topic_ids=None, since=NOW - timedelta(days=3), until=NOW) == []

    with writing(database) as session:
        news = add(session, "Lady Anwen sank in Marlow Sound: divers at work", LATER)
    assert Clusterer(database).place_new(now=NOW) == 1

    assert article(database, old).story_id is None
    assert article(database, news).story_id == article(database, young).story_id
    assert article(database, news).story_version == 2


def test_a_story_closes_after_fourteen_quiet_days(database: Engine) -> None:
    with writing(database) as session:
        first = add(session, "Ferry Lady Anwen sinks in Marlow Sound", FERRY)
    Clusterer(database).place_new(now=NOW)
    later = NOW + timedelta(days=15)
    assert open_articles(database, NOW) == [first]
    assert open_articles(database, later) == []

    with writing(database) as session:
        again = add(session, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=-24 * 15)
    Clusterer(database).place_new(now=later)

    assert article(database, again).story_id != article(database, first).story_id


def test_a_story_that_is_never_quiet_closes_before_memory_forgets_it(database: Engine) -> None:
    with writing(database) as session:
        only = add(session, "Harbour dredging goes on for another day")
        story = Story(language="en", version=1, opened_at=NOW - timedelta(days=15), last_at=NOW)
        session.add(story)
        session.flush()
        found = session.get(Article, only)
        assert found is not None
        found.story_id = story.id
    assert open_articles(database, NOW) == [only]
    assert open_articles(database, NOW + timedelta(days=1)) == []


def test_two_runs_at_once_place_every_article_once(database: Engine) -> None:
    with writing(database) as session:
        for i in range(12):
            add(session, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=i)

    with ThreadPoolExecutor(3) as pool:
        placed = list(pool.map(lambda _: Clusterer(database).place_new(now=NOW), range(3)))

    assert sorted(placed) == [0, 0, 12]
    assert [story.version for story in stories(database)] == [1]


def test_a_run_that_dies_leaves_nothing_behind(database: Engine) -> None:
    with writing(database) as session:
        id_ = add(session, "Ferry Lady Anwen sinks", FERRY)

    with pytest.raises(KeyboardInterrupt):
        _join_and_die(database, id_)

    assert stories(database) == []
    assert Clusterer(database).place_new(now=NOW) == 1
    assert len(stories(database)) == 1


def _join_and_die(engine: Engine, id_: int) -> None:
    with writing(engine) as session:
        assert change(session, joins(Joined(id_, None, id_, 0.0)), NOW).placed == 1
        raise KeyboardInterrupt


def test_joining_again_changes_nothing(database: Engine) -> None:
    with writing(database) as session:
        one = add(session, "Ferry Lady Anwen sinks", FERRY)
        two = add(session, "Lady Anwen", FERRY)
        verdict = joins(Joined(one, None, one, 0.0))
        first = change(session, verdict, NOW)
        assert (first.placed, list(first.opened)) == (1, [one])
        assert change(session, verdict, NOW).placed == 0
        second = joins(Joined(two, first.opened[one], None, 0.5, ("anwen", "lady")))
        assert change(session, second, NOW).placed == 1
        assert change(session, joins(), NOW).placed == 0

    (story,) = stories(database)
    assert story.version == 2
    assert article(database, two).joined_terms == "anwen lady"


def test_tellings_come_with_their_topics_and_windows_with_their_bounds(database: Engine) -> None:
    with writing(database) as session:
        ferry = add(session, "Ferry Lady Anwen sinks in Marlow Sound", FERRY + "x" * 5000, hours_ago=5, topics=[2, 1])
        museum = add(session, "Museum of clocks reopens", MUSEUM, hours_ago=3, topics=[2])
    Clusterer(database).place_new(now=NOW)
    a, b = (article(database, id_).story_id for id_ in (ferry, museum))
    assert a is not None
    assert b is not None

    with reading(database) as session:
        found = tellings_of(session, [a, b, 999, a])
        assert list(found) == [a, b, 999]
        assert [(one.id, one.topic_ids, one.story_version) for one in found[a]] == [(ferry, (1, 2), 1)]
        assert len(found[a][0].text) > 5000
        assert found[999] == []
        early, late = NOW - timedelta(hours=5), NOW - timedelta(hours=3)
        before = early - timedelta(seconds=1)
        assert stories_in_window(session, topic_ids=None, since=before, until=late) == sorted([a, b])
        assert stories_in_window(session, topic_ids=[1, 2], since=before, until=late) == sorted([a, b])
        assert stories_in_window(session, topic_ids=None, since=early, until=late) == [b]
        assert stories_in_window(session, topic_ids=[1], since=before, until=late) == [a]
        assert stories_in_window(session, topic_ids=[], since=before, until=late) == []


def test_clustering_reads_only_leads_in_the_order_of_gathering(database: Engine) -> None:
    with writing(database) as session:
        ids = [add(session, f"Title {i}", "word " * 5000, hours_ago=i) for i in range(3)]

    with reading(database) as session:
        waiting = unclustered(session, NOW, 2)

    assert [one.id for one in waiting] == ids[:2]
    assert max(len(one.text) for one in waiting) < 2000
