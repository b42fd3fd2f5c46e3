"""Topic rules on both databases: set, tried, taken away, and what that does to the articles of the last two weeks."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

from digest.errors import InputError, RuleError
from digest.models import Article, ArticleTopic, TopicSource
from digest.service import topicrules
from digest.service.topicrules import Rematched, look, rematch, topic_rules
from digest.service.topicshelf import LONGEST_TRIAL, checked_rule
from digest.store import matches
from digest.store.db import reading, writing
from digest.stories.match import topics_of
from digest.stories.matching import Reason
from digest.types import RawArticle
from subscribers.errors import BadTopic, UnknownTopic
from subscribers.models import Topic
from subscribers.sql import table
from subscribers.topics import get_topic
from tests.service.town import NOW, Town

ARTICLE, BELONGS, LINK, TOPIC = table(Article), table(ArticleTopic), table(TopicSource), table(Topic)
DAY = timedelta(days=1)


def titles(town: Town, slug: str) -> list[str]:
    """The headlines that a topic has, by their articles' numbers."""
    query = (
        select(ARTICLE.c.title)
        .join(BELONGS, BELONGS.c.article_id == ARTICLE.c.id)
        .join(TOPIC, TOPIC.c.id == BELONGS.c.topic_id)
        .where(TOPIC.c.slug == slug)
        .order_by(ARTICLE.c.id)
    )
    with reading(town.engine) as session:
        return list(session.connection().execute(query).scalars())


def feeds(town: Town, title: str, slug: str) -> None:
    """Let the source of the article of that title feed a topic, as a row and no more."""
    with writing(town.engine) as session:
        run = session.connection().execute
        source = run(select(ARTICLE.c.source_id).where(ARTICLE.c.title == title)).scalar_one()
        run(insert(LINK).values(topic_id=get_topic(session, slug).id, source_id=source))


def paper(town: Town) -> None:
    """Five articles, each of a source of its own."""
    town.story("Harbour opens", at=NOW - DAY, text="The gates of the harbour stood open.")
    town.story("Ferry late", at=NOW - 2 * DAY, text="It left the harbour at noon.")
    town.story("Town hall", at=NOW - 3 * DAY, text="The council met.")
    town.story("Harbour planned", at=NOW - 10 * DAY)
    town.story("Harbour dreamt of", at=NOW - 20 * DAY)


# --- rules and articles -----------------------------------------------------------------------------------------------


def test_a_rule_without_sources_takes_from_all(town: Town) -> None:
    paper(town)
    added = town.service.topics.add("Harbour", rule="title:harbour OR  nothing")
    assert added.rule == "title:harbour OR nothing"
    assert titles(town, "harbour") == ["Harbour opens", "Harbour planned"]
    edited = town.service.topics.edit("harbour", name="Docks", rule='"left the harbour" OR opens')
    assert (edited.topic.name, edited.topic.rule) == ("Docks", '"left the harbour" OR opens')
    assert edited.rematched == Rematched(entered=1, left=1)
    assert titles(town, "harbour") == ["Harbour opens", "Ferry late"]
    assert [topic.rule for topic in town.service.topics.list()] == ['"left the harbour" OR opens']


def test_a_rule_takes_of_the_topic_s_own_sources(town: Town) -> None:
    paper(town)
    town.service.topics.add("Harbour")
    for title in ("Harbour opens", "Town hall"):
        feeds(town, title, "harbour")
    assert town.service.topics.edit("harbour", rule="harbour").rematched == Rematched(1, 0)
    assert titles(town, "harbour") == ["Harbour opens"]
    assert town.service.topics.edit("harbour", rule="NOT harbour").rematched == Rematched(1, 1)
    assert titles(town, "harbour") == ["Town hall"]
    assert town.service.topics.edit("harbour", rule="").rematched == Rematched(1, 0)
    assert titles(town, "harbour") == ["Harbour opens", "Town hall"], "without a rule, everything of its sources"


