"""The golden set: each correction with the words of the articles that it was about, for the benchmark of stories.

Everything runs inside the caller's session: durable when its transaction commits. Lines outlive their articles.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlmodel import Session

from digest.models import GoldenLine
from digest.types import Telling
from subscribers.sql import slices, table

_golden = table(GoldenLine)

MOST = 20
"""Articles of a side that are kept: enough to tell two events apart, and 60 kB a line at most."""
CHARS = 1200
"""Of each text: what clustering looks at (`store.stories.LEAD_CHARS`)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A correction."""

    verdict: str
    """together or apart."""
    at: datetime
    articles: tuple[tuple[dict[str, Any], ...], tuple[dict[str, Any], ...]]
    """Two sides of articles: article (its id), title, text, publisher, language, published_at (ISO 8601 or null)."""


def keep(session: Session, verdict: str, one: Sequence[Telling], two: Sequence[Telling], now: datetime) -> None:
    """Write a correction down with its two sides, of each the first 20 articles.

    The last word holds: a line that says the opposite of two articles on either side is taken away, for the golden set
    would contradict itself.
    """
    sides = [[_words(telling) for telling in side[:MOST]] for side in (one, two)]
    said = _pairs(sides)
    # A person writes one line at a time, and a service has some hundreds of them in a year.
    wrong = [number for number, line in _lines(session) if line.verdict != verdict and _pairs(line.articles) & said]
    for portion in slices(wrong):
        session.connection().execute(delete(_golden).where(_golden.c.id.in_(portion)))
    session.connection().execute(
        insert(_golden).values(verdict=verdict, articles=json.dumps(sides, ensure_ascii=False), at=now)
    )


def lines(session: Session) -> list[Line]:
    """All corrections that hold, the oldest first."""
    return [line for _, line in _lines(session)]


def _lines(session: Session) -> Iterator[tuple[int, Line]]:
    for row in session.connection().execute(select(*_golden.c).order_by(_golden.c.id)):
        one, two = json.loads(row.articles)
        yield row.id, Line(row.verdict, row.at, (tuple(one), tuple(two)))


def _pairs(sides: Sequence[Sequence[dict[str, Any]]]) -> set[frozenset[int]]:
    one, two = ([int(each["article"]) for each in side] for side in sides)
    return {frozenset((a, b)) for a in one for b in two}


def _words(telling: Telling) -> dict[str, Any]:
    return {
        "article": telling.id,
        "title": telling.title,
        "text": telling.text[:CHARS],
        "publisher": telling.publisher,
        "language": telling.language,
        "published_at": telling.published_at.isoformat() if telling.published_at else None,
    }
