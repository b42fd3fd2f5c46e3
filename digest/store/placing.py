"""Stories change: articles join them, move between them, and two become one.

Everything runs inside the caller's transaction, which begins with `windows.clustering_alone`: nothing is durable until
it commits. Statements are Core and bulk; all datetimes are aware UTC.

A story that gains articles grows by one version per call, however many and in whatever way, and they bear that
version. Where an article was before is kept (`StoryLeft`), so that what an edition told can be explained later.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, bindparam, delete, insert, literal, or_, select, update
from sqlmodel import Session

from digest.models import Article, EditionStory, Story, StoryLeft, StoryMerge, StoryRelated, StoryRuling
from digest.store.db import database_time
from digest.store.windows import next_round
from digest.types import Joined, Placed
from subscribers.sql import insert_new, slices, table, upsert

_article, _story, _told = table(Article), table(Story), table(EditionStory)
_merge, _related, _ruling, _left = table(StoryMerge), table(StoryRelated), table(StoryRuling), table(StoryLeft)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a change came to."""

    placed: int
    """Articles that got a story for the first time."""
    opened: Mapping[int, int]
    """The article that opened a story -> the story's number."""
    round: int
    """The number of this change (`windows.round_of`)."""


def change(session: Session, placed: Placed, now: datetime) -> Changed:
    """Write down what clustering or an operator decided.

    A story that becomes another gives it all its articles and what was ruled about it; of what it was, its row remains.
    Articles that are no more are left out, and so is an article of `joined` that has a story by now. Every other
    process's windows are old from here on.
    """
    rows = _rows(session, [each.article_id for each in (*placed.joined, *placed.moved)])
    fresh = [each for each in placed.joined if each.article_id in rows and rows[each.article_id].story_id is None]
    moved = [each for each in placed.moved if each.article_id in rows and rows[each.article_id].story_id is not None]
    opened = _open(session, [*fresh, *moved], rows, now)
    going = {each.article_id: (each, _target(each, opened)) for each in (*fresh, *moved)}
    gains: dict[int, list[datetime]] = defaultdict(list)
    for article, (_, story) in going.items():
        gains[story].append(_time(rows[article], now))
    versions = _grow(session, gains, placed.merged, set(opened.values()))
    _leave(session, [each.article_id for each in moved], placed.merged, now)
    _merge_all(session, placed.merged, versions)
    _arrive(session, list(going.values()), versions)
    _relate(session, placed, opened)
    return Changed(len(fresh), opened, next_round(session))


def told_among(session: Session, article_ids: Iterable[int]) -> dict[int, int]:
    """Those of these articles whose story some edition has told already, and that story: they stay, or what they tell
    would come twice."""
    found: dict[int, int] = {}
    for portion in slices(sorted(set(article_ids))):
        told = select(_told.c.story_id).where(_told.c.story_id == _article.c.story_id).exists()
        query = select(_article.c.id, _article.c.story_id).where(_article.c.id.in_(portion), told)
        found.update({row.id: row.story_id for row in session.connection().execute(query)})
    return found


# --- parts ------------------------------------------------------------------------------------------------------------


def _rows(session: Session, ids: Sequence[int]) -> dict[int, Row[Any]]:
    columns = (
        _article.c.id, _article.c.story_id, _article.c.language, _article.c.news_at, _article.c.published_at,
    )  # fmt: skip
    found: dict[int, Row[Any]] = {}
    for portion in slices(list(dict.fromkeys(ids))):
        query = select(*columns).where(_article.c.id.in_(portion))
        found.update({row.id: row for row in session.connection().execute(query)})
    return found


def _open(session: Session, going: Sequence[Joined], rows: Mapping[int, Row[Any]], now: datetime) -> dict[int, int]:
    """Make the stories that articles open; opener -> number. What an opener that is gone would have opened is opened by
    the first that would have joined it."""
    groups: dict[int, list[int]] = defaultdict(list)
    for each in going:
        if each.opened_by is not None:
            groups[each.opened_by].append(each.article_id)
    if not groups:
        return {}
    stories = []
    for opener, members in groups.items():
        times = [_time(rows[member], now) for member in members]
        language = rows[opener if opener in rows else members[0]].language
        stories.append({"language": language, "version": 1, "opened_at": min(times), "last_at": max(times)})
    made = session.connection().execute(insert(_story).returning(_story.c.id, sort_by_parameter_order=True), stories)
    return dict(zip(groups, made.scalars(), strict=True))


def _target(each: Joined, opened: Mapping[int, int]) -> int:
    if each.opened_by is not None:
        return opened[each.opened_by]
    if each.story_id is None:
        raise ValueError(f"article {each.article_id} was given neither a story nor one to open")
    return each.story_id


