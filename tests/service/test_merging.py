"""Stories that become others, through gathers and mails: nothing twice, nothing lost, and what was told stays told."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import timedelta

import pytest
from sqlmodel import col, select

from digest.models import Article, Story, StoryLeft, StoryMerge, StoryRelated
from digest.service.clustering import Clusterer
from digest.store.db import reading, writing
from digest.store.lineage import HEARD
from digest.store.memory import memory_of
from digest.types import Pick, Telling
from tests.service.town import NOW, Town
from tests.stories.telling import NOW as BEFORE
from tests.stories.test_place import english

FERRY = "Ferry sinks in Marlow Sound: Lady Anwen strikes rock"
CAPTAIN = "Captain Ida Solberg questioned by coastguard over fog"
BRIDGE = "Captain Ida Solberg questioned after ferry Lady Anwen strikes rock in Marlow Sound"
QUAY = "The quay was crowded all night. Families waited for word behind a rope."
TALK = "She spoke for two hours. A lawyer sat beside her all along."
TRIAL = "A court will hear the matter in June. The owner set a million crowns aside."


def placed(town: Town) -> Mapping[str, tuple[int, int]]:
    """Headline -> (story, version)."""
    with reading(town.engine) as session:
        rows = session.exec(select(Article).order_by(col(Article.id)))
        return {row.title: (row.story_id or 0, row.story_version) for row in rows}


def ids(town: Town) -> Mapping[int, int]:
    """Article -> story."""
    with reading(town.engine) as session:
        return {row.id or 0: row.story_id or 0 for row in session.exec(select(Article))}


def gather(town: Town) -> int:
    return town.service.clusterer.place_new(now=town.clock.at)


def test_two_stories_become_one_and_no_reader_gets_either_half_twice(town: Town) -> None:
    """Ada was sent one half, Ben the other, Cleo both, Dora neither; then a bridge arrives, and after it news."""
    town.topics("Harbour", "People")
    ada, ben = town.reader("ada@example.org", "harbour"), town.reader("ben@example.org", "people")
    cleo = town.reader("cleo@example.org", "harbour", "people")
    town.article(FERRY, "harbour", text=QUAY)
    town.article(CAPTAIN, "people", text=TALK)
    assert gather(town) == 2
    kept, gone = placed(town)[FERRY][0], placed(town)[CAPTAIN][0]
    assert kept < gone
    assert town.morning() == 3

    dora = town.reader("dora@example.org", "harbour", signed_up=NOW)
    town.clock.at = NOW + timedelta(hours=6)
    town.article(BRIDGE, "harbour", "people", at=town.clock.at, text=QUAY)
    gather(town)

    assert placed(town) == {FERRY: (kept, 1), CAPTAIN: (kept, 2), BRIDGE: (kept, 2)}
    with reading(town.engine) as session:
        assert [(row.gone, row.kept, row.version) for row in session.exec(select(StoryMerge))] == [(gone, kept, 2)]
        since = NOW - timedelta(days=9)
        memory = memory_of(session, [ada, ben, cleo], since=since)
    assert memory[ada] == {kept: (Pick(kept, 1),), gone: (Pick(gone, HEARD),)}
    assert memory[ben] == {kept: (Pick(kept, 2),), gone: (Pick(gone, 1),)}
    assert memory[cleo][kept] == (Pick(kept, 1), Pick(kept, 2))

    town.clock.at = NOW + timedelta(hours=20)
    trial = f"{BRIDGE}: court in June"
    town.article(trial, "harbour", "people", at=town.clock.at, text=TRIAL)
    gather(town)
    assert placed(town)[trial] == (kept, 3)
    town.morning(NOW + timedelta(days=1))

    edition = town.editions()[-1].id or 0
    assert town.told(edition, dora) == (Pick(kept, 3),)
    assert town.told(edition, ben) == (Pick(kept, 3, 2),)
    assert town.told(edition, cleo) == (Pick(kept, 3, 2),)
    assert town.told(edition, ada) == (Pick(kept, 3, 1),)

    town.morning(NOW + timedelta(days=2))
    assert all(row.state == "skipped" for row in town.deliveries(town.editions()[-1].id))


def test_an_edition_frozen_before_a_merge_tells_nobody_the_other_half(town: Town) -> None:
    town.topics("Harbour", "People")
    ada = town.reader("ada@example.org", "harbour", "people")
    town.article(FERRY, "harbour", text=QUAY)
    town.article(CAPTAIN, "people", text=TALK)
    gather(town)
    harbour = town.service.topics.list()[0]
    assert town.service.send_by_hand(harbour.id, ada, since=NOW - timedelta(days=1)) is not None
    assert town.service.dispatch().accepted == 1
    frozen = town.service.send_by_hand(None, ada, since=NOW - timedelta(days=1))
    assert frozen is not None

    town.clock.at = NOW + timedelta(minutes=1)
    town.article(BRIDGE, "harbour", "people", at=NOW, text=QUAY)
    gather(town)
    town.service.dispatch()

    assert len({story for story, _ in placed(town).values()}) == 1
    assert town.told(frozen.edition_id, ada) == ()
    told = town.service.explainer.mail("ada@example.org", frozen.edition_id)
    assert {each.verdict for each in told.stories} == {"already sent"}
    assert sorted(article.title for each in told.stories for article in each.articles) == sorted([FERRY, CAPTAIN])


@pytest.mark.parametrize("told", [False, True])
def test_what_was_told_keeps_its_articles_and_what_was_not_may_give_them_away(town: Town, told: bool) -> None:
    """Headlines alone, one at a time: the 24th shows that the second, which had company, stands alone."""
    arriving, _ = english()
    moving = arriving[1].title
    random.Random(1).shuffle(arriving)  # noqa: S311 - the order in which it happens
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")

    def arrive(one: Telling) -> None:
        at = NOW - (BEFORE - (one.published_at or BEFORE)) / 4
        town.article(one.title, "harbour", text=" ", publisher=one.publisher, at=at)
        gather(town)

    for one in arriving[:23]:
        arrive(one)
    before = placed(town)[moving]
    if told:
        assert town.morning() == 1
    arrive(arriving[23])

    moved = placed(town)[moving] != before
    with reading(town.engine) as session:
        left = [(row.story_id, row.story_version) for row in session.exec(select(StoryLeft)) if row.until == NOW]
    assert moved == (not told)
    assert (before in left) == (not told)
    # What the window holds is what the database holds, or the next gathering would go astray.
    window = town.service.clusterer.placed()
    assert window == ids(town)


def test_a_process_that_starts_places_as_the_one_that_ran_on(town: Town) -> None:
    """Also two that take turns: whoever finds the other's change in the database looks again."""
    one, two = Clusterer(town.engine), Clusterer(town.engine)
    town.topics("Harbour")
    town.article(FERRY, "harbour", text=QUAY)
    assert one.place_new(now=NOW) == 1
    town.article(CAPTAIN, "harbour", text=TALK)
    assert two.place_new(now=NOW) == 1
    town.article(BRIDGE, "harbour", text=QUAY)
    assert one.place_new(now=NOW) == 1
    town.article(f"{BRIDGE}: court in June", "harbour", text=TRIAL)
    assert Clusterer(town.engine).place_new(now=NOW) == 1
    assert two.place_new(now=NOW) == 0

    assert len({story for story, _ in placed(town).values()}) == 1


