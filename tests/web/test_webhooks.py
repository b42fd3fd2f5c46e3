"""POST /webhooks/{provider} under a real server: what it takes, what it refuses, and that it never fails."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from digest.dispatch.providers.resend_hook import KINDS
from digest.errors import StoreError
from digest.service.events import EventDesk
from digest.web.app import create_app
from digest.web.webhooks import MAX_BODY
from tests.dispatch.hook_contract import JUNK, places, put
from tests.dispatch.resend_calls import SECRET, event, signed
from tests.web.conftest import AUTHORITIES, serving
from tests.web.desk import TEMPLATES, WebDesk


@contextmanager
def reached(desk: WebDesk, events: EventDesk | None = None) -> Iterator[httpx.Client]:
    app = create_app(desk.readers, TEMPLATES, events=events or desk.service.events)
    with serving(app) as address, httpx.Client(base_url=address, trust_env=False, verify=AUTHORITIES) as client:
        yield client


@pytest.fixture
def hooked(make_desk: Callable[..., WebDesk]) -> WebDesk:
    """A service that knows Resend's secret."""
    return make_desk(resend_webhook_secret=SECRET)


@pytest.fixture
def caller(hooked: WebDesk) -> Iterator[httpx.Client]:
    with reached(hooked) as client:
        yield client


def kept(desk: WebDesk) -> int:
    with desk.engine.connect() as connection:
        return int(connection.exec_driver_sql("SELECT count(*) FROM event").scalar_one())


def post(client: httpx.Client, headers: dict[str, str], body: bytes, path: str = "/webhooks/resend") -> httpx.Response:
    return client.post(path, content=body, headers={"content-type": "application/json", **headers})


def test_a_call_is_taken_and_durable_and_taken_again(caller: httpx.Client, hooked: WebDesk) -> None:
    headers, body = signed(event("email.complained", hooked.now(), to=["ada@example.org"]), hooked.now())
    for _ in range(3):
        answer = post(caller, headers, body)
        assert (answer.status_code, answer.text) == (200, "ok")
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert kept(hooked) == 1
    (held,) = hooked.service.suppressions.find("ada@example.org")
    assert (held.held.reason, held.held.source) == ("complained", "resend")


def test_what_does_not_concern_us_is_taken_too(caller: httpx.Client, hooked: WebDesk) -> None:
    assert post(caller, *signed({"type": "domain.created", "data": {}}, hooked.now())).status_code == 200
    assert kept(hooked) == 0


def test_what_is_refused_and_how(caller: httpx.Client, hooked: WebDesk) -> None:
    headers, body = signed(event("email.complained", hooked.now()), hooked.now())
    old = signed(event("email.complained", hooked.now()), hooked.now().replace(hour=8))
    other = signed(event("email.complained", hooked.now()), hooked.now(), secret="whsec_b3RoZXI=")
    for status, answer in (
        (401, post(caller, {}, body)),
        (401, post(caller, headers, body.replace(b"reader1", b"reader2"))),
        (401, post(caller, *old)),
        (401, post(caller, *other)),
        (401, post(caller, headers, b"")),
        (400, post(caller, *signed(b"[" * 200_000, hooked.now()))),
        (400, post(caller, *signed(b"no JSON", hooked.now()))),
        (400, post(caller, *signed({"type": "email.bounced", "data": {"to": 5}}, hooked.now()))),
        (413, post(caller, *signed(b"x" * (MAX_BODY + 1), hooked.now()))),
        (404, post(caller, headers, body, "/webhooks/pigeon")),
        (404, post(caller, headers, body, "/webhooks/digest.dispatch.events")),
        (404, post(caller, headers, body, "/webhooks/")),
        (405, caller.get("/webhooks/resend")),
        (405, caller.put("/webhooks/resend", content=body, headers=headers)),
    ):
        assert answer.status_code == status, answer.text
        assert "Traceback" not in answer.text
    assert kept(hooked) == 0


