"""The inbound API as an OpenAPI 3.1 description, served at /api/v1/openapi.json. What a field may hold comes from the
tables of `digest.gather.push`; tests/web/test_api.py asks the API everything that stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from digest.gather.push import FIELDS, IMAGE_FIELDS, MAX_BODY, MAX_ITEMS
from digest.service.push import CALLS_A_MINUTE, WRITE
from digest.web.problems import DESCRIPTION, KINDS, PROBLEM_TYPE

Schema = Mapping[str, Any]

ABOUT: Mapping[str, str] = {
    "id": "Your own name for the article, without spaces: by it a later call changes the article. Without an id the "
    "address is its name, and without an address the title.",
    "url": "Where the article can be read: absolute, http or https.",
    "title": "The headline. Of markup only the text is kept.",
    "html": "The body as markup. What is not text, picture or link is dropped. Not beside text.",
    "text": "The body as plain text; blank lines separate paragraphs.",
    "summary": "Your own short text, if there is one beside the body.",
    "author": "Who wrote it.",
    "publisher": "Whom it is credited to; counts when the operator named nobody for the key.",
    "language": "A language tag of BCP 47.",
    "published_at": "When it was published: RFC 3339, with a zone. Without it, it is news now; what is older than two "
    "days is as old as it says; more than a day ahead counts as not given.",
}
EXAMPLES: Mapping[str, str] = {
    "id": "gull-2026-0142",
    "url": "https://gull.example/harbour/new-crane",
    "title": "A new crane for the north pier",
    "language": "en",
    "published_at": "2026-03-02T09:30:00+01:00",
}


def describe(title: str, public_url: str) -> dict[str, Any]:
    """The OpenAPI 3.1 document of an installation of that name at that address."""
    reading = {"operationId": "describe", "summary": "This description.", "security": [], "responses": _described()}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{title}: inbound API", "version": "1"},
        "servers": [{"url": public_url}],
        "security": [{"key": []}],
        "paths": {"/api/v1/articles": {"post": _push()}, DESCRIPTION: {"get": reading}},
        "components": {
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": f"A key with the scope {WRITE}."}
            },
            "schemas": {"Article": _article(), "Answer": _answer(), "Problem": _problem()},
            "responses": {
                name: {"description": f"{kind.title}. {kind.detail}", "content": {PROBLEM_TYPE: _ref("Problem")}}
                for name, kind in KINDS.items()
            },
        },
    }


def _push() -> dict[str, Any]:
    batch = {"type": "array", "minItems": 1, "maxItems": MAX_ITEMS, "items": _ref("Article")["schema"]}
    body = {
        "type": "object",
        "required": ["articles"],
        "properties": {"articles": batch},
        "additionalProperties": False,
        "examples": [{"articles": [dict(EXAMPLES)]}],
    }
    call = {
        "name": "Idempotency-Key",
        "in": "header",
        "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        "description": "A new one for each call, such as a UUID. A repeat of the call with the same key gets the same "
        "answer for at least 24 hours, with the header Idempotent-Replayed, and stores nothing again.",
    }
    return {
        "operationId": "pushArticles",
        "summary": "Store articles.",
        "description": f"At most {MAX_BODY:,} bytes, and {CALLS_A_MINUTE} calls a minute for each key.",
        "parameters": [call],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": _answers(),
    }


def _answers() -> dict[str, Any]:
    stored = {
        200: "All articles are stored, or were already.",
        207: "Some articles are stored; the others are rejected with the reason.",
        422: "No article could be stored.",
    }
    found: dict[int, dict[str, Any]] = {
        status: {"description": told, "content": {"application/json": _ref("Answer")}}
        for status, told in stored.items()
    }
    for kind in KINDS.values():
        entry = found.setdefault(kind.status, {"description": "", "content": {}})
        entry["description"] = f"{entry['description']} {kind.title}.".strip()
        entry["content"][PROBLEM_TYPE] = _ref("Problem")
    return {str(status): found[status] for status in sorted(found)}


def _described() -> dict[str, Any]:
    return {"200": {"description": "OpenAPI 3.1.", "content": {"application/json": {"schema": {"type": "object"}}}}}


def _ref(name: str) -> dict[str, Any]:
    return {"schema": {"$ref": f"#/components/schemas/{name}"}}


def _text(longest: int, **more: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "maxLength": longest, **more}


def _article() -> Schema:
    told = {
        name: _text(longest, description=ABOUT[name], **({"examples": [EXAMPLES[name]]} if name in EXAMPLES else {}))
        for name, longest in FIELDS.items()
    }
    told["title"] |= {"type": "string", "minLength": 1}
    told["id"] |= {"minLength": 1}
    told["published_at"] |= {"format": "date-time"}
    for name in ("url", "language"):
        told[name] |= {"minLength": 1}
    picture = {name: _text(longest) for name, longest in IMAGE_FIELDS.items()}
    picture["url"] |= {"type": "string"}
    image = {
        "type": ["object", "null"],
        "required": ["url"],
        "properties": picture,
        "additionalProperties": False,
        "description": "The article's picture; when it is left out, the first one in html.",
    }
    return {
        "type": "object",
        "required": ["title"],
        "properties": {**told, "image": image},
        "additionalProperties": False,
    }


def _answer() -> Schema:
    count = {"type": "integer", "minimum": 0, "maximum": MAX_ITEMS}
    error = {
        "type": "object",
        "required": ["field", "message"],
        "properties": {
            "field": {"type": "string", "description": 'Such as "image.url"; "" is the article as a whole.'},
            "message": {"type": "string"},
        },
    }
    result = {
        "type": "object",
        "required": ["index", "status"],
        "properties": {
            "index": {**count, "description": "Which article of the call, from 0."},
            "status": {"enum": ["new", "changed", "unchanged", "rejected"]},
            "id": {"type": "string", "description": "Its name, by which a later call changes it."},
            "error": error,
        },
    }
    counts = dict.fromkeys(("new", "changed", "unchanged", "rejected"), count)
    return {
        "type": "object",
        "required": ["results", *counts],
        "properties": {"results": {"type": "array", "items": result}, **counts},
    }


def _problem() -> Schema:
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["type", "title", "status", "detail"],
        "properties": {"type": {**text, "format": "uri"}, "title": text, "status": {"type": "integer"}, "detail": text},
    }
