from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.checks import RANK_WEIGHTS
from digest.stories.match import strength
from digest.stories.matching import compile_rules
from digest.stories.rank import ABOVE, Ranked, facts_of, fit_of, independent, lead_telling, rank
from digest.stories.scorers import IN_ORDER, SCORERS, StoryFacts, Window, coverage, diversity, source
from digest.types import RawArticle
from tests.stories.telling import NOW, telling

FACTS = StoryFacts(1, told_at=(NOW,), first_at=NOW, newest_at=NOW, has_image=False, text_length=0)
WINDOW = Window(NOW - timedelta(days=1), NOW)
LONG = "The ferry Lady Anwen struck a rock in Marlow Sound and sank within forty minutes of leaving the pier. " * 8


def test_coverage_beats_freshness_and_parts_add_up() -> None:
    wide = replace(FACTS, id=2, told_at=(NOW,) * 4, newest_at=NOW - timedelta(hours=20))

    first, second = rank([FACTS, wide], since=NOW - timedelta(days=1), until=NOW)

    assert (first.id, second.id) == (2, 1)
    assert set(first.parts) == SCORERS.keys() | IN_ORDER.keys() == RANK_WEIGHTS.keys()
    assert first.score == pytest.approx(sum(first.parts.values()))
    assert first.parts["coverage"] > first.parts["freshness"] > 0 == first.parts["completeness"]


def test_freshness_is_judged_within_the_window() -> None:
    monday = replace(FACTS, newest_at=NOW - timedelta(days=3))

    (week,) = rank([monday], since=NOW - timedelta(days=6), until=NOW, weights={"freshness": 1.0})
    (day,) = rank([monday], since=NOW - timedelta(days=1), until=NOW, weights={"freshness": 1.0})

    assert week.score == pytest.approx(0.5)
    assert day.score == 0.0


def test_scores_stay_between_zero_and_one() -> None:
    best = StoryFacts(1, (NOW,) * 1000, NOW, NOW + timedelta(days=9), True, 10**6, weight=10.0)
    nothing = StoryFacts(2, (), None, None, False, 0, weight=0.1, fit=0.0, terms=frozenset("ab"), publisher="wren")
    above = replace(nothing, id=3, weight=10.0)

    ranked = rank([nothing, above, best], since=NOW - timedelta(days=1), until=NOW)

    assert [one.id for one in ranked] == [1, 3, 2]
    assert 0.0 < ranked[2].score == ranked[2].parts["diversity"] < 0.1 < ranked[0].score <= 1.0
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


# --- coverage, source, fit --------------------------------------------------------------------------------------------


def test_a_story_that_spreads_fast_is_covered_better_and_a_late_publisher_counts_all_the_same() -> None:
    def spread(hours: float) -> float:
        return coverage(
            replace(FACTS, told_at=(NOW, NOW + timedelta(hours=hours), NOW + timedelta(hours=hours))), WINDOW
        )

    alone = coverage(FACTS, WINDOW)
    assert alone == 0.0
    assert spread(0) == pytest.approx(0.64)
    assert spread(0) > spread(6) > spread(48) > spread(1000) > 0.39


def test_speed_is_that_of_publishers_not_of_copies_or_second_thoughts() -> None:
    first = telling(1, "Ferry sinks", LONG, hours_ago=50, publisher="Quay")
    again = telling(2, "What we know", "Divers found the bell of the wreck at dawn.", hours_ago=49, publisher="quay")
    other = telling(3, "Lady Anwen lost", "Fishermen saw lights at midnight and a raft.", hours_ago=2, publisher="Tern")
    facts = facts_of(1, [other, again, first])
    assert facts.told_at == (first.published_at, other.published_at)


@pytest.mark.parametrize(("weight", "worth"), [(0.1, 0.0), (1.0, 0.5), (10.0, 1.0)])
def test_the_usual_weight_is_in_the_middle(weight: float, worth: float) -> None:
    assert source(replace(FACTS, weight=weight), WINDOW) == pytest.approx(worth)


