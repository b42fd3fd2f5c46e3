"""The real service behind the pages: a clock that tests turn, mail that goes into a folder when tests say so."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, select

from digest.compose.fragments import Fragment
from digest.service.core import DigestService
from digest.service.intake import work_intake
from digest.settings import Settings
from digest.store.db import reading, writing
from subscribers import topics
from subscribers.models import Intake, Subscriber
from subscribers.routes.common import minute_of
from subscribers.types import ReaderRow, SignUp

LETTERS: dict[object, dict[tuple[str, str], Mapping[str, Fragment]]] = {}
"""Site -> its system mails, compiled once for all tests: each service compiles them before its first mail, which takes
as long as everything else that a test does."""

TEMPLATES = Path(__file__).resolve().parents[2] / "templates"
MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class WebDesk:
    """A `DigestService` and what tests ask of it. Nothing happens behind a test's back: what pages ask for waits until
    `mail()`, and time passes only by `later()`."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self.engine = engine
        self.settings = settings
        self.time = MONDAY
        self.service = DigestService(settings, now=self.now, engine=engine)
        known = LETTERS.setdefault(self.service.shop.site, {})
        self.service.shop.letters.update(known)
        self._letters = known
        self.readers = self.service.readers
        self.readers.on_asked = lambda: None
        self.keyring = self.service.keyring
        self._seen: set[str] = set()

    def now(self) -> datetime:
        return self.time

    def later(self, **passed: float) -> None:
        """Let time pass: `later(hours=25)`."""
        self.time += timedelta(**passed)

    def mail(self) -> list[EmailMessage]:
        """Work off what was asked, send what is ready, and read what was written since the last time, oldest first."""
        work_intake(self.readers)
        self._letters.update(self.service.shop.letters)
        self.service.dispatch()
        files = sorted(self.settings.data_dir.glob("outbox/new/*.eml"), key=lambda file: file.stat().st_mtime_ns)
        new = [file for file in files if file.name not in self._seen]
        self._seen |= {file.name for file in new}
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in new]

    def waiting(self) -> int:
        """How many things were asked for that nobody has worked off."""
        with reading(self.engine) as session:
            return len(session.connection().execute(select(SQLA_INTAKE.c.id)).all())

    def reader(self, address: str) -> ReaderRow:
        return self.readers.show(address)

    def everybody(self) -> list[ReaderRow]:
        return list(self.readers.list())

    def ask(self, address: str = "ada@example.org", *slugs: str, **choices: Any) -> EmailMessage:
        """Somebody who signed up without a page; the one mail that this brought."""
        self.readers.ask_sign_up(SignUp(address, slugs or ("harbour", "sport"), **choices))
        (told,) = self.mail()
        return told

    def join(self, address: str = "ada@example.org", *slugs: str, **choices: Any) -> int:
        """An active reader; the welcome mail, if there is one, has been sent and read."""
        who = self.keyring.read(token_of(self.ask(address, *slugs, **choices), "confirm"), "confirm").subscriber_id
        self.readers.confirm(who, network=None)
        self.mail()
        return who

    def status(self, address: str = "ada@example.org") -> str:
        return self.reader(address).status

    def number(self, address: str = "ada@example.org") -> int:
        """The reader's id."""
        return self.reader(address).id

    def minute(self) -> int:
        """The context of a link that expires and is made now."""
        return minute_of(self.time)

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


SQLA_INTAKE = Intake.metadata.tables["intake"]
SQLA_SUBSCRIBER = Subscriber.metadata.tables["subscriber"]


def link_of(mail: EmailMessage, path: str) -> str:
    """The path of the first link of a mail's text that leads to /`path`/..., as a browser would ask for it."""
    plain = mail.get_body(("plain",))
    assert plain is not None
    found = re.search(rf"https?://[^/\s]+(/{path}/[\w-]+)", plain.get_content())
    assert found, f"no link to /{path}/ in {plain.get_content()}"
    return found[1]


def token_of(mail: EmailMessage, path: str) -> str:
    """The token of that link."""
    return link_of(mail, path).rpartition("/")[2]


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """Every SQL statement that is run meanwhile, in order."""
    told: list[str] = []

    def hear(_connection: Connection, _cursor: Any, statement: str, *_: Any) -> None:
        told.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", hear)
    try:
        yield told
    finally:
        event.remove(engine, "before_cursor_execute", hear)
