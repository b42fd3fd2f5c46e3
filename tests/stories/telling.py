"""Tellings for tests, gathering after gathering, and how good a clustering is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from digest.stories.cluster import cluster
from digest.types import Telling

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


def gathered(batches: Iterable[Sequence[Telling]], now: datetime = NOW) -> dict[int, int]:
    """Article id -> story, after clustering batch by batch as the service does."""
    known: list[Telling] = []
    stories: dict[int, int] = {}
    for batch in batches:
        for joined in cluster(batch, known, now=now):
            opener = joined.opened_by
            story = joined.story_id if opener is None else 1_000_000 + opener
            assert story is not None
            stories[joined.article_id] = story
        known += [replace(one, story_id=stories[one.id]) for one in batch]
    return stories


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
