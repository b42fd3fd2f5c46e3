"""Changes that overtake a planned mail: what a reader has given up is taken out of it before it is opened."""

from __future__ import annotations

from sqlalchemy import and_, or_, select, update
from sqlmodel import Session

from digest.models import Delivery, Edition
from digest.types import DeliveryState
from subscribers.models import Subscriber, Subscription
from subscribers.profiles import intern, profiles, restricted
from subscribers.sql import table

WELCOME = "system:welcome:"
"""How the slots of welcome mails begin: the one kind of system mail that is a digest."""

_delivery, _edition = table(Delivery), table(Edition)
_subscriber, _subscription = table(Subscriber), table(Subscription)


def narrow(session: Session, subscriber_id: int) -> int:
    """Leave in a reader's digests that are planned but not opened only topics that the reader still has.

    Call it in the transaction that changed the subscriptions, after the change. A delivery without any topic left
    becomes `skipped` ("left"). Returns how many deliveries changed. What a sender has composed meanwhile it composes
    again, for `open_attempt` compares the profile; a mail whose call may have been made stays as it is.
    """
    connection = session.connection()
    # Whoever opens an attempt locks the reader first too, so one of us comes after the other.
    connection.execute(select(_subscriber.c.id).where(_subscriber.c.id == subscriber_id).with_for_update())
    still = select(_subscription.c.topic_id).where(
        _subscription.c.subscriber_id == subscriber_id, _subscription.c.status == "active"
    )
    has = set(connection.execute(still).scalars())
    rows = connection.execute(
        select(_delivery.c.edition_id, _delivery.c.profile_id)
        .join(_edition, _edition.c.id == _delivery.c.edition_id)
        .where(
            _delivery.c.subscriber_id == subscriber_id,
            _delivery.c.state.in_([str(DeliveryState.PLANNED), str(DeliveryState.RETRY)]),
            or_(_edition.c.kind != "system", _edition.c.slot.like(f"{WELCOME}%")),
        )
    ).all()
    planned = profiles(session, {row.profile_id for row in rows})
    changed = 0
    for edition_id, profile_id in rows:
        choices = planned[profile_id]
        rest = restricted(choices, has)
        if rest == choices:
            continue
        values: dict[str, object] = {"profile_id": intern(connection, rest)}
        if not rest["topics"]:
            values |= {"state": DeliveryState.SKIPPED, "reason": "left", "retry_at": None}
        here = and_(_delivery.c.edition_id == edition_id, _delivery.c.subscriber_id == subscriber_id)
        connection.execute(update(_delivery).where(here).values(values))
        changed += 1
    return changed
