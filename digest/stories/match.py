"""Which topics an article belongs to. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from digest.types import RawArticle


def topics_of(article: RawArticle, fed: Sequence[int]) -> tuple[int, ...]:
    """The ids of the topics that `article` belongs to, ascending: every topic in `fed`, those that its source feeds.

    An article that neither says anything nor leads anywhere belongs nowhere.
    """
    if not article.title and not article.text and not article.url:
        return ()
    return tuple(sorted(set(fed)))
