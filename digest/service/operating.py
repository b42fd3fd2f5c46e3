"""The desk's verbs for operators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import NamedTuple

from sqlalchemy.orm import Session

from digest.service.accounts import Accounts
from digest.service.steering import Steering
from digest.store.db import reading, writing
from digest.store.narrow import narrow
from subscribers import account, consent, listing, roster, steer
from subscribers.cadence import minute_of
from subscribers.errors import UnknownReader
from subscribers.suppressions import why_suppressed
from subscribers.types import Change, ConsentRow, OwnTopic, ReaderRow, SignUp


class NotGiven(NamedTuple):
    """Stands for a pause that is to stay as it is: None ends one."""


NOT_GIVEN = NotGiven()


class Operating(Accounts, Steering):
    """What `digest subscribers` does."""

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
        format: str = "html",  # noqa: A002 - the reader's word for it
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
            format=format,
            form="operator",
        )
        with writing(self.engine) as session:
            return roster.add(session, asked, now=self.now(), hashes=self.keyring.address_hashes(address))

    def edit(
        self,
        address: str,
        *,
        topics: Sequence[str] | None = None,
        cadence: str | None = None,
        at: str | None = None,
        timezone: str | None = None,
        locale: str | None = None,
        format: str | None = None,  # noqa: A002 - the reader's word for it
        max_stories: int | None = None,
        all_quiet: bool | None = None,
        name: str | None = None,
        pause: date | NotGiven | None = NOT_GIVEN,
    ) -> ReaderRow:
        """Change what is given of an active reader, all of it or nothing. Topics that stay keep their own hours;
        `pause` is the day on which a pause ends, None ends it at once. Raises RosterError."""
        now = self.now()
        with writing(self.engine) as session:
            who = self._of(session, address).id
            old = steer.choices(session.connection(), who, now=now)
            own = {each.slug: each for each in old.topics}
            wanted = old.topics if topics is None else tuple(own.get(slug, OwnTopic(slug, "")) for slug in topics)
            change = Change(
                topics=wanted,
                cadence=old.cadence if cadence is None else cadence,
                send_minute=old.send_minute if at is None else minute_of(at),
                timezone=old.timezone if timezone is None else timezone,
                locale=old.locale if locale is None else locale,
                format=old.format if format is None else format,
                max_stories=old.max_stories if max_stories is None else max_stories,
                all_quiet=old.all_quiet if all_quiet is None else all_quiet,
            )
            if change != Change(*(getattr(old, each.name) for each in fields(Change))):
                steer.change(session, who, change, now=now, form="operator", private_too=True)
                narrow(session, who)
            if name is not None:
                account.rename(session, who, name)
            if not isinstance(pause, NotGiven):
                steer.pause(session, who, pause, now=now)
            return listing.show_number(session, who)

    def consents(self, address: str) -> Sequence[ConsentRow]:
        """A reader's consent log, oldest first. Raises UnknownReader."""
        with reading(self.engine) as session:
            return consent.consents(session, self._of(session, address).id)

    def list(self, *, topic: str | None = None, limit: int = 100, after_id: int = 0) -> Sequence[ReaderRow]:
        """Readers by number, `limit` at most, after the one given."""
        with reading(self.engine) as session:
            return listing.list_subscribers(session, topic=topic, limit=limit, after_id=after_id)

    def find(self, address: str) -> Sequence[ReaderRow]:
        """The active reader with this address, or nobody. Raises nothing for what is no address."""
        try:
            found = self.show(address)
        except UnknownReader:
            return []
        return [found] if found.status == "active" else []

    def show(self, address: str) -> ReaderRow:
        """Raises UnknownReader."""
        with reading(self.engine) as session:
            return self._of(session, address)

    def _of(self, session: Session, address: str) -> ReaderRow:
        """Raises UnknownReader, which says so when the address is nobody's because it is kept out."""
        try:
            return listing.show(session, address)
        except UnknownReader as error:
            why = why_suppressed(session, self.keyring.address_hashes(address))
            if why is None:
                raise
            told = f"{error}; it is kept out ({why}), and only a keyed hash of it is here"
            raise UnknownReader(told) from None

    def remove(self, address: str) -> None:
        """Erase a reader, as they could themselves. Raises UnknownReader."""
        self.erase(self.show(address).id)
