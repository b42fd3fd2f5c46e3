"""How fast a provider may be called, and whether at all: what all workers share."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Flow:
    """One provider's row. Times are the database's, Unix seconds; 0 says that there is nothing to mind."""

    mails_at: float = 0.0
    """When SEND_RATE allows the next call: the calls before it have used up the time until then."""
    calls_at: float = 0.0
    """When the learned rate allows the next call."""
    rate: float = 0.0
    """Calls a second that the provider was found to take, as of `rate_at`; 0 for no limit known."""
    rate_at: float = 0.0
    until: float = 0.0
    """The provider asked not to be called before."""
    failures: int = 0
    """Calls in a row, of all workers, that failed for the provider's sake."""
    opened: int = 0
    """How often the breaker has opened in a row; 0 while it is closed."""
    open_until: float = 0.0
    """The breaker is open until then; afterwards one call is let through."""
    probe_until: float = 0.0
    """Until then the result of that one call is waited for."""


@dataclass(frozen=True, slots=True)
class ProviderPace:
    """What a provider said in its last answer about how fast it may be called."""

    rate: float | None = None
    """Calls a second that it allows; None where it does not say."""
    remaining: int | None = None
    """Calls that are left in its current window."""
    reset: float | None = None
    """Seconds until that window ends."""


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that an operator should learn at once. Holds no address."""

    kind: str
    """stopped, breaker or unknown."""
    about: str
    """What it is about, the same each time: "edition 12", "resend"."""
    text: str
    """One line."""