def test_a_source_that_is_taken_away_takes_its_articles_from_the_window(town: Town) -> None:
    town.topics("Harbour")
    town.article(FERRY, "harbour", text=QUAY)
    gather(town)
    (source,) = town.service.sources.list()
    town.service.sources.remove(source.id)

    town.article(f"{FERRY} at night", "harbour", text=QUAY)
    gather(town)

    with reading(town.engine) as session:
        (article,) = session.exec(select(Article))
        story = session.get(Story, article.story_id)
    assert story is not None
    assert story.version == 1


def test_one_thread_two_events_are_related_and_stay_so_when_one_becomes_another(town: Town) -> None:
    town.topics("Harbour")
    ship = "Ferry Lady Anwen sinks in Marlow Sound, twelve rescued"
    light = "Lighthouse of Marlow Sound gets new lamp before winter"
    town.article(ship, "harbour", text=" ", publisher="Courier")
    town.article("Ferry Lady Anwen sinks off Marlow Sound: all twelve rescued", "harbour", text=" ", publisher="Echo")
    town.article(light, "harbour", text=" ", publisher="Lamp")
    gather(town)

    ferry, lamp = placed(town)[ship][0], placed(town)[light][0]
    assert ferry != lamp
    with reading(town.engine) as session:
        pairs = {(row.story_id, row.other_id) for row in session.exec(select(StoryRelated))}
    assert pairs == {(ferry, lamp), (lamp, ferry)}


def test_articles_that_were_there_before_windows_were_kept_are_compared_once(town: Town) -> None:
    town.topics("Harbour")
    town.article(FERRY, "harbour", text=QUAY)
    gather(town)
    with writing(town.engine) as session:
        for article in session.exec(select(Article)):
            article.nearest = None
            session.add(article)

    town.article(BRIDGE, "harbour", text=QUAY)
    assert Clusterer(town.engine).place_new(now=NOW) == 1

    with reading(town.engine) as session:
        assert all(article.nearest for article in session.exec(select(Article)))
    assert len({story for story, _ in placed(town).values()}) == 1


def test_explain_says_where_the_articles_of_a_later_story_were(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    for title in (FERRY, BRIDGE):
        town.article(title, "harbour", text=QUAY)
    gather(town)
    (whole,) = {story for story, _ in placed(town).values()}
    assert town.morning() == 1
    edition = town.editions()[-1].id or 0
    town.clock.at += timedelta(hours=1)
    split = town.service.stories.split(whole, [article for article, _ in sorted(ids(town).items())][1:])

    (told,) = town.service.explainer.mail("ada@example.org", edition, split.new).stories
    assert told.why == f"its articles were in story {whole} when this mail was made"
    (first,) = town.service.explainer.mail("ada@example.org", edition, whole).stories
    assert sorted(article.title for article in first.articles) == sorted([FERRY, BRIDGE])
