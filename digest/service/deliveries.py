"""Deliveries, from the operator's side. Each verb is one transaction for each mail, durable on return
(`digest.store.byhand` has the crash semantics); those that look only read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.errors import InputError
from digest.store import byhand, deliveries
from digest.store.byhand import AGAIN, VERDICTS
from digest.store.db import reading, writing
from digest.store.deliveries import Listed, Stuck
from digest.store.report import masked
from digest.store.staff import Staff
from digest.types import DeliveryState
from subscribers import listing, roster
from subscribers.tokens import Keyring


@dataclass(frozen=True, slots=True)
class Shown:
    """A delivery fit to be shown."""

    mail: Listed
    address: str
    """Empty unless it was asked for and somebody has it."""
    reason: str
    """Without addresses, unless they were asked for."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A delivery, and the state in which the operator saw it."""

    edition_id: int
    subscriber_id: int
    state: DeliveryState
    message_id: str = ""
    """The provider's, where the delivery was named by it."""


class DeliveryDesk:
    """What `digest deliveries` does."""

    def __init__(self, engine: Engine, keyring: Keyring, staff: Staff, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._hashes = keyring.address_hashes
        self._staff = staff
        self._now = now

    # --- look ---------------------------------------------------------------------------------------------------------

    def list(
        self,
        *,
        edition_id: int | None = None,
        reader: str = "",
        state: str = "",
        reason: str = "",
        with_addresses: bool = False,
        limit: int = 100,
    ) -> Sequence[Shown]:
        """Deliveries, those of the newest edition first. `reader` is an address or a number. Raises InputError for a
        state that is none, and UnknownReader."""
        with reading(self._engine) as session:
            found = deliveries.listed(
                session,
                edition_id=edition_id,
                subscriber_id=self._number(session, reader) if reader else None,
                state=_one_of(state, tuple(DeliveryState)) if state else None,
                reason=reason,
                limit=limit,
            )
            addresses = self._addresses(session, found) if with_addresses else {}
        return [
            Shown(each, addresses.get(each.subscriber_id, ""), each.reason if with_addresses else masked(each.reason))
            for each in found
        ]

    def stuck(self) -> Sequence[Stuck]:
        """What does not move (`digest.store.deliveries.stuck`)."""
        with reading(self._engine) as session:
            return deliveries.stuck(session, self._now())

    def _addresses(self, session: Session, found: Sequence[Listed]) -> dict[int, str]:
        readers = sorted({each.subscriber_id for each in found if each.subscriber_id > 0})
        return {number: to for number, (to, _) in roster.recipients(session, readers).items()} | dict(self._staff)

    # --- which --------------------------------------------------------------------------------------------------------

    def one(self, edition_id: int, reader: str) -> Mail:
        """The mail of an edition to a reader (an address or a number). Raises InputError and UnknownReader."""
        with reading(self._engine) as session:
            number = self._number(session, reader)
            return Mail(edition_id, number, deliveries.state_of(session, edition_id, number))

    def in_doubt(self, edition_id: int) -> Sequence[Mail]:
        """All mails of an edition that are unknown."""
        with reading(self._engine) as session:
            readers = deliveries.in_doubt(session, edition_id)
        return [Mail(edition_id, each, DeliveryState.UNKNOWN) for each in readers]

    def of_message(self, message_id: str) -> Mail:
        """The mail that a provider's message id is about. Raises InputError when that is none, or one of several."""
        with reading(self._engine) as session:
            found = deliveries.by_message(session, message_id)
            if len(found) != 1:
                several = ", ".join(f"edition {edition} reader {reader}" for edition, reader in found[:5])
                told = f"may be about {several}; name one" if found else "is about no mail that we know of"
                raise InputError(
                    f"the message id {message_id[:60]!r} {told}: `digest deliveries settle EDITION READER`"
                )
            edition_id, reader = found[0]
            return Mail(edition_id, reader, deliveries.state_of(session, edition_id, reader), message_id)

    @staticmethod
    def _number(session: Session, reader: str) -> int:
        if re.fullmatch(r"-?[0-9]{1,18}", reader):
            return int(reader)
        return listing.show(session, reader).id

    # --- do -----------------------------------------------------------------------------------------------------------

    def settle(self, mail: Mail, *, verdict: str, why: str) -> None:
        """Say what became of a mail of which nobody knew. Raises InputError for no verdict or no reason, and ByThen
        when it is not unknown (any more); nothing was done then."""
        to = _one_of(verdict, VERDICTS)
        if not why.strip():
            raise InputError("say how you know: --why 'it is in their log'")
        with writing(self._engine) as session:
            byhand.settle(
                session,
                mail.edition_id,
                mail.subscriber_id,
                to,
                why=why,
                now=self._now(),
                message_id=mail.message_id,
            )

    def check_again(self, mail: Mail) -> None:
        """Raises InputError when a mail in this state cannot be sent again."""
        if mail.state not in AGAIN:
            told = f"the mail to reader {mail.subscriber_id} in edition {mail.edition_id} is {mail.state}"
            raise InputError(f"{told}: only what is unknown, rejected or accepted can be sent again")

    def send_again(self, mail: Mail, *, why: str) -> None:
        """Let a mail wait to be sent once more. Raises ByThen when it is in another state by now, and InputError when
        it may not be sent; nothing was done then."""
        with writing(self._engine) as session:
            byhand.send_again(
                session,
                mail.edition_id,
                mail.subscriber_id,
                mail.state,
                why=why,
                now=self._now(),
                address_hashes=self._hashes,
                staff=self._staff,
            )


def _one_of(name: str, states: Sequence[DeliveryState]) -> DeliveryState:
    for each in states:
        if name == each:
            return each
    raise InputError(f"{name[:20]!r} is no state that is meant here; there is {', '.join(states)}")