def test_older_articles_stay_where_they_are(town: Town) -> None:
    town.topics("Harbour")
    town.story("Old harbour", "harbour", at=NOW - 15 * DAY)
    town.story("Old ferry", "harbour", at=NOW - 15 * DAY)
    town.story("New ferry", "harbour", at=NOW - 13 * DAY)
    town.story("Never news", "harbour", at=NOW - DAY)
    with writing(town.engine) as session:
        session.connection().execute(update(ARTICLE).where(ARTICLE.c.title == "Never news").values(news_at=None))
    assert town.service.topics.edit("harbour", rule="pier").rematched == Rematched(0, 1)
    assert titles(town, "harbour") == ["Old harbour", "Old ferry", "Never news"]


def test_a_rule_taken_from_a_topic_without_sources_leaves_it_empty(town: Town) -> None:
    paper(town)
    town.service.topics.add("Harbour", rule="harbour")
    assert town.service.topics.edit("harbour", rule=" ").rematched == Rematched(0, 3)
    assert town.service.topics.edit("harbour", name="Docks").rematched is None
    assert titles(town, "harbour") == []


def test_what_is_refused_changes_nothing(town: Town) -> None:
    paper(town)
    town.service.topics.add("Harbour", rule="harbour")
    before = titles(town, "harbour")
    with pytest.raises(RuleError, match="character 1: this"):
        town.service.topics.edit("harbour", name="Docks", rule="(harbour")
    with pytest.raises(BadTopic):
        town.service.topics.edit("harbour", rule="ferry", language="klingonisch")
    with pytest.raises(UnknownTopic):
        town.service.topics.edit("nix", rule="ferry")
    with pytest.raises(RuleError):
        town.service.topics.add("Ferries", rule="or")
    with pytest.raises(BadTopic):
        town.service.topics.add("Harbour", rule="ferry")
    assert [(topic.name, topic.rule) for topic in town.service.topics.list()] == [("Harbour", "harbour")]
    assert titles(town, "harbour") == before


def test_many_articles_are_looked_through_in_portions(town: Town) -> None:
    town.story("Harbour 0")
    with writing(town.engine) as session:
        run = session.connection().execute
        like = dict(run(select(ARTICLE)).mappings().one())
        rows = [
            {**like, "id": like["id"] + n, "guid_hash": str(n), "title": f"Harbour {n}" if n % 2 else "Pier"}
            for n in range(1, 1_200)
        ]
        run(insert(ARTICLE), rows)
    town.service.topics.add("Harbour", rule="harbour")
    assert len(titles(town, "harbour")) == 1_200, "the text of each speaks of the harbour"
    assert town.service.topics.edit("harbour", rule="title:harbour").rematched == Rematched(0, 599)
    trial = town.service.topics.try_rule("harbour", rule="title:pier")
    assert (trial.looked_at, len(trial.matches)) == (1_200, 599)


def test_what_arrived_since_the_look_ahead_is_not_forgotten(town: Town) -> None:
    paper(town)
    topic = town.service.topics.add("Harbour")
    since = NOW - topicrules.REMATCHED
    with reading(town.engine) as session:
        ahead = look(session, topic.id, "harbour", since=since)
    assert len(ahead.taken) == 3
    town.story("Harbour again", at=NOW)
    with writing(town.engine) as session:
        assert rematch(session, topic.id, "harbour", now=NOW, so_far=ahead) == Rematched(4, 0)
    feeds(town, "Ferry late", "harbour")
    with writing(town.engine) as session:
        assert rematch(session, topic.id, "harbour", now=NOW, so_far=ahead) == Rematched(0, 3), "it has a source now"
    assert titles(town, "harbour") == ["Ferry late"]


# --- trying a rule ----------------------------------------------------------------------------------------------------