def test_a_story_weighs_what_its_weightiest_own_text_does() -> None:
    light = replace(telling(1, "Ferry sinks", LONG, hours_ago=5), weight=0.1)
    copied = replace(telling(2, "Ferry sinks", LONG, hours_ago=4), weight=10.0)
    own = replace(telling(3, "Lost", "Fishermen saw lights at midnight and a raft.", hours_ago=3), weight=3.0)
    assert facts_of(1, [light, copied]).weight == 0.1
    assert facts_of(1, [light, copied, own]).weight == 3.0


def test_fit_is_the_share_of_what_belongs_and_less_where_a_rule_finds_only_the_text() -> None:
    matcher = compile_rules({7: "ferry"})
    ours, by_text, foreign = (
        replace(telling(1, "Ferry sinks", "In the sound."), topic_ids=(7, 8)),
        replace(telling(2, "Lost at sea", "The ferry is gone."), topic_ids=(7,)),
        telling(3, "Weather", "Storms ahead."),
    )
    raw = {t.id: RawArticle(guid=t.url, url=t.url, title=t.title, text=t.text) for t in (ours, by_text)}
    fits = {(number, 7): strength(matcher.match(article)[7]) for number, article in raw.items()}
    assert fits == {(1, 7): 1.0, (2, 7): 0.5}
    assert fit_of([ours, by_text, foreign], 7, fits) == pytest.approx(0.5)
    facts = facts_of(1, [ours, by_text, foreign], [7, 8, 9], fits)
    assert facts.fit == pytest.approx(0.5)
    assert facts.topics == {7, 8}
    assert facts_of(1, [ours, by_text, foreign], [8], fits).fit == pytest.approx(1 / 3)
    assert facts_of(1, [foreign], [8]).fit == 0.0


# --- diversity --------------------------------------------------------------------------------------------------------


def story(number: int, terms: str = "", publisher: str = "", topics: tuple[int, ...] = (1,)) -> StoryFacts:
    at = NOW - timedelta(minutes=number)
    return replace(
        FACTS, id=number, newest_at=at, terms=frozenset(terms.split()), publisher=publisher, topics=frozenset(topics)
    )


def ids(stories: list[StoryFacts]) -> list[int]:
    return [one.id for one in rank(stories, since=NOW - timedelta(days=1), until=NOW)]


def test_a_story_that_repeats_the_words_above_it_sinks() -> None:
    assert ids([story(1, "ferry sinks"), story(2, "ferry raised"), story(3, "marrow grown")]) == [1, 3, 2]


def test_a_publisher_that_leads_already_sinks() -> None:
    assert ids([story(1, "a", "quay"), story(2, "b", "quay"), story(3, "c", "tern")]) == [1, 3, 2]


def test_what_stands_above_in_other_topics_is_not_what_a_reader_has_read() -> None:
    assert ids([story(1, "ferry", topics=(1,)), story(2, "ferry", topics=(2,)), story(3, "marrow")]) == [1, 2, 3]


def test_diversity_sinks_a_story_by_no_more_than_its_share() -> None:
    wide = replace(story(2, "ferry", "quay"), told_at=(NOW, NOW))
    assert ids([story(1, "ferry", "quay"), wide, story(3, "marrow", "tern")]) == [2, 3, 1]
    worst = [story(n, "ferry", "quay") for n in range(2, 40)]
    assert 0.0 <= diversity(story(1, "ferry", "quay"), worst) < 0.001
    assert diversity(story(1), worst) == 1.0


terms_in = st.frozensets(st.sampled_from("abcdef"), max_size=4)
facts_in = st.builds(
    StoryFacts,
    id=st.integers(1, 10**6),
    told_at=st.lists(st.integers(0, 9).map(lambda h: NOW + timedelta(hours=h)), max_size=4).map(sorted).map(tuple),
    first_at=st.none(),
    newest_at=st.none() | st.integers(0, 30).map(lambda h: NOW - timedelta(hours=h)),
    has_image=st.booleans(),
    text_length=st.integers(0, 1000),
    weight=st.floats(0.1, 10),
    fit=st.floats(0, 1),
    topics=st.frozensets(st.integers(1, 3), max_size=2),
    terms=terms_in,
    publisher=st.sampled_from(["", "quay", "tern"]),
)
stories_in = st.lists(facts_in, max_size=30, unique_by=lambda facts: facts.id)
weights_in = st.dictionaries(st.sampled_from(sorted(RANK_WEIGHTS)), st.floats(0.01, 100), min_size=1)


