"""What a gather leaves behind of a source. Each function runs in the caller's transaction.

Every write names the address that was fetched: a source that was moved or removed meanwhile is left alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlmodel import Session

from digest.models import Source
from digest.store.sources import SourceRow, find_source
from subscribers.sql import table

_source = table(Source)


@dataclass(frozen=True, slots=True)
class Answered:
    """A source that answered: what it said about itself, and when to ask again."""

    source: SourceRow
    etag: str
    last_modified: str
    gathered_at: datetime
    next_gather_at: datetime
    interval: int
    """Seconds from this gather to the next."""
    moved_to: str = ""
    moved_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """What was learned from a document that was read."""

    body_hash: str
    slices: bytes
    gap: int
    pace: str
    newest_at: datetime | None
    name: str = ""
    """Only fills what is still empty, like the language."""
    language: str = ""
    fallback: bool = False


def as_it_was(session: Session, source: SourceRow) -> SourceRow | None:
    """The source as it is now, with its topics; None when it was removed, or changed in what a reading depends on."""
    there = find_source(session, source.url)
    return there if there is not None and _read_for(there) == _read_for(source) else None


def _read_for(source: SourceRow) -> tuple[object, ...]:
    return source.id, source.kind, source.rights, source.full_text, source.selector


def record_unchanged(session: Session, answers: Sequence[Answered]) -> None:
    """Note answers that brought nothing new, many in one statement: polling thousands of sources brings little else."""
    if not answers:
        return
    names = [name for name in _answer(answers[0]) if not name.startswith("this_")]
    statement = (
        update(_source)
        .where(
            _source.c.id == bindparam("this_id"),
            _source.c.url == bindparam("this_url"),
            # Emptied when it was changed in what a reading depends on: then it must be read again.
            _source.c.body_hash == bindparam("this_hash"),
        )
        .values({name: bindparam(name) for name in names})
    )
    session.connection().execute(statement, [_answer(each) for each in answers])


def record_read(session: Session, answer: Answered, read: Read) -> None:
    """Note a document that was read."""
    source = answer.source
    values: dict[str, Any] = {key: value for key, value in _answer(answer).items() if not key.startswith("this_")}
    values |= {"body_hash": read.body_hash, "slices": read.slices or None, "pace": read.pace}
    values |= {"gap": read.gap, "newest_at": read.newest_at}
    values |= {"name": read.name[:200]} if read.name and not source.name else {}
    values |= {"language": read.language[:16]} if read.language and not source.language else {}
    values |= {"first_gathered_at": answer.gathered_at} if source.first_gathered_at is None else {}
    values |= {"fallbacks": _source.c.fallbacks + 1} if read.fallback else {}
    session.connection().execute(update(_source).where(_mine(source)).values(**values))


def record_failure(
    session: Session, source: SourceRow, problem: str, *, now: datetime, next_gather_at: datetime
) -> None:
    """Note why a gather failed and when to try again."""
    values = {
        "failures": source.failures + 1,
        "failing_since": source.failing_since or now,
        "problem": problem,
        "next_gather_at": next_gather_at,
    }
    session.connection().execute(update(_source).where(_mine(source)).values(**values))


def retire(session: Session, source: SourceRow, problem: str, *, now: datetime) -> None:
    """Ask this source no more: its publisher said that it is gone for good. Its articles stay."""
    values = {"retired_at": now, "problem": problem, "failures": source.failures + 1}
    session.connection().execute(update(_source).where(_mine(source)).values(**values))


def follow(session: Session, source: SourceRow, url: str) -> bool:
    """Give a source the address to which it has moved for good; its articles and their topics stay as they are. False,
    and nothing changes, when another source is at that address already."""
    if session.connection().execute(select(_source.c.id).where(_source.c.url == url)).scalar_one_or_none() is not None:
        return False
    values = {"url": url, "moved_to": "", "moved_since": None}
    session.connection().execute(update(_source).where(_mine(source)).values(**values))
    return True


def _mine(source: SourceRow) -> Any:
    return (_source.c.id == source.id) & (_source.c.url == source.url)


def _answer(answer: Answered) -> dict[str, Any]:
    return {
        "this_id": answer.source.id,
        "this_url": answer.source.url,
        "this_hash": answer.source.body_hash,
        "etag": answer.etag,
        "last_modified": answer.last_modified,
        "gathered_at": answer.gathered_at,
        "next_gather_at": answer.next_gather_at,
        "interval": answer.interval,
        "moved_to": answer.moved_to,
        "moved_since": answer.moved_since,
        "failures": 0,
        "failing_since": None,
        "problem": "",
    }
