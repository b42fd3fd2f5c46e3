"""Tellings for tests, gathering after gathering, and how good a clustering is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from digest.stories.cluster import NO_CORRECTIONS, Corrections, place
from digest.stories.terms import language_of
from digest.stories.window import Window
from digest.types import Placed, Telling

NOW = datetime(2025, 3, 10, 12, tzinfo=UTC)


def telling(
    id_: int,
    title: str,
    text: str = "",
    *,
    publisher: str = "",
    language: str = "en",
    hours_ago: float = 1,
    image_url: str = "",
    story_id: int | None = None,
) -> Telling:
    """An article that became news `hours_ago` before NOW; each has a publisher of its own unless told otherwise."""
    at = NOW - timedelta(hours=hours_ago)
    return Telling(
        id=id_,
        title=title,
        text=text,
        publisher=publisher or f"Paper {id_}",
        language=language,
        url=f"https://news.example/{id_}",
        image_url=image_url,
        news_at=at,
        published_at=at,
        story_id=story_id,
    )


class Newsroom:
    """Places as the service does, a window for each language: what opens a story gets a number at once."""

    def __init__(self) -> None:
        self.windows: dict[str, Window] = {}
        self._last = 0

    def gather(
        self, batch: Sequence[Telling], corrections: Corrections = NO_CORRECTIONS, now: datetime = NOW
    ) -> list[Placed]:
        """What each language's window made of it, in the order of the languages."""
        groups: dict[str, list[Telling]] = defaultdict(list)
        for one in batch:
            groups[language_of(one.language, one.title, one.text)].append(one)
        made = []
        for language, group in sorted(groups.items()):
            window = self.windows.setdefault(language, Window(language))
            made.append(place(window, group, now=now, corrections=corrections))
            for opened in sorted((story for story in window.members if story < 0), reverse=True):
                self._last += 1
                window.rename(opened, self._last)
        return made

    @property
    def stories(self) -> dict[int, int]:
        """Article -> story."""
        return {article: entry.story for each in self.windows.values() for article, entry in each.entries.items()}


def gathered(batches: Iterable[Sequence[Telling]], now: datetime = NOW) -> dict[int, int]:
    """Article -> story, after gathering batch by batch."""
    room = Newsroom()
    for batch in batches:
        room.gather(batch, now=now)
    return room.stories


def pairwise(stories: Mapping[int, int], gold: Mapping[int, Hashable]) -> tuple[float, float, list[tuple[int, int]]]:
    """Precision and recall over pairs of articles, and the pairs that were wrongly put together."""
    right, wrong, missed = 0, [], 0
    ids = sorted(gold)
    for i, one in enumerate(ids):
        for two in ids[:i]:
            together, belong = stories[one] == stories[two], gold[one] == gold[two]
            right += together and belong
            missed += belong and not together
            if together and not belong:
                wrong.append((two, one))
    return right / (right + len(wrong) or 1), right / (right + missed or 1), wrong


def bcubed(found: Sequence[Hashable], gold: Sequence[Hashable]) -> tuple[float, float, float]:
    """B-cubed precision, recall and F1 (Bagga, Baldwin 1998)."""
    sizes, truth, both = Counter(found), Counter(gold), Counter(zip(found, gold, strict=True))
    precision = sum(n * n / sizes[a] for (a, _), n in both.items()) / len(gold)
    recall = sum(n * n / truth[b] for (_, b), n in both.items()) / len(gold)
    return precision, recall, 2 * precision * recall / (precision + recall)
