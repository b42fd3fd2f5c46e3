"""The readers' routes as an OpenAPI 3.1 description: what they take, and every answer that can come.

Written beside the routes and not derived from them: the handlers read forms themselves and answer with pages, of which
a framework knows nothing. tests/web/test_openapi.py holds both together: no route without a description and none
described that is not there, and no answer with a status or a type that is not told here. It is not served: readers
have pages, and what other programs may use (the form, one-click leaving) stands in docs/readers.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from subscribers.forms import FORM_VERSION
from subscribers.types import ADDRESS_LENGTH, FORMATS, MOST_STORIES

HTML, PLAIN, SCRIPT = "text/html", "text/plain", "text/javascript"
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"

ANSWERS = {
    200: "The page.",
    202: "Noted: the page that says which mail to look for.",
    303: "Noted; the page to go to stands in Location.",
    400: "A body that cannot be parsed.",
    404: "The address is not complete, was not made here, or belongs to somebody else: one page for all of them.",
    409: "The new address belongs to another reader; nothing was changed.",
    410: "The link is ours, but too old, used up, or its reader is gone; the page offers what is left to do.",
    413: "A body of more than 64 KB.",
    415: "A body that is neither urlencoded nor multipart.",
    422: "Not done: the page once more, with what is wrong beside the field or with its button to press.",
    429: "A cap on requests was reached; Retry-After says when to come back.",
    503: "The database cannot be used just now.",
}
BODY = (400, 413, 415)
"""What any POST with a form can answer before a handler sees it."""
LINK = (404, 410)
"""What a route with a token can answer about the token."""


Field = Mapping[str, Any]
"""The JSON Schema of one field."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    summary: str
    answers: Sequence[int]
    types: Mapping[int, Sequence[str]] = field(default_factory=dict)
    """Where an answer is something else than HTML; nothing for one without a body."""
    query: Mapping[str, Field] = field(default_factory=dict)
    form: Mapping[str, Field] | None = None
    """The fields of a POST, all of them optional: what is missing is told on the page."""


TEXT: Field = {"type": "string"}
TOKEN: Field = {"type": "string", "description": "The hidden field of a form that we served, valid for a day."}
DESK: Field = {"type": "string", "description": "The hidden field of an opened account page, valid for 30 minutes."}
UNDO: Field = {"type": "string", "description": "The hidden field of the page that told of a leaving."}
ADDRESS: Field = {"type": "string", "format": "email", "maxLength": ADDRESS_LENGTH}
SLUGS: Field = {"type": "array", "items": {"type": "string"}, "description": "Topics by their short names."}
CADENCE: Field = {
    "type": "string",
    "examples": ["daily", "weekdays", "weekly:fri", "days:mon,thu", "several:12:00,18:00", "as-it-happens"],
}
TIME: Field = {"type": "string", "description": "A local quarter hour.", "examples": ["07:00"]}
ZONE: Field = {"type": "string", "description": "A zone of the tz database.", "examples": ["Europe/Berlin"]}
SOURCE: Field = {"type": "string", "maxLength": 64, "description": "Where the reader comes from, for the consent log."}


def one_of(*values: str) -> Field:
    """A field with these values; what else is sent counts as nothing chosen."""
    return {"type": "string", "enum": list(values)}