def test_a_body_without_a_length_is_bounded_as_well(caller: httpx.Client, hooked: WebDesk) -> None:
    headers, _ = signed(b"", hooked.now())

    def endless() -> Iterator[bytes]:
        for _ in range(40):
            yield b"x" * 50_000

    assert caller.post("/webhooks/resend", content=endless(), headers=headers).status_code == 413
    almost = signed(event("email.delivered", hooked.now(), subject="x" * (MAX_BODY - 1000)), hooked.now())
    assert post(caller, *almost).status_code == 200


def test_without_a_secret_everything_is_refused_and_said_once(
    make_desk: Callable[..., WebDesk], caplog: pytest.LogCaptureFixture
) -> None:
    desk = make_desk()
    with reached(desk) as client:
        headers, body = signed(event("email.complained", desk.now()), desk.now(), secret="whsec_b3RoZXI=")
        answers = [post(client, headers, body) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [503] * 3
    assert answers[0].headers["retry-after"] == "60"
    (line,) = [each.getMessage() for each in caplog.records if "/webhooks/" in each.getMessage()]
    assert line.startswith("a call to /webhooks/resend was refused: RESEND_WEBHOOK_SECRET is not set; copy")
    assert kept(desk) == 0


def test_a_secret_that_is_none_is_said_too(make_desk: Callable[..., WebDesk], caplog: pytest.LogCaptureFixture) -> None:
    desk = make_desk(resend_webhook_secret="re_1234")
    with reached(desk) as client:
        assert post(client, *signed({}, desk.now())).status_code == 503
    assert "RESEND_WEBHOOK_SECRET is no signing secret" in caplog.text


def test_refusals_do_not_fill_the_log_and_name_nobody(
    caller: httpx.Client, hooked: WebDesk, caplog: pytest.LogCaptureFixture
) -> None:
    body = json.dumps(event("email.complained", hooked.now())).encode()
    for _ in range(50):
        assert post(caller, {}, body).status_code == 401
    lines = [each.getMessage() for each in caplog.records if "/webhooks/resend" in each.getMessage()]
    assert lines == ["a call to /webhooks/resend was refused: the signature's headers are missing"]


class Broken(EventDesk):
    """A service whose database cannot be used."""

    def receive(self, provider: str, headers: Any, body: bytes) -> int:
        raise StoreError("database x: the disk is full; free some space")


def test_brevo_is_told_in_the_one_way_that_makes_it_try_again(caller: httpx.Client) -> None:
    answer = post(caller, {}, b"{}", "/webhooks/brevo")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")


def test_a_database_that_cannot_be_used_is_said_to_the_provider(hooked: WebDesk) -> None:
    desk = Broken(hooked.engine, hooked.keyring, hooked.settings, now=hooked.now)
    with reached(hooked, desk) as client:
        answer = post(client, *signed(event("email.delivered", hooked.now()), hooked.now()))
    assert (answer.status_code, answer.text, answer.headers["retry-after"]) == (503, "not now", "60")


def test_whatever_is_in_the_body_of_a_signed_call_it_is_taken_or_refused_whole(
    caller: httpx.Client, hooked: WebDesk
) -> None:
    seen = set()

    @seed(20261125)
    @settings(
        max_examples=150, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
    )
    @given(word=st.sampled_from(sorted(KINDS)), data=st.data(), number=st.integers(0, 40))
    def call(word: str, data: st.DataObject, number: int) -> None:
        body = event(word, hooked.now(), tags={"delivery": "1-2"})
        body = put(body, data.draw(st.sampled_from(places(body))), data.draw(JUNK))
        before = kept(hooked)
        answer = post(caller, *signed(body, hooked.now(), message=f"msg_{number}"))
        seen.add(answer.status_code)
        assert answer.status_code in (200, 400)
        assert kept(hooked) - before in ((0, 1) if answer.status_code == 200 else (0,))

    call()
    assert seen == {200, 400}
    assert hooked.service.events.settle() == 0, "everything that was kept could be applied"
