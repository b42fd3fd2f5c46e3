"""SendGrid, against a server on loopback that answers as documented, and SendGrid's own description of its API."""

from __future__ import annotations

import json
from typing import Any

import httpx
import jsonschema_rs
import pytest

from digest.dispatch.providers import Provider
from digest.dispatch.providers.sendgrid import SendGrid
from digest.errors import BadBatch, NotSent, ProviderError, Refused, Unknowable
from digest.types import Accepted, Recipient
from tests.dispatch.api_contract import KEY, ApiContract, failing, send
from tests.dispatch.api_sink import ApiSink, Call, Reply
from tests.dispatch.contract import BODY, envelope
from tests.parts import shared_folder


def error(message: str, field: str | None = None) -> bytes:
    return json.dumps({"errors": [{"message": message, "field": field, "help": None}]}).encode()


class TestSendGrid(ApiContract):
    needs = ("sendgrid_api_key",)

    def clerk(self, sink: ApiSink, call: Call) -> Reply:
        if call.path != "/v3/mail/send" or call.headers["content-type"] != "application/json":
            return Reply(404, error("not found"))
        if call.headers["authorization"] != f"Bearer {KEY}":
            return Reply(401, error("The provided authorization grant is invalid, expired, or revoked"))
        mail = json.loads(call.body)
        sink.accept([mail])
        return Reply(202, b"", {"X-Message-Id": f"m{len(sink.mails())}"})

    def open(self, url: str, timeout: httpx.Timeout) -> SendGrid:
        return SendGrid(url, KEY, timeout)

    def complaint(self, text: str) -> bytes:
        return error(text, "personalizations.0.to.0.email")

    def accepted(self, mail: dict[str, Any]) -> str:
        return str(mail["personalizations"][0]["to"][0]["email"])

    def test_the_call_is_what_is_documented(self, provider: Provider, sink: ApiSink) -> None:
        assert send(provider, 1) == [Accepted("m1")]
        assert json.loads(sink.made[0].body) == {
            "personalizations": [
                {
                    "to": [{"email": "reader0@example.org", "name": '"Doe, Jane (née Müller)"'}],
                    "custom_args": {"delivery": "7-0"},
                }
            ],
            "headers": {
                "List-Unsubscribe": f"<https://news.example/u/{'t' * 120}0>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "from": {"email": "paper@news.example", "name": "Morning, Paper"},
            "reply_to": {"email": "desk@news.example"},
            "subject": "Grüße, and “good morning”",
            "tracking_settings": {
                "click_tracking": {"enable": False, "enable_text": False},
                "open_tracking": {"enable": False},
                "subscription_tracking": {"enable": False},
                "ganalytics": {"enable": False},
            },
            "content": [{"type": "text/plain", "value": BODY}, {"type": "text/html", "value": BODY}],
        }

    @pytest.mark.shared
    def test_calls_fit_the_vendors_own_description(self, provider: Provider) -> None:
        file = shared_folder() / "openapi" / "sendgrid" / "spec" / "json" / "tsg_mail_v3.json"
        described = json.loads(file.read_text(encoding="utf-8"))
        body = {"$ref": "#/components/requestBodies/PostMailSend/content/application~1json/schema"}
        validator = jsonschema_rs.Draft202012Validator({**body, "components": described["components"]})
        mails = [
            envelope(provider),
            envelope(provider, html=b""),
            envelope(provider, reply_to="", leave_at="", leave=b"", recipient=Recipient(3, "a@b.example", "")),
            envelope(provider, recipient=Recipient(4, "a.b+c@b.example", '"Q"; \\ 😀')),
        ]
        for mail in mails:
            validator.validate(json.loads(provider.payload(mail)))
        broken = provider.payload(mails[0]).replace(b'"to":', b'"too":')
        assert not validator.is_valid(json.loads(broken)), "the description is strict enough to tell"

    @pytest.mark.parametrize(
        ("status", "field", "meaning"),
        [
            (400, "personalizations.0.to.0.email", BadBatch),
            (400, "content.0.value", BadBatch),
            (400, "subject", BadBatch),
            (400, "from.email", Refused),
            (400, "reply_to.email", Refused),
            (400, "personalizations.0.custom_args", Refused),
            (400, None, Refused),
            (401, None, Refused),
            (403, "from", Refused),
            (404, None, Refused),
            (405, None, Refused),
            (406, None, Refused),
            (413, None, BadBatch),
            (415, None, Refused),
            (429, None, NotSent),
            (451, None, Refused),
            (500, None, Unknowable),
            (503, None, Unknowable),
        ],
    )
    def test_every_documented_answer_has_its_meaning(
        self, quick: Provider, sink: ApiSink, status: int, field: str | None, meaning: type[ProviderError]
    ) -> None:
        told = failing(quick, sink, status, error("for reader0@example.org", field))
        assert type(told) is meaning
        assert str(status) in str(told)

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b'{"errors": []}', b'{"errors": ["no"]}', b'{"errors": [{"field": 7}]}']
    )
    def test_an_error_without_its_usual_form_is_understood_by_its_status(
        self, quick: Provider, sink: ApiSink, body: bytes
    ) -> None:
        assert type(failing(quick, sink, 400, body)) is Refused

    @pytest.mark.parametrize(
        ("headers", "date", "seconds"),
        [
            ({"X_RateLimit_Reset": "1773126010"}, "", 10.0),
            ({"X_RateLimit_Reset": "1773125999"}, "", 0.0),
            ({"X_RateLimit_Reset": "soon"}, "", None),
            ({"X_RateLimit_Reset": "1773126010"}, "yesterday", None),
            ({}, "", None),
        ],
    )
    def test_how_long_to_wait_is_told_by_sendgrids_own_clock(
        self, quick: Provider, sink: ApiSink, headers: dict[str, str], date: str, seconds: float | None
    ) -> None:
        sink.date = date or sink.date
        told = failing(quick, sink, 429, error("too many requests"), **headers)
        assert isinstance(told, NotSent)
        assert told.retry_after == seconds

    @pytest.mark.parametrize("name", ["Jane", "Doe, Jane; PhD", 'The "Q" \\ one', "Jürgen, O'Neil"])
    def test_a_name_comes_quoted(self, provider: Provider, name: str) -> None:
        payload = provider.payload(envelope(provider, recipient=Recipient(1, "jane@example.org", name)))
        (to,) = json.loads(payload)["personalizations"][0]["to"]
        assert to["name"][0] == to["name"][-1] == '"'
        assert provider.read(payload).name == name
