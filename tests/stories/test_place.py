"""The incremental form: gathering after gathering into a window that is kept."""

from __future__ import annotations

import csv
import json
import random
import time
from collections.abc import Iterable, Sequence
from itertools import pairwise as neighbours
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.stories.cluster import NO_CORRECTIONS, Corrections, place
from digest.stories.window import Window
from digest.types import Nearest, Placed, Telling
from tests.stories.telling import NOW, bcubed, pairwise, telling

FERRY = "Twelve people were pulled from the sea after the ferry Lady Anwen struck a rock in Marlow Sound on Monday."
CREW = "The captain of the Lady Anwen told Marlow harbour police that fog hid the rock which the ferry struck."
STORM = "Six boats sank in Pellan when a surge went over the harbour wall, and two streets stood under water."


class Desk:
    """Places as the service does: what opens a story gets a number at once."""

    def __init__(self) -> None:
        self.window = Window("en")
        self._last = 0

    def gather(self, *new: Telling, corrections: Corrections = NO_CORRECTIONS) -> Placed:
        placed = place(self.window, new, now=NOW, corrections=corrections)
        for opened in sorted((story for story in self.window.members if story < 0), reverse=True):
            self._last += 1
            self.window.rename(opened, self._last)
        return placed

    @property
    def stories(self) -> dict[int, int]:
        return {article: entry.story for article, entry in self.window.entries.items()}


def english() -> tuple[list[Telling], dict[int, str]]:
    rows = json.loads(Path(__file__).with_name("mini.json").read_text(encoding="utf-8"))
    kept = [(i, row) for i, row in enumerate(rows, 1) if row["language"] == "en"]
    tellings = [
        telling(i, row["title"], row["text"], publisher=row["publisher"], hours_ago=40 - row["hour"]) for i, row in kept
    ]
    return tellings, {i: row["event"] for i, row in kept}


def test_a_later_article_joins_and_says_why() -> None:
    desk = Desk()
    desk.gather(telling(1, "Ferry Lady Anwen sinks in Marlow Sound", FERRY))

    placed = desk.gather(telling(2, "Marlow Sound: all safe after Lady Anwen hits rock", CREW))

    (joined,) = placed.joined
    assert (joined.story_id, joined.opened_by) == (1, None)
    assert joined.score > 0.2
    assert {"anwen", "marlow"} <= set(joined.terms)
    assert not placed.moved
    assert not placed.merged


def test_two_open_stories_become_one_when_a_bridge_arrives_and_the_older_number_stays() -> None:
    """Two ways to tell one event that share too little; the third has the words of both."""
    desk = Desk()
    desk.gather(telling(1, "Ferry sinks in Marlow Sound: Lady Anwen strikes rock"))
    desk.gather(telling(2, "Captain Ida Solberg questioned by coastguard over fog"))
    assert len(set(desk.stories.values())) == 2

    placed = desk.gather(
        telling(3, "Captain Ida Solberg questioned after ferry Lady Anwen strikes rock in Marlow Sound")
    )

    assert placed.merged == {2: 1}
    assert set(desk.stories.values()) == {1}
    assert not placed.moved


def test_an_article_that_tells_two_events_joins_one_of_them() -> None:
    desk = Desk()
    tellings, gold = english()
    events = {"ferry-marlow", "storm-pellan"}
    for one in tellings:
        if gold[one.id] in events:
            desk.gather(one)
    before = desk.stories

    placed = desk.gather(telling(999, "A week at sea: Lady Anwen in Marlow Sound, the surge in Pellan", FERRY + STORM))

    assert not placed.merged
    assert {article: story for article, story in desk.stories.items() if article != 999} == before


@given(st.randoms(use_true_random=False), st.integers(min_value=1, max_value=9))
@settings(deadline=None, max_examples=15)
def test_the_order_of_arrival_matters_little(order: random.Random, size: int) -> None:
    tellings, gold = english()
    order.shuffle(tellings)
    desk = Desk()
    for at in range(0, len(tellings), size):
        desk.gather(*tellings[at : at + size])

    precision, recall, wrong = pairwise(desk.stories, gold)

    assert (precision, wrong) == (1.0, [])
    assert recall >= 0.85


