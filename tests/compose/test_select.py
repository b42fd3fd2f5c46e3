"""Who gets which story, and in which order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.content import FrozenStory, Manifest
from digest.compose.select import BRIEFS, explain, in_windows, pick_for, select, topic_of
from digest.types import Pick
from tests.compose.edition import FROZEN_AT, SINCE, SITE, TOPICS, profile

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

WINDOW = SINCE.isoformat()


def story(*topics: int, version: int = 1, updates: Mapping[int, str] | None = None) -> FrozenStory:
    return FrozenStory(version, topics, "A headline", 30, 1, updates or {})


def manifest(stories: Mapping[int, FrozenStory], order: tuple[int, ...] | None = None) -> Manifest:
    ranked = tuple(stories) if order is None else order
    return Manifest("digest", FROZEN_AT, SITE, TOPICS, stories, {WINDOW: ranked}, {}, {}, {}, {})


def chosen(
    stories: Mapping[int, FrozenStory], memory: Mapping[int, tuple[Pick, ...]] | None = None, **choices: object
) -> list[int]:
    return [pick.story_id for pick in select(manifest(stories), WINDOW, profile(**choices), memory or {})]


def test_every_topic_gets_its_best_before_any_its_second() -> None:
    busy = {number: story(1) for number in range(1, 9)} | {20: story(2), 30: story(3)}
    assert chosen(busy, max_stories=3)[:3] == [1, 20, 30]
    assert chosen(busy, max_stories=5)[:5] == [1, 2, 3, 20, 30]


def test_more_topics_than_places() -> None:
    assert chosen({1: story(1), 2: story(1), 3: story(2), 4: story(3)}, max_stories=2)[:2] == [1, 3]


def test_one_liners_follow_the_cards_and_end() -> None:
    many = {number: story(1) for number in range(1, 40)}
    assert chosen(many, max_stories=4) == list(range(1, 5 + BRIEFS))


def test_a_story_of_several_topics_stands_once_in_the_readers_first() -> None:
    both = story(1, 2)
    assert chosen({1: both}, topics=(2, 1)) == [1]
    assert topic_of(both, (2, 1)) == 2
    assert topic_of(both, (3,)) is None


def test_what_was_sent_does_not_come_again() -> None:
    memory = {1: (Pick(1, 1),)}
    assert chosen({1: story(1), 2: story(1)}, memory) == [2]


def test_an_update_comes_exactly_once() -> None:
    grown = story(1, version=3, updates={1: "What is new"})
    assert pick_for(1, grown, {}) == Pick(1, 3)
    assert pick_for(1, grown, {1: (Pick(1, 1),)}) == Pick(1, 3, 1)
    assert pick_for(1, grown, {1: (Pick(1, 1), Pick(1, 2, 1))}) is None
    assert pick_for(1, grown, {1: (Pick(1, 3),)}) is None


def test_no_update_where_nothing_is_new() -> None:
    assert pick_for(1, story(1, version=2), {1: (Pick(1, 1),)}) is None


def test_news_leads_and_an_update_only_when_it_is_alone() -> None:
    grown = story(1, version=2, updates={1: "What is new"})
    memory = {1: (Pick(1, 1),), 2: (Pick(2, 1),)}
    assert chosen({1: grown, 3: story(1)}, memory) == [3, 1]
    assert chosen({1: grown}, memory) == [1]
    assert chosen({1: grown, 2: grown, 3: story(1)}, memory, max_stories=2) == [3, 1, 2]


def test_a_window_that_nobody_planned_holds_nothing() -> None:
    assert select(manifest({1: story(1)}), "1999-01-01T00:00:00+00:00", profile(), {}) == ()


EARLIER = (SINCE - timedelta(days=6)).isoformat()


def windows(early: tuple[int, ...], late: tuple[int, ...], stories: Mapping[int, FrozenStory]) -> Manifest:
    """Two windows, one six days longer than the other."""
    parts = {WINDOW: {key: {"day": 1.0} for key in late}, EARLIER: {key: {"week": 1.0} for key in early}}
    return replace(manifest(stories), orders={EARLIER: early, WINDOW: late}, parts=parts)


def test_a_story_qualifies_by_the_window_of_one_of_its_topics() -> None:
    told = {1: story(1), 2: story(2), 3: story(1, 2), 4: story(3), 5: story(1)}
    both = windows((1, 2, 3, 4, 5), (5,), told)
    assert [pick.story_id for pick in select(both, WINDOW, profile(topics=(1, 2)), {}, {2: EARLIER})] == [2, 3, 5]
    assert in_windows(both, WINDOW, (1, 2), {2: EARLIER}) == {2: EARLIER, 3: EARLIER, 5: WINDOW}
    assert select(both, WINDOW, profile(topics=(1, 2)), {})[0].story_id == 5, "without, all share one window"


def test_two_windows_are_one_order() -> None:
    """The longer one ranks them all; what only the shorter one kept comes after."""
    told = dict.fromkeys(range(1, 7), story(1, 2))
    both = windows((3, 1, 2, 4), (2, 1, 6), told)
    assert list(in_windows(both, WINDOW, (1, 2), {2: EARLIER})) == [3, 1, 2, 4, 6]


def test_explain_names_the_rank_in_the_window_by_which_a_story_came() -> None:
    both = windows((1, 2), (2,), {1: story(2), 2: story(1)})
    reader, starts = profile(topics=(1, 2)), {2: EARLIER}
    assert explain(both, WINDOW, reader, Pick(1, 1), 0, starts).endswith("; rank 1.00 = week 1.00")
    assert explain(both, WINDOW, reader, Pick(2, 1), 0, starts).endswith("; rank 1.00 = day 1.00")


def test_explain_says_where_and_why() -> None:
    told = explain(manifest({1: story(2)}), WINDOW, profile(max_stories=1), Pick(1, 1), 0)
    assert told.startswith("the lead in Energy <new>: told by 1 publisher, not sent before")
    assert "a one-liner" in explain(manifest({1: story(2)}), WINDOW, profile(max_stories=1), Pick(1, 1), 1)


@st.composite
def situations(draw: st.DrawFn) -> tuple[dict[int, FrozenStory], tuple[int, ...], dict[int, tuple[Pick, ...]]]:
    stories = {}
    for number in range(1, draw(st.integers(1, 25)) + 1):
        version = draw(st.integers(1, 4))
        topics = draw(st.sets(st.integers(1, 5), min_size=1, max_size=3))
        updates = draw(st.sets(st.integers(1, 4))) & set(range(1, version))
        stories[number] = FrozenStory(version, tuple(topics), "T", 9, 1, dict.fromkeys(updates, "New"))
    order = tuple(draw(st.permutations(list(stories))))
    sent = draw(st.sets(st.sampled_from(list(stories))))
    memory = {}
    for number in sent:
        picks = [Pick(number, draw(st.integers(1, 4)))]
        if draw(st.booleans()):
            picks.append(Pick(number, 4, picks[0].version))
        memory[number] = tuple(picks)
    return stories, order, memory


@CALM
@given(situations(), st.lists(st.integers(1, 5), unique=True, max_size=5), st.integers(1, 14))
def test_what_always_holds(
    situation: tuple[dict[int, FrozenStory], tuple[int, ...], dict[int, tuple[Pick, ...]]], topics: list[int], cap: int
) -> None:
    stories, order, memory = situation
    reader = profile(topics=tuple(topics), max_stories=cap)
    picks = select(manifest(stories, order), WINDOW, reader, memory)
    ids = [pick.story_id for pick in picks]
    assert len(set(ids)) == len(ids) <= cap + BRIEFS
    possible = {
        number: pick_for(number, stories[number], memory)
        for number in order
        if topic_of(stories[number], topics) is not None and pick_for(number, stories[number], memory)
    }
    assert all(possible.get(pick.story_id) == pick for pick in picks)
    assert len(picks) == min(len(possible), cap + BRIEFS)
    assert not picks or not picks[0].from_version or all(pick and pick.from_version for pick in possible.values())
    for pick in picks:
        assert bool(pick.from_version) == (pick.story_id in memory)
    cards = [topic_of(stories[number], topics) for number in ids[:cap]]
    waiting = {topic_of(stories[number], topics) for number in possible}
    assert len(set(cards)) == min(cap, len(waiting))
