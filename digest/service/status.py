"""How the service stands: what waits, what is in doubt, and what an operator should look at. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, func, select
from sqlmodel import Session

from digest.dispatch.events import SEVERITY, WEBHOOKS
from digest.models import Delivery
from digest.settings import Settings
from digest.store import events, flow, standing
from digest.store.db import database_time, reading
from digest.types import DeliveryState, EventKind
from subscribers.models import Suppression
from subscribers.sql import table

FIRST_WORD = timedelta(hours=1)
"""So long after a first call a provider has told us something, if it can: mail servers answer within seconds."""
SILENCE = timedelta(days=2)
"""So long after a call nothing was heard: something is wrong, for a provider that could not reach us has given up by
then (Resend's last retry comes after 28 hours)."""
LATELY = timedelta(days=7)

_delivery, _suppression = table(Delivery), table(Suppression)


@dataclass(frozen=True, slots=True)
class Status:
    """How the service stands."""

    provider: str
    deliveries: Mapping[DeliveryState, int]
    """Of all that are kept."""
    fates: Mapping[EventKind, int]
    """What became of mails in the last seven days, as far as the provider told."""
    events_waiting: int
    last_heard: datetime | None
    """When any provider told us something for the last time; aware."""
    suppressed: int
    warnings: tuple[str, ...]
    """What to look at, a line for each."""


def look(engine: Engine, settings: Settings, *, now: Callable[[], datetime]) -> Status:
    """Raises StoreError."""
    with reading(engine) as session:
        connection = session.connection()
        states = select(_delivery.c.state, func.count()).group_by(_delivery.c.state)
        deliveries = {DeliveryState(state): count for state, count in connection.execute(states)}
        heard = events.last_heard(session, settings.provider)
        since = heard.timestamp() if heard is not None else 0.0
        called = events.first_call(session, settings.provider, since)
        clock = database_time(session)
        return Status(
            provider=settings.provider,
            deliveries=deliveries,
            fates=events.fates(session, SEVERITY, since=now() - LATELY),
            events_waiting=events.count_waiting(session),
            last_heard=events.last_heard(session),
            suppressed=connection.execute(select(func.count()).select_from(_suppression)).scalar_one(),
            warnings=(
                *_held(session, settings.provider),
                *_ajar(session),
                *_warnings(settings, deliveries, heard, called, clock),
            ),
        )


def _held(session: Session, provider: str) -> list[str]:
    """What keeps mails from being sent."""
    told = [
        f"edition {each.edition_id} is stopped: {each.stopped}; `digest editions resume {each.edition_id}` goes on"
        for each in standing.stopped(session)
    ]
    row, now = flow.look(session, provider)
    if row.open_until > 0:
        told.append(f"{provider} failed {row.failures} times in a row; it is tried again from time to time")
    elif row.until > now:
        told.append(f"{provider} asked not to be called for another {row.until - now:.0f} s")
    return told


def _ajar(session: Session) -> list[str]:
    return [
        f"edition {each.edition_id} is never finished: it was frozen with {each.frozen_count} mails, and "
        f"{sum(each.mails.values())} are there"
        for each in standing.ajar(session)
    ]


def _warnings(
    settings: Settings,
    deliveries: Mapping[DeliveryState, int],
    heard: datetime | None,
    called: float | None,
    now: float,
) -> list[str]:
    told = []
    if settings.mail_redirect_to:
        told.append(
            f"MAIL_REDIRECT_TO is set: every mail goes to {settings.mail_redirect_to}, and counts as sent to its reader"
        )
    if unknown := deliveries.get(DeliveryState.UNKNOWN, 0):
        told.append(f"{unknown} mails are unknown, and not sent again by themselves; see `digest deliveries stuck`")
    if settings.provider in WEBHOOKS and called is not None:
        silent = timedelta(seconds=now - called)
        where = f"set {settings.public_url}/webhooks/{settings.provider} up there (docs/webhooks.md)"
        if heard is None and silent > FIRST_WORD:
            told.append(
                f"mails go through {settings.provider}, and no webhook ever came: nobody learns of bounces and "
                f"complaints; {where}"
            )
        elif heard is not None and silent > SILENCE:
            last = f"{heard.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
            told.append(f"mails went through {settings.provider}, and no webhook came since {last}; look at it there")
    return told
