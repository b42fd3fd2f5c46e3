"""The inbound API over HTTP: what it takes, what it refuses, and that its description is true."""

from __future__ import annotations

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import content_type_conformance, not_a_server_error, status_code_conformance
from schemathesis.specs.openapi.checks import response_schema_conformance
from sqlalchemy import text

from digest.gather.push import FIELDS, MAX_BODY, MAX_ITEMS
from digest.service.push import CALLS_A_MINUTE, PushDesk
from digest.store import calls, keys
from digest.store.db import writing
from digest.store.keys import Caller
from digest.web.apidoc import describe
from digest.web.app import create_app
from digest.web.problems import KINDS
from tests.parts import ROOT
from tests.web.conftest import AUTHORITIES, serving
from tests.web.desk import TEMPLATES, WebDesk

ARTICLES = "/api/v1/articles"
CRANE = {"id": "crane", "url": "https://gull.example/crane", "title": "A new crane for the pier"}
NO_KEY = "dk_" + "A" * 43


@pytest.fixture
def key(desk: WebDesk) -> str:
    return desk.service.push.add_key("newsroom", topics=["harbour"]).key


@pytest.fixture
def api(desk: WebDesk, key: str) -> Iterator[httpx.Client]:
    """A client with a key."""
    with serving(create_app(desk.readers, TEMPLATES, desk.service.push)) as address:
        headers = {"Authorization": f"Bearer {key}"}
        with httpx.Client(base_url=address, headers=headers, trust_env=False, verify=AUTHORITIES, timeout=60) as client:
            yield client


def problem(answer: httpx.Response, name: str) -> str:
    """The answer is this problem and looks as every problem does; its detail."""
    told = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert told["type"].endswith(f"#/components/responses/{name}")
    assert (told["status"], told["title"]) == (answer.status_code, KINDS[name].title)
    assert answer.status_code == KINDS[name].status
    assert 'rel="describedby"' in answer.headers["link"]
    calm(answer)
    return str(told["detail"])


def calm(answer: httpx.Response) -> None:
    """What every answer has, and what none has."""
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in answer.headers
    assert not [name for name in answer.headers if name.startswith("access-control-")]


def stored(desk: WebDesk) -> list[str]:
    with desk.engine.connect() as connection:
        return [str(row[0]) for row in connection.execute(text("SELECT title FROM article ORDER BY id"))]


def test_articles_are_stored(desk: WebDesk, api: httpx.Client) -> None:
    answer = api.post(ARTICLES, json={"articles": [CRANE, {"id": "x"}]})
    assert (answer.status_code, answer.headers["content-type"]) == (207, "application/json")
    calm(answer)
    assert answer.json() == {
        "results": [
            {"index": 0, "status": "new", "id": "crane"},
            {"index": 1, "status": "rejected", "error": {"field": "title", "message": "is required"}},
        ],
        "new": 1,
        "changed": 0,
        "unchanged": 0,
        "rejected": 1,
    }
    assert stored(desk) == ["A new crane for the pier"]
    assert api.post(ARTICLES, json={"articles": [CRANE]}).status_code == 200
    nothing = api.post(ARTICLES, json={"articles": [{"id": "x"}]})
    assert (nothing.status_code, nothing.headers["content-type"]) == (422, "application/json")


def test_a_repeat_gets_the_very_same_bytes(desk: WebDesk, api: httpx.Client) -> None:
    sent = json.dumps({"articles": [CRANE]}).encode()
    told = {"Content-Type": "application/json", "Idempotency-Key": '"8e03978e-40d5-43e8-bc93-6894a57f9324"'}
    first, again = (api.post(ARTICLES, content=sent, headers=told) for _ in range(2))
    assert (first.status_code, "idempotent-replayed" in first.headers) == (200, False)
    assert (again.content, again.status_code, again.headers["content-type"]) == (
        first.content, first.status_code, first.headers["content-type"],
    )  # fmt: skip
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json()["results"][0]["status"] == "new"
    problem(api.post(ARTICLES, content=sent + b"\n", headers=told), "idempotency-key-reused")
    assert stored(desk) == ["A new crane for the pier"]


