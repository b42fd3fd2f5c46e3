"""The golden set: what operators said belongs together or apart, asked of clustering without and with their word.

A file of it has one JSON object a line, as `digest stories golden` prints them: `verdict` (together or apart) and
`articles`, two lists of articles, each with title, text, publisher, language and published_at (ISO 8601 or null). What
else a line has is ignored. `golden.jsonl` is ours: fictional, three languages, chosen to be hard.

All articles of a file are clustered together with the bundled texts, from which words learn how common they are. A
line is agreed with when more than half of its pairs across the two sides are in one story; for `apart`, when no more
than that are.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.report import Figure
from benchmarks.stories_data import bundled
from digest.stories.cluster import NO_CORRECTIONS, Corrections, place
from digest.stories.corrections import Pair, across, star
from digest.stories.terms import language_of
from digest.stories.window import Window
from digest.types import Telling

OURS = Path(__file__).with_name("golden.jsonl")
FIRST = 1_000_000
"""Ids of a file's articles begin here, above those of the background."""


@dataclass(frozen=True, slots=True)
class Line:
    """A correction, its articles by id."""

    together: bool
    one: tuple[int, ...]
    two: tuple[int, ...]

    def agreed(self, stories: Mapping[int, object]) -> bool:
        """Whether these stories say the same."""
        same = sum(stories[one] == stories[two] for one in self.one for two in self.two)
        return (2 * same > len(self.one) * len(self.two)) == self.together


def scored(file: Path, told: str) -> list[Figure]:
    """Agreement of its own accord, which is only told, and when it is given the corrections.

    Raises SystemExit, one line, for a file that cannot be read."""
    lines, tellings = read(file)
    alone = clustered(tellings, NO_CORRECTIONS)
    obeying = clustered(tellings, corrections_of(lines))
    return [
        Figure(f"golden set, {told}, agreed (told only)", _share(lines, alone), ""),
        Figure(f"golden set, {told}, obeyed", _share(lines, obeying), "", 1.0),
    ]


def read(file: Path) -> tuple[list[Line], list[Telling]]:
    """The lines of a file and their articles. What is the same in every word is one article, in however many lines."""
    known: dict[tuple[object, ...], Telling] = {}

    def telling(row: Mapping[str, Any]) -> int:
        at = datetime.fromisoformat(row["published_at"]) if row.get("published_at") else None
        at = at.replace(tzinfo=at.tzinfo or UTC) if at else None
        facts = (str(row["title"]), str(row["text"]), str(row["publisher"]), str(row["language"]))
        new = Telling(FIRST + len(known), *facts, "", news_at=at, published_at=at)
        return known.setdefault((*facts, at), new).id

    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"error: {file} cannot be read: {error}") from None
    lines = []
    for number, row in enumerate(text.splitlines(), 1):
        if row.strip():
            try:
                lines.append(_line(json.loads(row), telling))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise SystemExit(f"error: line {number} of {file} is no line of a golden set: {error}") from None
    if not lines:
        raise SystemExit(f"error: {file} holds no line of a golden set; `digest stories golden` writes them")
    return lines, list(known.values())


def _line(row: Mapping[str, Any], telling: Callable[[Mapping[str, Any]], int]) -> Line:
    if row["verdict"] not in ("together", "apart"):
        raise ValueError(f"its verdict is {row['verdict']!r}")
    one, two = (tuple(dict.fromkeys(telling(each) for each in side)) for side in row["articles"])
    if not one or not two or set(one) & set(two):
        raise ValueError("it needs two sides that share no article")
    return Line(row["verdict"] == "together", one, two)


def corrections_of(lines: Iterable[Line]) -> Corrections:
    """What `digest stories merge` and `split` would have kept; the last word holds."""
    said: dict[Pair, bool] = {}
    for line in lines:
        if line.together:
            said |= dict.fromkeys(star(line.one[0], (*line.one, *line.two)), True)
        else:
            said |= dict.fromkeys(star(line.one[0], line.one), True)
            said |= dict.fromkeys(across(line.one, line.two), False)
    return Corrections(
        frozenset(pair for pair, together in said.items() if together),
        frozenset(pair for pair, together in said.items() if not together),
    )


def clustered(tellings: Sequence[Telling], corrections: Corrections) -> dict[int, tuple[str, int]]:
    """Article -> its story, with the committed constants: the background first, then all articles at once."""
    background: dict[str, list[Telling]] = defaultdict(list)
    for labelled in bundled():
        for one in labelled.tellings:
            background[one.language].append(replace(one, id=1 + len(background[one.language])))
    groups: dict[str, list[Telling]] = defaultdict(list)
    for one in tellings:
        groups[language_of(one.language, one.title, one.text)].append(one)
    stories: dict[int, tuple[str, int]] = {}
    for language, articles in groups.items():
        window = Window(language)
        known = background.get(language, [])
        now = max((each.published_at for each in (*articles, *known) if each.published_at), default=datetime.now(UTC))
        window.add(known, [each.id for each in known], now)
        place(window, articles, now=now, corrections=corrections)
        stories |= {each.id: (language, window.entries[each.id].story) for each in articles}
    return stories


def _share(lines: Sequence[Line], stories: Mapping[int, object]) -> float:
    return sum(line.agreed(stories) for line in lines) / len(lines)
