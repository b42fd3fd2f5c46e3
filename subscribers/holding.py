"""Everything we hold about one reader, for them to take away: as JSON for a program, as CSV for a person.

JSON: one object; times are ISO 8601 with their offset (UTC), `null` where there is none.

    about            what this is and when it was made
    reader           number, address, name, status, created_at, confirmed_at
    choices          language, timezone, cadence, send_time (local), format, max_stories, all_quiet (a mail even
                     when there is nothing new), paused_until, next_due_at
    topics           in the reader's order: slug, name, status (active, pending), own cadence and send_time or null
    votes            what was asked for below stories, newest first: kind (story, publisher, like), on (the headline or
                     the publisher), weight (1 more or preferred, -1 less or muted), at, and of a like what later
                     stories are compared with: publisher, topics (numbers), terms
    consents         oldest first: at, action, topics, form, wording (word for word), source, note, network (keyed hash)
    mails            every mail that we know of, newest first: edition, at, kind (digest, welcome, or confirm, known,
                     fresh, move, moving), state (accepted, skipped and the like), reason, message_id (the provider's),
                     subject (of the last 50 digests), link, stories (number, and title where that is kept: what we
                     remember so that none comes twice), told (what the provider told us of it: at, what, words)
    fresh_links      links that were mailed for the account or for a move: purpose, at, used_at, address, former_address
    waiting          what was asked for and is not worked off yet: kind, at
    suppression      why the address is kept from mail, or null
    windows          where the next digest begins (window_from), and since when links count (links_from)

CSV: the same in three columns (what, which, value), a line for each value; no cell is a formula.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from subscribers import asks, consent
from subscribers.cadence import clock
from subscribers.errors import UnknownReader
from subscribers.models import FreshLink, Subscriber, Subscription
from subscribers.sql import table
from subscribers.suppressions import AddressHashes, why_suppressed
from subscribers.topics import TOPIC
from subscribers.transfer.rows import shield
from subscribers.types import Mailed
from subscribers.votes import VoteRow, votes_of

LINK, SUBSCRIBER, SUBSCRIPTION = table(FreshLink), table(Subscriber), table(Subscription)

Held = dict[str, Any]
"""The JSON object above, before it is written."""


def held_of(
    session: Session,
    subscriber_id: int,
    mails: Sequence[Mailed],
    *,
    now: datetime,
    address_hashes: AddressHashes,
    view_base: str,
) -> Held:
    """Everything about a reader. `view_base` begins the links of `mails`. Raises UnknownReader. Reads only."""
    row = session.connection().execute(select(SUBSCRIBER).where(SUBSCRIBER.c.id == subscriber_id)).one_or_none()
    if row is None:
        raise UnknownReader("this reader is not here any more")
    return {
        "about": {"what": "everything that this digest holds about one reader", "at": _instant(now)},
        "reader": {
            "number": row.id,
            "address": row.address,
            "name": row.name,
            "status": row.status,
            "created_at": _instant(row.created_at),
            "confirmed_at": _instant(row.confirmed_at),
        },
        "choices": {
            "language": row.locale,
            "timezone": row.timezone,
            "cadence": row.cadence,
            "send_time": clock(row.send_minute),
            "format": row.format,
            "max_stories": row.max_stories,
            "all_quiet": row.all_quiet,
            "paused_until": _instant(row.paused_until),
            "next_due_at": _instant(row.next_due_at),
        },
        "topics": _topics(session, subscriber_id),
        "votes": [_vote(each) for each in votes_of(session.connection(), subscriber_id)],
        "consents": _consents(session, subscriber_id),
        "mails": [_mail(each, view_base) for each in mails],
        "fresh_links": _links(session, subscriber_id),
        "waiting": [
            {"kind": each.ask.kind, "at": _instant(each.at)} for each in asks.about(session, subscriber_id, row.address)
        ],
        "suppression": why_suppressed(session, address_hashes(row.address)),
        "windows": {"window_from": _instant(row.window_from), "links_from": _instant(row.links_from)},
    }


def _mail(mail: Mailed, view_base: str) -> dict[str, Any]:
    return {
        "edition": mail.edition_id,
        "at": _instant(mail.at),
        "kind": mail.kind,
        "state": mail.state,
        "reason": mail.reason,
        "message_id": mail.message_id,
        "subject": mail.subject,
        "link": view_base + mail.view if mail.view else None,
        "stories": [{"number": number, "title": title} for number, title in mail.stories],
        "told": [{"at": _instant(at), "what": what, "words": words} for at, what, words in mail.told],
    }


def _vote(vote: VoteRow) -> dict[str, Any]:
    return {
        "kind": vote.kind,
        "on": vote.label,
        "weight": vote.weight,
        "at": _instant(vote.at),
        "publisher": vote.about.publisher,
        "topics": [str(topic) for topic in vote.about.topics],
        "terms": list(vote.about.terms),
    }


def _topics(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    query = (
        select(TOPIC.c.slug, TOPIC.c.name, SUBSCRIPTION.c.status, SUBSCRIPTION.c.cadence, SUBSCRIPTION.c.send_minute)
        .join(TOPIC, TOPIC.c.id == SUBSCRIPTION.c.topic_id)
        .where(SUBSCRIPTION.c.subscriber_id == subscriber_id)
        .order_by(SUBSCRIPTION.c.position, SUBSCRIPTION.c.topic_id)
    )
    return [
        {
            "slug": row.slug,
            "name": row.name,
            "status": row.status,
            "cadence": row.cadence,
            "send_time": None if row.send_minute is None else clock(row.send_minute),
        }
        for row in session.connection().execute(query)
    ]


def _consents(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    return [
        {
            "at": _instant(each.at),
            "action": each.action,
            "topics": list(each.topics),
            "form": each.form,
            "wording": each.wording,
            "source": each.source,
            "note": each.note,
            "network": each.network,
        }
        for each in consent.consents(session, subscriber_id)
    ]


def _links(session: Session, subscriber_id: int) -> list[dict[str, Any]]:
    query = select(LINK).where(LINK.c.subscriber_id == subscriber_id).order_by(LINK.c.id)
    return [
        {
            "purpose": row.purpose,
            "at": _instant(row.at),
            "used_at": _instant(row.used_at),
            "address": row.address,
            "former_address": row.former,
        }
        for row in session.connection().execute(query)
    ]


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


# --- writing ----------------------------------------------------------------------------------------------------------


def to_json(held: Held) -> bytes:
    """UTF-8, indented for a person who looks into it."""
    return (json.dumps(held, ensure_ascii=False, indent=2) + "\n").encode()


def to_csv(held: Held) -> bytes:
    """Three columns after RFC 4180; UTF-8 with a byte order mark, without which spreadsheets take it for Latin-1."""
    told = io.StringIO()
    writer = csv.writer(told)
    writer.writerow(("what", "which", "value"))
    for line in _lines(held):
        writer.writerow([shield(cell) for cell in line])
    return told.getvalue().encode("utf-8-sig")


def _lines(held: Held) -> Iterator[tuple[str, str, str]]:
    for what, value in held.items():
        if isinstance(value, dict):
            yield from ((what, name, _text(each)) for name, each in value.items())
        elif isinstance(value, list):
            for number, item in enumerate(value, 1):
                yield from ((f"{what} {number}", name, _text(each)) for name, each in item.items())
        else:
            yield what, "", _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, list):
        return str(value)
    if value and isinstance(value[0], dict):  # the stories of a mail, and what was told of it
        return " | ".join(" ".join(str(part) for part in each.values()).strip() for each in value)
    return " ".join(value)
