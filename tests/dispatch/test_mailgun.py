"""Mailgun, against a server on loopback that answers as documented, and Mailgun's own description of its API."""

from __future__ import annotations

import email
import email.policy
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from digest.dispatch.mime import message_bytes
from digest.dispatch.providers import Provider, make_provider
from digest.dispatch.providers.mailgun import Mailgun, form
from digest.errors import BadBatch, Garbled, NotSent, ProviderError, Refused, SettingError, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Recipient
from tests.dispatch.api_contract import KEY, ApiContract, failing, send
from tests.dispatch.api_sink import ApiSink, Call, Reply
from tests.dispatch.contract import envelope
from tests.parts import shared_folder

DOMAIN = "mg.news.example"


def error(message: str) -> bytes:
    return json.dumps({"message": message}).encode()


class TestMailgun(ApiContract):
    needs = ("mailgun_api_key",)
    more = {"mailgun_domain": DOMAIN}  # noqa: RUF012 - as the class that it inherits from declares it

    def clerk(self, sink: ApiSink, call: Call) -> Reply:
        if call.path != f"/v3/{DOMAIN}/messages.mime":
            return Reply(200, b"Mailgun Magnificent API")
        if call.headers["authorization"] != "Basic " + b64encode(f"api:{KEY}".encode()).decode():
            return Reply(401, b"Forbidden")
        head = b"Content-Type: " + call.headers["content-type"].encode() + b"\r\n\r\n"
        read: Any = email.message_from_bytes(head + call.body, policy=email.policy.HTTP)
        fields = {each.get_param("name", header="content-disposition"): each for each in read.iter_parts()}
        to = fields["to"].get_payload(decode=True).decode()
        message = email.message_from_bytes(fields["message"].get_payload(decode=True), policy=email.policy.default)
        sink.accept([{"to": to, "id": message["Message-ID"]}])
        return Reply(200, json.dumps({"id": message["Message-ID"], "message": "Queued. Thank you."}).encode())

    def open(self, url: str, timeout: httpx.Timeout) -> Mailgun:
        return Mailgun(url, DOMAIN, KEY, timeout)

    def complaint(self, text: str) -> bytes:
        return error(f"to parameter is not a valid address: {text}")

    def accepted(self, mail: dict[str, Any]) -> str:
        return str(mail["to"])

    def test_the_call_holds_the_message_as_it_was_composed(self, provider: Provider, sink: ApiSink) -> None:
        assert send(provider, 1) == [Accepted("<e1.0@news.example>")]
        assert form(sink.made[0].body) == {
            "o:tracking": b"no",
            "o:tracking-clicks": b"no",
            "o:tracking-opens": b"no",
            "v:delivery": b"7-0",
            "to": b"reader0@example.org",
            "message": message_bytes(envelope(provider, 0)),
        }

    @pytest.mark.shared
    def test_calls_fit_the_vendors_own_description(self, provider: Provider) -> None:
        file = shared_folder() / "openapi" / "mailgun" / "openapi.yaml"
        described = yaml.load(file.read_text(encoding="utf-8"), yaml.CSafeLoader)
        operation = described["paths"]["/v3/{domain_name}/messages.mime"]["post"]
        schema = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
        validator = jsonschema_rs.Draft202012Validator({**schema, "components": described["components"]})
        known = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]["properties"]
        for mail in (envelope(provider), envelope(provider, html=b"", recipient=Recipient(2, "a+b@c.example", ""))):
            fields = {name: value.decode() for name, value in form(provider.payload(mail)).items()}
            assert set(fields) - set(known) == {"v:delivery"}, "v: is described by an example"
            call = {**fields, "to": [fields["to"]]}
            validator.validate(call)
            assert not validator.is_valid({**call, "o:tracking": "maybe"}), "the description is strict enough to tell"

    def test_a_call_to_another_address_than_its_message_is_garbled(self, provider: Provider) -> None:
        payload = provider.payload(envelope(provider))
        with pytest.raises(Garbled, match="another address"):
            provider.read(payload.replace(b"reader1@example.org", b"eve@example.net", 1))

    @pytest.mark.parametrize(
        ("status", "body", "meaning"),
        [
            (400, error("to parameter is not a valid address. please check documentation"), BadBatch),
            (400, error("'to' parameter is not a valid address. please check documentation"), BadBatch),
            (400, error("from parameter is missing"), Refused),
            (400, error("Sandbox subdomains are for test purposes only."), Refused),
            (400, error("Send options (parameters starting with o:, h:, or v:) are limited to 16KB total"), Refused),
            (401, b"Forbidden", Refused),
            (402, error("Request Failed"), Refused),
            (403, error("Domain mg.news.example is not allowed to send: Please activate your account."), Refused),
            (404, error("Domain not found: mg.news.example"), Refused),
            (413, b"", BadBatch),
            (420, error("Domain mg.news.example is not allowed to send: recipient limit exceeded"), NotSent),
            (429, error("account-requests-per-sec limit exceeded, try again after 120 seconds"), NotSent),
            (500, error("Internal Server Error"), Unknowable),
            (200, b"Mailgun Magnificent API", Unknowable),
            (200, b'{"id": "", "message": "Queued. Thank you."}', Unknowable),
            (200, b'{"id": "a\\u0000b", "message": "Queued. Thank you."}', Unknowable),
            (200, b'{"id": 7, "message": "Queued. Thank you."}', Unknowable),
        ],
    )
    def test_every_documented_answer_has_its_meaning(
        self, quick: Provider, sink: ApiSink, status: int, body: bytes, meaning: type[ProviderError]
    ) -> None:
        assert type(failing(quick, sink, status, body)) is meaning

    @pytest.mark.parametrize(
        ("message", "headers", "wait"),
        [
            ("limit exceeded, try again after 120 seconds", {}, 120.0),
            ("limit exceeded, try again in 2 hours", {"Retry_After": "5"}, 7200.0),
            ("limit exceeded", {"Retry_After": "5"}, 5.0),
            ("limit exceeded, try again after lunch", {}, None),
        ],
    )
    def test_how_long_to_wait_is_told_in_words(
        self, quick: Provider, sink: ApiSink, message: str, headers: dict[str, str], wait: float | None
    ) -> None:
        told = failing(quick, sink, 429, error(message), **headers)
        assert isinstance(told, NotSent)
        assert told.retry_after == wait

    def test_the_domain_is_that_of_the_sender_unless_named(
        self, make_settings: Callable[..., Settings], sink: ApiSink
    ) -> None:
        said = {"provider": "mailgun", "mailgun_api_key": KEY, "mailgun_base_url": sink.url}
        provider = make_provider(make_settings(**said, from_=f"Paper <paper@{DOMAIN}>"))
        assert isinstance(send(provider, 1)[0], Accepted)
        provider.close()
        for bad in ("a/b", "localhost", "..", "a b.example"):
            with pytest.raises(SettingError, match="MAILGUN_DOMAIN"):
                make_provider(make_settings(**said, mailgun_domain=bad))
