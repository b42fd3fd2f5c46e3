"""Brevo, against a server on loopback that answers as documented."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from digest.dispatch.proof import BODIES, differing
from digest.dispatch.providers import Provider
from digest.dispatch.providers.brevo import Brevo, idempotency_key
from digest.errors import BadBatch, NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.types import Accepted, Recipient
from tests.dispatch.api_contract import KEY, ApiContract, failing, send
from tests.dispatch.api_sink import ApiSink, Call, Reply
from tests.dispatch.contract import BODY, envelope
from tests.dispatch.resend_sink import lost


def error(code: str, message: str = "") -> bytes:
    return json.dumps({"code": code, "message": message}).encode()


class TestBrevo(ApiContract):
    needs = ("brevo_api_key",)
    repeats_tell = False

    def clerk(self, sink: ApiSink, call: Call) -> Reply:
        if call.path != "/v3/smtp/email":
            return Reply(404, error("document_not_found"))
        if call.headers["api-key"] != KEY:
            return Reply(401, error("unauthorized", "Key not found"))
        told = json.loads(call.body)
        key = told["headers"]["idempotencyKey"]
        if key in sink.answers:
            return Reply(400, error("duplicate_parameter", "Duplicate idempotencyKey"))
        sink.answers[key] = (call.body, b"")
        versions = told["messageVersions"]
        if any("invalid" in version["to"][0]["email"] for version in versions):
            return Reply(400, error("invalid_parameter", "email is not valid in to"))
        sink.accept(versions)
        ids = [f"<{version['headers']['X-Mailin-custom']}@smtp-relay.mailin.fr>" for version in versions]
        return Reply(201, json.dumps({"messageIds": ids} if len(ids) > 1 else {"messageId": ids[0]}).encode())

    def open(self, url: str, timeout: httpx.Timeout) -> Brevo:
        return Brevo(url, KEY, timeout)

    def complaint(self, text: str) -> bytes:
        return error("invalid_parameter", text)

    def accepted(self, mail: dict[str, Any]) -> str:
        return str(mail["to"][0]["email"])

    def test_the_call_is_what_is_documented(self, provider: Provider, sink: ApiSink) -> None:
        assert send(provider, 2) == [Accepted(f"<7-{number}@smtp-relay.mailin.fr>") for number in (0, 1)]
        told = json.loads(sink.made[0].body)
        first, second = told.pop("messageVersions")
        assert told == {
            "sender": {"email": "paper@news.example", "name": "Morning, Paper"},
            "subject": "Digest",
            "htmlContent": "<html><body></body></html>",
            "headers": {"idempotencyKey": str(idempotency_key("key-1"))},
        }
        assert first == {
            "to": [{"email": "reader0@example.org", "name": "=?utf-8?b?RG9lLCBKYW5lIChuw6llIE3DvGxsZXIp?="}],
            "headers": {
                "X-Mailin-custom": "7-0",
                "List-Unsubscribe": f"<https://news.example/u/{'t' * 120}0>",
                "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            },
            "replyTo": {"email": "desk@news.example"},
            "subject": "Grüße, and “good morning”",
            "textContent": BODY,
            "htmlContent": BODY,
        }
        assert (second["to"][0]["email"], second["headers"]["X-Mailin-custom"]) == ("reader1@example.org", "7-1")

    def test_a_key_is_a_uuid_and_always_the_same(self) -> None:
        assert idempotency_key("a") == idempotency_key("a") != idempotency_key("b")
        assert UUID(str(idempotency_key("a"))).version == 4

    def test_a_repeat_that_was_seen_before_is_unknowable_and_one_that_was_not_is_sent(
        self, quick: Provider, sink: ApiSink
    ) -> None:
        sink.script.append(lost)
        with pytest.raises(Unclear):
            send(quick, 2)
        with pytest.raises(Unknowable, match="seen this call before"):
            send(quick, 2)
        assert len(sink.mails()) == 2
        sink.script.append(lambda handler: handler.cut())
        with pytest.raises(Unclear):
            send(quick, 2, "key-2")
        assert len(send(quick, 2, "key-2")) == 2
        assert len(sink.mails()) == 4

    def test_one_bad_address_is_the_whole_calls_fault_until_each_goes_alone(self, provider: Provider) -> None:
        payloads = [
            provider.payload(envelope(provider, recipient=Recipient(number, address, "")))
            for number, address in enumerate(("a@example.org", "invalid@example.org"))
        ]
        with pytest.raises(BadBatch, match="recipient"):
            provider.send(payloads, "k1")
        assert self.arrived() == []
        assert isinstance(provider.send(payloads[:1], "k2")[0], Accepted)
        with pytest.raises(BadBatch):
            provider.send(payloads[1:], "k3")

    def test_mails_of_two_senders_do_not_share_a_call(self, provider: Provider, sink: ApiSink) -> None:
        mails = [envelope(provider), envelope(provider, 2, sender="Other <other@news.example>")]
        with pytest.raises(BadBatch, match="different senders"):
            provider.send([provider.payload(mail) for mail in mails], "k")
        assert sink.made == []

    @pytest.mark.parametrize("html", [True, False])
    def test_nobodys_text_is_taken_for_a_template(self, provider: Provider, html: bool) -> None:
        said = b"Vue: {{{ name }}} and {% if %} {#id} a{b}"
        mail = envelope(
            provider,
            subject="{{ x }} {%",
            html=b"<p>" + said + b"</p>" if html else b"",
            text=said,
            recipient=Recipient(1, "reader1@example.org", "{{ contact.EMAIL }}"),
        )
        payload = provider.payload(mail)
        assert b"{{" not in payload
        assert b"{%" not in payload
        assert differing(mail, provider.read(payload), BODIES["json"]) == ""
        shown = json.loads(payload.split(b"\n")[1])["htmlContent"]
        assert ("&#0123;&#0123;{ name }}}" if html else "{ { { name }}}") in shown

    def test_a_mail_of_plain_text_gets_html_that_is_its_text(self, provider: Provider) -> None:
        mail = json.loads(provider.payload(envelope(provider, html=b"", text=b"a < b & c\\n> d")).split(b"\n")[1])
        assert mail["textContent"] == "a < b & c\n> d"
        assert 'style="white-space:pre-wrap">a &lt; b &amp; c\n&gt; d</div>' in mail["htmlContent"]

    @pytest.mark.parametrize(
        ("name", "sent"),
        [("Jane", "Jane"), ("Doe, Jane", "Doe, Jane"), ("Jürgen", "Jürgen"), ("x" * 70, "x" * 70), ("x" * 71, None)],
    )
    def test_a_name_that_brevo_would_not_take_is_left_out(
        self, provider: Provider, name: str, sent: str | None
    ) -> None:
        mail = json.loads(
            provider.payload(envelope(provider, recipient=Recipient(1, "a@b.example", name))).split(b"\n")[1]
        )
        assert mail["to"][0].get("name") == sent
        with pytest.raises(SettingError, match="FROM"):
            provider.payload(envelope(provider, sender=f"{'x' * 71} <paper@news.example>"))

    @pytest.mark.parametrize(
        ("status", "code", "message", "meaning"),
        [
            (400, "invalid_parameter", "email is not valid in to", BadBatch),
            (400, "invalid_parameter", "Invalid email address", BadBatch),
            (400, "invalid_parameter", "Sending has been rejected because the sender you used is not valid", Refused),
            (400, "invalid_parameter", "", Refused),
            (400, "missing_parameter", "htmlContent is missing", Refused),
            (400, "duplicate_parameter", "", Unknowable),
            (400, "duplicate_request", "", Unknowable),
            (400, "not_enough_credits", "", Refused),
            (400, "account_under_validation", "", Refused),
            (401, "unauthorized", "", Refused),
            (402, "not_enough_credits", "", Refused),
            (403, "permission_denied", "", Refused),
            (404, "document_not_found", "", Refused),
            (405, "method_not_allowed", "", Refused),
            (406, "not_acceptable", "", Refused),
            (413, "", "", BadBatch),
            (429, "too_many_requests", "", NotSent),
            (500, "internal_error", "", Unclear),
        ],
    )
    def test_every_documented_answer_has_its_meaning(
        self, quick: Provider, sink: ApiSink, status: int, code: str, message: str, meaning: type[ProviderError]
    ) -> None:
        assert type(failing(quick, sink, status, error(code, message))) is meaning

    def test_how_long_to_wait(self, quick: Provider, sink: ApiSink) -> None:
        told = failing(quick, sink, 429, error("too_many_requests"), x_sib_ratelimit_reset="12")
        assert isinstance(told, NotSent)
        assert told.retry_after == 12.0

    @pytest.mark.parametrize("ids", [["<a@b>", "<c@d>"], [""], [7], ["a\0b"], "<a@b>"])
    def test_an_answer_that_does_not_add_up_marks_nobody(self, quick: Provider, sink: ApiSink, ids: object) -> None:
        told = failing(quick, sink, 201, json.dumps({"messageIds": ids}).encode())
        assert type(told) is (Unknowable if isinstance(ids, list) else Unclear)
