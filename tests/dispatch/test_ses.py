"""Amazon SES, against a server on loopback that answers as documented, and Amazon's own description of its API."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import jsonschema_rs
import pytest

from digest.dispatch.mime import message_bytes
from digest.dispatch.proof import read_message
from digest.dispatch.providers import Provider, make_provider
from digest.dispatch.providers.ses import Ses
from digest.dispatch.sigv4 import Signer
from digest.errors import BadBatch, Garbled, NotSent, ProviderError, Refused, SettingError, Unknowable
from digest.settings import Settings
from digest.types import Accepted, Recipient
from tests.dispatch.api_contract import KEY, ApiContract, failing, send
from tests.dispatch.api_sink import ApiSink, Call, Reply
from tests.dispatch.contract import envelope
from tests.parts import shared_folder

NOW = datetime(2026, 3, 10, 7, tzinfo=UTC)


def error(name: str, message: str = "") -> bytes:
    return json.dumps({"__type": name, "message": message}).encode()


def signature(call: Call, host: str) -> dict[str, str]:
    """How the call should have been signed at the moment that it names."""
    at = datetime.strptime(call.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    headers = {"Content-Type": call.headers["content-type"]}
    return Signer(KEY, KEY, KEY, "ses").signed(host, call.path, headers, call.body, at)


class TestSes(ApiContract):
    needs = ("ses_region", "ses_access_key_id", "ses_secret_access_key")

    def clerk(self, sink: ApiSink, call: Call) -> Reply:
        if call.path != "/v2/email/outbound-emails":
            return Reply(404, error("NotFoundException"))
        if call.headers["authorization"] != signature(call, call.headers["host"])["Authorization"]:
            return Reply(403, error("SignatureDoesNotMatch", "The request signature we calculated does not match"))
        mail = json.loads(call.body)
        sink.accept([mail])
        return Reply(200, json.dumps({"MessageId": f"0107-{len(sink.mails())}"}).encode())

    def open(self, url: str, timeout: httpx.Timeout) -> Ses:
        return Ses(url, Signer(KEY, KEY, KEY, "ses"), "", timeout)

    def complaint(self, text: str) -> bytes:
        return error("MessageRejected", text)

    def accepted(self, mail: dict[str, Any]) -> str:
        written = read_message(b64decode(mail["Content"]["Raw"]["Data"]))
        assert mail["Destination"] == {"ToAddresses": [written.recipient]}
        return written.recipient

    def test_the_call_is_what_is_documented(self, sink: ApiSink) -> None:
        ses = Ses(sink.url, Signer("AKID", KEY, "eu-central-1", "ses"), "digest-events", clock=lambda: NOW)
        sink.clerk = lambda sink, call: Reply(200, b'{"MessageId": "0107-1"}')
        assert send(ses, 1) == [Accepted("0107-1")]
        ses.close()
        (call,) = sink.made
        told = json.loads(call.body)
        assert b64decode(told["Content"]["Raw"].pop("Data")) == message_bytes(envelope(ses, 0))
        assert told == {
            "Destination": {"ToAddresses": ["reader0@example.org"]},
            "EmailTags": [{"Name": "delivery", "Value": "7-0"}],
            "Content": {"Raw": {}},
            "ConfigurationSetName": "digest-events",
        }
        assert call.headers["x-amz-date"] == "20260310T070000Z"
        scope = "Credential=AKID/20260310/eu-central-1/ses/aws4_request, SignedHeaders=content-type;host;x-amz-date, "
        assert call.headers["authorization"].startswith(f"AWS4-HMAC-SHA256 {scope}Signature=")

    @pytest.mark.shared
    def test_calls_fit_amazons_own_description(self, sink: ApiSink) -> None:
        file = shared_folder() / "openapi" / "ses-botocore" / "service-2.json.gz"
        shapes = json.loads(gzip.decompress(file.read_bytes()))["shapes"]
        validator = jsonschema_rs.Draft202012Validator(schema(shapes, "SendEmailRequest"))
        for configuration_set in ("", "digest-events"):
            ses = Ses(sink.url, Signer("AKID", KEY, "eu-central-1", "ses"), configuration_set)
            for mail in (envelope(ses), envelope(ses, html=b"", recipient=Recipient(2, "a+b@c.example", ""))):
                call = json.loads(ses.payload(mail))
                validator.validate(call)
                assert not validator.is_valid({**call, "Contents": {}}), "the description is strict enough to tell"
            ses.close()

    def test_a_call_to_another_address_than_its_message_is_garbled(self, provider: Provider) -> None:
        payload = provider.payload(envelope(provider))
        with pytest.raises(Garbled, match="another address"):
            provider.read(payload.replace(b"reader1@example.org", b"eve@example.net"))

    @pytest.mark.parametrize(
        ("status", "name", "message", "meaning"),
        [
            (400, "MessageRejected", "Email address is not verified. x@y.example", Refused),
            (400, "MessageRejected", "Transaction failed: Virus found", BadBatch),
            (400, "BadRequestException", "Missing final '@domain'", BadBatch),
            (400, "BadRequestException", "Domain contains illegal character", BadBatch),
            (400, "BadRequestException", "Invalid tag", Refused),
            (400, "LimitExceededException", "", Refused),
            (400, "AccountSuspendedException", "", Refused),
            (400, "SendingPausedException", "", Refused),
            (400, "MailFromDomainNotVerifiedException", "", Refused),
            (400, "ThrottlingException", "Maximum sending rate exceeded.", NotSent),
            (400, "Throttling", "Daily message quota exceeded.", Refused),
            (400, "RequestExpired", "", Refused),
            (400, "RequestTimeoutException", "", Unknowable),
            (400, "com.amazon.coral.service#SerializationException", "", Refused),
            (401, "", "", Refused),
            (403, "SignatureDoesNotMatch", "", Refused),
            (403, "UnrecognizedClientException", "", Refused),
            (403, "RequestTimeTooSkewed", "", Refused),
            (403, "AccessDeniedException", "", Refused),
            (404, "NotFoundException", "Configuration set does not exist", Refused),
            (413, "RequestEntityTooLargeException", "", BadBatch),
            (429, "TooManyRequestsException", "Too many requests", NotSent),
            (429, "TooManyRequestsException", "Daily message quota exceeded.", Refused),
            (500, "InternalFailure", "", Unknowable),
            (503, "ServiceUnavailable", "", Unknowable),
        ],
    )
    def test_every_documented_answer_has_its_meaning(
        self, quick: Provider, sink: ApiSink, status: int, name: str, message: str, meaning: type[ProviderError]
    ) -> None:
        assert type(failing(quick, sink, status, error(name, message))) is meaning
        body = json.dumps({"message": message}).encode()
        told = failing(quick, sink, status, body, x_amzn_ErrorType=f"{name}:http://internal.amazon.com/coral/")
        assert type(told) is meaning, "the name may come in a header instead"

    def test_the_region_makes_the_address(self, make_settings: Callable[..., Settings]) -> None:
        keys = {"ses_access_key_id": "AKID", "ses_secret_access_key": KEY}
        made = make_provider(make_settings(provider="ses", ses_region="eu-central-1", **keys))
        assert isinstance(made, Ses)
        assert made.url == "https://email.eu-central-1.amazonaws.com/v2/email/outbound-emails"
        made.close()
        for name, bad in (("ses_region", "eu/central"), ("ses_configuration_set", "a b")):
            with pytest.raises(SettingError, match=name.upper()):
                make_provider(make_settings(**{"provider": "ses", "ses_region": "eu-west-1", **keys, name: bad}))


def schema(shapes: dict[str, Any], name: str) -> dict[str, Any]:
    """A shape of botocore's as a JSON schema that takes no member that is not described."""
    shape = shapes[name]
    if shape["type"] == "structure":
        members = {member: schema(shapes, each["shape"]) for member, each in shape["members"].items()}
        required = shape.get("required", [])
        return {"type": "object", "properties": members, "required": required, "additionalProperties": False}
    if shape["type"] == "list":
        return {"type": "array", "items": schema(shapes, shape["member"]["shape"])}
    bounds = {ours: shape[theirs] for theirs, ours in (("min", "minLength"), ("max", "maxLength")) if theirs in shape}
    return {"type": {"string": "string", "blob": "string"}.get(shape["type"], shape["type"]), **bounds}
