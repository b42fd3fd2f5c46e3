"""One exception tree. The docstring of a class is its default message; `str(error)` is always one line fit for an
operator."""

from __future__ import annotations


class DigestError(Exception):
    """Something went wrong in the digest service."""

    exit_code = 2

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class SettingError(DigestError):
    """A setting has a value that is not allowed."""


class InputError(DigestError):
    """What was asked for does not exist or is not allowed."""


class NothingToDo(DigestError):
    """There was nothing to do."""

    exit_code = 3


class RuleError(InputError):
    """A topic's rule cannot be understood."""


class StoreError(DigestError):
    """The database cannot be used."""


class StaleFence(StoreError):
    """Somebody else holds this lease by now; nothing was written."""


class Interrupted(DigestError):
    """Stopped on request, with nothing half-done."""

    exit_code = 130


class FetchError(DigestError):
    """A source could not be fetched."""

    def __init__(
        self, message: str | None = None, retry_after: float | None = None, *, status: int = 0, gone: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the publisher asked us to wait, when it said so."""
        self.status = status
        """The HTTP status that came instead of an answer; 0 when nothing usable came at all."""
        self.gone = gone
        """It said 410 for the address that was asked, or for where that has moved for good: it will not come back."""


class FeedError(DigestError):
    """What was fetched is not a feed that can be read."""


class TemplateError(DigestError):
    """A template cannot be rendered."""


class Garbled(DigestError):
    """A mail does not read back as it was written."""


class ProviderError(DigestError):
    """The email provider did not take the batch."""


class NotSent(ProviderError):
    """The provider certainly did not accept the batch; it may be tried again later."""

    def __init__(self, message: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
        """Seconds the provider asked us to wait, when it said so."""


class Unclear(ProviderError):
    """The provider may or may not have accepted the batch: no answer that settles it."""


class Unknowable(Unclear):
    """The provider may have accepted the batch and will never tell; repeating the call would not either."""


class BadBatch(ProviderError):
    """The provider refuses this batch as it stands; its mails may fare better one by one."""


class Refused(ProviderError):
    """The provider refuses us altogether (key, domain, quota): no reader is at fault and an operator must act."""


class WebhookError(DigestError):
    """A call to /webhooks cannot be used."""


class NotSigned(WebhookError):
    """The call does not prove that it comes from the provider."""


class Malformed(WebhookError):
    """The call is signed, and not of the form that the provider documents."""
