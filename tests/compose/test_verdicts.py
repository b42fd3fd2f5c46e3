"""Every candidate gets one verdict, and those that are told are what selection chooses, in its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.content import FrozenStory, Manifest
from digest.compose.select import select
from digest.compose.verdicts import TOLD, Judged, Verdict, judge
from digest.types import Pick, Vote
from tests.compose.edition import FROZEN_AT, SINCE, SITE, TOPICS, profile

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""

WINDOW, EARLIER = SINCE.isoformat(), (SINCE - timedelta(days=6)).isoformat()


def story(*topics: int, version: int = 1, updates: Mapping[int, str] | None = None) -> FrozenStory:
    return FrozenStory(version, topics, "A headline", 30, 1, updates or {})


def manifest(stories: Mapping[int, FrozenStory]) -> Manifest:
    return Manifest("digest", FROZEN_AT, SITE, TOPICS, stories, {WINDOW: tuple(stories)}, {}, {}, {}, {})


def verdicts(judged: list[Judged]) -> dict[int, Verdict]:
    return {each.story_id: each.verdict for each in judged}


def test_each_reason_for_which_a_story_stays_out() -> None:
    stories = {1: story(1), 2: story(1), 3: story(3), **{number: story(1) for number in range(4, 12)}}
    judged = judge(manifest(stories), WINDOW, profile(topics=(1, 2), max_stories=2), {2: (Pick(2, 1),)}, {}, None)
    told = verdicts(judged)
    assert (told[1], told[4], told[5], told[11]) == (Verdict.LEAD, Verdict.CARD, Verdict.ONE_LINER, Verdict.CUT)
    assert (told[2], told[3]) == (Verdict.SENT, Verdict.NO_TOPIC)
    assert [each.verdict in TOLD for each in judged] == sorted((each.verdict in TOLD for each in judged), reverse=True)


def test_a_story_of_a_topic_with_another_window_is_outside() -> None:
    both = replace(manifest({1: story(1), 2: story(2)}), orders={EARLIER: (1, 2), WINDOW: (1,)})
    reader = profile(topics=(1, 2))
    assert verdicts(judge(both, EARLIER, reader, {}, {2: WINDOW}, None)) == {1: Verdict.LEAD, 2: Verdict.OUTSIDE}


def test_what_the_reader_muted_stays_out() -> None:
    both = story(1)
    only = replace(story(1), tellers=("Quayside Wire",))
    reader = profile(votes=(Vote("story", "2", -1), Vote("publisher", "quayside wire", -1)))
    judged = judge(manifest({1: both, 2: both, 3: only}), WINDOW, reader, {}, {}, None)
    assert verdicts(judged) == {1: Verdict.LEAD, 2: Verdict.MUTED, 3: Verdict.MUTED}


def test_the_ledger_is_the_truth() -> None:
    stories = {1: story(1), 2: story(1), 3: story(1, version=2, updates={1: "More"})}
    memory = {3: (Pick(3, 1),)}
    told = judge(manifest(stories), WINDOW, profile(), memory, {}, (Pick(2, 1), Pick(3, 2, 1)))
    assert verdicts(told) == {2: Verdict.LEAD, 3: Verdict.CARD, 1: Verdict.HELD}
    assert told[1].pick == Pick(3, 2, 1)
    assert verdicts(judge(manifest(stories), WINDOW, profile(), memory, {}, ())).keys() == {1, 2, 3}


MANIFESTS = st.dictionaries(
    st.integers(1, 40),
    st.builds(
        story,
        st.integers(1, 3),
        version=st.integers(1, 3),
        updates=st.dictionaries(st.integers(1, 2), st.just("New"), max_size=2),
    ),
    max_size=40,
)
MEMORY = st.dictionaries(
    st.integers(1, 40), st.builds(Pick, st.just(0), st.integers(1, 3), st.integers(0, 1)).map(lambda pick: (pick,))
)
TOPIC_SETS = st.lists(st.integers(1, 3), min_size=1, max_size=3, unique=True).map(tuple)


@CALM
@given(MANIFESTS, MEMORY, TOPIC_SETS, st.integers(1, 12), st.booleans())
def test_what_is_told_is_what_is_chosen(
    stories: dict[int, FrozenStory],
    memory: dict[int, tuple[Pick, ...]],
    topics: tuple[int, ...],
    cap: int,
    two_windows: bool,
) -> None:
    edition = manifest(stories)
    starts = {topics[-1]: EARLIER} if two_windows else {}
    if two_windows:
        edition = replace(edition, orders={WINDOW: tuple(stories)[::2], EARLIER: tuple(stories)[::-1]})
    reader = profile(topics=topics, max_stories=cap)
    chosen = select(edition, WINDOW, reader, memory, starts)
    for picks in (None, chosen):
        judged = judge(edition, WINDOW, reader, memory, starts, picks)
        assert tuple(each.pick for each in judged if each.verdict in TOLD) == chosen
        assert len({each.story_id for each in judged}) == len(judged) == len(stories)
        assert Verdict.HELD not in verdicts(judged).values()
        cut = [each for each in judged if each.verdict == Verdict.CUT]
        assert not cut or len(chosen) > cap
