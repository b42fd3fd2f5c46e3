"""Postmark: POST /email/batch, up to 500 whole messages a call. No idempotency key.

Sources: https://postmarkapp.com/developer/api/email-api (500 messages and 50 MB a call) and .../api/overview (statuses,
error codes), read in November 2026; its support articles 1180 (code 300), 1125 (metadata: one field can be searched at
a time, so one names the very delivery) and "Getting a 403"; django-anymail's source for what a batch answers.

- HTTP 200 holds a result for each message, in their order; what failed has no `To`, so only the order tells whose.
- Crash semantics: a call whose answer is lost is in doubt and never repeated by itself. To keep that doubt small, and a
  call shorter than a lease (60 s), a batch of large mails travels in several requests of PART bytes: what was answered
  is settled, what was not begun is certainly not sent.
- Postmark keeps newsletters and system mails in separate streams: mails with a link to leave by go by POSTMARK_STREAM,
  the others by POSTMARK_SYSTEM_STREAM.
- No Message-ID and no Date of our own: Postmark makes both. What the ledger keeps is its MessageID.
- TrackOpens and TrackLinks are off in each mail, whatever the server is set to.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import Any, Literal

import httpx

from digest.dispatch.calls import TIMEOUT, Api, seconds, told
from digest.dispatch.events import MARK
from digest.dispatch.header import (
    LEAVE,
    SHEETS,
    clean,
    configured_mailbox,
    leave_start,
    mailbox_text,
    plain,
    quoted,
    raw_header,
    unencoded,
)
from digest.dispatch.proof import Fields, Written, read_json
from digest.dispatch.providers import HalfSent
from digest.errors import BadBatch, NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Envelope, ItemResult, NotSentItem, RejectedItem, Sheet, UnknownItem, delivery_mark

PART = 10_000_000
"""Bytes of a request: a fifth of what Postmark takes, and eight seconds at 10 Mbit/s."""
LAST_START = 20.0
"""Seconds into a call after which no further request begins, so that the last one has TIMEOUT left of the lease."""
FIELDS = Fields("To", "Subject", "Headers", "TextBody", "HtmlBody", "Name", "Value")

Kind = type[ProviderError] | type[RejectedItem]
CODES: tuple[tuple[int, str, Kind, str], ...] = (
    (0, "will not deliver", RejectedItem, "has marked the address inactive"),
    (10, "", Refused, "does not know the token; set POSTMARK_TOKEN"),
    (100, "", NotSent, "is down for maintenance"),
    (300, "'(From|ReplyTo|Reply-To)'", Refused, "does not accept the sender; check FROM and REPLY_TO"),
    (300, "", RejectedItem, "finds the mail or its address invalid"),
    (400, "", Refused, "does not know the sender; add FROM's domain under Sender Signatures"),
    (401, "", Refused, "waits for the sender to be confirmed; confirm FROM's domain under Sender Signatures"),
    (402, "", BadBatch, "cannot read the batch"),
    (403, "", BadBatch, "misses something in the batch"),
    (405, "", Refused, "has sent what was paid for; raise the plan"),
    (406, "", RejectedItem, "has marked the address inactive"),
    (409, "", Refused, "did not like our headers; please report this"),
    (410, "", Refused, "finds the batch too long; please report this"),
    (412, "", Refused, "has not approved the account yet, and until then mails only FROM's own domain"),
    (413, "", Refused, "does not let the account send; contact their support"),
    (429, "", NotSent, "asks us to slow down"),
    *(
        (code, "", Refused, "does not send by that stream; check POSTMARK_STREAM and POSTMARK_SYSTEM_STREAM")
        for code in (1221, 1222, 1226, 1235, 1236)
    ),
)
"""Error code and how its message may be told apart -> what it means for whom, and in words; the first that fits."""
STATUSES: dict[int, tuple[type[ProviderError], str]] = {
    401: (Refused, "does not know the token; set POSTMARK_TOKEN"),
    403: (Refused, "was not reached: a firewall before it stopped the call; contact their support"),
    404: (Refused, "has no such endpoint; check POSTMARK_BASE_URL"),
    413: (BadBatch, "finds the batch too large"),
    415: (Refused, "did not like our headers; please report this"),
    422: (BadBatch, "cannot process the batch"),
    429: (NotSent, "asks us to slow down"),
}
"""What a status means whose body names no error code that we know."""


def open_provider(settings: Settings) -> Postmark:
    """Postmark under POSTMARK_BASE_URL. Raises SettingError when POSTMARK_TOKEN is empty or cannot be one."""
    if not re.fullmatch(r"[!-~]+", settings.postmark_token):
        raise SettingError(
            "POSTMARK_TOKEN is missing or has a character no token has; copy it from your server's API Tokens"
        )
    streams = settings.postmark_stream, settings.postmark_system_stream
    return Postmark(settings.postmark_base_url, settings.postmark_token, streams)


class Postmark:
    """A few kept connections; httpx lets threads share them. `streams`: for newsletters, and for system mails."""

    name = "postmark"
    batch = 500
    encoding: Literal["json", "qp"] = "json"
    key_lifetime: timedelta | None = None
    part = PART
    last_start = LAST_START

    def __init__(self, base_url: str, token: str, streams: tuple[str, str], timeout: httpx.Timeout = TIMEOUT) -> None:
        self._streams = streams
        headers = {
            "X-Postmark-Server-Token": token,
            "Content-Type": "application/json",
            "Accept": "application/json",
        }
        url = base_url.rstrip("/") + "/email/batch"
        self._api = Api("Postmark", url, headers, base="POSTMARK_BASE_URL", secret=token, keyed=False, timeout=timeout)

    def payload(self, envelope: Envelope) -> bytes:
        """One message of the batch's JSON array; the bodies are joined in, not encoded again."""
        sheet, recipient, leave, html, text, _ = envelope
        start, middle, end = _frame(sheet, self._streams[0 if sheet.leave_at else 1])
        to = quoted(mailbox_text(unencoded(recipient.name), recipient.address, "To"))
        head = [b'{"To":', to.encode(), start, str(recipient.subscriber_id).encode(), middle, leave, end]
        if not html:
            return b"".join([*head, b',"TextBody":"', *text, b'"}'])
        return b"".join([*head, b',"HtmlBody":"', *html, b'","TextBody":"', *text, b'"}'])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`."""
        return read_json(payload, FIELDS)

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """See `Provider.send`; CODES and STATUSES say how Postmark's answers are understood."""
        began = time.monotonic()
        results: list[ItemResult | None] = []
        cause: ProviderError | None = None
        for part in _parts(payloads, self.part):
            if results and time.monotonic() > began + self.last_start:
                cause = NotSent("Postmark is slow; the mails that had not begun wait")
                break
            found, failure = self._post(part)
            if isinstance(failure, Unclear) and len(part) < len(payloads):
                # Only this part is in doubt: what stands behind it was not sent.
                found = [UnknownItem(str(failure)) for _ in part]
                failure = NotSent("the mails behind a lost answer of Postmark were not sent")
            results += found
            cause = failure or cause
            if failure is not None and not isinstance(failure, BadBatch):
                break
        results += [None] * (len(payloads) - len(results))
        if cause is None or None not in results:
            return [result for result in results if result is not None]
        if not any(results):
            raise cause
        raise HalfSent(results, cause)

    def _post(self, payloads: Sequence[bytes]) -> tuple[list[ItemResult | None], ProviderError | None]:
        """One request: what became of each mail, None for those that the error is about."""
        try:
            answer = self._api.post(b"[" + b",".join(payloads) + b"]")
            if answer.status_code != 200:
                raise _meaning(answer)
            return _results(answer, len(payloads))
        except ProviderError as error:
            return [None] * len(payloads), error

    def close(self) -> None:
        """Close the connections."""
        self._api.close()


def _parts(payloads: Sequence[bytes], most: int) -> Iterator[list[bytes]]:
    """The mails in their order, in requests of at most `most` bytes or one mail."""
    part: list[bytes] = []
    size = 0
    for payload in payloads:
        if part and size + len(payload) > most:
            yield part
            part, size = [], 0
        part.append(payload)
        size += len(payload) + 1
    yield part


@lru_cache(maxsize=SHEETS)
def _frame(sheet: Sheet, stream: str) -> tuple[bytes, bytes, bytes]:
    """What stands between the recipient and the reader's number, between that and the token of List-Unsubscribe, and
    from there to the bodies."""
    fields = {
        "From": str(configured_mailbox(sheet.sender, "From")),
        **({"ReplyTo": str(configured_mailbox(sheet.reply_to, "Reply-To"))} if sheet.reply_to else {}),
        "Subject": plain(unencoded(sheet.subject), "Subject"),
        "MessageStream": stream,
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    shared = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))[1:-1]
    mark = delivery_mark(sheet.edition_id, 0)[:-1]
    own = leave_start(sheet)
    before = f'{{"Name":{quoted(LEAVE)},"Value":{quoted(own)[:-1]}' if own else ""
    others = [
        f'{{"Name":{quoted(name)},"Value":{quoted(raw_header(name, value)[1])}}}' for name, value in sheet.headers
    ]
    after = ",".join(['>"}'] * bool(own) + others)
    return (
        f',{shared},"Metadata":{{{quoted(MARK)}:{quoted(mark)[:-1]}'.encode(),
        f'"}},"Headers":[{before}'.encode(),
        f"{after}]".encode(),
    )


def _known(code: Any, message: str) -> tuple[Kind, str] | None:
    for known, pattern, kind, words in CODES:
        if code == known and type(code) is int and re.search(pattern, message):
            return kind, words
    return None


def _meaning(answer: httpx.Response) -> ProviderError:
    """What an answer means that is none for single mails."""
    status, said = answer.status_code, told(answer)
    code, message = (said.get("ErrorCode"), str(said.get("Message", ""))) if isinstance(said, dict) else (None, "")
    known = _known(code, message) or STATUSES.get(status)
    if status >= 500 and (known is None or known[0] is not NotSent):
        return Unclear(f"Postmark answered {status}")
    if known is None:
        return (Unclear if 200 <= status < 300 else Refused)(f"Postmark answered {status}; check POSTMARK_BASE_URL")
    kind, words = known
    told_code = f" ErrorCode {code}" if type(code) is int else ""
    line = f"Postmark {words} ({status}{told_code})" + (f": {clean(message)}" if message else "")
    if kind is NotSent:
        return NotSent(line, _wait(answer))
    return kind(line) if issubclass(kind, ProviderError) else BadBatch(line)


def _wait(answer: httpx.Response) -> float | None:
    return seconds(answer, "retry-after", "ratelimit-reset")


def _results(answer: httpx.Response, count: int) -> tuple[list[ItemResult | None], ProviderError | None]:
    """What became of each mail. An item may fail for what is not its own, such as an account that may not send: then it
    is the error that tells, and the gravest of them."""
    said = told(answer)
    if not isinstance(said, list):
        raise Unclear("Postmark's answer was cut short or is no list; check POSTMARK_BASE_URL")
    if len(said) != count or not all(isinstance(item, dict) and type(item.get("ErrorCode")) is int for item in said):
        # Accepted or not, nobody can say which: guessing would mark the wrong readers.
        raise Unknowable(
            f"Postmark answered {len(said)} results for {count} mails, or not all of them say what they are"
        )
    found = [_result(item, answer) for item in said]
    causes = [each for each in found if isinstance(each, ProviderError)]
    causes.sort(key=lambda each: not isinstance(each, Refused))
    return [None if isinstance(each, ProviderError) else each for each in found], causes[0] if causes else None


def _result(item: dict[str, Any], answer: httpx.Response) -> ItemResult | ProviderError:
    code, message, number = item["ErrorCode"], str(item.get("Message", "")), item.get("MessageID")
    known = _known(code, message)
    if known is None and code == 0:
        if isinstance(number, str) and number:
            return Accepted(number)
        return UnknownItem("Postmark accepted the mail and gave it no number")
    kind, words = known or (NotSentItem, "did not take the mail")
    line = f"Postmark {words} (ErrorCode {code}): {clean(message)}"
    return NotSent(line, _wait(answer)) if kind is NotSent else kind(line)
