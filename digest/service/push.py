"""The inbound API: keys for operators to give out, and what callers send with them.

A call is answered after its articles are durable. They join stories with the clock's next gather, like everything else
that is new: clustering looks at all open stories, and a caller should not wait for that.
"""

from __future__ import annotations

import json
import logging
import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from hashlib import blake2b
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import DigestError, InputError, StaleFence
from digest.gather import clean
from digest.gather.decide import Refine, decide
from digest.gather.identity import url_key
from digest.gather.push import Pushed, Refused, read_body, read_items
from digest.gather.refine import refine
from digest.service.topicrules import rematch, topic_rules
from digest.store import articles, calls, keys, sources
from digest.store.db import reading, writing
from digest.store.keys import Caller, KeyRow
from digest.store.sources import SourceRow
from digest.stories.match import topics_of
from digest.types import Intents, Known, KnownArticle, RawArticle, Rights
from subscribers import asks, topics
from subscribers.errors import UnknownTopic

log = logging.getLogger(__name__)

WRITE = "articles:write"
SCOPES = {WRITE: "store articles"}
"""What a key can be allowed to do."""
PREFIX = "dk_"
"""How every key begins, so that scanners for leaked secrets, and people, recognise one."""
_KEY = re.compile(PREFIX + "[A-Za-z0-9_-]{43}")
HINT = len(PREFIX) + 5
LONGEST_NAME = 100
CALLS_A_MINUTE = 60
"""Of one key: with 1,000 articles each they keep a process busy for that minute (0.8 s a call on SQLite), so more would
only wait. Counted in the database, for all processes together."""
MINUTE = timedelta(minutes=1)


class KeyGone(InputError):
    """This key was revoked or removed while the call was read."""


class CallInFlight(DigestError):
    """A call with this Idempotency-Key is being made; repeat it later."""

    def __init__(self, retry_after: int) -> None:
        super().__init__()
        self.retry_after = retry_after
        """Seconds after which a repeat is taken at the latest."""


