"""Composing for the sender and for the pages: reads only what was frozen, writes nothing."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine

from digest.compose.assemble import Composer, Hands
from digest.compose.content import Frozen, unpack_manifest
from digest.compose.fragments import unpack
from digest.compose.theme import Theme
from digest.errors import DigestError, InputError, SettingError
from digest.service.hours import next_mail, topic_starts
from digest.service.letters import links_of
from digest.service.profiles import profiles_of
from digest.store import editions
from digest.store.db import reading
from digest.store.sendable import recipients
from digest.store.staff import NOBODY, Staff
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient, ViewedMail
from subscribers.errors import KeyringError
from subscribers.tokens import Keyring, MailLinks

log = logging.getLogger(__name__)

KEPT = 8
"""Editions whose fragments stay in memory: a few megabytes each; chunks of one edition come one after the other."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a reader was told, and why."""

    subject: str
    """Empty where there was no mail, or none that is a digest."""
    picks: tuple[Pick, ...]
    whys: tuple[tuple[str, str], ...]
    """(headline, one sentence) for each pick."""


class Press:
    """Composes deliveries from frozen editions."""

    def __init__(self, engine: Engine, theme: Theme, keyring: Keyring, staff: Staff = NOBODY) -> None:
        """`staff` are the people of the house by their numbers."""
        self._engine = engine
        self._staff = staff
        self._theme = theme
        self._keyring = keyring
        self._composers: OrderedDict[tuple[int, str], tuple[Composer, int]] = OrderedDict()
        """(edition, encoding) -> its composer and the key that signs its links."""
        self._lock = threading.Lock()

    def compose(self, edition_id: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        """One envelope or reason for each delivery, in order. What cannot be built for one reader is that reader's
        alone. Raises SettingError when the edition's key was taken out of SECRET_KEYS: then nobody is at fault."""
        composer, key_id = self._composer(edition_id, encoding)
        try:
            self._keyring.tokens(0, 0, key_id)
        except KeyringError as error:
            raise SettingError(str(error)) from None
        with reading(self._engine) as session:
            profiles = profiles_of(session, sorted({item.profile_id for item in due}))
            people = recipients(session, edition_id, [item.subscriber_id for item in due], self._staff)
        composed: list[Envelope | LeftOut] = []
        for item in due:
            person = people.get(item.subscriber_id)
            if person is None:
                composed.append(LeftOut(item.subscriber_id, "skipped", "left"))
                continue
            to = Recipient(item.subscriber_id, *person)
            try:
                composed.append(composer.compose(item, profiles[item.profile_id], to))
            except SettingError:
                raise  # nobody's mail can be built, so no reader is at fault: the edition waits
            except DigestError as error:
                composed.append(LeftOut(item.subscriber_id, "rejected", str(error)))
            except (LookupError, ValueError, TypeError) as error:
                # One reader's stored choices cannot be read (a zone that was dropped): the others get their mail.
                log.exception("reader %s cannot be composed for", item.subscriber_id)
                composed.append(LeftOut(item.subscriber_id, "rejected", f"{type(error).__name__}: {error}"))
        return composed

    def view(self, edition_id: int, subscriber_id: int) -> ViewedMail | None:
        """A reader's mail without personal links; None when nothing was composed for them."""
        with reading(self._engine) as session:
            row = editions.delivery(session, edition_id, subscriber_id)
            if row is None or row.picks is None:
                return None
            profile = profiles_of(session, [row.profile_id])[row.profile_id]
        composer, _ = self._composer(edition_id, "raw")
        return composer.view(row.picks, profile, row.since, row.due_at) if composer.is_digest else None

    def told(self, edition_id: int, subscriber_id: int) -> Told | None:
        """What one delivery of a digest came to; None when there is no such delivery, or when it was forgotten whose it
        was."""
        with reading(self._engine) as session:
            row = editions.delivery(session, edition_id, subscriber_id)
            if row is None:
                return None
            profile = profiles_of(session, [row.profile_id])[row.profile_id]
        if not profile.language and not profile.topics:
            return None  # `digest.store.forget.NOBODY`
        if row.picks is None:
            return Told("", (), ())
        composer, _ = self._composer(edition_id, "raw")
        if not composer.is_digest:
            return Told("", (), ())
        whys = tuple(composer.why(pick, place, row.since, profile, row.due_at) for place, pick in enumerate(row.picks))
        return Told(composer.view(row.picks, profile, row.since, row.due_at).subject, row.picks, whys)

    def _composer(self, edition_id: int, encoding: str) -> tuple[Composer, int]:
        key = (edition_id, encoding)
        with self._lock:
            if key in self._composers:
                self._composers.move_to_end(key)
                return self._composers[key]
        frozen, key_id, planned_at = self._frozen(edition_id)

        def links(subscriber_id: int) -> MailLinks:
            return self._keyring.mail_links(subscriber_id, edition_id, key_id)

        def letter_links(subscriber_id: int) -> dict[str, str]:
            return links_of(self._keyring, frozen.manifest, key_id, subscriber_id)

        def starts(profile: ReaderProfile, due_at: datetime | None) -> dict[int, datetime]:
            return topic_starts(profile, due_at, planned_at)

        hands = Hands(links=links, letter_links=letter_links, next_due=next_mail, topic_starts=starts)
        made = Composer(edition_id, frozen, self._theme, hands, encoding)
        with self._lock:  # two threads may have made one at once: equal ones, either will do
            self._composers[key] = made, key_id
            while len(self._composers) > KEPT:
                self._composers.popitem(last=False)
        return made, key_id

    def _frozen(self, edition_id: int) -> tuple[Frozen, int, datetime]:
        """An edition, the key that signs its links, and where its windows end."""
        with reading(self._engine) as session:
            edition = editions.get_edition(session, edition_id)
            if edition.blob is None:
                raise InputError(f"edition {edition_id} is not frozen yet")
            manifest = unpack_manifest(editions.blobs(session, [edition.blob])[edition.blob])
            stored = editions.blobs(session, [*manifest.html.values(), *manifest.text.values()])
            html = {key: unpack(stored[place]) for key, place in manifest.html.items()}
            text = {key: unpack(stored[place]) for key, place in manifest.text.items()}
            return Frozen(manifest, html, text), edition.key_id, edition.planned_at
