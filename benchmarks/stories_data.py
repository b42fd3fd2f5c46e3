"""Labelled articles: the shared headlines in halves by story, any file of that form, and the bundled texts."""

from __future__ import annotations

import csv
import json
import os
import random
from collections import Counter, defaultdict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from lxml import html

from digest.demo.content import load
from digest.stories.terms import language_of
from digest.types import Telling

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("DIGEST_SHARED") or ROOT.parent / "shared") / "clusters" / "headlines.csv"
MINI = ROOT / "tests" / "stories" / "mini.json"
SPLITS = 20
"""Seeds 0 to 19."""
_MORNING = datetime(2025, 3, 10, 4, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Labelled:
    """Articles, the story that each belongs to, and when it is."""

    tellings: tuple[Telling, ...]
    gold: Mapping[int, Hashable]
    now: datetime

    def of(self, stories: set[Hashable]) -> Labelled:
        """The articles of these stories."""
        kept = tuple(one for one in self.tellings if self.gold[one.id] in stories)
        return Labelled(kept, self.gold, self.now)


def headlines(file: Path) -> Labelled:
    """A CSV with id, title, publisher, published_ms and story. The times are what the file says: no form looks at
    distances below three days."""
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    tellings = []
    for row in rows:
        at = datetime.fromtimestamp(int(row["published_ms"]) / 1000, UTC)
        tellings.append(_telling(int(row["id"]), row["title"], "", row["publisher"], "en", at))
    latest = max((one.published_at for one in tellings if one.published_at), default=_MORNING)
    return Labelled(tuple(tellings), {int(row["id"]): row["story"] for row in rows}, latest)


def halves(whole: Labelled, seed: int) -> tuple[Labelled, Labelled]:
    """The articles of one half of the stories and those of the other."""
    stories = sorted({str(whole.gold[one.id]) for one in whole.tellings})
    chosen: set[Hashable] = set(random.Random(seed).sample(stories, len(stories) // 2))  # noqa: S311 - committed seeds
    return whole.of(chosen), whole.of({story for story in stories if story not in chosen})


def bundled() -> list[Labelled]:
    """The demo's articles and those of tests/stories, by language."""
    articles = load().articles
    demo = [
        _telling(
            number,
            _plain(each.title),
            "\n".join(map(_plain, each.body)),
            each.publisher,
            each.language,
            each.at(_MORNING),
        )
        for number, each in enumerate(articles, 1)
    ]
    gold: dict[int, Hashable] = {number: each.event or number for number, each in enumerate(articles, 1)}
    rows = json.loads(MINI.read_text(encoding="utf-8"))
    mini = [
        _telling(
            number,
            row["title"],
            row["text"],
            row["publisher"],
            row["language"],
            _MORNING + timedelta(hours=row["hour"]),
        )
        for number, row in enumerate(rows, 1)
    ]
    sets = [
        Labelled(tuple(demo), gold, _MORNING + timedelta(days=2)),
        Labelled(
            tuple(mini), {number: row["event"] for number, row in enumerate(rows, 1)}, _MORNING + timedelta(days=2)
        ),
    ]
    return [part for each in sets for part in _by_language(each)]


def _by_language(labelled: Labelled) -> list[Labelled]:
    parts: dict[str, list[Telling]] = defaultdict(list)
    for one in labelled.tellings:
        language = language_of(one.language, one.title, one.text)
        parts[language].append(replace(one, language=language))
    return [Labelled(tuple(parts[language]), labelled.gold, labelled.now) for language in sorted(parts)]


def _telling(id_: int, title: str, text: str, publisher: str, language: str, at: datetime) -> Telling:
    return Telling(id_, title, text, publisher, language, "", news_at=at, published_at=at)


def _plain(markup: str) -> str:
    return " ".join(str(html.fragment_fromstring(markup, create_parent="div").text_content()).split())


# --- scores -----------------------------------------------------------------------------------------------------------


def bcubed(found: Sequence[Hashable], gold: Sequence[Hashable]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 (Bagga, Baldwin, COLING-ACL 1998), over articles."""
    sizes, truth, both = Counter(found), Counter(gold), Counter(zip(found, gold, strict=True))
    precision = sum(n * n / sizes[a] for (a, _), n in both.items()) / len(gold)
    recall = sum(n * n / truth[b] for (_, b), n in both.items()) / len(gold)
    return precision, recall, 2 * precision * recall / (precision + recall)


def pairs(found: Sequence[Hashable], gold: Sequence[Hashable]) -> tuple[int, int, int]:
    """Pairs that were put together, those of them that belong together, and those that belong together at all."""

    def count(labels: Sequence[Hashable]) -> int:
        return sum(n * (n - 1) // 2 for n in Counter(labels).values())

    return count(found), count(list(zip(found, gold, strict=True))), count(gold)