def slowly(stories: list[StoryFacts], weights: dict[str, float]) -> list[Ranked]:
    """The same order by looking at everything again for every place."""
    left, ranked = list(stories), list[Ranked]()
    above: dict[int, list[StoryFacts]] = {}
    total = sum(weights.values())
    while left:
        found = []
        for facts in left:
            seen = [other for topic in facts.topics or {0} for other in above.get(topic, [])]
            parts = {
                name: weight
                / total
                * (SCORERS[name](facts, WINDOW) if name in SCORERS else IN_ORDER[name](facts, seen))
                for name, weight in weights.items()
            }
            newest = facts.newest_at.timestamp() if facts.newest_at else 0.0
            found.append((-round(sum(parts.values()), 9), -newest, facts.id, Ranked(facts, sum(parts.values()), parts)))
        best = min(found, key=lambda each: each[:3])[3]
        ranked.append(best)
        left.remove(best.facts)
        for topic in best.facts.topics or {0}:
            room = above.setdefault(topic, [])
            if len(room) < ABOVE:
                room.append(best.facts)
    return ranked


@given(stories_in, weights_in)
@settings(deadline=None)
def test_every_place_goes_to_the_best_that_is_left(stories: list[StoryFacts], weights: dict[str, float]) -> None:
    ranked = rank(stories, since=WINDOW.since, until=WINDOW.until, weights=weights)

    assert [one.id for one in ranked] == [one.id for one in slowly(stories, weights)]
    for one in ranked:
        assert one.parts.keys() == weights.keys()
        assert all(part >= 0 for part in one.parts.values())
        assert one.score == pytest.approx(sum(one.parts.values()))
        assert one.score <= 1.0 + 1e-9


@given(stories_in, st.randoms())
@settings(deadline=None)
def test_the_order_does_not_depend_on_where_stories_come_from(stories: list[StoryFacts], chance: Random) -> None:
    shuffled = list(stories)
    chance.shuffle(shuffled)
    assert ids(stories) == ids(shuffled)


@given(facts_in, st.lists(facts_in, max_size=20))
def test_more_above_never_raises_a_story(facts: StoryFacts, above: list[StoryFacts]) -> None:
    """What `rank` relies on, of every scorer that looks at what stands above."""
    for scorer in IN_ORDER.values():
        told = [scorer(facts, above[:size]) for size in range(len(above) + 1)]
        assert told == sorted(told, reverse=True)
        assert all(-1e-9 <= each <= 1 for each in told)


# --- who leads --------------------------------------------------------------------------------------------------------


def test_an_original_leads_before_a_copy_with_a_picture() -> None:
    original = telling(1, "Ferry sinks off Marlow", LONG, hours_ago=5)
    copy = telling(2, "Ferry sinks off Marlow", LONG, hours_ago=4, image_url="https://news.example/b.jpg")
    assert lead_telling([copy, original]).id == 1
    assert lead_telling([copy, replace(original, rights="title")]).id == 2


def test_what_names_an_agency_is_no_original() -> None:
    wire = replace(telling(1, "Ferry sinks off Marlow", LONG, hours_ago=5), credit="Reuters")
    own = telling(2, "Lost", "Nobody on the pier believed it. " * 30, hours_ago=2)
    assert lead_telling([wire, own]).id == 2
    assert lead_telling([wire, replace(own, credit="AP")]).id == 1


def test_a_weighty_source_leads_and_a_light_one_does_not() -> None:
    first = telling(1, "Ferry sinks off Marlow", LONG, hours_ago=5)
    second = telling(2, "Lost at sea", "Nobody on the pier believed it. " * 30, hours_ago=2)
    assert lead_telling([first, second]).id == 1
    assert lead_telling([first, replace(second, weight=2.0)]).id == 2
    assert lead_telling([replace(first, weight=0.5), second]).id == 2
