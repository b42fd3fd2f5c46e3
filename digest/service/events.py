"""What providers tell us: `receive` keeps it, `settle` applies what was kept and not applied yet.

Crash semantics. `receive` returns after the events are durable, and only then the provider is answered 200. Each is
then applied in a transaction of its own (`digest.store.events`). A crash or an error in between leaves the event
waiting, and the next `settle` takes it: nothing is lost, and what it does is done once. An event about a call that is
under way waits as well, for the sender alone settles that: what must not wait, a complaint or a hard bounce, suppresses
all the same, and does so again without harm.
"""

from __future__ import annotations

import logging
import re
import traceback
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from threading import Lock
from typing import Any

from sqlalchemy import Engine, Row
from sqlmodel import Session

from digest.dispatch import events as rules
from digest.dispatch.events import Webhook, open_webhook
from digest.errors import DigestError, SettingError, StoreError
from digest.settings import Settings
from digest.store import events as store
from digest.store.db import reading, writing
from digest.types import DeliveryState, Event, EventKind
from subscribers import consent, roster, suppressions
from subscribers.errors import BadAddress, BadToken
from subscribers.tokens import Keyring
from subscribers.types import address_key, check_address

log = logging.getLogger(__name__)

SLICE = 500
AT_ONCE = 200
"""Events of one call that are applied before it is answered, the gravest first; the next `settle` takes the others. A
call of SendGrid's may hold thousands, a few milliseconds each, and it does not wait for ever."""
_RANK = {str(kind): place for place, kind in enumerate(rules.SEVERITY)}
_MARK = re.compile(r"([0-9]{1,18})-([0-9]{1,18})")
_LEAVE = re.compile(r"/leave/([A-Za-z0-9_-]{38})>")


class UnknownProvider(DigestError):
    """There is no such provider."""


