"""Resend, against a server on loopback that answers as documented, and as it has been seen to misbehave."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import jsonschema_rs
import pytest

from digest.dispatch.header import clean
from digest.dispatch.providers import Provider, make_provider
from digest.dispatch.providers.resend import Resend
from digest.errors import BadBatch, NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.settings import Settings
from digest.types import Accepted, ItemResult, Recipient, RejectedItem
from tests.dispatch.contract import BODY, ProviderContract, envelope
from tests.dispatch.resend_sink import Sink, answering, dropped, error, lost, running
from tests.parts import shared_folder

KEY = "re_test_key_0123"


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "sink.log") as started:
        yield started


@pytest.fixture
def resend(sink: Sink) -> Iterator[Resend]:
    provider = Resend(sink.url, KEY, httpx.Timeout(0.5))
    yield provider
    provider.close()


class TestResend(ProviderContract):
    @pytest.fixture
    def provider(self, make_settings: Callable[..., Settings], sink: Sink) -> Iterator[Provider]:
        self.sink = sink
        made = make_provider(make_settings(provider="resend", resend_api_key=KEY, resend_base_url=sink.url))
        yield made
        made.close()

    def arrived(self) -> list[str]:
        return [mail["to"][0].split("<")[-1].rstrip(">") for mail in self.sink.mails()]


def send(resend: Resend, count: int = 2, key: str = "k1") -> list[ItemResult]:
    return resend.send([resend.payload(envelope(resend, number)) for number in range(count)], key)


def test_the_request_is_what_the_api_description_asks_for(resend: Resend, sink: Sink) -> None:
    send(resend, 1)
    headers, body = sink.calls[0]
    assert headers["authorization"] == f"Bearer {KEY}"
    assert headers["idempotency-key"] == "k1"
    assert headers["x-batch-validation"] == "permissive"
    assert headers["content-type"] == "application/json"
    (mail,) = json.loads(body)
    assert mail == {
        "from": '"Morning, Paper" <paper@news.example>',
        "to": ['"Doe, Jane (née Müller)" <reader0@example.org>'],
        "reply_to": "desk@news.example",
        "subject": "Grüße, and “good morning”",
        "html": BODY,
        "text": BODY,
        "tags": [{"name": "delivery", "value": "7-0"}],
        "headers": {
            "List-Unsubscribe": f"<https://news.example/u/{'t' * 120}0>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        },
    }


def test_one_bad_address_does_not_hold_up_the_others(resend: Resend) -> None:
    who = ["a@example.org", "invalid1@example.org", "b@example.org", "invalid2@example.org"]
    payloads = [resend.payload(envelope(resend, recipient=Recipient(1, address, ""))) for address in who]
    results = resend.send(payloads, "k")
    assert [type(result) for result in results] == [Accepted, RejectedItem, Accepted, RejectedItem]
    assert results[1] == RejectedItem("Invalid `to` field: (address)")
    assert len({result.provider_message_id for result in results if isinstance(result, Accepted)}) == 2


@pytest.mark.parametrize(
    ("status", "name", "meaning"),
    [
        (400, "invalid_idempotency_key", Refused),
        (400, "validation_error", BadBatch),
        (401, "missing_api_key", Refused),
        (401, "restricted_api_key", Refused),
        (403, "invalid_api_key", Refused),
        (403, "validation_error", Refused),
        (404, "not_found", Refused),
        (405, "method_not_allowed", Refused),
        (409, "concurrent_idempotent_requests", Unclear),
        (409, "invalid_idempotent_request", Unknowable),
        (413, "", BadBatch),
        (422, "missing_required_field", BadBatch),
        (422, "validation_error", BadBatch),
        (422, "invalid_from_address", Refused),
        (429, "rate_limit_exceeded", NotSent),
        (429, "daily_quota_exceeded", Refused),
        (429, "monthly_quota_exceeded", Refused),
        (451, "security_error", Refused),
        (500, "application_error", Unclear),
        (500, "internal_server_error", Unclear),
        (502, "", Unclear),
        (301, "", Refused),
        (418, "teapot", Refused),
        (204, "", Unclear),
    ],
)
def test_every_documented_answer_has_its_meaning(
    resend: Resend, sink: Sink, status: int, name: str, meaning: type[ProviderError]
) -> None:
    sink.script.append(answering(status, b"" if status == 204 else error(name, "for reader0@example.org\nand more")))
    with pytest.raises(meaning) as told:
        send(resend)
    assert type(told.value) is meaning
    line = str(told.value)
    assert str(status) in line
    assert "\n" not in line
    assert "@" not in line
    assert sink.mails() == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "3"}, 3.0),
        ({"ratelimit_reset": "2"}, 2.0),
        ({"retry_after": "soon", "ratelimit_reset": "4"}, 4.0),
        ({"retry_after": "nan"}, None),
        ({}, None),
    ],
)
def test_how_long_to_wait_is_taken_from_the_answer(
    resend: Resend, sink: Sink, headers: dict[str, str], seconds: float | None
) -> None:
    sink.script.append(answering(429, error("rate_limit_exceeded"), **headers))
    with pytest.raises(NotSent) as told:
        send(resend)
    assert told.value.retry_after == seconds


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        (b'{"data": [{"id": "1"}, {"id', Unclear),
        (b"<html>welcome to the hotel</html>", Unclear),
        (b"[]", Unclear),
        (b'{"object": "list"}', Unclear),
        (b'{"data": [{"id": "1"}]}', Unknowable),
        (b'{"data": [{"id": "1"}, {"id": ""}]}', Unknowable),
        (b'{"data": [{"id": "1"}, {"id": "2"}, {"id": "3"}]}', Unknowable),
        (b'{"data": [{"id": "1"}], "errors": [{"index": 7, "message": "x"}]}', Unknowable),
        (b'{"data": [{"id": "1"}], "errors": [{"index": true, "message": "x"}]}', Unknowable),
        (b'{"data": [], "errors": [{"index": 0, "message": "x"}, {"index": 0, "message": "y"}]}', Unknowable),
    ],
)
def test_an_answer_that_does_not_add_up_marks_nobody(
    resend: Resend, sink: Sink, body: bytes, meaning: type[ProviderError]
) -> None:
    sink.script.append(answering(200, body))
    with pytest.raises(meaning) as told:
        send(resend)
    assert type(told.value) is meaning


def test_a_lost_answer_is_unclear_and_the_same_call_brings_it_again(resend: Resend, sink: Sink) -> None:
    sink.script.extend([lost, dropped])
    for _ in range(2):
        with pytest.raises(Unclear):
            send(resend)
    assert all(isinstance(result, Accepted) for result in send(resend))
    assert len(sink.mails()) == 2


def test_another_batch_under_the_same_key_is_never_sent(resend: Resend, sink: Sink) -> None:
    send(resend, 2)
    with pytest.raises(Unknowable):
        send(resend, 1)
    assert len(sink.mails()) == 2


def test_silence_is_unclear_and_a_closed_door_is_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        quiet = Resend(address, KEY, httpx.Timeout(0.2))
        with pytest.raises(Unclear, match="did not answer"):
            send(quiet)
        quiet.close()
    gone = Resend(address, KEY, httpx.Timeout(0.5))
    with pytest.raises(NotSent, match="cannot be reached"):
        send(gone)
    gone.close()


def test_logs_hold_neither_addresses_nor_the_key(resend: Resend, sink: Sink, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="digest"):
        send(resend)
        sink.script.append(answering(422, error("validation_error", "Invalid `to`: reader0@example.org")))
        with pytest.raises(BadBatch):
            send(resend)
    assert "example.org" not in caplog.text
    assert KEY not in caplog.text


def test_clean_takes_out_what_must_not_be_kept() -> None:
    assert clean("bad\r\n\tto: <Bob.X+y@example.org>, sorry") == "bad to: <(address)>, sorry"
    assert len(clean("x" * 5000)) == 200


@pytest.mark.parametrize("key", ["", "re_with space", "re_ümlaut"])
def test_a_key_that_cannot_be_one_is_named(make_settings: Callable[..., Settings], key: str) -> None:
    with pytest.raises(SettingError, match="RESEND_API_KEY"):
        make_provider(make_settings(provider="resend", resend_api_key=key))


def test_a_mail_of_plain_text_has_no_html_field(resend: Resend, sink: Sink) -> None:
    results = resend.send([resend.payload(envelope(resend, html=b"")), resend.payload(envelope(resend, 1))], "k1")
    assert all(isinstance(each, Accepted) for each in results)
    plain, both = json.loads(sink.calls[0][1])
    assert set(both) - set(plain) == {"html"}
    assert plain["text"] == both["text"]


@pytest.mark.shared
def test_calls_fit_the_vendors_own_description(resend: Resend) -> None:
    described = json.loads((shared_folder() / "openapi" / "resend" / "resend.json").read_text(encoding="utf-8"))
    schema = described["paths"]["/emails/batch"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    validator = jsonschema_rs.Draft202012Validator({**schema, "components": described["components"]})
    mails = [envelope(resend), envelope(resend, html=b""), envelope(resend, reply_to="", leave_at="", leave=b"")]
    call = [json.loads(resend.payload(mail)) for mail in mails]
    validator.validate(call)
    assert not validator.is_valid([{**call[0], "subject": None}]), "the description is strict enough to tell"
