"""The desk's verbs for whoever holds a link: confirm, steer, leave. What a link proves is done at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from digest.service.building import Workshop
from digest.service.composing import Press
from digest.service.desk import DeskParts
from digest.settings import Settings
from digest.store import links
from digest.store.db import committing, glancing, reading, writing
from digest.store.narrow import narrow
from subscribers import asks, consent, returning, roster, steer
from subscribers.errors import OldLink
from subscribers.tokens import Keyring
from subscribers.types import Change, Choices, Confirmed, OwnTopic, Standing

KEPT = 100_000
"""Editions whose age is remembered: three years of quarter hours, a few megabytes."""


GOODBYE_AFTER = timedelta(minutes=2)
"""How long the mail that confirms a leaving waits: who presses the page's undo at once is not told that they left."""


class Steering(DeskParts):
    """Everything here takes effect before the next provider call."""

    def __init__(
        self, shop: Workshop, press: Press, keyring: Keyring, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        super().__init__(shop, press, keyring, settings, now=now)
        self._ages: dict[int, datetime] = {}

    def standing(self, subscriber_id: int) -> Standing:
        """Whether this reader gets digests, has yet to confirm, or gets none any more."""
        with reading(self.engine) as session:
            return roster.standing(session, subscriber_id)

    # --- confirming ---------------------------------------------------------------------------------------------------

    def pending(self, subscriber_id: int, *, issued: datetime | None = None) -> Sequence[OwnTopic]:
        """The topics that wait for this reader's confirmation. Raises NotConfirmable for a link (made at `issued`) that
        is older than the address."""
        with reading(self.engine) as session:
            if issued is not None:
                roster.check_issued(session, subscriber_id, issued)
            return roster.waiting(session, subscriber_id)

    def confirm(
        self,
        subscriber_id: int,
        *,
        network: bytes | None,
        shown: Sequence[str] | None = None,
        issued: datetime | None = None,
    ) -> Confirmed:
        """Confirm the topics that were shown (None: all), so far as they still wait. Raises NotConfirmable. The first
        confirmation brings the welcome mail: asked for in the same transaction."""
        now = self.now()
        hashes = self.keyring.address_hashes
        with writing(self.engine) as session:
            done = roster.confirm(
                session, subscriber_id, now=now, address_hashes=hashes, shown=shown, issued=issued, network=network
            )
            if done.is_first:
                asks.drop_in(session, asks.WelcomeAsk(subscriber_id), now=now)
        if done.is_first:
            self.on_asked()
        return done

    # --- steering -----------------------------------------------------------------------------------------------------

    def choices(self, subscriber_id: int, *, edition_id: int | None = None, issued: datetime | None = None) -> Choices:
        """What the reader has chosen. `edition_id` is the digest whose link this is, `issued` when a page of ours gave
        the link; one of them. Raises OldLink for a link that is too old or older than the address, and UnknownReader
        for who has left, was suppressed or is gone."""
        if edition_id is not None:
            issued = self._age(edition_id)
        with glancing(self.engine) as connection:
            return steer.choices(connection, subscriber_id, now=self.now(), issued=issued)

    def _age(self, edition_id: int) -> datetime:
        """When a digest was planned, which never changes; raises OldLink for one that is kept no more."""
        planned = self._ages.get(edition_id)
        if planned is None:
            with reading(self.engine) as session:
                planned = links.planned_at(session, edition_id)
            if planned is None:
                raise OldLink("the digest of this link is kept no more; have a fresh one mailed")
            if len(self._ages) >= KEPT:
                self._ages.clear()
            self._ages[edition_id] = planned
        return planned

    def change(self, subscriber_id: int, change: Change, *, network: bytes | None) -> Choices:
        """Set every choice, also for a digest that is planned and has not left. Raises RosterError, in one line, for
        what is not allowed; then nothing was changed."""
        with writing(self.engine) as session:
            done = steer.change(session, subscriber_id, change, now=self.now(), network=network)
            narrow(session, subscriber_id)
        return done

    def pause(self, subscriber_id: int, until: date | None) -> Choices:
        """No digest before the local midnight that begins `until`; None ends a pause. Raises UnknownReader,
        CadenceError."""
        with writing(self.engine) as session:
            return steer.pause(session, subscriber_id, until, now=self.now())

    # --- leaving ------------------------------------------------------------------------------------------------------

    def leave(
        self, subscriber_id: int, *, reason: str, note: str = "", network: bytes | None = None
    ) -> int | None:  # fmt: skip
        """Leave everything. Never fails for want of a reader. The mark that takes it back; None for who had left."""
        now = self.now()
        with committing(self.engine) as connection:
            mark = roster.unsubscribe(connection, subscriber_id, now=now, reason=reason, note=note, network=network)
            self._goodbye(connection, subscriber_id, mark, now)
        return self._left(mark)

    def leave_topics(
        self, subscriber_id: int, slugs: Sequence[str], *, note: str = "", network: bytes | None = None
    ) -> int | None:  # fmt: skip
        """Leave these topics, everything when none is left. The mark that takes it back; None when nothing changed."""
        now = self.now()
        with writing(self.engine) as session:
            mark = steer.leave_topics(session, subscriber_id, slugs, now=now, note=note, network=network)
            if mark is not None:
                narrow(session, subscriber_id)
            if mark is not None and mark == consent.leaving(session, subscriber_id):
                self._goodbye(session.connection(), subscriber_id, mark, now)
        return self._left(mark)

    def _goodbye(self, connection: Connection, subscriber_id: int, mark: int | None, now: datetime) -> None:
        """With the leaving itself: what is durable has its mail, where the operator wants one."""
        if mark is not None and self.says_goodbye:
            ask = asks.GoodbyeAsk(subscriber_id, mark)
            asks.drop_by(connection, ask, now=now, ready_at=now + GOODBYE_AFTER)

    def _left(self, mark: int | None) -> int | None:
        if mark is not None and self.says_goodbye:
            self.on_asked()  # nothing is ready yet, but who waits for the next that is must know of it
        return mark

    def less_often(
        self, subscriber_id: int, *, note: str = "", network: bytes | None = None
    ) -> Choices | None:  # fmt: skip
        """Weekly instead, on today's local weekday at the same time, for every topic. None for who has left."""
        with writing(self.engine) as session:
            return steer.less_often(session, subscriber_id, now=self.now(), note=note, network=network)

    def undo_leave(self, subscriber_id: int, mark: int, *, network: bytes | None = None) -> Confirmed | None:
        """Take the leaving of that mark back, of everything or of topics. None when it is too late or something was
        done since."""
        with writing(self.engine) as session:
            return returning.undo_leave(session, subscriber_id, mark, now=self.now(), network=network)

    def may_return(self, subscriber_id: int, mark: int) -> bool:
        """Whether `undo_leave` would still take that leaving back. Changes nothing."""
        with reading(self.engine) as session:
            return returning.may_return(session, subscriber_id, mark, now=self.now())
