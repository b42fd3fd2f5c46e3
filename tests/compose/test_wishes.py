"""What votes do to one reader's stories: muting takes away, more and less move within bounds and say their share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.content import FrozenStory, Manifest, pack_manifest, unpack_manifest
from digest.compose.select import explain, scores_in, select
from digest.compose.wishes import ALIKE, MOST, muted, shares, shift, told, wished_order
from digest.types import Pick, Vote
from tests.compose.edition import FROZEN_AT, SINCE, SITE, TOPICS, profile

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WINDOW = SINCE.isoformat()
PAPERS = ("Harbour Post", "Die Mole", "Fore Street Review")
WORDS = ("ferry", "fog", "aground", "bread", "prize", "tram")

STORIES = st.builds(
    lambda topics, tellers, terms: FrozenStory(1, topics, "A headline", 30, len(tellers), {}, tellers, terms),
    st.lists(st.sampled_from([1, 2, 3]), min_size=1, unique=True).map(tuple),
    st.lists(st.sampled_from(PAPERS), max_size=3, unique=True).map(tuple),
    st.lists(st.sampled_from(WORDS), max_size=5, unique=True).map(tuple),
)
LIKES = st.builds(
    lambda key, weight, publisher, topics, terms: Vote("like", key, weight, publisher, topics, terms),
    st.integers(1, 30).map(str),
    st.sampled_from([-1, 1]),
    st.sampled_from(["", *(paper.casefold() for paper in PAPERS)]),
    st.lists(st.sampled_from([1, 2, 3]), unique=True).map(tuple),
    st.lists(st.sampled_from(WORDS), unique=True).map(tuple),
)
MUTES = st.one_of(
    st.integers(1, 30).map(lambda number: Vote("story", str(number), -1)),
    st.sampled_from(PAPERS).map(lambda paper: Vote("publisher", paper.casefold(), -1)),
)
VOTES = st.lists(st.one_of(LIKES, MUTES), max_size=8).map(tuple)
EDITIONS = st.lists(STORIES, min_size=1, max_size=25).map(lambda told: dict(enumerate(told, 1)))


def story(*tellers: str, terms: Sequence[str] = (), topics: Sequence[int] = (1,)) -> FrozenStory:
    return FrozenStory(1, tuple(topics), "A headline", 30, len(tellers), {}, tellers, tuple(terms))


def manifest(stories: dict[int, FrozenStory], step: float = 0.01) -> Manifest:
    """An edition whose stories are ranked by number, each `step` below the one before."""
    parts = {number: {"coverage": round(0.9 - step * place, 4)} for place, number in enumerate(stories)}
    order = {WINDOW: tuple(stories)}
    return Manifest("digest", FROZEN_AT, SITE, TOPICS, stories, order, {WINDOW: parts}, {}, {}, {})


def scores_of(edition: Manifest) -> dict[int, float]:
    return scores_in(edition, WINDOW, (1,), {})


def chosen(edition: Manifest, *votes: Vote, **choices: object) -> list[int]:
    return [pick.story_id for pick in select(edition, WINDOW, profile(votes=votes, **choices), {})]


# --- muting -----------------------------------------------------------------------------------------------------------


def test_a_muted_story_does_not_come_not_even_as_an_update() -> None:
    edition = manifest({1: replace(story("A"), version=2, updates={1: "New"}), 2: story("B")})
    mute = Vote("story", "1", -1)
    memory = {1: (Pick(1, 1),)}
    assert {pick.story_id for pick in select(edition, WINDOW, profile(), memory)} == {1, 2}
    assert [pick.story_id for pick in select(edition, WINDOW, profile(votes=(mute,)), memory)] == [2]


def test_a_muted_publishers_own_stories_go_and_the_others_stay() -> None:
    edition = manifest({1: story("Harbour Post"), 2: story("Harbour Post", "Die Mole"), 3: story("Die Mole")})
    mute = Vote("publisher", "harbour post", -1)
    assert chosen(edition, mute) == [2, 3]
    assert chosen(edition, mute, Vote("publisher", "die mole", -1)) == []


def test_a_story_whose_tellers_are_unknown_is_nobodys_to_mute() -> None:
    assert not muted(1, story(), [Vote("publisher", "", -1), Vote("publisher", "harbour post", -1)])


@CALM
@given(stories=EDITIONS, votes=VOTES)
def test_nothing_muted_is_ever_picked_and_nothing_else_is_lost(
    stories: dict[int, FrozenStory], votes: tuple[Vote, ...]
) -> None:
    edition = manifest(stories)
    wanted = {number for number, each in stories.items() if not muted(number, each, votes)}
    order = wished_order(tuple(stories), stories, scores_of(edition), votes)
    assert sorted(order) == sorted(wanted)
    picked = chosen(edition, *votes, max_stories=12)
    assert set(picked) <= wanted
    assert len(picked) == min(len(wanted), 17)


# --- more and less ----------------------------------------------------------------------------------------------------


LIKE = Vote("like", "99", 1, "harbour post", (1,), ("ferry", "fog"))
LESS = replace(LIKE, weight=-1)


def test_more_moves_up_and_less_moves_down() -> None:
    stories = {number: story("Die Mole", terms=("bread",), topics=(2,)) for number in range(1, 9)}
    stories[5] = story("Harbour Post", terms=("ferry", "fog"))
    edition = manifest(stories)
    assert chosen(edition, LIKE, topics=(1, 2))[0] == 5
    assert chosen(edition, LESS, topics=(2, 1))[-1] == 5
    assert wished_order(tuple(stories), stories, scores_of(edition), (LESS,))[-1] == 5


def test_one_vote_does_not_outweigh_a_second_newsroom() -> None:
    full = sum(weight for weight, _ in ALIKE.values())
    assert shift(story("Harbour Post", terms=("ferry", "fog")), [LIKE]) == pytest.approx(full)
    assert full <= 0.25 < MOST


def test_one_word_in_common_is_chance() -> None:
    alone = story("Die Mole", terms=("ferry", "prize"), topics=(3,))
    assert shares(alone, [LIKE]) == []
    both = story("Die Mole", terms=("fog", "ferry", "prize"), topics=(3,))
    (share,) = shares(both, [LIKE])
    assert (share.given, share.words) == (ALIKE["words"][0], ("fog", "ferry"))


def test_an_edition_of_before_votes_is_not_moved_but_muted() -> None:
    stories = {1: story("Die Mole"), 2: story("Harbour Post", terms=("ferry", "fog")), 3: story("Die Mole")}
    edition = replace(manifest(stories), parts={})
    assert chosen(edition, LIKE, Vote("story", "3", -1)) == [1, 2]


@CALM
@given(each=STORIES, votes=VOTES)
def test_all_votes_together_stay_within_bounds_and_add_up(each: FrozenStory, votes: tuple[Vote, ...]) -> None:
    given_ = shares(each, votes)
    assert abs(shift(each, votes)) <= MOST + 1e-9
    assert shift(each, votes) == pytest.approx(sum(share.given for share in given_))
    assert all(share.vote.kind == "like" and share.given for share in given_)
    against = tuple(replace(vote, weight=-vote.weight) for vote in votes)
    assert shift(each, against) == pytest.approx(-shift(each, votes))


@CALM
@given(stories=EDITIONS, votes=VOTES, cap=st.integers(1, 12))
def test_who_asked_for_nothing_sees_the_edition_as_it_is(
    stories: dict[int, FrozenStory], votes: tuple[Vote, ...], cap: int
) -> None:
    edition = manifest(stories)
    assert wished_order(tuple(stories), stories, scores_of(edition), ()) == list(stories)
    likes = [vote for vote in votes if vote.kind == "like"]
    unmoved = tuple(vote for vote in likes if all(not shares(each, [vote]) for each in stories.values()))
    assert chosen(edition, *unmoved, max_stories=cap) == chosen(edition, max_stories=cap)


@CALM
@given(stories=EDITIONS, votes=VOTES)
def test_stories_that_are_moved_alike_keep_their_order(
    stories: dict[int, FrozenStory], votes: tuple[Vote, ...]
) -> None:
    edition = manifest(stories)
    order = wished_order(tuple(stories), stories, scores_of(edition), votes)
    for one, two in pairwise(order):
        if one > two:  # overtaken: only by what was moved further
            assert shift(stories[one], votes) > shift(stories[two], votes)


def test_explain_says_each_share() -> None:
    edition = manifest({1: story("Harbour Post", "Die Mole", terms=("ferry", "fog", "aground"))})
    quiet = Vote("publisher", "die mole", -1)
    said = explain(edition, WINDOW, profile(votes=(LESS, quiet)), Pick(1, 1), 0)
    assert "the reader asked for less like story 99 (the same publisher and topic and words: ferry, fog) -0.25" in said
    assert "the reader muted die mole, but others tell it too" in said
    assert told(edition.stories[1], ()) == ""


def test_a_manifest_keeps_what_votes_need() -> None:
    edition = manifest({1: story("Harbour Post", terms=("ferry",))})
    assert unpack_manifest(pack_manifest(edition)) == edition
