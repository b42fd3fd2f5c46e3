"""What operators said of pairs of articles: that they tell one event, or that they do not.

Clustering obeys it (`digest.stories.cluster.Corrections`). A tie outlives the stories that it was about: it goes when
one of its articles goes. Everything runs inside the caller's session: durable when its transaction commits.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Row, or_, select
from sqlmodel import Session, col

from digest.models import Article, Story, StoryTie
from digest.store.stories import QUIET
from subscribers.sql import slices, table, upsert

_tie = table(StoryTie)

Pair = tuple[int, int]
Pairs = frozenset[Pair]


def tie(session: Session, pairs: Iterable[Pair], apart: bool, now: datetime) -> None:
    """Write down what was said of each pair of articles; what was said of it earlier holds no more.

    The two ways round are one pair. All articles must exist. An article is not tied to itself: such pairs are ignored.
    """
    ordered = sorted({(min(pair), max(pair)) for pair in pairs if pair[0] != pair[1]})
    for portion in slices(ordered):
        rows = [{"one": one, "two": two, "apart": apart, "at": now} for one, two in portion]
        upsert(
            session.connection(),
            _tie,
            rows,
            key=("one", "two"),
            changes=lambda new: {"apart": new.apart, "at": new.at},
        )


def ties(session: Session, now: datetime | None = None) -> tuple[Pairs, Pairs]:
    """The pairs that belong together and those that belong apart, each the lower id first.

    With `now`, only those of which an article is in a story that was told in the last 14 days, or is in none yet: that
    is all that clustering can have in its window.
    """
    query = select(_tie.c.one, _tie.c.two, _tie.c.apart)
    if now is not None:
        recent = (
            select(col(Article.id))
            .join(Story, col(Story.id) == col(Article.story_id), isouter=True)
            .where(
                col(Article.id).in_([_tie.c.one, _tie.c.two]),
                or_(col(Article.story_id).is_(None), col(Story.last_at) > now - QUIET),
            )
        )
        query = query.where(recent.exists())
    return _sorted(session.connection().execute(query))


def ties_of(session: Session, articles: Iterable[int]) -> tuple[Pairs, Pairs]:
    """Like `ties`, those of which at least one end is among these articles."""
    found: list[Row[tuple[int, int, bool]]] = []
    for portion in slices(sorted(set(articles))):
        inside = or_(_tie.c.one.in_(portion), _tie.c.two.in_(portion))
        found += session.connection().execute(select(_tie.c.one, _tie.c.two, _tie.c.apart).where(inside))
    return _sorted(found)


def _sorted(rows: Iterable[Row[tuple[int, int, bool]]]) -> tuple[Pairs, Pairs]:
    every = list(rows)
    return (
        frozenset((row.one, row.two) for row in every if not row.apart),
        frozenset((row.one, row.two) for row in every if row.apart),
    )
