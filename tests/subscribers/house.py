"""A roster with two topics, and files to import into it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Engine, delete, func, select

from digest.service.transfer import Imported, Transfer, Wanted
from digest.store.db import reading, writing
from subscribers import listing, roster
from subscribers.models import Subscriber, Suppression
from subscribers.sql import table
from subscribers.tokens import Keyring
from subscribers.topics import add_topic
from subscribers.transfer.rows import Problem
from subscribers.types import ReaderRow, SignUp

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
KEYS = Keyring(["a-key-that-only-the-tests-know-about-0001"])


class House:
    """A roster with two topics, and files to import."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder = engine, folder
        self.problems: list[Problem] = []
        with writing(engine) as session:
            for slug in ("town", "harbour"):
                add_topic(session, slug, slug.title(), now=NOW)
        self.desk = Transfer(engine, KEYS.address_hashes, now=lambda: NOW, default_timezone="Europe/Berlin", batch=10)

    def file(self, text: str) -> Path:
        path = self.folder / "readers.csv"
        path.write_text(text, encoding="utf-8", newline="")
        return path

    def take(
        self, text: str, *topics: str, stopping: Callable[[], bool] = lambda: False, **options: object
    ) -> Imported:
        wanted = Wanted(self.file(text), topics or ("town",), **options)  # type: ignore[arg-type]
        self.problems = []
        return self.desk.import_readers(wanted, on_problem=self.problems.append, stopping=stopping)

    def show(self, address: str) -> ReaderRow:
        with reading(self.engine) as session:
            return listing.show(session, address)

    def sign_up(self, address: str, *, confirm: bool) -> int:
        with writing(self.engine) as session:
            asked = SignUp(address, ("town",), timezone="Asia/Tokyo", locale="de", send_minute=600)
            done = roster.sign_up(session, asked, now=NOW, hashes=KEYS.address_hashes(address))
            assert done.subscriber_id is not None
            if confirm:
                roster.confirm(session, done.subscriber_id, now=NOW, address_hashes=KEYS.address_hashes)
            return done.subscriber_id

    def forget(self, address: str) -> None:
        """As if they had never been here: not even the hash of an erased reader stays."""
        with writing(self.engine) as session:
            column = table(Subscriber).c.address_key
            session.connection().execute(delete(table(Subscriber)).where(column == address))

    def count(self, model: type) -> int:
        with reading(self.engine) as session:
            return int(session.connection().execute(select(func.count()).select_from(table(model))).scalar_one())

    def reasons(self, address: str) -> set[str]:
        with reading(self.engine) as session:
            column = table(Suppression).c
            query = select(column.reason).where(column.address_hash.in_(KEYS.address_hashes(address)))
            return set(session.connection().execute(query).scalars())
