"""The webhooks of SendGrid and Amazon SES, which sign with keys of which we have the public half, with calls as their
documentation shows them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from digest.dispatch import signatures
from digest.dispatch.providers import sendgrid_hook, ses_hook
from digest.errors import Malformed, NotSigned, SettingError
from digest.settings import Settings
from digest.types import EventKind
from tests.dispatch.hook_contract import ADDRESS, NOW, SignsBody

TOPIC = "arn:aws:sns:eu-west-1:123456789012:digest"


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


@cache
def curve_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


class TestSendGrid(SignsBody):
    provider = "sendgrid"

    def hook(self) -> sendgrid_hook.SendGridHook:
        public = curve_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sendgrid_hook.open_webhook(
            Settings.model_validate({"sendgrid_webhook_key": base64.b64encode(public).decode()})
        )

    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        stamp, told = str(int(NOW.timestamp())), raw(body) + b"\r\n"
        mac = curve_key().sign(stamp.encode() + told, ec.ECDSA(SHA256()))
        name = "x-twilio-email-event-webhook-"
        return {name + "signature": base64.b64encode(mac).decode(), name + "timestamp": stamp}, told

    def item(self, word: str, **more: Any) -> dict[str, Any]:
        return {
            "email": ADDRESS,
            "event": word,
            "timestamp": int(NOW.timestamp()) - 60,
            "sg_event_id": base64.b64encode(f"{word}{more}".encode()).decode(),
            "sg_message_id": "14c5d75ce93.dfd.64b469.filter0001.16648.5515E0B88.0",
            "delivery": "7-12",
            **more,
        }

    def examples(self) -> list[tuple[Any, EventKind]]:
        bounce = {"type": "bounce", "reason": f"550 5.1.1 {ADDRESS} unknown"}
        return [
            ([self.item(word, **more)], kind)
            for word, more, kind in (
                ("delivered", {"response": "250 OK"}, EventKind.DELIVERED),
                ("deferred", {"response": "400 try again later"}, EventKind.DEFERRED),
                ("bounce", {**bounce, "status": "5.1.1"}, EventKind.BOUNCED_HARD),
                ("bounce", {**bounce, "status": "5.2.2"}, EventKind.BOUNCED_SOFT),
                ("bounce", {"type": "blocked", "status": "5.7.1"}, EventKind.BOUNCED_SOFT),
                ("dropped", {"reason": "Bounced Address"}, EventKind.BOUNCED_HARD),
                ("dropped", {"reason": "Spam Content"}, EventKind.REJECTED),
                ("spamreport", {}, EventKind.COMPLAINED),
                ("group_unsubscribe", {"asm_group_id": 1}, EventKind.UNSUBSCRIBED),
                ("open", {"useragent": "x", "sg_machine_open": False}, EventKind.OPENED),
                ("click", {"useragent": "x", "url": "https://a.example"}, EventKind.CLICKED),
            )
        ]

    def test_the_vendors_own_vector(self) -> None:
        """From sendgrid-python, test/unit/test_eventwebhook.py."""
        key = (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpig"
            "lSI8eNEc6wEA3F+g=="
        )
        signature = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
        told = {
            "email": "hello@world.com",
            "event": "dropped",
            "reason": "Bounced Address",
            "sg_event_id": "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
            "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
            "smtp-id": "<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",
            "timestamp": 1600112492,
        }
        body = json.dumps([told], sort_keys=True, separators=(",", ":")).encode() + b"\r\n"
        hook = sendgrid_hook.SendGridHook(signatures.ecdsa_key(key, "KEY"))
        name = "x-twilio-email-event-webhook-"
        headers = {name + "signature": signature, name + "timestamp": "1600112502"}
        then = datetime.fromtimestamp(1600112502, UTC)
        (event,) = hook.parse_webhook(headers, body, then)
        assert (event.kind, event.provider_message_id) == (EventKind.BOUNCED_HARD, "LRzXl_NHStOGhQ4kofSm_A")
        for late in (timedelta(hours=26), timedelta(hours=-26)):
            with pytest.raises(NotSigned):
                hook.parse_webhook(headers, body, then + late)
        with pytest.raises(NotSigned):
            hook.parse_webhook({**headers, name + "timestamp": "1600112503"}, body, then)

    def test_one_bad_item_does_not_hold_up_the_others(self, caplog: pytest.LogCaptureFixture) -> None:
        good, bad = self.item("delivered"), {**self.item("spamreport"), "email": 5}
        assert [each.kind for each in self.read([bad, good, good, 7])] == [EventKind.DELIVERED] * 2
        assert "2 of 4 items" in caplog.text
        with pytest.raises(Malformed):
            self.read([bad, 7])
        assert self.read([]) == []

    def test_what_is_no_key_is_named(self) -> None:
        pem = (
            rsa.generate_private_key(65537, 2048)
            .public_key()
            .public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        )
        for key in ("x", "AAAA", base64.b64encode(pem).decode()):
            with pytest.raises(SettingError, match="SENDGRID_WEBHOOK_KEY"):
                sendgrid_hook.open_webhook(Settings.model_validate({"sendgrid_webhook_key": key}))


CERTIFICATE = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-abc.pem"


@cache
def amazon() -> tuple[rsa.RSAPrivateKey, bytes]:
    """A key, and the certificate that Amazon's host would give for it."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(NOW - timedelta(days=9)).not_valid_after(NOW + timedelta(days=9))
    return key, made.sign(key, SHA256()).public_bytes(Encoding.PEM)


