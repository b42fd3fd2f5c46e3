"""The golden set as the benchmark scores it: our own, small ones by hand, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import __main__ as runner
from benchmarks.stories_golden import OURS, Line, corrections_of, read, scored

FERRY = "Twelve people were pulled from the sea after the ferry Lady Anwen struck a rock in Marlow Sound on Monday."
CLOCKS = "Two hundred clocks struck noon when the museum opened its doors again after four years of work."


def article(title: str, text: str, **other: object) -> dict[str, object]:
    told = {"title": title, "text": text, "publisher": title[:5], "language": "en", "published_at": None}
    return told | other


def written(path: Path, *rows: object) -> Path:
    file = path / "golden.jsonl"
    file.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), encoding="utf-8")
    return file


def test_our_own_has_three_languages_and_both_verdicts_and_is_obeyed() -> None:
    lines, tellings = read(OURS)
    assert len(lines) >= 24
    assert {one.language for one in tellings} == {"en", "de", "ar"}
    assert {line.together for line in lines} == {True, False}

    agreed, obeyed = scored(OURS, "ours")

    assert (agreed.goal, obeyed.goal) == (None, 1.0)
    assert obeyed.value == 1.0


def test_the_verdict_of_most_pairs_counts() -> None:
    stories = {1: "a", 2: "a", 3: "a", 4: "b"}
    assert Line(True, (1, 2), (3,)).agreed(stories)
    assert not Line(True, (1,), (3, 4)).agreed(stories)
    assert Line(False, (1,), (3, 4)).agreed(stories)
    assert not Line(False, (1,), (3,)).agreed(stories)


def test_a_file_is_scored_without_and_with_what_it_says(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first line is plainly wrong and the second plainly right: half is agreed with, all is obeyed."""
    ferry, sinks = (
        article("Ferry Lady Anwen sinks", FERRY),
        article("Lady Anwen, a ferry, sinks in Marlow Sound", FERRY),
    )
    clocks = article("Museum of clocks reopens", CLOCKS, published_at="2026-03-04T06:00:00")
    file = written(
        tmp_path,
        {"verdict": "apart", "articles": [[ferry], [sinks]]},
        "",
        {"verdict": "apart", "articles": [[ferry], [clocks]], "case": "ignored"},
    )

    assert runner.main(["stories", "--golden", str(file)]) == 0

    told = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    assert [figure["value"] for figure in told] == [0.5, 1.0]


def test_what_is_the_same_in_every_word_is_one_article_and_the_last_word_holds(tmp_path: Path) -> None:
    ferry, clocks = article("Ferry", FERRY), article("Clocks", CLOCKS)
    file = written(
        tmp_path,
        {"verdict": "together", "articles": [[ferry], [clocks]]},
        {"verdict": "apart", "articles": [[clocks], [ferry]]},
    )
    lines, tellings = read(file)
    assert len(tellings) == 2
    said = corrections_of(lines)
    assert (said.together, len(said.apart)) == (frozenset(), 1)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("{", "line 1 of"),
        ({"verdict": "perhaps", "articles": [[], []]}, "its verdict is 'perhaps'"),
        ({"verdict": "apart", "articles": [[article("a", "")], []]}, "two sides that share no article"),
        ({"verdict": "apart", "articles": [[article("a", "")], [article("a", "")]]}, "two sides that share no"),
        ({"verdict": "apart", "articles": [[{"title": "a"}], [{}]]}, "'text'"),
        ([], "line 1 of"),
        ("", "holds no line of a golden set"),
    ],
)
def test_what_is_no_golden_set_is_refused_in_one_line(tmp_path: Path, row: object, told: str) -> None:
    with pytest.raises(SystemExit, match=told) as refused:
        read(written(tmp_path, row))
    assert len(str(refused.value).splitlines()) == 1


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.jsonl cannot be read"):
        read(tmp_path / "nowhere.jsonl")
