"""Keys of the inbound API and the push sources they write to. Each function runs in the caller's transaction.

A key is kept as its hash only: whoever reads the database, or a backup of it, cannot call the API. The key has 256
random bits, so guessing is hopeless and neither a salt nor a slow hash is needed. It is looked up by its hash: no byte
of a key is ever compared with another, so there is no time to be measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b

from sqlalchemy import insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from digest.errors import InputError
from digest.models import ApiKey, Source, TopicSource
from digest.store import sources
from digest.types import SourceKind
from subscribers.models import Topic
from subscribers.sql import table

NOTED = timedelta(minutes=1)
"""How exactly the last use of a key is kept: a row written with every call would be one for which all calls wait."""

_key = table(ApiKey)
_source = table(Source)
_topic = table(Topic)
_link = table(TopicSource)


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as operators see it, with the slugs of the topics that its source feeds."""

    id: int
    name: str
    hint: str
    scopes: tuple[str, ...]
    source_id: int
    topics: tuple[str, ...]
    created_at: datetime
    used_at: datetime | None
    """To the minute; None as long as it was never used."""
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose key a call came with."""

    key_id: int
    source_id: int
    scopes: frozenset[str]
    rights: str
    """How much of its articles may be shown (`types.Rights`)."""


def hash_of(key: str) -> str:
    """blake2b-256 (hex) of a key."""
    return blake2b(key.encode(), digest_size=32).hexdigest()


def add_push_source(session: Session, name: str, *, publisher: str, language: str, rights: str, now: datetime) -> int:
    """A new source that nobody fetches; its number. Raises InputError when there is one of that name."""
    url = f"push:{name}"
    if known := sources.find_source(session, url):
        told = f"there is a push source {name!r} already: number {known.id}"
        raise InputError(f"{told}; choose another name, or --source {known.id} to add a key to it")
    return sources.add_source(
        session,
        url,
        name=publisher,
        named=bool(publisher),
        language=language,
        now=now,
        kind=SourceKind.PUSH,
        rights=rights,
    )


def check_push_source(session: Session, source_id: int) -> None:
    """Raises InputError when there is no source of that number, or it is one that is fetched."""
    source = sources.get_source(session, source_id)
    if source.kind != SourceKind.PUSH:
        raise InputError(f"source {source_id} is a {source.kind} and is fetched; leave --source out to make a new one")


def add_key(
    session: Session, name: str, key: str, *, hint: str, scopes: Sequence[str], source_id: int, now: datetime
) -> int:
    """Keep the hash of a new key; its number. Raises InputError when the name was given to a key before."""
    taken = InputError(f"there is a key {name!r} already, perhaps a revoked one; choose another name")
    if session.connection().execute(select(_key.c.id).where(_key.c.name == name)).first() is not None:
        raise taken
    values = {"name": name, "key_hash": hash_of(key), "hint": hint, "scopes": " ".join(scopes)}
    made = insert(_key).values(**values, source_id=source_id, created_at=now).returning(_key.c.id)
    try:
        return int(session.connection().execute(made).scalar_one())
    except IntegrityError:  # another process was a moment faster
        raise taken from None


def list_keys(session: Session) -> list[KeyRow]:
    """All keys in the order they were made, revoked ones too."""
    run = session.connection().execute
    links = select(_link.c.source_id, _topic.c.slug).join(_topic, _topic.c.id == _link.c.topic_id)
    fed: dict[int, list[str]] = {}
    for source_id, slug in run(links.where(_link.c.source_id.in_(select(_key.c.source_id))).order_by(_topic.c.slug)):
        fed.setdefault(source_id, []).append(slug)
    return [
        KeyRow(
            id=row.id,
            name=row.name,
            hint=row.hint,
            scopes=tuple(row.scopes.split()),
            source_id=row.source_id,
            topics=tuple(fed.get(row.source_id, ())),
            created_at=row.created_at,
            used_at=row.used_at,
            revoked_at=row.revoked_at,
        )
        for row in run(select(_key).order_by(_key.c.id))
    ]


def revoke_key(session: Session, name: str, *, now: datetime) -> bool:
    """Let the key open nothing any more; False when it was revoked before. Raises InputError for an unknown name."""
    run = session.connection().execute
    if run(update(_key).where(_key.c.name == name, _key.c.revoked_at.is_(None)).values(revoked_at=now)).rowcount:
        return True
    if run(select(_key.c.id).where(_key.c.name == name)).first() is None:
        raise InputError(f"there is no key {name!r}; `digest keys list` shows them")
    return False


def find_caller(session: Session, key: str) -> Caller | None:
    """Whose key this is; None for one that is unknown or revoked."""
    query = (
        select(_key.c.id, _key.c.source_id, _key.c.scopes, _source.c.rights)
        .join(_source, _source.c.id == _key.c.source_id)
        .where(_key.c.key_hash == hash_of(key), _key.c.revoked_at.is_(None))
    )
    row = session.connection().execute(query).one_or_none()
    return None if row is None else Caller(row.id, row.source_id, frozenset(row.scopes.split()), row.rights)


def is_valid(session: Session, key_id: int) -> bool:
    """Whether a key that was found before is still there and not revoked; it stays there until the transaction ends."""
    query = select(_key.c.id).where(_key.c.id == key_id, _key.c.revoked_at.is_(None))
    return session.connection().execute(query.with_for_update(read=True, key_share=True)).first() is not None


def note_use(session: Session, key_id: int, *, now: datetime) -> None:
    """Keep when the key was last used, to the minute."""
    old = or_(_key.c.used_at.is_(None), _key.c.used_at <= now - NOTED)
    session.connection().execute(update(_key).where(_key.c.id == key_id, old).values(used_at=now))


def hold_source(session: Session, source_id: int) -> None:
    """Let no other call write to this source until the transaction ends.

    Two calls with the same article would else both find it new on PostgreSQL, and one of the two tellings be lost. On
    SQLite a writing transaction is alone anyway.
    """
    query = select(_source.c.id).where(_source.c.id == source_id).with_for_update(key_share=True)
    session.connection().execute(query)
