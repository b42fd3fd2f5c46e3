"""The benchmark of stories: that it works, and that its yardsticks and scores are right, on inputs of a few lines."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks import baselines, stories, stories_scale
from benchmarks.stories_data import bcubed, halves, headlines, pairs

TITLES = {
    "ferry": [
        "Ferry Lady Anwen sinks in Marlow",
        "Lady Anwen sinks off Marlow",
        "Marlow ferry Lady Anwen strikes rock",
    ],
    "storm": [
        "Storm Agda floods Pellan harbour",
        "Pellan harbour under water after Agda",
        "Agda: Pellan harbour floods",
    ],
    "clock": ["Guildhall clock chimes again", "Clock of the Guildhall repaired", "Guildhall clock back after repair"],
    "tram": ["Tram to Northgate approved by council", "Council approves Northgate tram", "Northgate gets tram line 4"],
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "headlines.csv"
    with path.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(["id", "title", "publisher", "hostname", "category", "published_ms", "story"])
        number = 0
        for story, titles in TITLES.items():
            for title in titles:
                number += 1
                writer.writerow([number, title, f"Paper {number}", "paper.example", "b", 1394470501265 + number, story])
    return path


def test_a_file_is_scored_as_it_is(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runner.main(["stories", "--quick", "--headlines", str(file)])

    out = capsys.readouterr().out
    assert "batch, F1, 12 headlines" in out
    assert '"figure": "incremental F1 to batch F1"' in out


def test_halves_share_no_story_and_are_the_same_for_a_seed(file: Path) -> None:
    whole = headlines(file)

    one, two = halves(whole, 3)

    assert {one.gold[each.id] for each in one.tellings} | {two.gold[each.id] for each in two.tellings} == set(TITLES)
    assert len(one.tellings) == len(two.tellings) == 6
    assert not {each.id for each in one.tellings} & {each.id for each in two.tellings}
    assert halves(whole, 3) == (one, two)


def test_scores_by_hand() -> None:
    assert bcubed("aabb", "xxxy") == pytest.approx((0.75, 2 / 3, 12 / 17))
    assert pairs("aabb", "xxxy") == (2, 1, 3)


def test_the_committed_texts_reach_their_goal() -> None:
    figures = stories.on_texts()

    assert [each.ok for each in figures] == [True] * 4
    assert {each.goal for each in figures} == {0.95, None}


def test_overlapping_titles_hang_together() -> None:
    titles = ["storm floods pellan harbour", "storm floods pellan streets", "guildhall clock", "storm pellan"]

    label = baselines.overlapping_titles(titles)

    assert label[0] == label[1]
    assert len(set(label)) == 3


def test_a_single_pass_joins_what_is_near() -> None:
    label = baselines.single_pass(["storm floods pellan harbour", "pellan harbour flooded by storm", "guildhall clock"])

    assert label == [0, 0, 2]


def test_a_window_is_filled_and_added_to() -> None:
    ratio, memory, *_ = stories_scale.run(True, small=60, large=120)

    assert 0 < ratio.value < 20
    assert memory.value > 0  # of the whole process, which here is that of all tests
