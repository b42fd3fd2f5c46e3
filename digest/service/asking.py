"""The desk's asks: what anybody may type an address into. Nobody learns from them who is on the roster."""

from __future__ import annotations

import random
from datetime import timedelta

from digest.service.desk import DeskParts
from digest.store.db import reading, writing
from subscribers import account, asks, roster
from subscribers.errors import BadAddress
from subscribers.types import SignUp, Stoppable, check_address

WAIT_SECONDS = (2.0, 10.0)
"""Longer than the work of a mail takes by far, and shorter than anybody minds who waits for one."""

_chance = random.SystemRandom()


def a_while() -> timedelta:
    """A time that nobody can foretell, within WAIT_SECONDS."""
    return timedelta(seconds=_chance.uniform(*WAIT_SECONDS))


class Asking(DeskParts):
    """Noted in the intake with the same work for every address, counted against the caps, worked off right after."""

    def takes(self, address: str) -> bool:
        """Whether addresses of this domain may sign up; knows no reader."""
        return self.gate.takes(address)

    def ask_sign_up(self, asked: SignUp) -> None:
        """Note a sign-up. Raises TooMany, and BadAddress, UnknownTopic, CadenceError, BadChoice for what cannot be
        one."""
        with reading(self.engine) as session:
            roster.check_sign_up(session, asked)
        self._check_domain(asked.address)
        self.note(asks.SignUpAsk(asked), asked.network)

    def ask_fresh_link(self, address: str, *, locale: str, network: bytes | None) -> None:
        """Have a fresh link mailed to this address, if it is on the roster. Raises TooMany, BadAddress.

        It waits a while (`patience`): only a mail that leaves costs the sender's work, and whoever measured how busy we
        are right after asking could tell from that whether one did.
        """
        self.note(asks.FreshAsk(locale, address=check_address(address)), network, wait=self.patience())

    def ask_fresh_link_for(self, subscriber_id: int, *, locale: str, network: bytes | None) -> None:
        """The same for the address on file of whoever holds a link of theirs. Raises TooMany."""
        self.note(asks.FreshAsk(locale, subscriber_id=subscriber_id), network)

    def ask_confirmation(self, subscriber_id: int, *, network: bytes | None) -> None:
        """Have the confirmation mail sent again, if something waits for it. Raises TooMany."""
        self.note(asks.ConfirmAsk(subscriber_id), network)

    def ask_move(self, subscriber_id: int, link_id: int, address: str, *, network: bytes | None) -> None:
        """Mail the new address a link to prove itself, and the old one an announcement. Raises TooMany, BadAddress;
        LinkUsed when the account page is too old."""
        new = check_address(address)
        self._check_domain(new)
        with reading(self.engine) as session:
            account.check_opened(session, subscriber_id, link_id, now=self.now())
        self.note(asks.MoveAsk(subscriber_id, new), network)

    def stoppable(self, subscriber_id: int, link_id: int) -> Stoppable:
        """What became of the move that was announced with this link at the old address. Changes nothing."""
        with reading(self.engine) as session:
            return account.stoppable(session, subscriber_id, link_id, now=self.now())

    def stop_moves(self, subscriber_id: int, link_id: int) -> None:
        """From the announcement at the old address: the move does not happen. No error when it is too late or over."""
        with writing(self.engine) as session:
            account.stop_moves(session, subscriber_id, link_id, now=self.now())

    def _check_domain(self, address: str) -> None:
        if not self.takes(address):
            raise BadAddress("addresses of this domain cannot sign up here")
