"""A small real service for the pages: the roster on a real database, a clock that tests turn, and a list for mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine, text

from digest.settings import Settings
from digest.store.db import reading, writing
from digest.types import ViewedMail
from subscribers import roster, topics
from subscribers.tokens import Keyring
from subscribers.types import Confirmed, ReaderRow, SignUp, TopicRow
from subscribers.web import minute_of

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass
class RosterDesk:
    """What `digest.service` is to the pages, without the mail."""

    engine: Engine
    settings: Settings
    time: datetime = MONDAY
    mailed: list[tuple[int, str]] = field(default_factory=list)
    """(subscriber id, confirm token) of every mail that would have gone out."""

    def __post_init__(self) -> None:
        self.keyring = Keyring(self.settings.secret_keys)
        self.default_timezone = self.settings.default_timezone

    def now(self) -> datetime:
        return self.time

    def healthy(self) -> None:
        with reading(self.engine) as session:
            session.connection().execute(text("SELECT 1"))

    def topics(self) -> list[TopicRow]:
        with reading(self.engine) as session:
            return topics.list_topics(session)

    def sign_up(self, asked: SignUp) -> None:
        with writing(self.engine) as session:
            hashes = self.keyring.address_hashes(asked.address)
            done = roster.sign_up(session, asked, now=self.time, hashes=hashes)
        if done.subscriber_id is not None and done.pending:
            token = self.keyring.tokens(done.subscriber_id, minute_of(self.time)).confirm
            self.mailed.append((done.subscriber_id, token))

    def pending(self, subscriber_id: int) -> list[str]:
        with reading(self.engine) as session:
            return roster.pending_topics(session, subscriber_id)

    def confirm(self, subscriber_id: int, *, network: bytes | None) -> Confirmed:
        with writing(self.engine) as session:
            return roster.confirm(session, subscriber_id, now=self.time, network=network)

    def leave(self, subscriber_id: int, *, reason: str) -> None:
        with writing(self.engine) as session:
            roster.unsubscribe(session, subscriber_id, now=self.time, reason=reason)

    def undo_leave(self, subscriber_id: int) -> Confirmed | None:
        with writing(self.engine) as session:
            return roster.undo_unsubscribe(session, subscriber_id, now=self.time)

    def view(self, subscriber_id: int, edition_id: int) -> ViewedMail | None:
        if (subscriber_id, edition_id) != (1, 5):
            return None
        return ViewedMail("<!doctype html><title>Ferry</title><p style='color:red'>Ferry</p>", "Ferry", "Ferry")

    # What tests ask besides.

    def later(self, **passed: float) -> None:
        self.time += timedelta(**passed)

    def reader(self, address: str) -> ReaderRow:
        with reading(self.engine) as session:
            return roster.show(session, address)

    def everybody(self) -> list[ReaderRow]:
        with reading(self.engine) as session:
            return roster.list_subscribers(session)

    def furnish(self) -> None:
        """Topics to choose from, one of them right-to-left and one with a long German name."""
        rows = (
            ("harbour", "Harbour", "en", "Ships, ferries and everything that happens between the two piers."),
            ("hafen", "Hafenwirtschaft und Binnenschifffahrt", "de", "Was im Hafen geladen und gelöscht wird."),
            ("madina", "أخبار المدينة", "ar", "ما يحدث في الأحياء والأسواق ومجلس البلدية."),
            ("sport", "Sport", "en", ""),
        )  # fmt: skip
        with writing(self.engine) as session:
            for slug, name, language, about in rows:
                topics.add_topic(session, slug, name, now=self.time, description=about, language=language)
