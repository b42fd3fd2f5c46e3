"""The service: the verbs that cli, web, demo and the clock call. Thin; the work is in the modules beside this one."""

from __future__ import annotations

import logging
import os
import secrets
import socket
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from email.utils import parseaddr
from urllib.parse import urlsplit

from sqlalchemy import Engine
from sqlmodel import Session

from digest.compose.blocks import BlockCache
from digest.compose.content import Site
from digest.compose.fragments import guard as guarded
from digest.dispatch.flow import Limits, worked
from digest.dispatch.providers import Provider, make_provider
from digest.dispatch.sender import Sender
from digest.errors import InputError, SettingError
from digest.gather.fetch import Door
from digest.gather.robots import Robots
from digest.ready import missing_for_sending
from digest.service import gathering, planning
from digest.service.alerting import Alerter
from digest.service.breaking import plan_breaking
from digest.service.clustering import Clusterer
from digest.service.composing import Press
from digest.service.deliveries import DeliveryDesk
from digest.service.editions import EditionDesk
from digest.service.events import EventDesk
from digest.service.explaining import Explainer
from digest.service.freezing import Workshop
from digest.service.owntemplates import chosen_theme
from digest.service.places import templates_folder
from digest.service.planning import Planned
from digest.service.previewing import Previewer
from digest.service.push import PushDesk
from digest.service.readers import ReaderDesk
from digest.service.reporting import Reporter
from digest.service.scribe import open_scribe
from digest.service.sourceshelf import SourceShelf
from digest.service.storydesk import StoryDesk
from digest.service.suppressing import SuppressionDesk
from digest.service.topicshelf import TopicShelf
from digest.settings import Settings
from digest.store import backlog, clock, editions, flow, ledger
from digest.store.db import open_database, reading, writing
from digest.store.schema import require_current
from digest.store.staff import staff_of
from digest.types import DeliveryState, DispatchReport, GatherRow
from subscribers import listing
from subscribers.colour import DARK_PAPER, LIGHT_PAPER, readable
from subscribers.due import audience
from subscribers.i18n import Catalogues
from subscribers.tokens import Keyring
from subscribers.topics import get_topic

log = logging.getLogger(__name__)

GATHER_WORKERS = 8