def test_a_trial_says_what_and_why_and_changes_nothing(town: Town) -> None:
    paper(town)
    town.service.topics.add("Harbour", rule="title:ferry")
    trial = town.service.topics.try_rule("harbour", rule='"the harbour" OR title:hall')
    assert (trial.rule, trial.looked_at) == ('"the harbour" OR title:hall', 3)
    found = [(match.article.raw.title, match.reasons) for match in trial.matches]
    assert found == [
        ("Harbour opens", (Reason('"the harbour"', ("text",)),)),
        ("Ferry late", (Reason('"the harbour"', ("text",)),)),
        ("Town hall", (Reason("title:hall", ("title",)),)),
    ]
    assert trial.matches[0].article.raw.publisher == "Quayside Wire"
    assert trial.matches[0].article.raw.published_at == NOW - DAY
    own = town.service.topics.try_rule("harbour", days=30)
    assert (own.rule, own.looked_at, len(own.matches)) == ("title:ferry", 5, 1)
    assert titles(town, "harbour") == ["Ferry late"]
    feeds(town, "Town hall", "harbour")
    assert town.service.topics.try_rule("harbour", rule="NOT x1").looked_at == 1


def test_a_trial_needs_a_rule_and_days(town: Town) -> None:
    town.topics("Harbour")
    with pytest.raises(
        InputError, match="topic harbour has no rule, it takes all of its sources; try one with --match"
    ):
        town.service.topics.try_rule("harbour")
    with pytest.raises(UnknownTopic):
        town.service.topics.try_rule("nix", rule="harbour")
    with pytest.raises(RuleError):
        town.service.topics.try_rule("harbour", rule="(")
    for days in (0, -1, LONGEST_TRIAL + 1, 10**12):
        with pytest.raises(InputError, match=f"{days} days cannot be looked at; give --days from 1 to"):
            town.service.topics.try_rule("harbour", rule="harbour", days=days)
    assert town.service.topics.try_rule("harbour", rule="harbour", days=LONGEST_TRIAL).matches == ()


def test_a_rule_is_stored_as_typed_with_single_spaces() -> None:
    assert checked_rule(' harbour\n OR  "night   ferry" ') == 'harbour OR "night ferry"'
    assert checked_rule(" \n") == ""
    with pytest.raises(RuleError):
        checked_rule("a1 \x00")


# --- what a gather asks -----------------------------------------------------------------------------------------------


def test_a_gather_gets_all_rules_and_compiles_them_once(town: Town) -> None:
    paper(town)
    ids = [town.service.topics.add(name, rule=rule).id for name, rule in (("Harbour", "harbour"), ("Ferry", "ferry"))]
    town.topics("Plain")
    feeds(town, "Ferry late", "ferry")
    with reading(town.engine) as session:
        rules = topic_rules(session)
        assert topic_rules(session).matcher is rules.matcher
        assert matches.sources_of(session, ids[0]) == frozenset()
    assert (set(rules.matcher.ids), set(rules.everywhere)) == ({*ids}, {ids[0]})
    told = RawArticle("1", "https://paper.example/1", "The ferry in the harbour")
    assert topics_of(told, (), rules) == (ids[0],)
    assert topics_of(told, (ids[1],), rules) == tuple(ids)
    town.service.topics.edit("harbour", rule="pier")
    with reading(town.engine) as session:
        assert topics_of(told, (), topic_rules(session)) == (), "a changed rule counts from then on"


def test_a_rule_that_cannot_be_read_takes_nothing_and_stops_nobody(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    broken = f"(ferry {town.engine.dialect.name}"  # what is compiled is kept by its text, and the log speaks once
    good = town.service.topics.add("Harbour", rule="harbour").id
    bad = town.service.topics.add("Ferry", rule="ferry").id
    with writing(town.engine) as session:
        session.connection().execute(update(TOPIC).where(TOPIC.c.id == bad).values(rule=broken))
    with caplog.at_level(logging.WARNING), reading(town.engine) as session:
        rules = topic_rules(session)
    told = RawArticle("1", "https://paper.example/1", "The ferry in the harbour")
    assert topics_of(told, (bad,), rules) == (good,)
    (line,) = caplog.records
    assert line.getMessage() == (
        "topic ferry takes no article: the rule, character 1: this ( is not closed; write a ) where its part ends; "
        "`digest topics edit` mends it"
    )