class CallReused(InputError):
    """This Idempotency-Key was used for a call with another body; use a new one for each call."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made. `key` is told this once and kept nowhere."""

    name: str
    key: str
    source_id: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered: an HTTP status and a JSON document."""

    status: int
    body: str
    replayed: bool = False
    """It is the answer of an earlier call with the same idempotency key."""


class PushDesk:
    """Keys and pushed articles. Each verb is durable on return, or has no effect and raises."""

    def __init__(self, engine: Engine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    # --- for operators ------------------------------------------------------------------------------------------------

    def add_key(
        self,
        name: str,
        *,
        topics: Sequence[str] = (),
        source_id: int | None = None,
        publisher: str = "",
        language: str = "",
        rights: str = Rights.EXCERPT,
        scopes: Sequence[str] = (WRITE,),
    ) -> NewKey:
        """A key for a push source of its own, which feeds these topics, or for the push source `source_id`.

        `publisher` is whom every article is credited to; when empty, each article says so itself. `language` is that of
        articles that do not name theirs. Raises InputError.
        """
        name = _checked_name(name)
        spoken = clean.language(language)
        _check_scopes(scopes)
        if language and not spoken:
            raise InputError(f"{language[:40]!r} is no language; use a code such as de or pt-BR")
        if rights not in {each.value for each in Rights}:
            raise InputError(f"{rights[:40]!r} are no rights; there is {', '.join(Rights)}")
        if (source_id is None) != bool(topics):
            raise InputError("name either the topics that the articles belong to (--topic) or a push source (--source)")
        if source_id is not None and (publisher or language or rights != Rights.EXCERPT):
            raise InputError("--publisher, --language and --rights belong to a new push source and not beside --source")
        key = PREFIX + secrets.token_urlsafe(32)
        with writing(self._engine) as session:
            now = self._now()
            if source_id is None:
                told = {"publisher": clean.line(publisher, 200), "language": spoken, "rights": str(rights)}
                source_id = keys.add_push_source(session, name, **told, now=now)
                _link_topics(session, source_id, topics, now)
            keys.check_push_source(session, source_id)
            scopes = sorted(set(scopes))
            keys.add_key(session, name, key, hint=key[:HINT], scopes=scopes, source_id=source_id, now=now)
        return NewKey(name, key, source_id)

    def list_keys(self) -> Sequence[KeyRow]:
        """All keys in the order they were made, revoked ones too."""
        with reading(self._engine) as session:
            return keys.list_keys(session)

    def revoke_key(self, name: str) -> bool:
        """From now on the key opens nothing; False when it was revoked before. Raises InputError for an unknown one."""
        with writing(self._engine) as session:
            return keys.revoke_key(session, name, now=self._now())

    # --- for callers --------------------------------------------------------------------------------------------------

    def caller(self, key: str) -> Caller | None:
        """Whose key this is; None for what is no key, unknown or revoked. Raises StoreError."""
        if not _KEY.fullmatch(key):
            return None
        with reading(self._engine) as session:
            return keys.find_caller(session, key)

    def store(self, caller: Caller, body: bytes, *, call: str = "") -> Answer:
        """Store the articles of a body, and the answer under the idempotency key `call` when there is one.

        Raises BadBody when nothing can be read, KeyGone, CallReused, CallInFlight, TooMany beyond CALLS_A_MINUTE,
        StaleFence when a repeat has taken over a call that took too long, and StoreError; nothing was stored then.
        """
        items = read_body(body)
        begun = self._begin(caller, body, call)
        if isinstance(begun, calls.Finished):
            return Answer(begun.status, begun.response, replayed=True)
        try:
            return self._finish(caller, read_items(items, html=caller.rights == Rights.FULL), begun)
        except Exception:
            # Not StaleFence alone: whatever it is, a repeat need not wait for this call to count as dead.
            if begun is not None:
                with writing(self._engine) as session:
                    calls.give_up(session, begun)
            raise

    def _begin(self, caller: Caller, body: bytes, call: str) -> calls.Begun | calls.Finished | None:
        """Count the call and, with an idempotency key, make it known to others, in a transaction of its own."""
        now = self._now()
        with writing(self._engine) as session:
            if not keys.is_valid(session, caller.key_id):
                raise KeyGone
            asks.count(session, {f"push:{caller.key_id}": CALLS_A_MINUTE}, now=now, span=MINUTE)
            keys.note_use(session, caller.key_id, now=now)
            if not call:
                return None
            body_hash = blake2b(body, digest_size=32).hexdigest()
            begun = calls.begin(session, caller.key_id, call, body_hash, now=now)
            calls.prune(session, now=now)
        # Outside, so that refused calls are counted too.
        if isinstance(begun, calls.OtherBody):
            raise CallReused
        if isinstance(begun, calls.InFlight):
            raise CallInFlight(begun.retry_after)
        return begun

    def _finish(self, caller: Caller, items: Sequence[Pushed | Refused], begun: calls.Begun | None) -> Answer:
        """The articles and the answer in one transaction. What takes long is done before it, for others wait for it:
        the first judgement refines what is new, and the second, which counts, finds it refined."""
        refined = cache(refine)
        with reading(self._engine) as session:
            _judge(session, _source_of(session, caller), items, self._now(), refined)
        with writing(self._engine) as session:
            keys.hold_source(session, caller.source_id)
            now, source = self._now(), _source_of(session, caller)
            results, intents = _judge(session, source, items, now, refined)
            rules = topic_rules(session)
            articles.save(
                session, source, intents, now=now, topics_of=lambda raw: topics_of(raw, source.topic_ids, rules)
            )
            answer = _answer(results)
            if begun is not None:
                calls.finish(session, begun, answer.status, answer.body)
        return answer


Result = dict[str, Any]


def _source_of(session: Session, caller: Caller) -> SourceRow:
    try:
        return sources.get_source(session, caller.source_id)
    except InputError:
        raise StaleFence("the key and its source were removed meanwhile; nothing was stored") from None


def _judge(
    session: Session, source: SourceRow, items: Sequence[Pushed | Refused], now: datetime, refined: Refine
) -> tuple[list[Result], Intents]:
    """What becomes of each item, in order, and what is to be stored. Reads only."""
    pushed = [item.raw for item in items if isinstance(item, Pushed)]
    known = articles.known_articles(session, source.id, [(raw.guid, url_key(raw.url)) for raw in pushed])
    results: list[Result] = []
    told: list[Intents] = []
    taken: dict[int, int] = {}
    for index, item in enumerate(items):
        if isinstance(item, Refused):
            results.append(_refused(index, item))
            continue
        old = _known_as(known, item)
        first = index if old is None else taken.setdefault(old.id, index)
        if first != index:
            results.append(_refused(index, Refused("url", f"is the address of item {first} of this call")))
            continue
        told.append(intents := _decide(old, _of_source(item.raw, source), now, refined))
        status = "new" if intents.new else "changed" if intents.changed else "unchanged"
        results.append({"index": index, "status": status, "id": old.guid if old is not None else item.raw.guid})
    return results, Intents(
        tuple(new for each in told for new in each.new),
        tuple(change for each in told for change in each.changed),
        markup=tuple(marked for each in told for marked in each.markup),
    )


def _known_as(known: Known, item: Pushed) -> KnownArticle | None:
    """A caller's id names its article for good; an item without one may come under another form of its address."""
    old = known.by_guid.get(item.raw.guid)
    if old is None and not item.named and item.raw.url:
        return known.by_key.get(url_key(item.raw.url))
    return old