@given(st.randoms(use_true_random=False), st.integers(min_value=1, max_value=9))
@settings(deadline=None, max_examples=15)
def test_corrections_are_obeyed_in_any_order(order: random.Random, size: int) -> None:
    tellings, gold = english()
    events: dict[str, list[int]] = {}
    for article, event in gold.items():
        events.setdefault(event, []).append(article)
    first, second = [members for members in events.values() if len(members) > 2][:2]
    said = Corrections(frozenset({(first[0], second[0])}), frozenset({(first[1], first[0]), (second[1], second[0])}))
    order.shuffle(tellings)
    desk = Desk()
    for at in range(0, len(tellings), size):
        desk.gather(*tellings[at : at + size], corrections=said)

    stories = desk.stories

    assert stories[first[0]] == stories[second[0]]
    assert stories[first[1]] != stories[first[0]]
    assert stories[second[1]] != stories[second[0]]


def test_copies_are_told_and_stay_with_their_original() -> None:
    desk = Desk()
    desk.gather(telling(1, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=5))

    placed = desk.gather(
        telling(2, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=3),
        telling(3, "Marlow Sound: all safe after Lady Anwen hits rock", CREW, hours_ago=2),
    )

    assert placed.copies == {2: 1}
    assert set(desk.stories.values()) == {1}
    assert placed.joined[0].score == 1.0


def test_a_copy_that_somebody_says_is_none_stands_alone() -> None:
    desk = Desk()
    same = "Ferry Lady Anwen sinks in Marlow Sound"
    desk.gather(telling(1, same), telling(2, same), corrections=Corrections(apart=frozenset({(2, 1)})))

    assert desk.stories[1] != desk.stories[2]


def test_the_same_thread_but_another_event_is_related_and_not_merged() -> None:
    desk = Desk()
    placed = desk.gather(
        telling(1, "Ferry Lady Anwen sinks in Marlow Sound, twelve rescued"),
        telling(2, "Ferry Lady Anwen sinks off Marlow Sound: all twelve rescued"),
        telling(3, "Lighthouse of Marlow Sound gets new lamp before winter"),
    )

    assert desk.stories[1] == desk.stories[2] != desk.stories[3]
    assert [story for story, _ in placed.related[-3]] == [-1]


