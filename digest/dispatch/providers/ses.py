"""Amazon SES v2: POST /v2/email/outbound-emails, one whole message a call.

Sources: botocore's description of SES v2 (1.44.5), https://docs.aws.amazon.com/ses/latest/APIReference-V2/
API_SendEmail.html and CommonErrors.html.

- Why not fifty mails a call: SendBulkEmail fills templates, and a mistake in what fills them is accepted and told only
  later, as a Rendering Failure. A raw message is each reader's own, and is taken or refused at once.
- SES puts its own Message-ID and Date in place of ours. What the ledger keeps is its MessageId, which events tell.
- No idempotency keys: a call whose answer got lost is never repeated. The tag `delivery` names the delivery, and the
  webhook settles it. Events come only for mails of a configuration set: SES_CONFIGURATION_SET.
- MessageRejected may mean that an address is not verified: FROM's, or in the sandbox every reader's. Then no reader is
  at fault.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import httpx

from digest.dispatch.calls import TIMEOUT, Answers, Api, seconds, told
from digest.dispatch.events import MARK
from digest.dispatch.header import clean, mailbox_parts, quoted
from digest.dispatch.mime import message_bytes
from digest.dispatch.proof import Written, read_message
from digest.dispatch.sigv4 import Signer
from digest.errors import BadBatch, Garbled, NotSent, ProviderError, Refused, SettingError, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, delivery_mark

PATH = "/v2/email/outbound-emails"
_KEYS = "check SES_ACCESS_KEY_ID and SES_SECRET_ACCESS_KEY"
_CLOCK = "finds the call too old or too new; set this machine's clock"
ANSWERS: Answers = {
    (400, "MessageRejected"): (BadBatch, "does not accept what the mail holds"),
    (400, "not verified"): (Refused, "has not verified an address; verify FROM, and ask for production access"),
    (400, "recipient"): (BadBatch, "does not accept the recipient"),
    (400, "BadRequestException"): (Refused, "does not understand the call; please report this"),
    (400, "LimitExceededException"): (Refused, "has reached a limit of the account"),
    (400, "quota"): (Refused, "has sent the day's quota; wait a day or ask for a higher one"),
    (400, "AccountSuspendedException"): (Refused, "has suspended the account; see its SES console"),
    (400, "SendingPausedException"): (Refused, "has paused sending; see its SES console"),
    (400, "MailFromDomainNotVerifiedException"): (Refused, "cannot use the MAIL FROM domain; verify it in SES"),
    (400, "ThrottlingException"): (NotSent, "asks us to slow down"),
    (400, "Throttling"): (NotSent, "asks us to slow down"),
    (400, "RequestExpired"): (Refused, _CLOCK),
    (400, "RequestTimeoutException"): (Unknowable, "gave up waiting"),
    (400, "RequestAbortedException"): (Unknowable, "lost the connection"),
    (400, ""): (Refused, f"refuses the call; {_KEYS}"),
    (401, ""): (Refused, f"does not know the key; {_KEYS}"),
    (403, "RequestTimeTooSkewed"): (Refused, _CLOCK),
    (403, "AccessDeniedException"): (Refused, "does not let the key send; its policy must allow ses:SendRawEmail"),
    (403, ""): (Refused, f"does not accept the key or the signature; {_KEYS}, and the clock"),
    (404, ""): (Refused, "does not know SES_CONFIGURATION_SET, or has no such endpoint; check SES_REGION"),
    (413, ""): (BadBatch, "finds the mail too large"),
    (429, "quota"): (Refused, "has sent the day's quota; wait a day or ask for a higher one"),
    (429, ""): (NotSent, "asks us to slow down"),
}
"""`quota`, `not verified` and `recipient` are told by words only (WORDS); the other names are Amazon's."""
WORDS: tuple[tuple[frozenset[str], re.Pattern[str], str], ...] = (
    (frozenset({"MessageRejected"}), re.compile(r"not verified", re.IGNORECASE), "not verified"),
    (
        frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"}),
        re.compile(r"daily (?:message|sending) quota", re.IGNORECASE),
        "quota",
    ),
    (
        frozenset({"BadRequestException"}),
        re.compile(r"illegal address|missing final '@domain'|local address|domain (?:contains|starts|ends)", re.I),
        "recipient",
    ),
)
"""Amazon's name, what its message says, and what we call it then."""


