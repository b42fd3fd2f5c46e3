"""POST /webhooks/{provider}: what providers tell us of mails that they took (docs/webhooks.md).

No browser is meant to call it: no page, no cookie, no form. A call must prove that it is the provider's before a word
of it is read, and is answered 200 only once what it tells is durable. An answer of ours is for the provider, which
tries again after any other: 401 and 400 too, so that a secret that was set wrong loses nothing as soon as it is put
right. Neither bodies nor addresses are written to the log.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.requests import ClientDisconnect

from digest.dispatch.events import LATER
from digest.errors import DigestError, Malformed, NotSigned, SettingError
from digest.service.events import UnknownProvider

log = logging.getLogger(__name__)

MAX_BODY = 1_000_000
"""Bytes. SendGrid's batches, the largest of any provider's, have 768 KB at most
(https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook)."""

ANSWERS: Mapping[type[DigestError], tuple[int, str]] = {
    UnknownProvider: (404, "there is no such webhook"),
    NotSigned: (401, "the signature is missing, wrong or too old"),
    Malformed: (400, "the body cannot be read"),
    # A secret that is not set, or a database that cannot be used: an operator must act, and the call is worth
    # repeating.
    DigestError: (503, "not now"),
}
"""What the service raises -> status and words; the nearest class counts."""


REFUSALS_SAID = 60.0
"""Seconds between two lines of the log about refused calls: anybody can make some."""


class Seldom:
    """Lets something be said once in so many seconds. Threads may ask at once; that two of them speak does no harm."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def may_speak(self) -> bool:
        """Whether it may be said now; from then on it may not for a while."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class Receiver(Protocol):
    """Who keeps events (`digest.service.events.EventDesk`)."""

    def receive(self, provider: str, headers: Mapping[str, str], body: bytes) -> int:
        """Keep what a call tells, durably; how many events are new."""
        ...


async def _read(request: Request) -> bytes | None:
    """The body as it came, for signatures are over its bytes; None for one that is too large."""
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > MAX_BODY:
        return None
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                return None
    except ClientDisconnect:  # nobody will read the answer, and nothing of half a body proves anything
        return b""
    return bytes(body)


Body = Annotated[bytes | None, Depends(_read)]


def router(receiver: Receiver, headers: Mapping[str, str]) -> APIRouter:
    """The route. `headers` are those of every answer."""
    routes = APIRouter()
    said = Seldom(REFUSALS_SAID)

    def answer(status: int, text: str) -> Response:
        return PlainTextResponse(text, status, {**headers, **({"Retry-After": "60"} if status in (429, 503) else {})})

    @routes.post("/webhooks/{provider}")
    def webhook(request: Request, provider: str, body: Body) -> Response:
        if body is None:
            return answer(413, "the body is too large")
        try:
            receiver.receive(provider, dict(request.headers), body)
        except DigestError as error:
            status, text = next(ANSWERS[kind] for kind in type(error).__mro__ if kind in ANSWERS)
            if status in (400, 401) and said.may_speak():
                log.warning("a call to /webhooks/%s was refused: %s", provider, error)
            elif status == 503 and not isinstance(error, SettingError):
                log.error("a call to /webhooks/%s waits: %s", provider, error)
            return answer(LATER.get(provider, status) if status == 503 else status, text)
        return answer(200, "ok")

    return routes
