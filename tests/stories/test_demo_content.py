"""The demo's own articles carry the event they tell: clustering must find the events, morning by morning."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from lxml import html

from digest.demo.content import Article, load
from digest.types import Telling
from tests.stories.telling import gathered, pairwise

FIRST_MORNING = datetime(2025, 3, 10, 4, tzinfo=UTC)


def _telling(id_: int, article: Article) -> Telling:
    at = article.at(FIRST_MORNING)
    text = "\n".join(_plain(part) for part in article.body)
    return Telling(
        id=id_,
        title=_plain(article.title),
        text=text,
        publisher=article.publisher,
        language=article.language,
        url=article.guid,
        news_at=at,
        published_at=at,
    )


def _plain(markup: str) -> str:
    return " ".join(str(html.fragment_fromstring(markup, create_parent="div").text_content()).split())


def test_every_event_of_the_town_becomes_one_story_and_nothing_else_does() -> None:
    articles = load().articles
    tellings = {i: _telling(i, article) for i, article in enumerate(articles, 1)}
    mornings: dict[int, list[Telling]] = defaultdict(list)
    for i, article in enumerate(articles, 1):
        mornings[article.day].append(tellings[i])
    gold = {i: article.event or article.id for i, article in enumerate(articles, 1)}

    stories = gathered([mornings[day] for day in sorted(mornings)], FIRST_MORNING + timedelta(days=2))

    precision, recall, wrong = pairwise(stories, gold)
    assert [(tellings[a].title, tellings[b].title) for a, b in wrong] == []
    assert precision == 1.0
    assert recall >= 0.9
    publishers = defaultdict(set)
    for i, article in enumerate(articles, 1):
        publishers[gold[i]].add(article.publisher)
    for event in (event for event, names in publishers.items() if len(names) >= 3):
        assert len({stories[i] for i in gold if gold[i] == event}) == 1, event