def test_a_call_in_flight_is_a_conflict(desk: WebDesk, api: httpx.Client) -> None:
    """Left behind by a process that died, here; another one at work looks the same."""
    api.post(ARTICLES, json={"articles": [CRANE]}, headers={"Idempotency-Key": "one"})
    with desk.engine.begin() as connection:
        connection.execute(text("UPDATE api_call SET status = 0"))
    answer = api.post(ARTICLES, json={"articles": [CRANE]}, headers={"Idempotency-Key": "one"})
    problem(answer, "in-flight")
    assert answer.headers["retry-after"] == "120"


@pytest.mark.parametrize("told", ["", "a b", "x" * 256, "é"])
def test_idempotency_keys_that_are_none(api: httpx.Client, told: str) -> None:
    header = {b"Idempotency-Key": told.encode("latin-1"), b"Content-Type": b"application/json"}
    problem(api.post(ARTICLES, content=json.dumps({"articles": [CRANE]}), headers=header), "bad-idempotency-key")


def test_one_idempotency_key_at_most(api: httpx.Client) -> None:
    twice = [("Idempotency-Key", "one"), ("Idempotency-Key", "two"), ("Content-Type", "application/json")]
    problem(api.post(ARTICLES, content=b"{}", headers=twice), "bad-idempotency-key")


@pytest.mark.parametrize(
    "told", ["", "Bearer", f"Bearer {NO_KEY}", "Basic eDp5", "Bearer \u00fc", "Bearer a b", NO_KEY, "Bearer dk_'--"]
)
def test_without_a_good_key_the_answer_is_one(api: httpx.Client, told: str) -> None:
    header = {b"Authorization": told.encode("latin-1"), b"Content-Type": b"application/json"}
    answer = api.post(ARTICLES, content=b"{", headers=header)
    problem(answer, "no-key")
    assert answer.headers["www-authenticate"] == 'Bearer realm="digest"'


def test_a_revoked_key_is_like_none(desk: WebDesk, api: httpx.Client) -> None:
    unknown = api.post(ARTICLES, json={}, headers={"Authorization": f"Bearer {NO_KEY}"})
    assert api.post(ARTICLES, json={"articles": [CRANE]}).status_code == 200
    desk.service.push.revoke_key("newsroom")
    revoked = api.post(ARTICLES, json={"articles": [CRANE]})
    assert problem(revoked, "no-key") == problem(unknown, "no-key")
    assert revoked.content == unknown.content


def test_two_keys_are_none(api: httpx.Client, key: str) -> None:
    twice = [("Authorization", f"Bearer {key}")] * 2
    with httpx.Client(base_url=api.base_url, trust_env=False, verify=AUTHORITIES) as bare:
        problem(bare.post(ARTICLES, json={"articles": [CRANE]}, headers=twice), "no-key")
        lower = bare.post(ARTICLES, json={"articles": [CRANE]}, headers={"Authorization": f"bearer {key}"})
        assert lower.status_code == 200, "the scheme's case does not matter (RFC 9110, 11.1)"


def test_a_key_without_the_scope_may_not(desk: WebDesk, api: httpx.Client) -> None:
    other = "dk_" + "B" * 43
    with writing(desk.engine) as session:
        source = keys.list_keys(session)[0].source_id
        keys.add_key(session, "other", other, hint="", scopes=["notices:write"], source_id=source, now=desk.now())
    answer = api.post(ARTICLES, json={"articles": [CRANE]}, headers={"Authorization": f"Bearer {other}"})
    problem(answer, "no-scope")
    assert 'error="insufficient_scope"' in answer.headers["www-authenticate"]


def test_a_key_that_runs_wild(api: httpx.Client) -> None:
    for _ in range(CALLS_A_MINUTE):
        assert api.post(ARTICLES, json={"articles": [CRANE]}).status_code == 200
    answer = api.post(ARTICLES, json={"articles": [CRANE]})
    problem(answer, "too-many")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


