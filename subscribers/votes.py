"""What readers asked for by the links below a story: this one no more, this publisher no more or before others, more or
less like this.

A vote is one row, the reader's last word on that thing. At most MOST_VOTES of a reader count: the newest. What a
digest makes of them is decided where stories are chosen (`digest.compose.wishes`); here they are kept and told.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.orm import Session

from subscribers.models import Vote
from subscribers.sql import table
from subscribers.types import clean_name

VOTE = table(Vote)

MOST_VOTES = 50
"""Votes of one reader that count. They travel in the profile of each of their deliveries: some five kilobytes."""
MOST_TERMS = 8
"""Words by which stories are compared with the one that was voted on: a headline rarely has more."""

Kind = Literal["story", "publisher", "like"]
Choice = Literal["story", "publisher", "more", "less", "prefer"]
"""What the page behind a story's links offers. `prefer` and `publisher` (mute) are votes on the same thing, so whoever
is preferred is muted no more."""
Led = Literal["", "prefer", "mute"]
"""Why another telling than the usual one was shown: its publisher is preferred, or the usual one muted."""


@dataclass(frozen=True, slots=True)
class About:
    """What a story had when it was voted on, to compare later ones with."""

    publisher: str = ""
    """The first one's name, case-folded."""
    topics: tuple[int, ...] = ()
    terms: tuple[str, ...] = ()
    """Words of the headline as the digest normalises them."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A vote that a reader is about to cast."""

    kind: Kind
    key: str
    weight: int
    label: str
    about: About = field(default_factory=About)


@dataclass(frozen=True, slots=True)
class Why:
    """Why a story stood in a reader's digest, for one sentence about it."""

    title: str
    topic: str
    """The reader's topic under which it stood; empty where it has no name any more."""
    publisher: str
    """Whose telling was shown; empty where nobody named one."""
    publishers: int
    """How many told it independently of each other."""
    stood: Literal["lead", "card", "brief"]
    is_update: bool
    moved: float
    """How far the reader's votes moved it, below 0 for down."""
    led: Led = ""


@dataclass(frozen=True, slots=True)
class VoteRow:
    """A vote as the reader sees it in their list."""

    id: int
    kind: Kind
    key: str
    weight: int
    label: str
    about: About
    at: datetime


@dataclass(frozen=True, slots=True)
class Cast:
    """A vote that was cast. `before` is the weight of the one that it replaced, 0 without: what undoing brings back."""

    id: int
    before: int = 0


def name_key(publisher: str) -> str:
    """By what a publisher is known: capitals and outer spaces do not tell two newspapers apart."""
    return publisher.strip().casefold()[:200]


def votes_of(connection: Connection, subscriber_id: int) -> tuple[VoteRow, ...]:
    """A reader's votes, newest first. Reads only."""
    query = select(VOTE).where(VOTE.c.subscriber_id == subscriber_id).order_by(VOTE.c.at.desc(), VOTE.c.id.desc())
    return tuple(
        VoteRow(row.id, row.kind, row.key, row.weight, row.label, _about(row.about), row.at)
        for row in connection.execute(query)
    )


def for_selection(connection: Connection, subscriber_id: int) -> list[dict[str, Any]]:
    """A reader's votes as a profile holds them, oldest first and without labels and times: equal votes, equal bytes."""
    told: list[dict[str, Any]] = []
    for vote in reversed(votes_of(connection, subscriber_id)):
        about = asdict(vote.about) if vote.kind == "like" else {}
        told.append({"kind": vote.kind, "key": vote.key, "weight": vote.weight, **about})
    return told


def put(session: Session, subscriber_id: int, wish: Wish, *, now: datetime) -> Cast:
    """Write a vote over an earlier one on the same thing, and drop the oldest beyond MOST_VOTES. The caller holds the
    reader's row (`roster.locked`) and settles their choices after. Durable on commit."""
    connection = session.connection()
    mine = VOTE.c.subscriber_id == subscriber_id
    this = (mine, VOTE.c.kind == wish.kind, VOTE.c.key == wish.key[:200])
    about = json.dumps(asdict(wish.about), ensure_ascii=False, separators=(",", ":")) if wish.kind == "like" else "{}"
    values = {"weight": wish.weight, "label": clean_name(wish.label), "about": about, "at": now}
    known = connection.execute(select(VOTE.c.id, VOTE.c.weight).where(*this)).one_or_none()
    if known is not None:
        connection.execute(update(VOTE).where(VOTE.c.id == known.id).values(values))
        return Cast(known.id, known.weight)
    row = {"subscriber_id": subscriber_id, "kind": wish.kind, "key": wish.key[:200], **values}
    made = connection.execute(insert(VOTE).values(row).returning(VOTE.c.id)).scalar_one()
    newest = select(VOTE.c.id).where(mine).order_by(VOTE.c.at.desc(), VOTE.c.id.desc()).limit(MOST_VOTES)
    kept = list(connection.execute(newest).scalars())
    connection.execute(delete(VOTE).where(mine, VOTE.c.id.not_in(kept)))
    return Cast(int(made))


def take_back(session: Session, subscriber_id: int, vote_id: int, before: int = 0) -> bool:
    """Delete a vote, or give it the weight that it had `before` (-1 or 1; a muted story has only one). False when there
    is none of this number, or it is somebody else's. The caller settles the choices after. Durable on commit."""
    this = (VOTE.c.subscriber_id == subscriber_id, VOTE.c.id == vote_id)
    if before in (-1, 1):
        changed = update(VOTE).where(*this, VOTE.c.kind != "story").values(weight=before)
        return session.connection().execute(changed).rowcount == 1
    return session.connection().execute(delete(VOTE).where(*this)).rowcount == 1


def _about(data: str) -> About:
    raw = json.loads(data)
    return About(raw.get("publisher", ""), tuple(raw.get("topics", ())), tuple(raw.get("terms", ())))
