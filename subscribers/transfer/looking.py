"""What the roster says about the addresses of a batch, asked in portions that fit into a statement."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, select

from subscribers.models import Consent, Subscriber, Subscription, Suppression
from subscribers.sql import ASK_AT_ONCE, table
from subscribers.transfer.rows import Incoming

SUBSCRIBER, SUBSCRIPTION = table(Subscriber), table(Subscription)
CONSENT, SUPPRESSION = table(Consent), table(Suppression)


def readers(connection: Connection, keys: Sequence[str], *, lock: bool = False) -> dict[str, Row[Any]]:
    """Address key -> row of those that are on the roster. `lock` keeps them from everybody else until the transaction
    ends, in the order of their numbers, as the sender locks the readers of a batch: nobody waits for the other."""
    found: dict[str, Row[Any]] = {}
    for portion in portions(keys):
        rows = connection.execute(select(SUBSCRIBER).where(SUBSCRIBER.c.address_key.in_(portion)))
        found.update({row.address_key: row for row in rows})
    if not lock or connection.dialect.name == "sqlite":
        return found
    wanted, locked = set(keys), {}
    for portion in portions(sorted(row.id for row in found.values())):
        query = select(SUBSCRIBER).where(SUBSCRIBER.c.id.in_(portion)).order_by(SUBSCRIBER.c.id).with_for_update()
        locked.update({row.address_key: row for row in connection.execute(query) if row.address_key in wanted})
    return locked


def confirmed(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these readers who confirmed here themselves."""
    return _logged(connection, ids, CONSENT.c.action == "confirmed")


def left_everything(connection: Connection, ids: Sequence[int]) -> set[int]:
    """Those of these readers who ever left altogether; a line about leaving some topics names them."""
    return _logged(connection, ids, (CONSENT.c.action == "left") & (CONSENT.c.topics == ""))


def _logged(connection: Connection, ids: Sequence[int], what: ColumnElement[bool]) -> set[int]:
    found: set[int] = set()
    for portion in portions(ids):
        query = select(CONSENT.c.subscriber_id).where(CONSENT.c.subscriber_id.in_(portion), what).distinct()
        found.update(connection.execute(query).scalars())
    return found


def topics_held(connection: Connection, ids: Sequence[int]) -> dict[int, set[int]]:
    """Subscriber id -> ids of the active topics; who has none is left out."""
    held: dict[int, set[int]] = {}
    wanted = select(SUBSCRIPTION.c.subscriber_id, SUBSCRIPTION.c.topic_id).where(SUBSCRIPTION.c.status == "active")
    for portion in portions(ids):
        for row in connection.execute(wanted.where(SUBSCRIPTION.c.subscriber_id.in_(portion))):
            held.setdefault(row.subscriber_id, set()).add(row.topic_id)
    return held


def suppressed(
    connection: Connection, rows: Sequence[Incoming], hashes: Callable[[str], Sequence[bytes]]
) -> dict[str, str]:
    """Address keys of these rows that are suppressed -> the reason. Without any suppression nothing is hashed."""
    if connection.execute(select(SUPPRESSION.c.reason).limit(1)).first() is None:
        return {}
    owner = {each: row.key for row in rows for each in hashes(row.address)}
    found: dict[str, str] = {}
    wanted = select(SUPPRESSION.c.address_hash, SUPPRESSION.c.reason)
    for portion in portions(owner):
        for row in connection.execute(wanted.where(SUPPRESSION.c.address_hash.in_(portion))):
            found[owner[bytes(row.address_hash)]] = row.reason
    return found


def portions(every: Iterable[Any]) -> Iterator[list[Any]]:
    """Anything in lists that fit into one IN (...)."""
    found = list(every)
    return (found[start : start + ASK_AT_ONCE] for start in range(0, len(found), ASK_AT_ONCE))
