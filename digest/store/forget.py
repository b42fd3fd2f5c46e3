"""What the ledger forgets about people: who was erased, and who never confirmed.

The rows stay, for the counts must match and a mail must not go out twice; they say nothing about anybody.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlmodel import Session

from digest.models import Blob, Delivery, Edition, EditionStory
from digest.store import deliveries, events
from digest.store.ledger import TERMINAL
from subscribers.models import Consent, Subscriber, Subscription
from subscribers.profiles import Choices, blank, intern
from subscribers.sql import slices, table

_delivery, _edition, _blob, _told = table(Delivery), table(Edition), table(Blob), table(EditionStory)
_subscriber, _subscription, _consent = table(Subscriber), table(Subscription), table(Consent)
_TERMINAL = [str(state) for state in TERMINAL]

NOBODY = Choices(
    topics=[], language="", timezone="UTC", cadence="daily", send_minute=0, max_stories=0, format="html", own={}
)
"""The one profile of all who were erased."""


def forget_reader(session: Session, subscriber_id: int) -> int:
    """Blank what finished deliveries still say about a person: choices, stories, reason, the provider's message id; and
    the frozen words of mails that were theirs alone. What providers told us points to nobody afterwards.

    Returns how many deliveries are not finished: they stay as they are and need a second visit. Those in the middle of
    an attempt must stay because a repeated call must be the very same; planned ones are skipped when their turn comes.
    Durable on commit.
    """
    connection = session.connection()
    mine = _delivery.c.subscriber_id == subscriber_id
    over = update(_delivery).where(mine, _delivery.c.state.in_(_TERMINAL))
    nobody = intern(connection, NOBODY)
    connection.execute(over.values(profile_id=nobody, provider_message_id=None, picks=None, reason=None, due_at=None))
    _forget_words(session, subscriber_id)
    events.forget(session, subscriber_id)
    deliveries.forget(session, subscriber_id)
    unfinished = select(func.count()).where(mine, _delivery.c.state.not_in(_TERMINAL))
    waiting = int(connection.execute(unfinished).scalar_one())
    if not waiting:
        blank(session, subscriber_id, NOBODY)
    return waiting


def _forget_words(session: Session, subscriber_id: int) -> None:
    """Let go of what the finished system mails of a reader had frozen: each has one reader, so nobody else's mail needs
    it, and nobody may see it in the browser.

    Content is shared by its hash, so a manifest's bytes go only when no other edition points to them. That cannot miss
    one that is being frozen at this moment: a manifest holds its time of freezing, and theirs is past. The fragments
    that manifests share are letters without values; they stay.
    """
    connection = session.connection()
    theirs = (
        select(_edition.c.id, _edition.c.blob)
        .join(_delivery, _delivery.c.edition_id == _edition.c.id)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.state.in_(_TERMINAL),
            _edition.c.kind == "system",
            _edition.c.blob.is_not(None),
        )
    )
    rows = connection.execute(theirs).all()
    ids, keys = [row.id for row in rows], sorted({row.blob for row in rows})
    for portion in slices(ids):
        connection.execute(update(_edition).where(_edition.c.id.in_(portion)).values(blob=None))
        connection.execute(delete(_told).where(_told.c.edition_id.in_(portion)))
    for key in keys:
        still = select(_edition.c.id).where(_edition.c.blob == key).exists()
        connection.execute(delete(_blob).where(_blob.c.key == key, ~still))


# --- who never confirmed ----------------------------------------------------------------------------------------------


def never_confirmed(session: Session, *, before: datetime, limit: int, among: Sequence[int] | None = None) -> list[int]:
    """Readers who never confirmed, who were asked and mailed for the last time before then; of `among` only, where
    that is given. Reads only."""
    query = (
        select(_subscriber.c.id)
        .where(_subscriber.c.status == "pending", _subscriber.c.confirmed_at.is_(None))
        .where(_subscriber.c.created_at < before, *_not_since(before))
    )
    return _some(session, query, limit, among)


def pending_for_long(
    session: Session, *, before: datetime, limit: int, among: Sequence[int] | None = None
) -> list[int]:
    """Active readers with topics that wait for confirmation, asked for and mailed for the last time before
    then. Reads only."""
    waits = select(_subscription.c.subscriber_id).where(_subscription.c.status == "pending")
    query = select(_subscriber.c.id).where(
        _subscriber.c.status == "active", _subscriber.c.id.in_(waits), *_not_since(before)
    )
    return _some(session, query, limit, among)


def drop_pending_topics(session: Session, subscriber_id: int) -> None:
    """Topics that a reader was asked to confirm and did not."""
    mine = _subscription.c.subscriber_id == subscriber_id
    session.connection().execute(delete(_subscription).where(mine, _subscription.c.status == "pending"))


def _not_since(before: datetime) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    asked = select(_consent.c.id).where(
        _consent.c.subscriber_id == _subscriber.c.id, _consent.c.action == "asked", _consent.c.at >= before
    )
    mailed = (
        select(_delivery.c.edition_id)
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(
            _delivery.c.subscriber_id == _subscriber.c.id,
            _edition.c.kind == "system",
            _edition.c.slot.like("system:confirm:%"),
            _edition.c.planned_at >= before,
        )
    )
    return ~asked.exists(), ~mailed.exists()


def _some(session: Session, query: Select[tuple[int]], limit: int, among: Sequence[int] | None) -> list[int]:
    if among is not None:
        query = query.where(_subscriber.c.id.in_(among))
    return [row.id for row in session.connection().execute(query.order_by(_subscriber.c.id).limit(limit))]
