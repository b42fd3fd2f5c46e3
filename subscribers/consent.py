"""The consent log: what was agreed, when, in which words, from where. Lines are only added; erasing takes them all."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Connection, Row, insert, select
from sqlalchemy.orm import Session

from subscribers.models import Consent, Wording
from subscribers.sql import insert_new, table
from subscribers.types import ConsentRow, clean_name

CONSENT, WORDING = table(Consent), table(Wording)

_LINE = insert(CONSENT).returning(CONSENT.c.id)
"""Made once: putting it together anew took six times as long as running it, and every one-click leaving writes one."""

NOTE_LENGTH = 2000
"""Characters of what a reader wrote on leaving that are kept."""


def log(
    connection: Connection,
    subscriber_id: int,
    at: datetime,
    action: str,
    slugs: Sequence[str],
    *,
    form: str = "",
    wording: str = "",
    source: str = "",
    note: str = "",
    network: bytes | None = None,
    profile_id: int | None = None,
) -> int:
    """One line; its mark. `wording` is the text that was agreed to, word for word; `form`, `source` and `note` are cut
    to what fits."""
    line = {
        "subscriber_id": subscriber_id,
        "at": at,
        "action": action,
        "topics": " ".join(slugs),
        "form": form[:64],
        "source": clean_name(source)[:64],
        "note": clean_note(note),
        "wording": intern_wording(connection, wording) if wording else "",
        "network": network,
        "profile_id": profile_id,
    }
    return mark(connection.execute(_LINE, line).scalar_one())


def mark(line_id: int) -> int:
    """What names a line to its reader, in four bytes as tokens carry them. No reader has four thousand million lines
    between two of theirs."""
    return line_id & 0xFFFF_FFFF


def intern_wording(connection: Connection, text: str) -> str:
    """The key of a text that readers agreed to; its row is made when there is none. Two processes may do so at once."""
    key = blake2b(text.encode(), digest_size=32).hexdigest()
    if connection.execute(select(WORDING.c.key).where(WORDING.c.key == key)).first() is None:
        insert_new(connection, WORDING, {"key": key, "text": text})
    return key


def clean_note(note: str) -> str:
    """What a reader wrote, without controls and bidi overrides, its lines kept."""
    return "\n".join(clean_name(line) for line in note[: NOTE_LENGTH * 2].splitlines()).strip()[:NOTE_LENGTH]


def last_deed(session: Session, subscriber_id: int) -> Row[Any] | None:
    """The newest line of a reader, with `id`, `action`, `at`, `topics` and `profile_id`; None without any. What was
    only asked does not count: anybody may type an address."""
    mine = (CONSENT.c.subscriber_id == subscriber_id, CONSENT.c.action != "asked")
    query = select(CONSENT).where(*mine).order_by(CONSENT.c.id.desc()).limit(1)
    return session.connection().execute(query).one_or_none()


def leaving(session: Session, subscriber_id: int) -> int | None:
    """The mark by which a reader left everything, if that is the last they did; None otherwise."""
    last = last_deed(session, subscriber_id)
    return mark(last.id) if last is not None and last.action == "left" and not last.topics else None


def consents(session: Session, subscriber_id: int) -> list[ConsentRow]:
    """The consent log of a reader, oldest first."""
    query = (
        select(CONSENT, WORDING.c.text)
        .outerjoin(WORDING, WORDING.c.key == CONSENT.c.wording)
        .where(CONSENT.c.subscriber_id == subscriber_id)
        .order_by(CONSENT.c.id)
    )
    return [
        ConsentRow(
            row.at,
            row.action,
            tuple(row.topics.split()),
            row.form,
            row.text or "",
            row.source,
            row.note,
            row.network.hex() if row.network else "",
        )
        for row in session.connection().execute(query)
    ]