SIGN_UP: Mapping[str, Field] = {
    "topic": SLUGS,
    "email": ADDRESS,
    "name": TEXT,
    "cadence": CADENCE,
    "time": TIME,
    "timezone": ZONE,
    "source": SOURCE,
    "lang": TEXT,
    "token": {**TOKEN, "description": "As the form had it; without, the answer is a page with one button to press."},
    "website": {"type": "string", "maxLength": 0, "description": "Stays empty: what fills it in is a machine."},
    "pressed": {**TEXT, "description": "Sent by the page with one button, which then says why it comes once more."},
}
PAUSE: Mapping[str, Field] = {
    "for": one_of("week", "month", "none"),
    "until": {"type": "string", "format": "date"},
    "token": TOKEN,
}
CHOICES: Mapping[str, Field] = {
    "topic": SLUGS,
    "cadence": CADENCE,
    "day": {"type": "array", "items": one_of("mon", "tue", "wed", "thu", "fri", "sat", "sun")},
    "weekday": one_of("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
    "also": {"type": "array", "items": TIME},
    "time": TIME,
    "timezone": ZONE,
    "locale": TEXT,
    "format": one_of(*FORMATS),
    "most": {"type": "integer", "minimum": 1, "maximum": MOST_STORIES},
    "token": TOKEN,
}
LEAVE: Mapping[str, Field] = {
    "List-Unsubscribe": one_of("One-Click"),
    "from": one_of("page"),
    "choice": one_of("all", "topics", "week", "month", "weekly"),
    "topic": SLUGS,
    "reason": TEXT,
    "note": TEXT,
    "token": TOKEN,
}
CHOSEN: Mapping[str, Field] = {"topic": SLUGS, "email": ADDRESS, "source": SOURCE}

PATHS: Mapping[str, Mapping[str, Operation]] = {
    "/": {"get": Operation("The public topics.", (200, 503))},
    "/subscribe": {
        "get": Operation(
            "The sign-up form; topics, address and source may be chosen before.", (200, 404, 503), query=CHOSEN
        ),
        "post": Operation(
            f"Ask for a subscription ({FORM_VERSION}). The answer is the same for every address; nothing is subscribed "
            "before the link in the mail was used.",
            (200, 202, 422, 429, *BODY, 503),
            form=SIGN_UP,
        ),
    },
    "/subscribe/sent": {"get": Operation("The page after the form.", (200,))},
    "/sample/{slug}": {"get": Operation("What a digest of a public topic looks like.", (200, 404, 503))},
    "/embed.js": {"get": Operation("Fills timezone and language into embedded forms.", (200,), {200: (SCRIPT,)})},
    "/confirm/{token}": {
        "get": Operation("What there is to confirm, and one button.", (200, *LINK, 503)),
        "post": Operation(
            "Confirm; again and again without harm.",
            (200, 422, *LINK, *BODY, 503),
            form={"token": TOKEN, "topic": SLUGS},
        ),
    },
    "/confirm/{token}/again": {
        "post": Operation("Have the mail sent again.", (303, 429, *LINK, *BODY, 503), form={"token": TOKEN})
    },
    "/preferences/{token}": {
        "get": Operation("The choices behind a link of the last 90 days.", (200, *LINK, 503)),
        "post": Operation("Set every choice.", (200, 422, *LINK, *BODY, 503), form=CHOICES),
    },
    "/preferences/{token}/votes": {
        "post": Operation(
            "Delete a vote on a story or a publisher.",
            (200, 422, *LINK, *BODY, 503),
            form={"vote": {"type": "integer"}, "token": TOKEN},
        )
    },
    "/why/{token}/{story}": {
        "get": Operation("Why a story stood in a digest, and what to ask for instead.", (200, *LINK, 503)),
        "post": Operation(
            "More or less of it; the page offers to take it back.",
            (200, 422, 429, *LINK, *BODY, 503),
            form={"wish": one_of("story", "publisher", "more", "less", "prefer"), "token": TOKEN},
        ),
    },
    "/why/{token}/{story}/undo": {
        "post": Operation(
            "Take back what was just asked for.",
            (200, 422, *LINK, *BODY, 503),
            form={"vote": {"type": "integer"}, "before": one_of("-1", "0", "1"), "token": TOKEN},
        )
    },
    "/why/{token}/fresh": {
        "post": Operation(
            "Have a fresh link mailed to the address on file.", (200, 429, *LINK, *BODY, 503), form={"token": TOKEN}
        )
    },
    "/preferences/{token}/pause": {
        "post": Operation("Pause until a day, or go on.", (200, 422, *LINK, *BODY, 503), form=PAUSE)
    },
    "/preferences/{token}/week": {"get": Operation("The page that offers to pause a week.", (200, *LINK, 503))},
    "/preferences/{token}/weekly": {
        "get": Operation("The page that offers one digest a week instead.", (200, *LINK, 503)),
        "post": Operation("One digest a week, for every topic.", (200, 422, *LINK, *BODY, 503), form={"token": TOKEN}),
    },
    "/preferences/{token}/fresh": {
        "post": Operation(
            "Have a fresh link mailed to the address on file.", (200, 429, *LINK, *BODY, 503), form={"token": TOKEN}
        )
    },
    "/fresh": {
        "get": Operation("Where to type an address for a fresh link.", (200,)),
        "post": Operation(
            "Ask for a fresh link; the same answer for every address.",
            (200, 422, 429, *BODY, 503),
            form={"email": ADDRESS, "token": TOKEN, "website": SIGN_UP["website"]},
        ),
    },
    "/account/{token}": {
        "get": Operation("One button; looking uses nothing up.", (200, *LINK, 503)),
        "post": Operation(
            "Use the link up and show the account.", (200, 422, *LINK, *BODY, 503), form={"token": TOKEN}
        ),
    },
    "/account/{token}/fresh": {
        "post": Operation("Have another link mailed.", (200, 429, *LINK, *BODY, 503), form={"token": TOKEN})
    },
    "/me/export": {
        "post": Operation(
            "Everything we hold about the reader, as a file.",
            (200, 422, *LINK, *BODY, 503),
            {200: ("application/json", "text/csv")},
            form={"desk": DESK, "form": one_of("json", "csv")},
        )
    },
    "/me/language": {
        "post": Operation(
            "The account page in another language.", (200, *LINK, *BODY, 503), form={"desk": DESK, "lang": TEXT}
        )
    },
    "/me/name": {
        "post": Operation("Set or remove the name.", (200, *LINK, *BODY, 503), form={"desk": DESK, "name": TEXT})
    },
    "/me/address": {
        "post": Operation(
            "Ask for a change of address.", (200, 422, 429, *LINK, *BODY, 503), form={"desk": DESK, "email": ADDRESS}
        )
    },
    "/me/close": {"post": Operation("End the account page.", (200, *LINK, *BODY, 503), form={"desk": DESK})},
    "/me/erase": {
        "post": Operation(
            "Erase everything but a keyed hash.",
            (200, 422, *LINK, *BODY, 503),
            form={"desk": DESK, "yes": one_of("yes")},
        )
    },
    "/move/{token}": {
        "get": Operation("One button at the new address.", (200, *LINK, 503)),
        "post": Operation(
            "Make the new address the reader's.", (200, 409, 422, *LINK, *BODY, 503), form={"token": TOKEN}
        ),
    },
    "/stop-move/{token}": {
        "get": Operation("One button at the old address, or what became of the change.", (200, *LINK, 503)),
        "post": Operation("Stop the change of address.", (200, 422, *LINK, *BODY, 503), form={"token": TOKEN}),
    },
    "/leave/{token}": {
        "get": Operation("What to stop, or that nothing is left to stop.", (200, 404, 503)),
        "post": Operation(
            "Leave. `List-Unsubscribe=One-Click` is RFC 8058's; any other body, or none, leaves as well. No cookie, no "
            "redirect, and the link never expires.",
            (200, 422, 404, 503),
            {200: (HTML, PLAIN)},
            form=LEAVE,
        ),
    },
    "/leave/{token}/undo": {
        "post": Operation(
            "Take it back, within a day.",
            (200, 422, *LINK, 503),
            form={"token": TOKEN, "undo": UNDO, "for": one_of("none")},
        )
    },
    "/back/{token}": {
        "get": Operation("One button that takes a leaving back, or that it is too late.", (200, *LINK, 503)),
        "post": Operation("Take it back, within a day.", (200, 422, *LINK, *BODY, 503), form={"token": TOKEN}),
    },
    "/view/{token}": {"get": Operation("A mail in the browser.", (200, 404, 503))},
    "/static/{name}": {
        "get": Operation("Style, script and icon.", (200, 404), {200: ("text/css", SCRIPT, "image/svg+xml")})
    },
    "/healthz": {"get": Operation("For a load balancer.", (200, 503), {200: (PLAIN,), 503: (PLAIN,)})},
    "/robots.txt": {"get": Operation("No page is for search engines.", (200,), {200: (PLAIN,)})},
}


def describe(title: str, public_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an installation of that name at that address. Every GET can be asked with HEAD."""
    paths: dict[str, Any] = {}
    for path, methods in PATHS.items():
        entry = paths[path] = {method: _operation(told, method) for method, told in methods.items()}
        if "get" in entry:
            entry["head"] = {**entry["get"], "responses": _answers(methods["get"], bodies=False)}
        if "{" in path:
            name = path.partition("{")[2].partition("}")[0]
            entry["parameters"] = [
                {"name": name, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
            ]
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": "1"},
        "servers": [{"url": public_url}],
        "paths": paths,
    }


def _operation(told: Operation, method: str) -> dict[str, Any]:
    query = {
        **told.query,
        "lang": {"type": "string", "description": "The language of the page, instead of the browser's."},
    }
    entry: dict[str, Any] = {
        "summary": told.summary,
        "parameters": [{"name": name, "in": "query", "schema": dict(schema)} for name, schema in query.items()],
        "responses": _answers(told, bodies=True),
    }
    if told.form is not None:
        schema = {"type": "object", "properties": {name: dict(each) for name, each in told.form.items()}}
        content = {URLENCODED: {"schema": schema}, MULTIPART: {"schema": schema}}
        entry["requestBody"] = {"required": False, "content": content}
    return entry


def _answers(told: Operation, *, bodies: bool) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for status in sorted(told.answers):
        answer: dict[str, Any] = {"description": ANSWERS[status]}
        kinds = () if status == 303 or not bodies else told.types.get(status, (HTML,))
        if kinds:
            answer["content"] = {kind: {} for kind in kinds}
        found[str(status)] = answer
    return found