LONGEST_KEY = 100
"""Characters of the key of a send by hand: it becomes part of a slot, which has 200."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class DigestService:
    """One process's view of the service. Safe to use from several threads; close it when done."""

    def __init__(
        self, settings: Settings, *, now: Callable[[], datetime] = utc_now, engine: Engine | None = None
    ) -> None:
        """`settings` must hold at least one key (`settings.with_keys`). Raises StoreError when the schema is not
        current."""
        self.settings = settings
        self.now = now
        self.engine = engine if engine is not None else open_database(settings.database_url)
        require_current(self.engine)
        self.keyring = Keyring(settings.secret_keys)
        self.catalogues = Catalogues(templates_folder() / "locale")
        self.theme = chosen_theme(settings, self.catalogues.translations)
        self.shop = Workshop(
            self.engine,
            self.theme,
            site_of(settings),
            BlockCache(),
            self.catalogues.languages,
            weights=settings.rank_weights,
            scribe=open_scribe(settings, self.engine),
            zone=settings.default_timezone,
        )
        self.staff = staff_of(settings.operator_email, self.keyring.address_hashes)
        self.press = Press(self.engine, self.theme, self.keyring, self.staff)
        self.readers = ReaderDesk(self.shop, self.press, self.keyring, settings, now=now)
        self.topics = TopicShelf(self.engine, now=now)
        self.sources = SourceShelf(self.engine, lambda: self.door, now=now)
        self.push = PushDesk(self.engine, now=now)
        self.events = EventDesk(self.engine, self.keyring, settings, now=now)
        self.suppressions = SuppressionDesk(self.engine, self.keyring, now=now)
        self.editions = EditionDesk(self.engine)
        self.deliveries = DeliveryDesk(self.engine, self.keyring, self.staff, now=now)
        self.clusterer = Clusterer(self.engine)
        self.stories = StoryDesk(self.engine, now=now, zone=settings.default_timezone)
        self.explainer = Explainer(self.shop, now=now)
        self.reporter = Reporter(self.shop, self.keyring, settings, now=now)
        self.previewer = Previewer(self.shop, timezone=settings.default_timezone, now=now)
        self.alerter = Alerter(settings.alert_url, settings.public_url)
        self.stopping = threading.Event()
        """Set to end long work early and in order: a gather begins no further source."""
        self._provider: Provider | None = None
        self._fence: int | None = None
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._door: Door | None = None
        self._robots: Robots | None = None
        self._sender: Sender | None = None
        self._lock = threading.Lock()

    # --- gather -------------------------------------------------------------------------------------------------------

    @property
    def door(self) -> Door:
        """The one outbound door."""
        with self._lock:
            if self._door is None:
                contact = self.settings.contact_url or self.settings.public_url
                if self.settings.allow_private_networks:
                    log.warning(
                        "ALLOW_PRIVATE_NETWORKS is on: sources may reach into private networks; development only"
                    )
                self._door = Door(
                    user_agent=f"digest-service (+{contact})", allow_private=self.settings.allow_private_networks
                )
            return self._door

    @property
    def robots(self) -> Robots:
        """What the sites that we read permit, remembered for a day."""
        door = self.door
        with self._lock:
            if self._robots is None:
                self._robots = Robots(door.get)
            return self._robots

    def gather(
        self,
        *,
        only: Sequence[int] | None = None,
        due_only: bool = False,
        on_row: Callable[[GatherRow], None] | None = None,
        backlog_too: bool = False,
    ) -> list[GatherRow]:
        """Fetch sources and put their new articles into stories. One row for each source; failures are rows with a
        reason.

        `backlog_too` makes the backlog news, for a first look at a feed.
        """
        rows = gathering.gather(
            self.engine,
            self.door,
            self.robots,
            now=self.now,
            only=only,
            due_only=due_only,
            on_row=on_row,
            workers=GATHER_WORKERS,
            stop=self.stopping,
        )
        if backlog_too:
            with writing(self.engine) as session:
                backlog.make_backlog_news(session)
        self.clusterer.place_new(now=self.now())
        return rows

    # --- plan and send ------------------------------------------------------------------------------------------------

    def plan(self) -> list[Planned]:
        """Plan and freeze what is breaking and what is due now, if this process holds the clock; durable when this
        returns."""
        with writing(self.engine) as session:
            self._fence = held = clock.take_clock(session, self.holder)
        if held is None:
            return []
        now, key_id = self.now(), self.keyring.key_id

        def guard(session: Session) -> None:
            clock.keep_clock(session, self.holder, held)

        urgent = plan_breaking(self.shop, now=now, key_id=key_id, guard=guard)
        return [*urgent, *planning.plan_tick(self.shop, now=now, key_id=key_id, guard=guard)]

    def sender(self) -> Sender:
        """The sender to the configured provider. Raises SettingError while a network provider lacks what it needs."""
        missing = missing_for_sending(self.settings)
        if missing:
            raise SettingError(f"PROVIDER is {self.settings.provider}, but {'; '.join(missing)}; see .env.example")
        with self._lock:
            if self._sender is None:
                self._provider = make_provider(self.settings)
                self._sender = Sender(
                    self.engine,
                    self._provider,
                    self.press.compose,
                    holder=self.holder,
                    address_hashes=self.keyring.address_hashes,
                    staff=self.staff,
                    limits=Limits(
                        self.settings.send_rate,
                        self.settings.stop_percent,
                        self.settings.stop_after,
                        self.settings.mail_redirect_to,
                    ),
                    alert=self.alerter.tell,
                )
            return self._sender

    def dispatch(
        self,
        stop: threading.Event | None = None,
        on_progress: Callable[[DispatchReport], None] | None = None,
        edition_id: int | None = None,
    ) -> DispatchReport:
        """Send what is ready until nothing is; a set `stop` finishes the batch in hand and releases the rest."""
        return self.sender().drain(stop=stop, on_progress=on_progress, edition_id=edition_id)

    def audience(self, topic: str | None, address: str | None) -> tuple[int, int | None, int | None]:
        """How many active readers a send by hand would reach, with the topic's and the reader's id. Who pauses is not
        among them. Raises RosterError, and InputError for a reader who cannot be sent to."""
        with reading(self.engine) as session:
            topic_id = get_topic(session, topic).id if topic else None
            reader = listing.show(session, address) if address else None
            if reader is not None and reader.status != "active":
                raise InputError(f"{address} is {reader.status}, so nothing can be sent there")
            if reader is not None and reader.paused_until is not None and reader.paused_until > self.now():
                raise InputError(f"{address} pauses until {reader.paused_until:%Y-%m-%d %H:%M} UTC")
            query = audience(topic_id, reader.id if reader else None, awake_at=self.now())
            count = editions.count(session, query)
        return count, topic_id, reader.id if reader else None

    def send_by_hand(
        self, topic_id: int | None, subscriber_id: int | None, *, key: str | None = None, since: datetime | None = None
    ) -> Planned | None:
        """Plan and freeze a send by hand; None when `key` was used before. `dispatch` then sends it. Raises InputError
        for a key that cannot name a slot."""
        if key is not None and not (key.isprintable() and 0 < len(key) <= LONGEST_KEY):
            raise InputError(f"a key has 1 to {LONGEST_KEY} printable characters; {key[:20]!r}... has {len(key)}")
        return planning.plan_by_hand(
            self.shop,
            audience(topic_id, subscriber_id, awake_at=self.now()),
            now=self.now(),
            key_id=self.keyring.key_id,
            key=key or f"{self.now():%Y%m%dT%H%M%S}-{secrets.token_hex(4)}",
            topic_id=topic_id,
            since=since,
            private=subscriber_id is not None,
        )

    def unsent(self, key: str) -> Planned:
        """The edition of a send by hand, with the number of deliveries that still wait. Raises InputError."""
        with reading(self.engine) as session:
            edition_id = editions.find_edition(session, f"manual:{key}")
            if edition_id is None:
                raise InputError(f"nothing was ever sent under the key {key!r}")
            waiting = ledger.count_deliveries(session, edition_id)
        open_states = (DeliveryState.PLANNED, DeliveryState.ATTEMPTING, DeliveryState.RETRY)
        return Planned(edition_id, sum(waiting.get(state, 0) for state in open_states))

    def unfinished(self) -> dict[int, int]:
        """Editions by hand with deliveries that wait -> how many."""
        with reading(self.engine) as session:
            return ledger.unfinished(session, "manual")

    def resume(
        self,
        edition_id: int,
        stop: threading.Event | None = None,
        on_progress: Callable[[DispatchReport], None] | None = None,
        *,
        seen_to: bool = False,
    ) -> DispatchReport:
        """Go on with an edition at once, whatever its retries were waiting for. `seen_to`: also if it was stopped, and
        if the provider failed; an operator has seen to it."""
        with writing(self.engine) as session:
            if seen_to:
                flow.go_on(session, edition_id)
            ledger.hurry(session, edition_id)
            if seen_to:
                flow.change(session, self.settings.provider, lambda row, _: (worked(row), None))
        return self.dispatch(stop=stop, on_progress=on_progress, edition_id=edition_id)

    def waits(self, edition_id: int) -> float:
        """Seconds until something of this edition can be sent; 0 when it can be now, or when all of it is settled."""
        with reading(self.engine) as session:
            return ledger.next_ready(session, edition_id) or 0.0

    def close(self) -> None:
        """Release connections and the clock."""
        if self._fence is not None:
            with writing(self.engine) as session:
                clock.release_clock(session, self.holder, self._fence)
        if self._door is not None:
            self._door.close()
        if self._provider is not None:
            self._provider.close()
        self.alerter.close()
        if self.shop.scribe is not None:
            self.shop.scribe.close()
        self.engine.dispose()


def site_of(settings: Settings) -> Site:
    """The settings that reach a mail's bytes. Nothing in them can be taken for one of our markers."""
    host = urlsplit(settings.public_url).hostname or "localhost"
    domain = parseaddr(settings.from_)[1].rpartition("@")[2] or host
    return Site(
        name=guarded(settings.site_name),
        public_url=guarded(settings.public_url),
        sender=settings.from_,
        reply_to=settings.reply_to,
        postal_address=guarded(settings.postal_address),
        accent=readable(settings.accent, LIGHT_PAPER),
        accent_dark=readable(settings.accent, DARK_PAPER),
        list_domain=domain if "." in domain or domain == "localhost" else host,
        logo_url=guarded(settings.logo_url),
        logo_width=settings.logo_width if settings.logo_url else 0,
        fonts=settings.fonts,
    )