class TestSes(SignsBody):
    provider = "ses"

    def hook(self) -> ses_hook.SesHook:
        self.fetched: list[str] = []

        def fetch(url: str) -> bytes:
            self.fetched.append(url)
            return amazon()[1]

        return ses_hook.SesHook(TOPIC, fetch)

    def unproven(self, headers: Mapping[str, str], body: bytes) -> list[tuple[Mapping[str, str], bytes]]:
        told = json.loads(body)
        changes = (
            {"Signature": "AAAA"},
            {"Signature": "\ud800"},
            {"Signature": ""},
            {"Message": "\ud800"},
            {"Type": "x"},
        )
        return [({}, raw({**told, **change})) for change in changes]

    def whole(self, raw: bytes) -> tuple[Mapping[str, str], bytes]:
        return {}, raw

    def message(self, body: Any, *, version: str = "2", **more: str) -> dict[str, str]:
        told = {
            "Type": "Notification",
            "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324",
            "TopicArn": TOPIC,
            "Message": body.decode("utf-8", "replace") if isinstance(body, bytes) else json.dumps(body),
            "Timestamp": (NOW - timedelta(seconds=3)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE,
            **more,
        }
        names = ["Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        text = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
        mac = amazon()[0].sign(text.encode(), padding.PKCS1v15(), SHA1() if version == "1" else SHA256())  # noqa: S303
        return {**told, "Signature": base64.b64encode(mac).decode()}

    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        return {}, raw(self.message(body))

    def examples(self) -> list[tuple[Any, EventKind]]:
        mail = {
            "timestamp": "2026-03-04T05:58:00.000Z",
            "messageId": "EXAMPLE7c191be45-e9aedb9a",
            "destination": [ADDRESS],
            "tags": {"delivery": ["7-12"]},
        }
        at = {"timestamp": "2026-03-04T05:59:00.000Z"}
        who = [{"emailAddress": ADDRESS, "diagnosticCode": f"smtp; 550 5.1.1 <{ADDRESS}> unknown"}]

        def bounce(kind: str, sub: str) -> dict[str, Any]:
            return {"bounce": {"bounceType": kind, "bounceSubType": sub, "bouncedRecipients": who, **at}}

        return [
            ({"eventType": word, "mail": mail, **more}, kind)
            for word, more, kind in (
                ("Delivery", {"delivery": {"recipients": [ADDRESS], **at}}, EventKind.DELIVERED),
                ("DeliveryDelay", {"deliveryDelay": {"delayedRecipients": who, **at}}, EventKind.DEFERRED),
                ("Bounce", bounce("Permanent", "General"), EventKind.BOUNCED_HARD),
                ("Bounce", bounce("Transient", "MailboxFull"), EventKind.BOUNCED_SOFT),
                ("Bounce", bounce("Undetermined", "Undetermined"), EventKind.BOUNCED_SOFT),
                ("Complaint", {"complaint": {"complainedRecipients": who, **at}}, EventKind.COMPLAINED),
                ("Reject", {"reject": {"reason": "Bad content"}}, EventKind.REJECTED),
                ("Rendering Failure", {"failure": {"errorMessage": "no such name"}}, EventKind.REJECTED),
                ("Open", {"open": {"userAgent": "x", **at}}, EventKind.OPENED),
                ("Click", {"click": {"userAgent": "x", "link": "https://a.example", **at}}, EventKind.CLICKED),
            )
        ]

    @pytest.mark.parametrize("version", ["1", "2"])
    def test_both_versions_and_a_subject(self, version: str) -> None:
        body = self.message(self.examples()[0][0], version=version, Subject="A subject")
        assert len(self.hook().parse_webhook({}, raw(body), NOW)) == 1

    @pytest.mark.parametrize(
        "change",
        [
            {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem"},
            {"SigningCertURL": "https://evil.example/sns.eu-west-1.amazonaws.com/x.pem"},
            {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem"},
            {"SigningCertURL": "http://sns.eu-west-1.amazonaws.com/x.pem"},
            {"SigningCertURL": "https://sns.eu-west-1.amazonaws.com:8443/x.pem"},
            {"SigningCertURL": "https://s3.amazonaws.com/x.pem"},
            {"SigningCertURL": "https://[x.pem"},
            {"SigningCertURL": ""},
            {"TopicArn": "arn:aws:sns:eu-west-1:999999999999:digest"},
            {"SignatureVersion": "3"},
        ],
    )
    def test_what_is_not_amazons_or_not_of_our_topic_is_refused_before_anything_is_fetched_elsewhere(
        self, change: dict[str, str]
    ) -> None:
        hook = self.hook()
        with pytest.raises(NotSigned):
            hook.parse_webhook({}, raw({**self.message(self.examples()[0][0]), **change}), NOW)
        assert set(self.fetched) <= {CERTIFICATE}

    def test_an_old_message_and_an_old_certificate_are_refused(self) -> None:
        body = raw(self.message(self.examples()[0][0]))
        for later in (timedelta(hours=2), timedelta(days=10)):
            with pytest.raises(NotSigned):
                self.hook().parse_webhook({}, body, NOW + later)

    def test_a_subscription_of_our_topic_is_confirmed_at_amazon_only(self) -> None:
        more = {"Type": "SubscriptionConfirmation", "Token": "t", "Message": "You have chosen to subscribe"}
        there = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
        hook = self.hook()
        for _ in range(2):
            assert hook.parse_webhook({}, raw(self.message("", **more, SubscribeURL=there)), NOW) == []
        assert self.fetched == [CERTIFICATE, there, there], "the certificate is kept"
        with pytest.raises(NotSigned):
            hook.parse_webhook({}, raw(self.message("", **more, SubscribeURL="https://evil.example/")), NOW)
        assert self.fetched[3:] == []
        assert hook.parse_webhook({}, raw(self.message(b"Successfully validated SNS topic")), NOW) == []

    def test_several_recipients_are_several_events(self) -> None:
        body, _ = self.examples()[2]
        body["bounce"]["bouncedRecipients"] = [{"emailAddress": "a@b.c"}, {"emailAddress": "A@d.c"}]
        found = self.read(body)
        assert [each.address for each in found] == ["a@b.c", "A@d.c"]
        assert len({each.event_id for each in found}) == 2