@pytest.mark.parametrize(
    ("kind", "coding"),
    [
        ("text/plain", ""),
        ("application/x-www-form-urlencoded", ""),
        ("multipart/form-data; boundary=x", ""),
        ("application/jsonx", ""),
        ("", ""),
        ("application/json", "gzip"),
        ("application/json", "br"),
    ],
)
def test_other_bodies_are_not_taken(api: httpx.Client, kind: str, coding: str) -> None:
    sent = gzip.compress(json.dumps({"articles": [CRANE]}).encode())
    answer = api.post(ARTICLES, content=sent, headers={"Content-Type": kind, "Content-Encoding": coding or "identity"})
    problem(answer, "wrong-type")
    assert answer.headers["accept-encoding"] == "identity"


def test_a_charset_is_not_asked_for(api: httpx.Client) -> None:
    told = {"Content-Type": "Application/JSON; charset=latin-1"}
    assert api.post(ARTICLES, content=json.dumps({"articles": [CRANE]}), headers=told).status_code == 200


def test_too_much_is_not_read(desk: WebDesk, api: httpx.Client) -> None:
    told = {"Content-Type": "application/json"}
    problem(api.post(ARTICLES, content=b" " * (MAX_BODY + 1), headers=told), "too-large")
    problem(api.post(ARTICLES, content=iter([b" " * 1_000_000] * 6), headers=told), "too-large")
    whole = json.dumps({"articles": [CRANE]}).encode()
    assert api.post(ARTICLES, content=whole.ljust(MAX_BODY), headers=told).status_code == 200
    assert len(stored(desk)) == 1


@pytest.mark.parametrize(
    ("sent", "detail"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b'{"articles": [NaN]}', "not JSON"),
        (b"\xff", "not UTF-8"),
        (b"[" * 100_000, "too deeply"),
        (b'{"articles": []}', "1 to 1000"),
        (json.dumps({"articles": [CRANE] * 1001}).encode(), "here are 1001"),
        (b"[1]", "object"),
    ],
)
def test_bodies_that_are_none(api: httpx.Client, sent: bytes, detail: str) -> None:
    assert detail in problem(api.post(ARTICLES, content=sent, headers={"Content-Type": "application/json"}), "bad-body")


def test_hostile_items_are_rejected_or_harmless(desk: WebDesk, api: httpx.Client) -> None:
    items = [
        {"title": "<script>alert(1)</script>Tide \u202eelbat\x00", "text": "\x00\u2066 <b>", "author": "\ud83d"},
        {"title": "x", "url": "javascript:alert(1)"},
        {"title": 10**400},
        {"title": "x", "id": "a\x00b"},
        {"title": "x", "<script>": "\u202e"},
        [[[[[]]]]],
    ]
    sent = json.dumps({"articles": items})
    answer = api.post(ARTICLES, content=sent, headers={"Content-Type": "application/json"})
    results = answer.json()["results"]
    assert (answer.status_code, results[0]["status"]) == (207, "new")
    assert [each.get("error", {}).get("field") for each in results[1:]] == ["url", "title", "id", "<script>", ""]
    assert answer.content.isascii()
    with desk.engine.connect() as connection:
        (row,) = connection.execute(text("SELECT title, text, author FROM article")).all()
    assert not set("\0\u202e\u2066\ud83d") & set("".join(row))


@pytest.mark.parametrize("path", ["/api/", "/api/v1", "/api/v1/articles/", "/api/v1/articles/1", "/api/x", "/api//"])
def test_nowhere_is_a_problem_too(api: httpx.Client, path: str) -> None:
    problem(api.get(path), "not-found")
    problem(api.post(path), "not-found")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods(api: httpx.Client, method: str) -> None:
    answer = api.request(method, ARTICLES, headers={"Origin": "https://evil.example"})
    problem(answer, "wrong-method")
    assert answer.headers["allow"] == "POST"


def test_pages_keep_their_errors(api: httpx.Client) -> None:
    for path in ("/api", "/apis", "/nowhere"):
        answer = api.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")


def test_there_is_no_api_where_nobody_stores(desk: WebDesk, client: httpx.Client) -> None:
    assert client.post(ARTICLES, json={}).status_code == 404


