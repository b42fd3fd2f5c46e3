"""The providers: one file each, one line each in the registry below.

A provider carries batches of finished mails and says what became of each; it knows nothing of readers, editions or the
ledger. To add one: write a module with a class that satisfies `Provider`, add its factory to `PROVIDERS` and its name
to `Settings.provider`, and inherit its tests from `tests.dispatch.contract.ProviderContract`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import import_module
from typing import Literal, Protocol

from digest.dispatch.proof import Written
from digest.errors import ProviderError, SettingError
from digest.settings import Settings
from digest.types import Envelope, ItemResult


class HalfSent(ProviderError):
    """The provider took a part of the batch."""

    def __init__(self, results: Sequence[ItemResult | None], cause: ProviderError) -> None:
        """`results` has one for each payload; None for those that `cause` is about, as if it had been raised for a
        batch of these alone."""
        super().__init__(str(cause))
        self.results = results
        self.cause = cause


class Provider(Protocol):
    """Who carries mails. Several threads may call it at once."""

    @property
    def name(self) -> str:
        """As in the registry and in the ledger's attempts."""

    @property
    def batch(self) -> int:
        """How many mails one call carries at most."""

    @property
    def encoding(self) -> Literal["json", "qp"]:
        """In which encoding it wants the bodies of envelopes (see `digest.types.Envelope`)."""

    @property
    def key_lifetime(self) -> timedelta | None:
        """How long a call may be repeated under the same key without sending twice; None without such keys."""

    def payload(self, envelope: Envelope) -> bytes:
        """One mail as it will travel. Pure: the same envelope gives the same bytes.

        Raises InputError, one line, for a mail that cannot be written (a control character in a header), and
        SettingError when From or Reply-To cannot.
        """

    def read(self, payload: bytes) -> Written:
        """What a payload says, read by other code than wrote it (`digest.dispatch.proof`). Raises Garbled."""

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """Hand over 1 to `batch` payloads under an idempotency key; one result for each, in their order.

        On return the provider has taken responsibility for every accepted mail. Raises NotSent (certainly nothing was
        accepted by this call; try later), Unclear (it may have been; the same call may be repeated), Unknowable (it may
        have been; repeating would not tell), BadBatch (nothing was accepted; the mails may fare better one by one) or
        Refused (nothing was accepted; an operator must act): then it is true of every mail. Raises HalfSent when it is
        true of some only: SMTP hands over mail by mail, and a connection that dies with the k-th leaves those before it
        accepted, that one UnknownItem and those behind it certainly not sent. Messages hold no address and no key.

        A result settles its mail, also that of a repeated call: with keys it is the provider's stored answer.
        """

    def close(self) -> None:
        """Give up connections. The provider is not used afterwards."""


PROVIDERS: dict[str, str] = {
    "brevo": "digest.dispatch.providers.brevo",
    "console": "digest.dispatch.providers.console",
    "mailgun": "digest.dispatch.providers.mailgun",
    "memory": "digest.dispatch.providers.memory",
    "outbox": "digest.dispatch.providers.outbox",
    "postmark": "digest.dispatch.providers.postmark",
    "resend": "digest.dispatch.providers.resend",
    "sendgrid": "digest.dispatch.providers.sendgrid",
    "ses": "digest.dispatch.providers.ses",
    "smtp": "digest.dispatch.providers.smtp",
}
"""Name -> module with a function `open_provider(settings)`; imported only when chosen, so that start-up stays quick."""


def make_provider(settings: Settings) -> Provider:
    """The provider that `settings` name. Raises SettingError, one line, when a setting it needs is missing or wrong."""
    module = PROVIDERS.get(settings.provider)
    if module is None:
        raise SettingError(f"PROVIDER is {settings.provider!r}; allowed is {' or '.join(sorted(PROVIDERS))}")
    factory: Callable[[Settings], Provider] = import_module(module).open_provider
    return factory(settings)
