"""The inbound API: POST /api/v1/articles (docs/api.md), an application of its own under /api.

Of its own, so that nothing of the pages for people reaches it: no page for an error, no form, no token against forged
requests. No browser is meant to call it: there is no cookie to ride on, and no header that lets another origin read an
answer. Neither keys nor bodies nor titles are written to the log.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from typing import Annotated, Protocol

from fastapi import Depends, FastAPI, Request
from fastapi.responses import Response
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from digest.errors import DigestError, StaleFence
from digest.gather.push import MAX_BODY, BadBody
from digest.service.push import WRITE, Answer, CallInFlight, CallReused, KeyGone
from digest.store.keys import Caller
from digest.web.apidoc import describe
from digest.web.problems import DESCRIPTION, Problem, Problems
from subscribers.errors import TooMany

log = logging.getLogger(__name__)

JSON = "application/json"
_CALL = re.compile(r"[\x21-\x7e]{1,255}")


class Pusher(Protocol):
    """Who knows keys and stores articles (`digest.service.push.PushDesk`)."""

    def caller(self, key: str) -> Caller | None:
        """Whose key this is."""
        ...

    def store(self, caller: Caller, body: bytes, *, call: str = "") -> Answer:
        """Store the articles of a body."""
        ...


def create_api(push: Pusher, *, site_name: str, public_url: str, headers: Mapping[str, str]) -> FastAPI:
    """The application to mount at /api. `headers` are those of every answer; `public_url` is where it is reached."""
    api = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    api.state.push = push
    description = json.dumps(describe(site_name, public_url), ensure_ascii=False)

    @api.post("/v1/articles")
    def articles(request: Request, caller: Known, body: Body) -> Response:
        answer = push.store(caller, body, call=_call(request))
        told = {**headers, **({"Idempotent-Replayed": "true"} if answer.replayed else {})}
        return Response(answer.body, answer.status, told, JSON)

    @api.api_route(DESCRIPTION.removeprefix("/api"), methods=["GET", "HEAD"])
    def described() -> Response:
        return Response(description, 200, dict(headers), JSON)

    _mishaps(api, Problems(public_url, headers))
    return api


def _known(request: Request) -> Caller:
    """Whose key the request came with. The answer is the same for no key and for a bad one."""
    push: Pusher = request.app.state.push
    told = request.headers.getlist("authorization")
    scheme, _, key = told[0].partition(" ") if len(told) == 1 else ("", "", "")
    caller = push.caller(key.strip()) if scheme.lower() == "bearer" else None
    if caller is None:
        raise Problem("no-key")
    if WRITE not in caller.scopes:
        raise Problem("no-scope")
    return caller


Known = Annotated[Caller, Depends(_known)]


async def _read(request: Request, _: Known) -> bytes:
    """The body, at most MAX_BODY bytes of it, after everything was checked that the headers tell: reading is work that
    only a caller with a key may ask for. A compressed body is not taken, for what is in it would have to be bounded in
    yet another way."""
    kind, _options = parse_options_header(request.headers.get("content-type", ""))
    if kind != JSON.encode() or request.headers.get("content-encoding", "identity").lower() != "identity":
        raise Problem("wrong-type")
    _call(request)
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > MAX_BODY:
        raise Problem("too-large")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise Problem("too-large")
    except ClientDisconnect:  # nobody will read this answer
        raise Problem("bad-body") from None
    return bytes(body)


Body = Annotated[bytes, Depends(_read)]


def _call(request: Request) -> str:
    """The idempotency key, taken as it stands, with its quotation marks if it has some; "" when there is none."""
    told = request.headers.getlist("idempotency-key")
    if len(told) > 1 or (told and not _CALL.fullmatch(told[0])):
        raise Problem("bad-idempotency-key")
    return told[0] if told else ""


_REFUSED: Mapping[int, str] = {404: "not-found", 405: "wrong-method"}
"""What the framework refuses by itself: status -> problem."""
_ERRORS: Mapping[type[Exception], str] = {
    BadBody: "bad-body",
    KeyGone: "no-key",
    CallReused: "idempotency-key-reused",
    CallInFlight: "in-flight",
    StaleFence: "in-flight",  # taken over, or its source is gone: the repeat is told which
    TooMany: "too-many",
    DigestError: "unavailable",
}
"""What the service raises -> problem; the nearest class counts."""


def _mishaps(api: FastAPI, problems: Problems) -> None:
    """Every error is a problem document; a traceback goes to the log and nowhere else."""

    @api.exception_handler(Problem)
    def refused(request: Request, error: Problem) -> Response:
        return problems.answer(error)

    @api.exception_handler(HTTPException)
    def framework(request: Request, error: HTTPException) -> Response:
        told = problems.answer(Problem(_REFUSED.get(error.status_code, "bad-body")))
        told.headers.update(error.headers or {})
        return told

    def of_service(request: Request, error: Exception) -> Response:
        name = next(_ERRORS[kind] for kind in type(error).__mro__ if kind in _ERRORS)
        if name == "unavailable":
            log.error("the inbound API: %s", error)
        wait = getattr(error, "retry_after", 1 if name == "in-flight" else None)
        headers = {} if wait is None else {"Retry_After": str(max(1, wait))}
        return problems.answer(Problem(name, str(error) if name == "bad-body" else "", **headers))

    for kind in _ERRORS:
        api.add_exception_handler(kind, of_service)

    @api.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        # Starlette raises it once more for the server, which logs the traceback.
        return problems.answer(Problem("broken"))