def test_a_window_that_was_restored_places_as_the_one_it_came_from() -> None:
    """Each article's nearest are kept once, when it comes; what came near it later is known all the same."""
    tellings, _ = english()
    old, new = tellings[: len(tellings) // 2], tellings[len(tellings) // 2 :]
    desk, again = Desk(), Desk()
    kept: dict[int, Nearest] = {}
    for at in range(0, len(old), 3):
        desk.gather(*old[at : at + 3])
        kept |= {one.id: desk.window.nearest(one.id) for one in old[at : at + 3]}
    for one in old:
        again.window.restore(one, desk.stories[one.id], kept[one.id], NOW)

    assert again.stories == desk.stories
    assert again.window.entries.keys() == desk.window.entries.keys()
    for article in desk.stories:
        assert dict(again.window.links(article)) == pytest.approx(dict(desk.window.links(article)), abs=1e-4)
    assert place(again.window, new, now=NOW).joined == place(desk.window, new, now=NOW).joined


def test_a_window_is_worn_when_more_has_gone_than_is_there() -> None:
    desk = Desk()
    desk.gather(*(telling(i, f"Item {i}") for i in range(1, 1003)))
    desk.window.keep({desk.stories[1]})

    assert len(desk.stories) == 1
    assert desk.window.worn


def test_a_copy_whose_original_was_not_restored_is_an_original() -> None:
    desk, again = Desk(), Desk()
    same = "Ferry Lady Anwen sinks in Marlow Sound"
    one, copy = telling(1, same, FERRY, hours_ago=5), telling(2, same, FERRY, hours_ago=4)
    desk.gather(one, copy)
    assert desk.window.nearest(2).original == 1
    again.window.restore(copy, 1, desk.window.nearest(2), NOW)

    again.gather(telling(3, "Marlow Sound: all safe after Lady Anwen hits rock", CREW))

    assert set(again.stories.values()) == {1}


def test_a_story_is_forgotten_as_a_whole_and_an_original_leaves_its_place_to_a_copy() -> None:
    desk = Desk()
    desk.gather(telling(1, "Museum of clocks reopens after ten years", hours_ago=200))
    desk.gather(
        telling(2, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=60),
        telling(3, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, hours_ago=2),
    )

    desk.window.keep({2})
    assert set(desk.stories) == {2, 3}
    desk.window.remove(2)
    desk.window.remove(2)  # nothing happens any more
    placed = desk.gather(telling(4, "Marlow Sound: all safe after Lady Anwen hits rock", CREW))

    assert desk.stories[4] == desk.stories[3]
    assert placed.joined[0].score > 0.2


def test_stories_without_numbers_are_a_mistake_of_the_caller() -> None:
    window = Window("en")
    place(window, [telling(1, "Ferry Lady Anwen sinks in Marlow Sound")], now=NOW)

    with pytest.raises(ValueError, match="rename them first"):
        place(window, [telling(2, "Lady Anwen sinks in Marlow Sound, ferry lost")], now=NOW)


def test_an_article_that_is_there_already_is_told_where_it_is() -> None:
    desk = Desk()
    one = telling(1, "Ferry Lady Anwen sinks in Marlow Sound")
    desk.gather(one)

    assert desk.gather(one).joined[0].story_id == 1
    assert len(desk.stories) == 1


@pytest.mark.shared
def test_real_headlines_in_random_gatherings(shared: Path) -> None:
    """Titles alone, 43 broad stories, fifty at a time. Measured: see `python -m benchmarks stories`."""
    with (shared / "clusters" / "headlines.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    arrived = random.Random(3).sample(rows, len(rows))  # noqa: S311 - an order, not a secret
    desk = Desk()
    for at in range(0, len(arrived), 50):
        desk.gather(
            *(telling(int(row["id"]), row["title"], publisher=row["publisher"]) for row in arrived[at : at + 50])
        )

    precision, recall, f1 = bcubed([desk.stories[int(row["id"])] for row in rows], [row["story"] for row in rows])

    assert precision >= 0.80
    assert recall >= 0.80
    assert f1 >= 0.82


# --- bad input --------------------------------------------------------------------------------------------------------


def timed(batches: Iterable[Sequence[Telling]], seconds: float) -> dict[int, int]:
    started = time.monotonic()
    desk = Desk()
    for batch in batches:
        desk.gather(*batch)
    assert time.monotonic() - started < seconds
    return desk.stories


def test_five_hundred_copies_by_one_publisher_arrive_in_portions() -> None:
    copies = [telling(i, "Ferry Lady Anwen sinks in Marlow Sound", FERRY, publisher="Wire") for i in range(1, 501)]
    others = [
        telling(600 + i, title, text)
        for i, (title, text) in enumerate([("All safe after Lady Anwen hits rock", CREW), ("Surge sinks boats", STORM)])
    ]

    stories = timed([copies[:200], others, copies[200:]], 20)

    assert len({stories[one.id] for one in copies}) == 1
    assert stories[600] == stories[1] != stories[601]


@pytest.mark.parametrize(
    "titles",
    [
        [""] * 60,
        ["🌞🌊"] * 60,
        ["Morning briefing"] * 60,
        ["ferry rock marlow " * 600] * 20,
        ["LIVE BLOG: the day in Marlow"] * 60,
        ["Photo gallery"] * 60,
        ["مرحبا hello 日本 привет"] * 40,
        ["\x00\ufeff\u202e"] * 40,
    ],
    ids=["empty", "emoji", "briefing", "ten kB", "live", "gallery", "mixed", "invisible"],
)
def test_odd_titles_take_bounded_time_and_raise_nothing(titles: list[str]) -> None:
    tellings = [
        telling(i, title, f"Item {i}: {word} {word}s {word}ing", publisher="Post", hours_ago=100 - i)
        for i, (title, word) in enumerate(zip(titles, "abcdefghij" * 6, strict=False), 1)
    ]

    stories = timed([tellings[:10], tellings[10:]], 20)

    assert len(stories) == len(tellings)


def test_capitals_do_not_matter() -> None:
    desk = Desk()
    desk.gather(telling(1, "Ferry Lady Anwen sinks in Marlow Sound"))
    desk.gather(telling(2, "LADY ANWEN FERRY SINKS OFF MARLOW"))

    assert len(set(desk.stories.values())) == 1


def test_a_chain_of_headlines_is_no_story_of_sixty() -> None:
    """Each shares three words with the one before it and none with the others."""
    words = ["".join(pair) for pair in neighbours("bacodefiguhajokaleminoparisatuvawexiyozubrdalafengorohulum" * 4)]
    titles = [" ".join(f"{word}{i}x" for i, word in enumerate(words[at : at + 6], at)) for at in range(0, 200, 3)]

    stories = timed([[telling(i, title) for i, title in enumerate(titles, 1)]], 20)

    sizes = [list(stories.values()).count(story) for story in set(stories.values())]
    assert len(titles) > 60
    assert max(sizes) <= 8
