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
from digest.service.profiles import profiles_of
from digest.store import editions
from digest.store.db import reading
from digest.types import Due, Envelope, LeftOut, Pick, ReaderProfile, Recipient, ViewedMail
from subscribers import roster
from subscribers.cadence import next_due
from subscribers.errors import KeyringError
from subscribers.tokens import Keyring, Tokens

log = logging.getLogger(__name__)

KEPT = 8
"""Editions whose fragments stay in memory: a few megabytes each; chunks of one edition come one after the other."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a reader was told, and why."""

    subject: str
    picks: tuple[Pick, ...]
    whys: tuple[tuple[str, str], ...]
    """(headline, one sentence) for each pick."""


class Press:
    """Composes deliveries from frozen editions."""

    def __init__(self, engine: Engine, theme: Theme, keyring: Keyring) -> None:
        self._engine = engine
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
            people = roster.recipients(session, [item.subscriber_id for item in due])
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
            if row is None or not row[2]:
                return None
            profile_id, _, picks = row
            profile = profiles_of(session, [profile_id])[profile_id]
        return self._composer(edition_id, "raw")[0].view(picks, profile)

    def told(self, edition_id: int, subscriber_id: int) -> Told | None:
        """What one delivery of a digest came to; None when there is no such delivery."""
        with reading(self._engine) as session:
            row = editions.delivery(session, edition_id, subscriber_id)
            if row is None:
                return None
            profile_id, since, picks = row
            profile = profiles_of(session, [profile_id])[profile_id]
        if not picks:
            return Told("", (), ())
        composer, _ = self._composer(edition_id, "raw")
        whys = tuple(composer.why(pick, place, since, profile) for place, pick in enumerate(picks))
        return Told(composer.view(picks, profile).subject, picks, whys)

    def _composer(self, edition_id: int, encoding: str) -> tuple[Composer, int]:
        key = (edition_id, encoding)
        with self._lock:
            if key in self._composers:
                self._composers.move_to_end(key)
                return self._composers[key]
        frozen, key_id = self._frozen(edition_id)

        # Links of a digest name their edition; those of a system mail expire, so they name their minute of issue.
        minute = int(frozen.manifest.frozen_at.timestamp() // 60)
        context = edition_id if frozen.manifest.kind == "digest" else minute

        def links(subscriber_id: int) -> Tokens:
            return self._keyring.tokens(subscriber_id, context, key_id)

        made = Composer(edition_id, frozen, self._theme, Hands(links=links, next_due=_next), encoding)
        with self._lock:  # two threads may have made one at once: equal ones, either will do
            self._composers[key] = made, key_id
            while len(self._composers) > KEPT:
                self._composers.popitem(last=False)
        return made, key_id

    def _frozen(self, edition_id: int) -> tuple[Frozen, int]:
        with reading(self._engine) as session:
            edition = editions.get_edition(session, edition_id)
            if edition.blob is None:
                raise InputError(f"edition {edition_id} is not frozen yet")
            manifest = unpack_manifest(editions.blobs(session, [edition.blob])[edition.blob])
            stored = editions.blobs(session, [*manifest.html.values(), *manifest.text.values()])
            html = {key: unpack(stored[place]) for key, place in manifest.html.items()}
            text = {key: unpack(stored[place]) for key, place in manifest.text.items()}
            return Frozen(manifest, html, text), edition.key_id


def _next(profile: ReaderProfile, after: datetime) -> datetime:
    return next_due(profile.cadence, profile.send_minute, profile.timezone, after=after)
