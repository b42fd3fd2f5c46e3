"""`digest stories`: plain lines, JSON, a terminal of eighty columns, exit codes, and the golden set as a file."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta

import pytest

from digest.store.db import open_database
from tests import parts
from tests.cli.conftest import Digest, on_a_terminal
from tests.service.newsroom import Newsroom


@pytest.fixture
def told(digest: Digest) -> tuple[Digest, int, int, int]:
    """A service with two accidents of ferries and a museum, and the numbers of these stories."""
    room = Newsroom(open_database(os.environ["DATABASE_URL"]), datetime.now(UTC).replace(microsecond=0))
    room.gather(1, 2, 3, 4, 5, 6, 24)
    found = room.stories
    room.engine.dispose()
    return digest, found[1], found[4], found[24]


def test_stories_are_listed(told: tuple[Digest, int, int, int]) -> None:
    digest, ferry, other, museum = told
    first = digest("stories", "list", "--limit", "2")
    assert first.code == 0
    lines = first.out.splitlines()
    assert lines[0].split() == [
        "story", "headline", "articles", "publishers", "topics", "opened", "last", "version", "state", "ruled",
    ]  # fmt: skip
    assert len(lines) == 3
    last = first.err.split()[-1]
    assert first.err.splitlines() == [f"there may be more: --after {last}"]
    (row,) = digest("stories", "list", "--limit", "2", "--after", last, "--json").rows
    shown = {int(line.split()[0]) for line in lines[1:]} | {row["story"]}
    assert shown == {ferry, other, museum}
    (row,) = [each for each in digest("stories", "list", "--topic", "news", "--json").rows if each["story"] == ferry]
    assert (row["articles"], row["publishers"], row["topics"], row["state"]) == (3, 3, ["news"], "open")
    nothing = digest("stories", "list", "--topic", "sport")
    assert (nothing.code, nothing.out) == (0, "")
    assert "--all shows closed and hidden ones" in nothing.err
    assert digest("stories", "list", "--topic", "sport", "--json").rows == []


def test_a_split_and_a_merge_take_each_other_back(told: tuple[Digest, int, int, int]) -> None:
    digest, ferry, other, museum = told
    split = digest("stories", "split", str(ferry), "2", "3")
    assert split.code == 0
    new = int(re.search(r"opened story (\d+); 1 stayed", split.out)[1])  # type: ignore[index]
    digest("stories", "split", str(ferry), "2", "3").fails(f"are story {new} now", code=3)
    (shown,) = digest("stories", "show", str(new), "--json").rows
    assert [each["article"] for each in shown["members"]] == [2, 3]
    assert shown["apart"] == [{"story": ferry, "pairs": 2}]

    merged = digest("stories", "merge", str(ferry), str(new), str(museum))
    assert merged.out == f"stories {new}, {museum} became part of story {ferry}, which has 4 articles now\n"
    digest("stories", "merge", str(ferry), str(new)).fails(f"is part of story {ferry} already", code=3)
    digest("stories", "merge", str(ferry), str(ferry)).fails("cannot be merged with itself")
    digest("stories", "hide", str(new)).fails(f"story {new} became story {ferry}")
    followed = digest("stories", "show", str(new))
    assert followed.err == f"note: story {new} became story {ferry}\n"
    lines = followed.out.splitlines()
    assert lines[0].startswith(f"story {ferry}: ")
    assert f"merged from stories {museum}, {new}" in lines
    assert any(line.endswith("; tied by hand") for line in lines)
    assert any("    joined with 0." in line and "ferry" in line for line in lines)
    assert other not in {row["story"] for row in digest("stories", "show", str(ferry), "--json").rows}


def test_pins_and_hides_and_their_undoing(told: tuple[Digest, int, int, int]) -> None:
    digest, ferry, other, _ = told
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    pinned = digest("stories", "pin", str(ferry), "--topic", "news", "--date", str(tomorrow))
    assert pinned.out == f"story {ferry} stands first on {tomorrow} in news\n"
    assert digest("stories", "hide", str(other)).out == f"story {other} is hidden for good in all topics\n"
    rows = {row["story"]: row["ruled"] for row in digest("stories", "list", "--json").rows}
    assert rows[ferry] == [f"pinned in news on {tomorrow}"]
    assert other not in rows
    assert other in {row["story"] for row in digest("stories", "list", "--all", "--json").rows}
    digest("stories", "pin", str(other)).fails(f"`digest stories unhide {other}` first")
    digest("stories", "hide", str(other)).fails("is hidden there already", code=3)
    digest("stories", "pin", str(ferry), "--date", "tomorrow").fails("write it as 2026-11-25")
    digest("stories", "pin", str(ferry), "--topic", "sport").fails(
        f"no article of story {ferry} belongs to topic sport"
    )
    assert digest("stories", "unhide", str(other)).out == f"story {other} is hidden no longer\n"
    assert digest("stories", "unpin", str(ferry)).out == f"story {ferry} is pinned no longer (1 pin taken back)\n"
    digest("stories", "unpin", str(ferry)).fails("is not pinned", code=3)


def test_the_golden_set_is_printed_and_written(told: tuple[Digest, int, int, int]) -> None:
    digest, ferry, other, _ = told
    assert digest("stories", "golden").out == ""
    digest("stories", "split", str(ferry), "3")
    digest("stories", "merge", str(ferry), str(other))

    lines = [json.loads(line) for line in digest("stories", "golden").out.splitlines()]

    assert [line["verdict"] for line in lines] == ["apart", "together"]
    assert digest("stories", "golden", "--json").rows == lines
    file = digest.folder / "golden.jsonl"
    assert digest("stories", "golden", "--output", str(file)).err == f"2 corrections in {file}\n"
    assert [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] == lines
    digest("stories", "golden", "--output", str(file)).fails("is there already")
    assert digest("stories", "golden", "--output", str(file), "--force").code == 0
    digest("stories", "golden", "--output", str(digest.folder / "no" / "x")).fails("cannot be written")


def test_refusals_are_one_line(told: tuple[Digest, int, int, int]) -> None:
    digest, ferry, other, _ = told
    digest("stories", "show", "99").fails("there is no story 99", "digest stories list")
    digest("stories", "split", str(ferry), "4").fails(f"article 4 is not in story {ferry} but in story {other}")
    digest("stories", "split", str(ferry), "1", "2", "3").fails("these are all articles")
    digest("stories", "list", "--limit", "0").fails("--limit from 1")
    digest("stories", "list", "--topic", "nix").fails("no topic 'nix'")
    digest("stories", "hide", str(2**70)).fails("too large")


def test_a_terminal_of_eighty_columns(told: tuple[Digest, int, int, int]) -> None:
    digest, ferry, *_ = told
    variables = {"PYTHONPATH": str(parts.ROOT), "TERM": "xterm", "COLUMNS": "80"}
    for arguments in (["stories", "list"], ["stories", "show", str(ferry)]):
        code, shown = on_a_terminal(arguments, variables, digest.folder)
        assert code == 0
        lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
        assert max(len(line) for line in lines) <= 80, lines
        assert any("Lady Anwen" in line or "Twelve rescued" in line for line in lines)
        assert len(lines) <= 20  # no column is squeezed until its words stand letter below letter
