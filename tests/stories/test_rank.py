from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from digest.stories.rank import SCORERS, StoryFacts, facts_of, independent, lead_telling, rank
from tests.stories.telling import NOW, telling

FACTS = StoryFacts(1, publishers=1, first_at=NOW, newest_at=NOW, has_image=False, text_length=0)
LONG = "The ferry Lady Anwen struck a rock in Marlow Sound and sank within forty minutes of leaving the pier. " * 8


def test_coverage_beats_freshness_and_parts_add_up() -> None:
    wide = replace(FACTS, id=2, publishers=4, newest_at=NOW - timedelta(hours=20))

    first, second = rank([FACTS, wide], since=NOW - timedelta(days=1), until=NOW)

    assert (first.id, second.id) == (2, 1)
    assert set(first.parts) == set(SCORERS)
    assert first.score == pytest.approx(sum(first.parts.values()))
    assert first.parts["coverage"] > first.parts["freshness"] > 0 == first.parts["completeness"]


def test_freshness_is_judged_within_the_window() -> None:
    monday = replace(FACTS, newest_at=NOW - timedelta(days=3))

    (week,) = rank([monday], since=NOW - timedelta(days=6), until=NOW, weights={"freshness": 1.0})
    (day,) = rank([monday], since=NOW - timedelta(days=1), until=NOW, weights={"freshness": 1.0})

    assert week.score == pytest.approx(0.5)
    assert day.score == 0.0


def test_scores_stay_between_zero_and_one() -> None:
    best = StoryFacts(1, 1000, NOW, NOW + timedelta(days=9), True, 10**6)
    nothing = StoryFacts(2, 0, None, None, False, 0)

    ranked = rank([nothing, best], since=NOW - timedelta(days=1), until=NOW)

    assert [one.id for one in ranked] == [1, 2]
    assert 0.0 == ranked[1].score < ranked[0].score <= 1.0
    assert rank([best], since=NOW, until=NOW)[0].parts["freshness"] == 0.0


def test_ties_go_to_the_smaller_id_and_an_unknown_scorer_is_an_error() -> None:
    tied = [replace(FACTS, id=id_) for id_ in (3, 1, 2)]

    assert [one.id for one in rank(tied, since=NOW - timedelta(days=1), until=NOW)] == [1, 2, 3]
    with pytest.raises(KeyError, match="karma"):
        rank(tied, since=NOW, until=NOW, weights={"karma": 1.0})


def test_a_wire_copy_is_no_independent_publisher() -> None:
    original = telling(1, "Ferry sinks", LONG, hours_ago=5)
    copy = telling(2, "Ferry sinks", LONG + "(wire)", hours_ago=4)
    own = telling(3, "Lady Anwen lost", "Fishermen saw lights at midnight and a raft drifting east.", hours_ago=3)

    assert [one.id for one in independent([own, copy, original])] == [1, 3]
    facts = facts_of(7, [own, copy, original])
    assert (facts.id, facts.publishers, facts.first_at, facts.newest_at) == (7, 2, original.news_at, own.news_at)
    assert facts.text_length == len(copy.text)


def test_a_story_of_backlog_has_no_news_times() -> None:
    assert facts_of(1, [replace(telling(1, "Old"), news_at=None)]).newest_at is None


def test_the_lead_is_complete_pictured_original_and_early() -> None:
    short = telling(1, "Ferry sinks", "Short.", hours_ago=9)
    full = telling(2, "Ferry sinks off Marlow", LONG, hours_ago=5, image_url="https://news.example/a.jpg")
    copy = telling(3, "Ferry sinks off Marlow", LONG, hours_ago=4, image_url="https://news.example/b.jpg")
    later = telling(
        4, "Lost at sea", "Nobody on the pier believed it. " * 30, hours_ago=2, image_url="https://n.example/c"
    )

    assert lead_telling([later, copy, full, short]).id == 2
    assert lead_telling([short, full, later, copy]).id == 2
    assert lead_telling([short]).id == 1
    with pytest.raises(ValueError, match="no lead"):
        lead_telling([])


def test_a_briefing_does_not_lead() -> None:
    briefing = telling(1, "Morning briefing", LONG, hours_ago=9, image_url="https://news.example/a.jpg")
    report = telling(2, "Ferry sinks off Marlow", "Short.", hours_ago=5)

    assert lead_telling([briefing, report]).id == 2