class Broken(PushDesk):
    """A service with a bug in it."""

    def caller(self, key: str) -> Caller | None:
        raise ZeroDivisionError("a secret detail")


def test_a_bug_is_a_problem_without_its_traceback(desk: WebDesk) -> None:
    with serving(create_app(desk.readers, TEMPLATES, Broken(desk.engine, now=desk.now))) as address:
        answer = httpx.post(f"{address}{ARTICLES}", headers={"Authorization": f"Bearer {NO_KEY}"}, trust_env=False)
    problem(answer, "broken")
    assert "secret" not in answer.text


def test_a_database_that_cannot_be_used(desk: WebDesk, api: httpx.Client) -> None:
    with desk.engine.begin() as connection:
        connection.execute(text("ALTER TABLE api_key RENAME TO gone"))
    answer = api.post(ARTICLES, json={"articles": [CRANE]})
    problem(answer, "unavailable")
    assert answer.headers["retry-after"] == "60"


def test_nothing_of_a_call_is_logged(
    desk: WebDesk, api: httpx.Client, key: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    sent = {"articles": [{**CRANE, "title": "Hush"}]}
    assert api.post(ARTICLES, json=sent, headers={"Idempotency-Key": "quiet"}).status_code == 200
    api.post(ARTICLES, content=b"Hush", headers={"Content-Type": "application/json"})
    with desk.engine.begin() as connection:
        connection.execute(text("ALTER TABLE article RENAME TO gone"))
    assert api.post(ARTICLES, json=sent).status_code in (500, 503)
    assert caplog.records
    for word in ("Hush", key, "quiet"):
        assert word not in caplog.text


def test_the_document_says_what_the_code_does() -> None:
    told = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    for name, longest in FIELDS.items():
        assert f"`{name}`" in told
        assert f"{longest:,}" in told
    for number in (MAX_BODY, MAX_ITEMS):
        assert f"{number:,}" in told
    statuses = {str(kind.status) for kind in KINDS.values()} | {"200", "207"}
    assert [status for status in sorted(statuses) if status not in told] == []
    assert f"more than {CALLS_A_MINUTE} calls" in told
    assert f"{calls.KEPT // timedelta(hours=1)} hours" in told
    assert calls.DEAD_AFTER.total_seconds() == 120
    assert "two minutes" in told


# --- the description --------------------------------------------------------------------------------------------------


def test_the_description_is_served_and_valid(desk: WebDesk, api: httpx.Client) -> None:
    answer = api.get("/api/v1/openapi.json", headers={"Authorization": ""})
    calm(answer)
    told = answer.json()
    assert told == describe("Morning Paper", desk.settings.public_url)
    assert told["openapi"] == "3.1.0"
    schemathesis.openapi.from_dict(told).validate()
    assert api.head("/api/v1/openapi.json").status_code == 200
    pointed = api.get("/api/x").json()["type"].partition("#/")[2].split("/")
    found: Any = told
    for step in pointed:
        found = found[step]
    assert found["description"]


@pytest.mark.xdist_group("openapi")
def test_only_described_answers_come(make_desk: Callable[..., WebDesk]) -> None:
    """What the description allows is taken, what it forbids is refused, and nothing else is answered."""
    desk = make_desk()
    desk.furnish()
    key = desk.service.push.add_key("newsroom", topics=["harbour"]).key
    operation = schemathesis.openapi.from_dict(describe("Paper", "http://127.0.0.1"))[ARTICLES]["POST"]
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    seen: set[int] = set()

    with serving(create_app(desk.readers, TEMPLATES, desk.service.push)) as url:

        @seed(20260302)
        @settings(
            max_examples=120,
            deadline=None,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            desk.later(minutes=1)
            case.headers["Authorization"] = f"Bearer {key}"
            answer = case.call(base_url=url, proxies={"http": "", "https": ""})
            seen.add(answer.status_code)
            case.validate_response(answer, checks=checks)

        ask()
    assert seen & {200, 207}, "nothing was taken"