def _decide(old: KnownArticle | None, raw: RawArticle, now: datetime, refined: Refine) -> Intents:
    """One pushed article, judged as one of a source that is gathered regularly: a push is news by intent, undated or
    not; one that says it is older than two days is as old as it says.

    By itself, for what protects readers from feeds is wrong for a caller that means what it sends: twenty unknown items
    at once are news and no migration. And without the date it had: with another address, headline and date it still is
    the article that the caller named.
    """
    known = Known() if old is None else Known(by_guid={raw.guid: replace(old, published_at=None)})
    return decide(known, [raw], now=now, first_gather=False, refine=refined)


def _of_source(raw: RawArticle, source: SourceRow) -> RawArticle:
    """Credited to whom the operator named, or else the article itself, or else the push source. In the language that
    the article names, or else the operator."""
    publisher = source.name or raw.publisher or source.url.removeprefix("push:")
    return replace(raw, publisher=publisher, language=raw.language or source.language)


def _refused(index: int, why: Refused) -> Result:
    return {"index": index, "status": "rejected", "error": {"field": why.field, "message": why.message}}


def _answer(results: Sequence[Result]) -> Answer:
    """200 when every item is stored, 422 when none is, 207 in between."""
    counts = dict.fromkeys(("new", "changed", "unchanged", "rejected"), 0)
    for result in results:
        counts[result["status"]] += 1
    rejected = counts["rejected"]
    status = 200 if not rejected else 422 if rejected == len(results) else 207
    return Answer(status, json.dumps({"results": results, **counts}, separators=(",", ":")))


def _checked_name(name: str) -> str:
    if not (name.isprintable() and name == name.strip() and 0 < len(name) <= LONGEST_NAME):
        raise InputError(f"a key's name has 1 to {LONGEST_NAME} printable characters; {name[:20]!r} is none")
    return name


def _check_scopes(scopes: Sequence[str]) -> None:
    for scope in scopes:
        if scope not in SCOPES:
            raise InputError(f"{scope[:40]!r} is no scope; there is {', '.join(SCOPES)}")
    if not scopes:
        raise InputError("a key without a scope opens nothing; leave --scope out for articles:write")


def _link_topics(session: Session, source_id: int, slugs: Sequence[str], now: datetime) -> None:
    """Let the source feed these topics. One with a rule and no source took from all sources so far; now that it has
    one, its articles are told anew."""
    try:
        found = topics.find_topics(session, slugs)
    except UnknownTopic as error:
        raise InputError(str(error)) from None
    sources.link_topics(session, source_id, [topic.id for topic in found])
    for topic in found:
        if topic.rule:
            rematch(session, topic.id, topic.rule, now=now)
