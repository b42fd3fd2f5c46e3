"""What the roster refuses, and why. `str(error)` is one line that names the thing and the way out.

This package knows nothing of `digest`, so it has its own small tree; the service turns a RosterError into its own
InputError where an operator is to read it.
"""

from __future__ import annotations


class RosterError(ValueError):
    """The roster cannot do what was asked; nothing was written."""


class BadTopic(RosterError):
    """A topic's slug or name is not allowed, or the slug is taken."""


class UnknownTopic(RosterError):
    """There is no topic of that slug; the message lists those that exist."""


class BadSource(RosterError):
    """This cannot stand in a link as where a reader comes from."""


class BadAddress(RosterError):
    """This is not an address that mail can be sent to."""


class UnknownReader(RosterError):
    """Nobody of that address or id is on the roster."""


class NotConfirmable(RosterError):
    """There is nothing to confirm any more: the reader has left, was suppressed or is gone."""


class OldLink(RosterError):
    """This link is too old to steer a digest; the reader can have a fresh one mailed."""


class LinkUsed(RosterError):
    """This link was used before, or its 30 minutes are over."""


class AddressTaken(RosterError):
    """The address belongs to another reader."""


class TooMany(RosterError):
    """More was asked for than the caps allow; later it is taken again."""

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds until the span of the cap that was reached is over."""


class HasLeft(RosterError):
    """The reader left or is suppressed; only the reader can come back, by signing up again."""


class CadenceError(RosterError):
    """A cadence, a time of day or a time zone cannot be understood."""


class BadChoice(RosterError):
    """A format, a language or a number of stories that nobody can have."""


class KeyringError(RosterError):
    """The keys cannot be used together, or a number does not fit into a link."""


class BadToken(RosterError):
    """This link was not made here, or not for this purpose."""

    def __init__(self) -> None:
        super().__init__("this link was not made here, or not for this purpose")


class UnknownStory(RosterError):
    """The story was not in that digest, or it is kept no more."""


class BadFile(RosterError):
    """A file of readers cannot be read, or its columns cannot be understood; nothing was written."""