class EventDesk:
    """Webhooks on one database. Safe to use from several threads."""

    def __init__(self, engine: Engine, keyring: Keyring, settings: Settings, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._keyring = keyring
        self._settings = settings
        self._now = now
        self._hooks: dict[str, Webhook] = {}
        self._told: set[str] = set()
        self._lock = Lock()

    def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> int:
        """Keep what a call tells, durably, and apply it if that can be done at once; how many of the events nobody had
        applied before.

        `headers` have names in lower case. Raises UnknownProvider, SettingError for a secret that is not set or is
        none, NotSigned, Malformed, and StoreError; nothing was kept then, and the provider should try again.
        """
        now = self._now()
        heard = rules.unique(self._hook(provider).parse_webhook(headers, body, now))
        with writing(self._engine) as session:
            kept = store.remember(session, provider, self._rows(session, heard, now))
        for event_id in sorted(kept, key=lambda each: (-_RANK.get(kept[each], 0), each))[:AT_ONCE]:
            self._apply(event_id)
        return len(kept)

    def settle(self) -> int:
        """Apply what waits; how many events are done. What fails waits on. Raises StoreError."""
        after = done = 0
        while True:
            with reading(self._engine) as session:
                found = store.waiting(session, after_id=after, limit=SLICE)
            if not found:
                return done
            done += sum(self._apply(each) for each in found)
            after = found[-1]

    # --- keeping ------------------------------------------------------------------------------------------------------

    def _hook(self, provider: str) -> Webhook:
        with self._lock:
            hook = self._hooks.get(provider)
            if hook is None:
                try:
                    hook = open_webhook(provider, self._settings)
                except SettingError as error:
                    if provider not in self._told:  # once: a stranger could fill the log
                        self._told.add(provider)
                        log.warning("a call to /webhooks/%s was refused: %s", provider, error)
                    raise
                if hook is None:
                    raise UnknownProvider
                self._hooks[provider] = hook
            return hook

    def _rows(self, session: Session, heard: Sequence[Event], now: datetime) -> list[Mapping[str, Any]]:
        """Columns of the events, with the address turned into its hash and the reader it belongs to."""
        addresses = {event.address: _checked(event.address) for event in heard}
        keys = {address: address_key(address) for address in addresses.values() if address}
        readers = suppressions.readers_by_key(session, list(keys.values()))
        rows: list[Mapping[str, Any]] = []
        for event in heard:
            address = addresses[event.address]
            edition_id, subscriber_id = self._named(event.mark)
            rows.append(
                {
                    "provider": event.provider,
                    "event_id": event.event_id,
                    "kind": str(event.kind),
                    "via": str(event.via),
                    "message_id": event.provider_message_id,
                    "edition_id": edition_id,
                    "subscriber_id": subscriber_id or (readers.get(keys[address]) if address else None),
                    "address_hash": self._keyring.address_hashes(address)[0] if address else None,
                    "at": event.at,
                    "sent_at": event.sent_at,
                    "received_at": now,
                    "detail": event.detail,
                }
            )
        return rows

    def _named(self, mark: str) -> tuple[int | None, int | None]:
        """The edition and the reader that a mark names."""
        if plain := _MARK.fullmatch(mark):
            return int(plain[1]), int(plain[2])
        if not (found := _LEAVE.search(mark)):
            return None, None
        try:
            claim = self._keyring.read(found[1], "leave")
        except BadToken:  # of another installation, or of a key that is gone
            return None, None
        return claim.context, claim.subscriber_id

    # --- applying -----------------------------------------------------------------------------------------------------

    def _apply(self, event_id: int) -> bool:
        """Apply one event; whether it is done. A bulkhead: one that fails must hold up no other, and is kept
        already."""
        try:
            with writing(self._engine) as session:
                # The reader first, as everybody locks who touches both: erasing goes on to the events from there.
                whose = store.whose(session, event_id)
                reader = roster.locked(session, whose) if whose is not None else None
                event = store.take(session, event_id)
                return event is not None and self._do(session, event, reader if event.subscriber_id else None)
        except StoreError as error:
            log.error("event %d waits: %s", event_id, error)
        except Exception as error:
            # Not the exception's own words: they may hold an address.
            trace = "".join(traceback.format_tb(error.__traceback__))
            log.error("event %d failed and waits: %s\n%s", event_id, type(error).__name__, trace)
        return False

    def _do(self, session: Session, event: Row[Any], reader: Row[Any] | None) -> bool:
        """Everything that one event does, in the caller's transaction; False when it has to come back. `reader` is
        locked."""
        effect = rules.EFFECTS[EventKind(event.kind)]
        self._to_reader(session, event, reader, effect)
        mail = store.find_mail(session, event)
        if mail is not None and effect.settles is not None:
            if mail.state is DeliveryState.ATTEMPTING:
                return False
            why = "" if effect.settles is DeliveryState.ACCEPTED else event.detail or event.kind
            if store.know(session, mail, effect.settles, message_id=event.message_id, reason=why):
                log.info("edition %d, reader %d: settled by %s", mail.edition_id, mail.subscriber_id, event.provider)
        store.applied(session, event.id, mail, now=self._now())
        return True

    def _to_reader(self, session: Session, event: Row[Any], reader: Row[Any] | None, effect: rules.Effect) -> None:
        """Take the reader out, and keep the address out, as the event wants it.

        An address is kept out whoever it belongs to and whatever mail it is about: the provider has given it up for
        everything that we send. A reader is taken out only as long as the address is still theirs.
        """
        now = self._now()
        hashes = self._keyring.address_hashes(reader.address) if reader is not None else []
        address_hash = event.address_hash or (hashes[0] if hashes else None)
        theirs = reader if address_hash in hashes else None
        if theirs is not None and effect.leaves and (effect.suppress or not _came_back(session, event, theirs)):
            why = "complaint" if effect.suppress else "provider"
            roster.unsubscribe(session.connection(), theirs.id, now=now, reason=why)
        reason, note = effect.suppress, event.detail
        if theirs is not None and effect.counts and self._too_often(session, theirs, hashes, now):
            reason, note = "bounced", f"{rules.SOFT_DAYS} soft bounces; the last: {event.detail}"
        if reason and address_hash is not None:
            suppressions.suppress(
                session,
                address_hash,
                reason=reason,
                now=now,
                subscriber_id=theirs.id if theirs is not None else None,
                source=event.provider,
                note=note,
            )

    def _too_often(self, session: Session, reader: Row[Any], hashes: Sequence[bytes], now: datetime) -> bool:
        soft, arrived = store.bounces(session, reader.id, hashes, now - rules.SOFT_WINDOW)
        return rules.bounced_too_often(soft, arrived, now)


def _came_back(session: Session, event: Row[Any], reader: Row[Any]) -> bool:
    """Whether the reader did something here since they left there: events come late, and that word was the last."""
    last = consent.last_deed(session, reader.id)
    return last is not None and last.at > event.at


def _checked(address: str) -> str:
    """The address, or "" for what is none: nobody here can have it."""
    try:
        return check_address(address) if address else ""
    except BadAddress:
        return ""
