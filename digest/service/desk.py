"""What every part of the readers' desk holds in its hands."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from digest.service.building import Workshop
from digest.service.composing import Press
from digest.service.intake import work_intake
from digest.settings import Settings
from digest.store.db import writing
from subscribers import asks
from subscribers.gate import Gate
from subscribers.tokens import Keyring


class DeskParts:
    """The parts, and how an ask is noted."""

    def __init__(
        self, shop: Workshop, press: Press, keyring: Keyring, settings: Settings, *, now: Callable[[], datetime]
    ) -> None:
        self.engine = shop.engine
        self.shop = shop
        self.press = press
        self.keyring = keyring
        self.settings = settings
        self.now = now
        self.default_timezone: str = settings.default_timezone
        self.says_goodbye: bool = settings.goodbye_mail
        self.gate = Gate(frozenset(settings.sign_up_domains), frozenset(settings.blocked_domains))
        self.on_mail_planned: Callable[[], None] = lambda: None
        """Called after a system mail became durable, so that it leaves at once."""
        self.on_asked: Callable[[], None] = lambda: _work(self)
        """Called after an ask became durable, so that it is worked off at once. By default it is done right here; what
        serves pages puts a thread of its own in between, so that the answer takes equally long for every address."""
        self.patience: Callable[[], timedelta] = lambda: timedelta(0)
        """How long an address typed into the form for a fresh link waits before anybody looks it up. By default not at
        all; what serves pages lets it wait a while that nobody can foretell (`digest.service.asking.a_while`)."""

    def note(self, ask: asks.Ask, network: bytes | None, *, wait: timedelta = timedelta(0)) -> None:
        """Count an ask against the caps and note it: one transaction, the same for every address. It is ready to be
        worked off after `wait`. Raises TooMany.

        Sign-ups and links have a cap of all networks each: a flood of sign-ups keeps no reader from a link.
        """
        everybody = "all:sign-ups" if isinstance(ask, asks.SignUpAsk) else "all:links"
        limits = {
            everybody: self.settings.sign_ups_per_hour,
            **asks.network_limits(network, self.settings.sign_ups_per_network),
        }
        now = self.now()
        with writing(self.engine) as session:
            asks.count(session, limits, now=now)
            asks.drop_in(session, ask, now=now, ready_at=now + wait if wait else None)
        self.on_asked()


def _work(parts: DeskParts) -> None:
    work_intake(parts)