def _grow(
    session: Session, gains: Mapping[int, Sequence[datetime]], merged: Mapping[int, int], opened: set[int]
) -> dict[int, int]:
    """Count one version more for every story that gains; story -> its version now. New ones have their first."""
    versions = dict.fromkeys(opened, 1)
    growing = sorted((gains.keys() | set(merged.values())) - opened)
    facts: dict[int, Row[Any]] = {}
    for portion in slices([*growing, *merged]):
        for row in session.connection().execute(select(_story).where(_story.c.id.in_(portion))):
            facts[row.id] = row
    changes = []
    for story in growing:
        row = facts[story]
        theirs = [facts[gone] for gone, kept in merged.items() if kept == story]
        versions[story] = row.version + 1
        changes.append(
            {
                "story": story,
                "grown": row.version + 1,
                "earliest": min([row.opened_at, *(each.opened_at for each in theirs)]),
                "latest": max([row.last_at, *gains.get(story, ()), *(each.last_at for each in theirs)]),
            }
        )
    if changes:
        grown = update(_story).where(_story.c.id == bindparam("story"))
        values: dict[str, Any] = {
            "version": bindparam("grown"),
            "opened_at": bindparam("earliest"),
            "last_at": bindparam("latest"),
        }
        session.connection().execute(grown.values(values), changes)
    return versions


def _leave(session: Session, moved: Sequence[int], merged: Mapping[int, int], now: datetime) -> None:
    """Write down where articles were until now."""
    conditions = [_article.c.id.in_(portion) for portion in slices(moved)]
    conditions += [_article.c.story_id.in_(portion) for portion in slices(sorted(merged))]
    there = (
        _article.c.id, _article.c.story_id, _article.c.story_version, _article.c.joined_score, _article.c.joined_terms,
    )  # fmt: skip
    for condition in conditions:
        known = select(_left.c.article_id).where(_left.c.article_id == _article.c.id, _left.c.until == now).exists()
        query = select(*there, literal(now, _left.c.until.type)).where(condition, ~known)
        names = ["article_id", "story_id", "story_version", "joined_score", "joined_terms", "until"]
        session.connection().execute(insert(_left).from_select(names, query))


def _merge_all(session: Session, merged: Mapping[int, int], versions: Mapping[int, int]) -> None:
    run = session.connection().execute
    at = database_time(session)
    for gone, kept in sorted(merged.items()):
        theirs = update(_article).where(_article.c.story_id == gone)
        run(theirs.values(story_id=kept, story_version=versions[kept]))
        run(insert(_merge).values(gone=gone, kept=kept, version=versions[kept], at=at))
        ruled = [dict(row._mapping) for row in run(select(_ruling).where(_ruling.c.story_id == gone))]
        if ruled:
            insert_new(session.connection(), _ruling, [each | {"story_id": kept} for each in ruled])
            run(delete(_ruling).where(_ruling.c.story_id == gone))
        run(delete(_related).where(or_(_related.c.story_id == gone, _related.c.other_id == gone)))


def _arrive(session: Session, going: Sequence[tuple[Joined, int]], versions: Mapping[int, int]) -> None:
    if not going:
        return
    rows = [
        {
            "article": each.article_id,
            "story": story,
            "grown_to": versions[story],
            "score": each.score,
            "terms": " ".join(each.terms),
        }
        for each, story in going
    ]
    values: dict[str, Any] = {
        "story_id": bindparam("story"),
        "story_version": bindparam("grown_to"),
        "joined_score": bindparam("score"),
        "joined_terms": bindparam("terms"),
    }
    session.connection().execute(update(_article).where(_article.c.id == bindparam("article")).values(values), rows)


def _relate(session: Session, placed: Placed, opened: Mapping[int, int]) -> None:
    """What is near stays known: who was not looked at this time is not told of, and is near all the same."""

    def number(story: int) -> int | None:
        return opened.get(-story) if story < 0 else placed.merged.get(story, story)

    values: dict[tuple[int, int], float] = {}
    for story, near in placed.related.items():
        for other, value in near:
            one, two = number(story), number(other)
            if one is not None and two is not None and one != two:
                values[one, two] = values[two, one] = value
    rows = [{"story_id": one, "other_id": two, "value": value} for (one, two), value in sorted(values.items())]
    for start in range(0, len(rows), 500):
        upsert(
            session.connection(),
            _related,
            rows[start : start + 500],
            key=("story_id", "other_id"),
            changes=lambda new: {"value": new.value},
        )


def _time(row: Row[Any], now: datetime) -> datetime:
    """When it became news; for backlog when it was published. Publishers' clocks may run ahead: never after now."""
    told: datetime = row.news_at or row.published_at or now
    return min(told, now)
