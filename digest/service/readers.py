"""The readers' desk: what pages and operators do with the roster, each verb one transaction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlmodel import Session

from digest.service.composing import Press
from digest.service.freezing import Workshop, freeze_system, letter
from digest.settings import Settings
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import ViewedMail
from subscribers import roster
from subscribers import topics as shelf
from subscribers.cadence import minute_of
from subscribers.due import audience
from subscribers.errors import UnknownReader
from subscribers.profiles import intern_profile
from subscribers.tokens import Keyring
from subscribers.types import Confirmed, ReaderRow, SignUp, TopicRow

CONFIRMATIONS_A_DAY = 3
CONFIRMATION_PAUSE = timedelta(minutes=10)
"""Nobody can use the form to bomb a third person with confirmation mails."""

FIRST = 0
"""Priority of confirmation mails: they overtake digests."""


class ReaderDesk:
    """Implements what `digest.web` asks for (`WebService`), and the operator's verbs beside it. Everything is durable
    on return."""

    def __init__(
        self, shop: Workshop, press: Press, keyring: Keyring, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        self._engine = shop.engine
        self._shop = shop
        self._press = press
        self.keyring = keyring
        self.settings = settings
        self.default_timezone: str = settings.default_timezone
        self.now = now
        self.on_mail_planned: Callable[[], None] = lambda: None
        """Called after a system mail became durable, so that it leaves at once."""

    # --- what readers do ----------------------------------------------------------------------------------------------

    def topics(self) -> Sequence[TopicRow]:
        """The topics to choose from."""
        with reading(self._engine) as session:
            return shelf.list_topics(session)

    def sign_up(self, asked: SignUp) -> None:
        """Note it, and plan the confirmation mail if there is something to confirm. Raises RosterError."""
        letter(self._shop, "confirm", self._language(asked.locale))  # rendered before the write lock is taken
        with writing(self._engine) as session:
            done = roster.sign_up(session, asked, now=self.now(), hashes=self.keyring.address_hashes(asked.address))
            planned = bool(done.subscriber_id and done.pending) and self._plan_confirmation(
                session, done.subscriber_id or 0, asked.locale, done.pending
            )
        if planned:
            self.on_mail_planned()

    def _plan_confirmation(self, session: Session, subscriber_id: int, locale: str, topics: Sequence[str]) -> bool:
        now = self.now()
        sent = editions.recent_system_mails(session, subscriber_id, "confirm", now - timedelta(days=1))
        if len(sent) >= CONFIRMATIONS_A_DAY or (sent and now - sent[0] < CONFIRMATION_PAUSE):
            return False
        intern_profile(session, subscriber_id)
        slot = f"system:confirm:{subscriber_id}-{int(now.timestamp())}"
        edition_id, planned_at, _ = editions.open_edition(
            session, "system", slot, planned_at=now, key_id=self.keyring.key_id, priority=FIRST
        )
        editions.plan_chunk(
            session,
            edition_id,
            audience(None, subscriber_id, any_status=True),
            after_id=0,
            planned_at=planned_at,
        )
        language = self._language(locale)
        freeze_system(self._shop, session, edition_id, "confirm", language, {"topics": ", ".join(topics)}, now=now)
        return True

    def _language(self, locale: str) -> str:
        language = locale.replace("_", "-").split("-")[0]
        return language if language in self._shop.languages else "en"

    def pending(self, subscriber_id: int) -> Sequence[str]:
        """Names of the topics that wait for this reader's confirmation."""
        with reading(self._engine) as session:
            return roster.pending_topics(session, subscriber_id)

    def confirm(self, subscriber_id: int, *, network: bytes | None) -> Confirmed:
        """Raises NotConfirmable."""
        with writing(self._engine) as session:
            return roster.confirm(session, subscriber_id, now=self.now(), network=network)

    def leave(self, subscriber_id: int, *, reason: str) -> None:
        """Takes effect before the next provider call, even for a mail already planned."""
        with writing(self._engine) as session:
            roster.unsubscribe(session, subscriber_id, now=self.now(), reason=reason)

    def undo_leave(self, subscriber_id: int) -> Confirmed | None:
        """None when it is too late."""
        with writing(self._engine) as session:
            return roster.undo_unsubscribe(session, subscriber_id, now=self.now())

    def view(self, subscriber_id: int, edition_id: int) -> ViewedMail | None:
        """A mail in the browser, without personal links; None when there is none."""
        with reading(self._engine) as session:
            if not editions.exists(session, edition_id):
                return None
        return self._press.view(edition_id, subscriber_id)

    def healthy(self) -> None:
        """Look into the database; raises StoreError when it cannot be used."""
        with reading(self._engine) as session:
            editions.exists(session, 0)

    # --- what operators do --------------------------------------------------------------------------------------------

    def add(
        self,
        address: str,
        *,
        topics: Sequence[str],
        name: str = "",
        timezone: str = "",
        locale: str = "en",
        cadence: str = "daily",
        at: str = "07:00",
    ) -> ReaderRow:
        """A reader who consented elsewhere, active at once. `at` is a local quarter hour. Raises RosterError."""
        asked = SignUp(
            address=address,
            topics=tuple(topics),
            name=name,
            locale=locale,
            timezone=timezone or self.default_timezone,
            cadence=cadence,
            send_minute=minute_of(at),
            form="operator",
        )
        with writing(self._engine) as session:
            return roster.add(session, asked, now=self.now(), hashes=self.keyring.address_hashes(address))

    def list(self, *, topic: str | None = None, limit: int = 100, after_id: int = 0) -> Sequence[ReaderRow]:
        """Readers by number, `limit` at most, after the one given."""
        with reading(self._engine) as session:
            return roster.list_subscribers(session, topic=topic, limit=limit, after_id=after_id)

    def find(self, address: str) -> Sequence[ReaderRow]:
        """The active reader with this address, or nobody. Raises nothing for what is no address."""
        try:
            found = self.show(address)
        except UnknownReader:
            return []
        return [found] if found.status == "active" else []

    def show(self, address: str) -> ReaderRow:
        """Raises UnknownReader."""
        with reading(self._engine) as session:
            return roster.show(session, address)

    def remove(self, address: str) -> None:
        """Erase a reader. Raises UnknownReader."""
        with writing(self._engine) as session:
            roster.remove(session, address)
