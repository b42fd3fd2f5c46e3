"""The webhooks of Postmark, Mailgun and Brevo, whose calls prove nothing of what they say, with calls as their
documentation shows them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from digest.dispatch.providers import brevo_hook, mailgun_hook, postmark_hook, sendgrid_hook, ses_hook
from digest.errors import Malformed, NotSigned, SettingError
from digest.settings import Settings
from digest.types import EventKind, Via
from tests.dispatch.hook_contract import ADDRESS, NOW, HookContract

SETTINGS = Settings.model_validate(
    {
        "postmark_webhook_secret": "paper:s3cret",
        "brevo_webhook_secret": "t0ken",
        "mailgun_webhook_secret": "key-1",
    }
)


def raw(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


class TestPostmark(HookContract):
    provider = "postmark"

    def hook(self) -> postmark_hook.PostmarkHook:
        return postmark_hook.open_webhook(SETTINGS)

    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        return {"authorization": "Basic " + base64.b64encode(b"paper:s3cret").decode()}, raw(body)

    def examples(self) -> list[tuple[Any, EventKind]]:
        common = {"MessageID": "883953f4-6105-42a2", "Metadata": {"delivery": "7-12"}, "MessageStream": "broadcast"}
        at = "2026-03-04T05:00:00.1234567Z"[:26] + "Z"
        stop = {"RecordType": "SubscriptionChange", "Recipient": ADDRESS, "ChangedAt": at, "SuppressSending": True}
        bounces = {
            "HardBounce": EventKind.BOUNCED_HARD,
            "SoftBounce": EventKind.BOUNCED_SOFT,
            "Transient": EventKind.DEFERRED,
            "Blocked": EventKind.BOUNCED_SOFT,
            "SpamNotification": EventKind.COMPLAINED,
        }
        told: list[tuple[dict[str, Any], EventKind]] = [
            ({"RecordType": "Delivery", "Recipient": ADDRESS, "DeliveredAt": at}, EventKind.DELIVERED),
            ({"RecordType": "SpamComplaint", "ID": 42, "Email": ADDRESS, "BouncedAt": at}, EventKind.COMPLAINED),
            ({"RecordType": "Open", "Recipient": ADDRESS, "ReceivedAt": at, "UserAgent": "x"}, EventKind.OPENED),
            ({"RecordType": "Click", "Recipient": ADDRESS, "ReceivedAt": at}, EventKind.CLICKED),
            ({**stop, "SuppressionReason": "ManualSuppression"}, EventKind.UNSUBSCRIBED),
            ({**stop, "SuppressionReason": "HardBounce"}, EventKind.BOUNCED_HARD),
        ]
        for number, (kind, meant) in enumerate(bounces.items()):
            bounce = {"RecordType": "Bounce", "ID": number, "Type": kind, "Email": ADDRESS, "BouncedAt": at}
            told.append((bounce, meant))
        return [({**body, **common}, kind) for body, kind in told]

    def test_what_does_not_concern_us(self) -> None:
        for body in (
            {"RecordType": "Inbound"},
            {"RecordType": "Bounce", "Type": "AutoResponder", "Email": ADDRESS},
            {"RecordType": "SubscriptionChange", "SuppressSending": False, "Recipient": ADDRESS},
        ):
            assert self.read(body) == []


class TestMailgun(HookContract):
    provider = "mailgun"
    token = "c" * 50

    def hook(self) -> mailgun_hook.MailgunHook:
        return mailgun_hook.open_webhook(SETTINGS)

    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        return {}, raw(body)

    def unproven(self, headers: Mapping[str, str], body: bytes) -> list[tuple[Mapping[str, str], bytes]]:
        told = json.loads(body)
        signature = told["signature"]
        return [
            ({}, raw({**told, "signature": {**signature, **change}}))
            for change in ({"signature": "x"}, {"token": "x"}, {"timestamp": "1"}, {"signature": ""}, {"token": ""})
        ]

    def call(
        self, word: str, more: Mapping[str, Any] | None = None, *, now: datetime = NOW, **fields: str
    ) -> dict[str, Any]:
        stamp = str(int(now.timestamp()))
        mac = hmac.new(b"key-1", (stamp + self.token).encode(), hashlib.sha256).hexdigest()
        data = {
            "event": word,
            "id": "CPgfbmQMTCKtHW6uIWtuVe",
            "timestamp": NOW.timestamp() - 5.25,
            "recipient": ADDRESS,
            "message": {"headers": {"message-id": "20130503182626.18666.16540@news.example", "to": ADDRESS}},
            "user-variables": {"delivery": "7-12"},
            **(more or {}),
            **fields,
        }
        return {"signature": {"timestamp": stamp, "token": self.token, "signature": mac}, "event-data": data}

    def examples(self) -> list[tuple[Any, EventKind]]:
        server = {"delivery-status": {"code": 550, "message": f"5.1.1 <{ADDRESS}> unknown", "description": None}}
        return [
            (self.call("delivered"), EventKind.DELIVERED),
            (self.call("failed", server, severity="permanent", reason="bounce"), EventKind.BOUNCED_HARD),
            (self.call("failed", severity="permanent", reason="suppress-bounce"), EventKind.BOUNCED_HARD),
            (self.call("failed", severity="permanent", reason="old"), EventKind.BOUNCED_SOFT),
            (self.call("failed", severity="temporary", reason="generic"), EventKind.DEFERRED),
            (self.call("complained"), EventKind.COMPLAINED),
            (self.call("unsubscribed"), EventKind.UNSUBSCRIBED),
            (self.call("opened", {"client-info": {"user-agent": "x"}}), EventKind.OPENED),
            (self.call("clicked", {"client-info": {"bot": "generic"}}), EventKind.CLICKED),
            (self.call("accepted"), EventKind.OTHER),
        ]  # fmt: skip

    def test_a_token_is_the_events_id_for_another_body_could_be_signed_with_it(self) -> None:
        first, second = self.read(self.call("accepted")), self.read(self.call("complained"))
        assert first[0].event_id == second[0].event_id == self.token
        assert self.read(self.call("clicked", {"client-info": {"bot": "gmail"}}))[0].via is Via.SCANNER

    def test_a_call_that_is_old_or_signed_with_another_key_is_refused(self) -> None:
        for body in (
            self.call("delivered", now=NOW - timedelta(hours=13)),
            {**self.call("delivered"), "signature": {"timestamp": "1", "token": "x", "signature": "y"}},
        ):
            with pytest.raises(NotSigned):
                self.read(body)
        with pytest.raises(Malformed):
            self.read({"event-data": {}})


class TestBrevo(HookContract):
    provider = "brevo"

    def hook(self) -> brevo_hook.BrevoHook:
        return brevo_hook.open_webhook(SETTINGS)

    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        return {"authorization": "Bearer t0ken"}, raw(body)

    def examples(self) -> list[tuple[Any, EventKind]]:
        words = {
            "delivered": EventKind.DELIVERED,
            "deferred": EventKind.DEFERRED,
            "soft_bounce": EventKind.BOUNCED_SOFT,
            "hard_bounce": EventKind.BOUNCED_HARD,
            "invalid_email": EventKind.BOUNCED_HARD,
            "blocked": EventKind.REJECTED,
            "spam": EventKind.COMPLAINED,
            "unsubscribed": EventKind.UNSUBSCRIBED,
            "unique_proxy_open": EventKind.OPENED,
            "click": EventKind.CLICKED,
        }
        common = {
            "email": ADDRESS,
            "id": 26224,
            "date": "2026-03-04 06:59:00",
            "message-id": "<202603040559.1@smtp-relay.mailin.fr>",
            "ts_epoch": int(NOW.timestamp() * 1000) - 60_000,
            "X-Mailin-custom": "7-12",
            "reason": f"550 {ADDRESS} unknown",
        }
        return [({"event": word, **common}, kind) for word, kind in words.items()]

    def test_the_time_is_in_milliseconds_and_proxies_are_named(self) -> None:
        (event,) = self.read(self.examples()[8][0])
        assert (event.at, event.via) == (NOW - timedelta(minutes=1), Via.PROXY)
        assert self.read({"event": "request"}) == []

    def test_user_and_password_will_do_as_well(self) -> None:
        hook = brevo_hook.BrevoHook("paper:s3cret")
        headers = {"authorization": "Basic " + base64.b64encode(b"paper:s3cret").decode()}
        assert hook.parse_webhook(headers, raw({"event": "request"}), NOW) == []


@pytest.mark.parametrize("module", [brevo_hook, mailgun_hook, postmark_hook, sendgrid_hook, ses_hook])
def test_without_its_secret_a_webhook_is_not_opened(module: Any) -> None:
    with pytest.raises(SettingError, match=r"_(WEBHOOK_SECRET|WEBHOOK_KEY|TOPIC_ARN) is not set"):
        module.open_webhook(Settings())
