"""A mail ends before Gmail hides its end, and what has no room is not said to have been told."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.content import FrozenStory, pack_manifest, unpack_manifest
from digest.compose.room import CHROME, HOLE, WHOLE, fitting, sizes_of
from digest.compose.select import select, wanted
from digest.compose.verdicts import Verdict, judge
from digest.service.specimens import DIGESTS
from digest.types import Pick
from tests.compose.bench import bench, built
from tests.compose.edition import profile
from tests.compose.test_verdicts import WINDOW, manifest, story, verdicts

ROOM = WHOLE - CHROME


def sized(size: int, brief: int = 300) -> FrozenStory:
    return replace(story(1), size=size, brief_size=brief)


def picked(stories: dict[int, FrozenStory], cards: int) -> list[int]:
    return [pick.story_id for pick in fitting(stories, [Pick(number, 1) for number in stories], cards)]


def test_the_last_are_cut_and_what_is_shorter_still_comes() -> None:
    assert picked({1: sized(3000), 2: sized(3000)}, 12) == [1, 2]
    assert picked({number: sized(ROOM // 3) for number in range(1, 6)}, 12) == [1, 2, 3]
    assert picked({1: sized(ROOM + 1, ROOM + 1), 2: sized(3000), 3: sized(3000)}, 12) == [2, 3]
    assert picked({1: sized(ROOM)}, 12) == [1]
    assert picked({1: sized(ROOM + 1)}, 12) == []


def test_a_story_is_measured_in_the_form_in_which_it_comes() -> None:
    assert picked({1: sized(ROOM - 400), 2: sized(3000, 300)}, 1) == [1, 2]
    # The first card has no room, so the second story takes its place and is told in full.
    assert picked({1: sized(ROOM + 1), 2: sized(ROOM - 100, 1), 3: sized(1, 200)}, 1) == [2]


@given(st.lists(st.tuples(st.integers(0, 90_000), st.integers(0, 9_000)), max_size=20), st.integers(0, 20))
def test_what_is_kept_fits_and_keeps_its_order(sizes: list[tuple[int, int]], cards: int) -> None:
    stories = {number: sized(*size) for number, size in enumerate(sizes)}
    kept = picked(stories, cards)
    assert kept == sorted(kept)
    total = sum(
        stories[number].size if place < cards else stories[number].brief_size for place, number in enumerate(kept)
    )
    assert total <= ROOM


def test_what_has_no_room_is_no_pick_and_explained_as_that() -> None:
    edition = manifest({1: sized(2000), 2: sized(ROOM), 3: sized(2000)})
    reader = profile()
    assert [pick.story_id for pick in wanted(edition, WINDOW, reader, {}, {})] == [1, 2, 3]
    assert [pick.story_id for pick in select(edition, WINDOW, reader, {})] == [1, 3]
    judged = judge(edition, WINDOW, reader, {}, {}, None)
    assert verdicts(judged) == {1: Verdict.LEAD, 3: Verdict.CARD, 2: Verdict.LONG}
    assert verdicts(judge(edition, WINDOW, reader, {}, {}, (Pick(1, 1),)))[2] == Verdict.LONG


def test_sizes_are_frozen_and_older_editions_have_none() -> None:
    edition = manifest({1: sized(2000, 300)})
    packed = pack_manifest(edition)
    assert unpack_manifest(packed).stories[1] == edition.stories[1]
    older = packed.replace(b'"size":2000,', b"").replace(b'"brief_size":300,', b"")
    assert older != packed
    assert (unpack_manifest(older).stories[1].size, unpack_manifest(older).stories[1].brief_size) == (0, 0)


def test_sizes_are_those_of_the_largest_block() -> None:
    html = {
        "lead/en/7/2/0": ("ab", "time:1", "c"),
        "card/ar/7/2/0": ("عربي",),
        "lead/en/7/2/1": ("x",),
        "brief/en/7/2/0": ("ab",),
        "masthead/en": ("long" * 100,),
        "section/en/3": ("long" * 100,),
    }
    assert sizes_of(html, ("lead", "card")) == {7: 3 + HOLE}
    assert sizes_of(html, ("brief",)) == {7: 2}


@pytest.mark.parametrize("language", ["en", "de", "ar"])
@pytest.mark.parametrize("mail", ["largest", "welcome"])
def test_what_is_no_story_stays_within_what_is_kept_for_it(mail: str, language: str) -> None:
    frozen, _ = DIGESTS[mail](bench(), language)
    sent = built(mail, language).html
    cards, briefs = sizes_of(frozen.html, ("lead", "card")), sizes_of(frozen.html, ("brief",))
    told = min(len(cards), 12)
    stories = sum(list(cards.values())[:told]) + sum(list(briefs.values())[told:])
    sections = sent.count('<h2 class="section"')
    assert len(sent.encode()) - stories + 700 * (17 - sections) < CHROME
