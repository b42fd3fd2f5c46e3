"""An edition as one reader may see it: whose telling leads, and what editors pinned and hid."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.content import FrozenStory, Manifest, Variant, pack_manifest, unpack_manifest
from digest.compose.seen import HIDE, PIN, Seer, local_day, pins_of, ruled_told, seen_by
from digest.compose.select import BRIEFS, explain, pick_for, select
from digest.compose.verdicts import TOLD, Verdict, judge
from digest.compose.wishes import led, muted, preferred, quiet, told
from digest.types import Pick, ReaderProfile, Ruling, Vote
from tests.compose.edition import FROZEN_AT, SINCE, SITE, TOPICS, profile

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
WINDOW = SINCE.isoformat()
TODAY = "2026-03-04"
"""Of the reader in Berlin, when the edition is frozen."""
PAPERS = ("Harbour Post", "Die Mole", "Fore Street Review", "Quayside Wire")


def story(*topics: int, tellers: Sequence[str] = ("Harbour Post",), variants: Sequence[str] = ()) -> FrozenStory:
    """A story with variants led by these of its tellers, the best first."""
    return FrozenStory(
        version=1,
        topics=tuple(topics or (1,)),
        title="As usual",
        words=30,
        publishers=len(tellers),
        tellers=tuple(tellers),
        terms=("usual",),
        variants=tuple(
            Variant(
                publisher=name.casefold(),
                article_id=100 + place,
                title=f"As told by {name}",
                words=40,
                tellers=tuple(dict.fromkeys((name, *tellers))),
                terms=("told",),
            )
            for place, name in enumerate(variants)
        ),
    )


def manifest(stories: Mapping[int, FrozenStory], *rulings: Ruling) -> Manifest:
    orders = {WINDOW: tuple(stories)}
    return Manifest("digest", FROZEN_AT, SITE, TOPICS, stories, orders, {}, {}, {}, {}, rulings=rulings)


def chosen(edition: Manifest, reader: ReaderProfile, memory: Mapping[int, tuple[Pick, ...]] | None = None) -> list[int]:
    return [pick.story_id for pick in select(edition, WINDOW, reader, memory or {})]


def verdict_of(edition: Manifest, reader: ReaderProfile, story_id: int) -> Verdict:
    return next(each.verdict for each in judge(edition, WINDOW, reader, {}, {}, None) if each.story_id == story_id)


def prefer(name: str) -> Vote:
    return Vote("publisher", name.casefold(), 1)


def mute(name: str) -> Vote:
    return Vote("publisher", name.casefold(), -1)


# --- who leads --------------------------------------------------------------------------------------------------------

TOLD_BY_ALL = story(tellers=PAPERS, variants=("Die Mole", "Quayside Wire", "Fore Street Review"))


@pytest.mark.parametrize(
    ("votes", "leader"),
    [
        ((), "Harbour Post"),
        ((prefer("Fore Street Review"),), "Fore Street Review"),
        ((prefer("Harbour Post"), prefer("Die Mole")), "Harbour Post"),
        ((prefer("Fore Street Review"), prefer("Die Mole")), "Die Mole"),
        ((mute("Harbour Post"),), "Die Mole"),
        ((mute("Die Mole"),), "Harbour Post"),
        ((mute("Harbour Post"), mute("Die Mole")), "Quayside Wire"),
        ((mute("Harbour Post"), prefer("Fore Street Review")), "Fore Street Review"),
        ((prefer("Nobody here"),), "Harbour Post"),
        ((Vote("like", "1", 1, "die mole"),), "Harbour Post"),
    ],
)
def test_whom_a_reader_sees(votes: tuple[Vote, ...], leader: str) -> None:
    view = seen_by(manifest({1: TOLD_BY_ALL}), profile(votes=votes)).stories[1]
    assert view.tellers[0] == leader
    assert sorted(view.tellers) == sorted(PAPERS), "the others stay"
    assert (view.title == "As usual") == (leader == "Harbour Post") == (view.led_by == 0)


def test_it_says_why_and_only_where_it_was_so() -> None:
    edition = manifest({1: TOLD_BY_ALL})

    def said(*votes: Vote) -> str:
        return explain(edition, WINDOW, profile(votes=votes), Pick(1, 1), 0)

    assert said(prefer("Die Mole")).endswith("; led by Die Mole, which the reader prefers")
    assert said(mute("Harbour Post")).endswith("; shown as told by Die Mole because the reader muted Harbour Post")
    assert said(mute("Die Mole")).endswith("; the reader muted die mole, but others tell it too")
    assert "prefers" not in said(prefer("Harbour Post"))
    variant = seen_by(edition, profile(votes=(prefer("Die Mole"),))).stories[1]
    assert told(variant, (prefer("Die Mole"),), full=False) == "", "an update is led by nobody's wish"


PAPER = st.sampled_from(PAPERS)
PUBLISHER_VOTES = st.dictionaries(PAPER, st.sampled_from([-1, 1])).map(
    lambda found: tuple(Vote("publisher", name.casefold(), weight) for name, weight in found.items())
)
STORIES = st.tuples(
    st.lists(PAPER, min_size=1, unique=True), st.integers(0, 3), st.lists(st.integers(1, 3), min_size=1, unique=True)
).map(lambda t: story(*t[2], tellers=t[0], variants=t[0][1 : 1 + t[1]]))


@CALM
@given(each=STORIES, votes=PUBLISHER_VOTES)
def test_no_muted_telling_while_there_is_another_and_a_preferred_one_where_there_is_one(
    each: FrozenStory, votes: tuple[Vote, ...]
) -> None:
    shown = led(each, votes)
    leader = shown.publisher if shown else each.tellers[0].casefold()
    there = {each.tellers[0].casefold(), *(variant.publisher for variant in each.variants)}
    if there & preferred(votes):
        assert leader in preferred(votes)
    if leader in quiet(votes):
        assert there <= quiet(votes)
    if shown and leader not in preferred(votes):
        assert each.tellers[0].casefold() in quiet(votes)
    assert muted(1, each, votes) == muted(1, seen_by(manifest({1: each}), profile(votes=votes)).stories[1], votes)


# --- what editors ruled -----------------------------------------------------------------------------------------------


def test_what_is_hidden_in_a_topic_may_come_through_another() -> None:
    edition = manifest({1: story(1, 2), 2: story(1), 3: story(2)}, Ruling(1, HIDE, 1), Ruling(2, HIDE, 1))
    assert chosen(edition, profile(topics=(1, 2))) == [1, 3]
    assert chosen(edition, profile(topics=(1,))) == []
    assert seen_by(edition, profile(topics=(1, 2))).stories[1].topics == (2,)
    assert verdict_of(edition, profile(topics=(1,)), 1) is Verdict.HIDDEN
    assert verdict_of(edition, profile(topics=(1, 2)), 2) is Verdict.HIDDEN
    assert verdict_of(edition, profile(topics=(3,)), 2) is Verdict.NO_TOPIC
    assert ruled_told(edition, profile(topics=(1,)), 1) == "hidden by the editor for Harbour & Town"


def test_a_day_is_the_readers_own() -> None:
    late = replace(manifest({1: story(1)}, Ruling(1, HIDE, 0, TODAY)), frozen_at=FROZEN_AT + timedelta(hours=14))
    assert chosen(late, profile(timezone="Europe/Berlin")) == []
    assert chosen(late, profile(timezone="Asia/Tokyo")) == [1], "it is the 5th there already"
    assert local_day(late.frozen_at, "Asia/Tokyo") == "2026-03-05"
    assert ruled_told(late, profile(), 1) == f"hidden by the editor on {TODAY}"
    assert ruled_told(late, profile(timezone="Asia/Tokyo"), 1) == ""


def test_the_first_pinned_leads_and_the_cap_cuts_none_of_them() -> None:
    many = {number: story(1) for number in range(1, 30)} | {30: story(2), 31: story(3)}
    edition = manifest(
        many, Ruling(29, PIN), Ruling(28, PIN, 1, TODAY), Ruling(27, PIN, 2), Ruling(26, PIN, 0, "2026-03-05")
    )
    assert chosen(edition, profile(max_stories=3))[:3] == [29, 28, 30], "then another topic's best"
    assert chosen(edition, profile(max_stories=2))[:2] == [29, 28], "before the best of the other topics"
    assert chosen(edition, profile(max_stories=2, topics=(3,))) == [31], "no pin makes a story anybody's"
    assert explain(edition, WINDOW, profile(), Pick(28, 1), 1).endswith(
        f"; pinned by the editor for Harbour & Town on {TODAY}"
    )


def test_a_pin_is_no_way_around_memory_mutes_and_windows() -> None:
    edition = manifest({1: story(1), 2: story(1)}, Ruling(2, PIN))
    assert chosen(edition, profile()) == [2, 1]
    assert chosen(edition, profile(), {2: (Pick(2, 1),)}) == [1]
    assert chosen(edition, profile(votes=(Vote("story", "2", -1),))) == [1]
    assert chosen(replace(edition, orders={WINDOW: (1,)}), profile()) == [1]


def test_a_pinned_update_leads() -> None:
    grown = replace(story(1), version=2, updates={1: "What is new"})
    memory = {2: (Pick(2, 1),)}
    assert chosen(manifest({1: story(1), 2: grown}), profile(), memory) == [1, 2]
    assert chosen(manifest({1: story(1), 2: grown}, Ruling(2, PIN)), profile(), memory) == [2, 1]


def test_what_is_pinned_and_hidden_in_a_topic_is_hidden_there() -> None:
    edition = manifest({1: story(1), 2: story(1, 2)}, Ruling(2, PIN, 1), Ruling(2, HIDE, 1))
    assert chosen(edition, profile(topics=(1,))) == [1]
    assert chosen(edition, profile(topics=(1, 2))) == [1, 2], "no pin of topic 2"


DAYS = st.sampled_from(["", TODAY, "2026-03-03"])
RULINGS = st.lists(
    st.builds(Ruling, st.integers(1, 25), st.sampled_from([PIN, HIDE]), st.integers(0, 3), DAYS), max_size=12
)
EDITIONS = st.builds(
    lambda stories, rulings: manifest(dict(enumerate(stories, 1)), *rulings),
    st.lists(STORIES, min_size=1, max_size=25),
    RULINGS,
)
READERS = st.builds(
    lambda topics, votes, cap: profile(topics=tuple(topics), votes=votes, max_stories=cap),
    st.lists(st.integers(1, 3), min_size=1, unique=True),
    PUBLISHER_VOTES,
    st.integers(1, 8),
)


@CALM
@given(edition=EDITIONS, reader=READERS, sent=st.sets(st.integers(1, 25)))
def test_what_always_holds(edition: Manifest, reader: ReaderProfile, sent: set[int]) -> None:
    memory = {number: (Pick(number, 1),) for number in sent}
    acting = [each for each in edition.rulings if each.day in ("", TODAY)]
    hidden = {
        (each.story_id, topic)
        for each in acting
        if each.kind == HIDE
        for topic in (1, 2, 3)
        if each.topic_id in (0, topic)
    }
    view = seen_by(edition, reader)
    picked = chosen(edition, reader, memory)
    may = {
        number
        for number, each in edition.stories.items()
        if any(topic in reader.topics and (number, topic) not in hidden for topic in each.topics)
        and not muted(number, each, reader.votes)
        and pick_for(number, each, memory)
    }
    assert set(picked) <= may
    assert len(picked) == min(len(may), reader.max_stories + BRIEFS)
    pins = [number for number in pins_of(view) if number in may]
    assert picked[: len(pins)] == pins[: len(picked)]
    assert seen_by(view, reader) == view, "seen once more it is the same"
    judged = {each.story_id: each.verdict for each in judge(edition, WINDOW, reader, memory, {}, None)}
    assert [number for number, verdict in judged.items() if verdict in TOLD] == picked
    for number, verdict in judged.items():
        mine = [topic for topic in edition.stories[number].topics if topic in reader.topics]
        assert (verdict is Verdict.NO_TOPIC) == (not mine)
        assert (verdict is Verdict.HIDDEN) == bool(mine and all((number, topic) in hidden for topic in mine))
        assert verdict is not Verdict.HIDDEN or "hidden by the editor" in ruled_told(edition, reader, number)


@CALM
@given(edition=EDITIONS, reader=READERS)
def test_it_is_packed_and_unpacked_with_all_of_it(edition: Manifest, reader: ReaderProfile) -> None:
    packed = pack_manifest(edition)
    assert unpack_manifest(packed) == edition
    assert seen_by(unpack_manifest(packed), reader) == seen_by(edition, reader)


def test_an_edition_without_wishes_and_rulings_has_the_bytes_that_it_had_before_there_were_any() -> None:
    plain = json.loads(pack_manifest(manifest({1: story(1), 2: story(1, variants=("Die Mole",))})))
    assert "rulings" not in plain
    told_of = {"version", "topics", "title", "words", "publishers", "updates", "tellers", "terms"}
    assert set(plain["stories"]["1"]) == told_of
    assert set(plain["stories"]["2"]) == told_of | {"variants"}


def test_a_seer_remembers_what_it_made_and_shows_the_edition_itself_to_who_asked_for_nothing() -> None:
    edition = manifest({1: TOLD_BY_ALL})
    seer = Seer(edition, kept=1)
    ada, ben = profile(id=2, votes=(prefer("Die Mole"),)), profile(id=3, votes=(prefer("Quayside Wire"),))
    assert seer.by(profile()) is edition
    assert seer.by(ada) is seer.by(ada)
    leaders = [seer.by(each).stories[1].tellers[0] for each in (ben, ada, ben)]
    assert leaders == ["Quayside Wire", "Die Mole", "Quayside Wire"]