def open_provider(settings: Settings) -> Ses:
    """SES in SES_REGION, or under SES_BASE_URL. Raises SettingError when a key or the region is empty or cannot be
    one."""
    for name in ("ses_region", "ses_access_key_id", "ses_secret_access_key"):
        if not re.fullmatch(r"[!-~]+", getattr(settings, name)):
            raise SettingError(f"{name.upper()} is missing or has a character that none has")
    if not re.fullmatch(r"[A-Za-z0-9-]+", settings.ses_region):
        raise SettingError("SES_REGION is no region such as eu-central-1")
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,64}", settings.ses_configuration_set):
        raise SettingError("SES_CONFIGURATION_SET may hold letters, digits, - and _ only, at most 64")
    url = settings.ses_base_url or f"https://email.{settings.ses_region}.amazonaws.com"
    signer = Signer(settings.ses_access_key_id, settings.ses_secret_access_key, settings.ses_region, "ses")
    return Ses(url, signer, settings.ses_configuration_set)


class Ses:
    """See `digest.dispatch.providers.Provider`. `clock` gives the time that calls are signed with."""

    name = "ses"
    batch = 1
    encoding: Literal["json", "qp"] = "qp"
    key_lifetime: timedelta | None = None

    def __init__(
        self,
        base_url: str,
        signer: Signer,
        configuration_set: str = "",
        timeout: httpx.Timeout = TIMEOUT,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        url = httpx.URL(base_url.rstrip("/") + PATH)
        self._api = Api(
            "Amazon SES", str(url), {}, base="SES_BASE_URL", secret=signer.secret, keyed=False, timeout=timeout
        )
        self._signer, self._clock = signer, clock
        self._host, self._path = url.netloc.decode(), url.raw_path.decode()
        named = f',"ConfigurationSetName":{quoted(configuration_set)}' if configuration_set else ""
        self._end = f'"}}}}{named}}}'.encode()

    @property
    def url(self) -> str:
        """Where calls go."""
        return self._api.url

    def payload(self, envelope: Envelope) -> bytes:
        """The call's JSON, the message in base64."""
        recipient = envelope.recipient
        _, address = mailbox_parts("", recipient.address, "To")
        mark = delivery_mark(envelope.sheet.edition_id, recipient.subscriber_id)
        start = (
            f'{{"Destination":{{"ToAddresses":[{quoted(address)}]}},'
            f'"EmailTags":[{{"Name":"{MARK}","Value":"{mark}"}}],"Content":{{"Raw":{{"Data":"'
        )
        return b"".join([start.encode(), binascii.b2a_base64(message_bytes(envelope), newline=False), self._end])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        try:
            call: dict[str, Any] = json.loads(payload)
            (to,) = call["Destination"]["ToAddresses"]
            written = read_message(binascii.a2b_base64(call["Content"]["Raw"]["Data"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Garbled(f"its JSON cannot be read ({type(error).__name__})") from None
        if to != written.recipient:
            raise Garbled("its call goes to another address than its message")
        return written

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; ANSWERS says how Amazon's answers are understood."""
        (payload,) = payloads
        headers = {"Content-Type": "application/json"}
        answer = self._api.post(payload, self._signer.signed(self._host, self._path, headers, payload, self._clock()))
        found = told(answer)
        if answer.status_code != 200:
            raise self._failure(answer, found if isinstance(found, dict) else {})
        message = found.get("MessageId") if isinstance(found, dict) else None
        if not isinstance(message, str) or not clean(message):
            raise self._api.doubt("Amazon SES's answer names no mail; check SES_BASE_URL")
        return [Accepted(clean(message))]

    def _failure(self, answer: httpx.Response, found: dict[str, Any]) -> ProviderError:
        named = answer.headers.get("x-amzn-ErrorType") or found.get("__type") or found.get("code") or ""
        name = str(named).partition(":")[0].rpartition("#")[2]
        message = str(found.get("message") or found.get("Message") or "")
        name = next((ours for theirs, words, ours in WORDS if name in theirs and words.search(message)), name)
        return self._api.failure(answer, ANSWERS, name, message, seconds(answer, "retry-after"))

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
