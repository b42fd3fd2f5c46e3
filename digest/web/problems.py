"""What the inbound API answers when it did not do what was asked: problem details (RFC 9457), one row for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from fastapi.responses import Response

PROBLEM_TYPE = "application/problem+json"
DESCRIPTION = "/api/v1/openapi.json"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem. The statuses about Idempotency-Key are those of draft-ietf-httpapi-idempotency-key-header-07,
    section 2.7; those about keys of RFC 6750, section 3.1."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str]


def _kind(status: HTTPStatus, title: str, detail: str, **headers: str) -> Kind:
    return Kind(status, title, detail, {name.replace("_", "-"): value for name, value in headers.items()})


KINDS: Mapping[str, Kind] = {
    "bad-body": _kind(
        HTTPStatus.BAD_REQUEST,
        "The body cannot be read",
        "The body is not JSON, or not an object with 1 to 1,000 articles.",
    ),
    "bad-idempotency-key": _kind(
        HTTPStatus.BAD_REQUEST,
        "Idempotency-Key cannot be used",
        "There must be one Idempotency-Key at most, of 1 to 255 visible ASCII characters.",
    ),
    "no-key": _kind(
        HTTPStatus.UNAUTHORIZED,
        "No valid key",
        "There is no key, or one that is unknown or revoked: Authorization: Bearer dk_...",
        WWW_Authenticate='Bearer realm="digest"',
    ),
    "no-scope": _kind(
        HTTPStatus.FORBIDDEN,
        "The key does not allow this",
        "The key lacks the scope articles:write.",
        WWW_Authenticate='Bearer realm="digest", error="insufficient_scope", scope="articles:write"',
    ),
    "not-found": _kind(HTTPStatus.NOT_FOUND, "Nothing here", "There is nothing at this address."),
    "wrong-method": _kind(HTTPStatus.METHOD_NOT_ALLOWED, "Wrong method", "This address takes what Allow says."),
    "in-flight": _kind(
        HTTPStatus.CONFLICT,
        "A call with this Idempotency-Key is being made",
        "Repeat the very same call after Retry-After.",
    ),
    "too-large": _kind(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The body is too large", "A body has 5,000,000 bytes at most."
    ),
    "wrong-type": _kind(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "The body is of another type",
        "The body must be application/json, without a Content-Encoding.",
        # RFC 9110, 15.5.16: a coding that is not taken is answered with those that are.
        Accept_Encoding="identity",
    ),
    "idempotency-key-reused": _kind(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Idempotency-Key is already used",
        "This Idempotency-Key was used for another body within the last day; use a new one for each call.",
    ),
    "too-many": _kind(HTTPStatus.TOO_MANY_REQUESTS, "Too many calls", "This key is taken again after Retry-After."),
    "broken": _kind(HTTPStatus.INTERNAL_SERVER_ERROR, "Our mistake", "Nothing was stored; it may be tried again."),
    "unavailable": _kind(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "Not now",
        "The database cannot be used just now; nothing was stored.",
        Retry_After="60",
    ),
}


class Problem(Exception):
    """A problem of a kind; `detail` says more than the kind does, in words for the caller's developer."""

    def __init__(self, name: str, detail: str = "", **headers: str) -> None:
        super().__init__(name)
        self.name = name
        self.detail = detail
        self.headers = {key.replace("_", "-"): value for key, value in headers.items()}


class Problems:
    """Makes answers of problems."""

    def __init__(self, public_url: str, headers: Mapping[str, str]) -> None:
        """`headers` are those of every answer."""
        self._description = f"{public_url}{DESCRIPTION}"
        self._headers = headers

    def answer(self, problem: Problem) -> Response:
        """The document, with a type that leads into the description, and a link to it."""
        kind = KINDS[problem.name]
        told = {
            "type": f"{self._description}#/components/responses/{problem.name}",
            "title": kind.title,
            "status": kind.status,
            "detail": problem.detail or kind.detail,
        }
        link = {"Link": f'<{self._description}>; rel="describedby"; type="application/json"'}
        headers = {**self._headers, **link, **kind.headers, **problem.headers}
        return Response(json.dumps(told), kind.status, headers, PROBLEM_TYPE)
