"""Resend's webhooks: each event in our words, and whatever else comes is refused whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.dispatch import signatures
from digest.dispatch.events import unique
from digest.dispatch.providers.resend_hook import KINDS, ResendHook
from digest.errors import Malformed
from digest.types import Event, EventKind, Via, delivery_mark
from tests.dispatch.hook_contract import ADDRESS, NOW, SignsBody
from tests.dispatch.resend_calls import MAIL, MORE, SECRET, event, signed

HOOK = ResendHook(signatures.svix_key(SECRET, "SECRET"))


def read(body: Any) -> list[Event]:
    return HOOK.parse_webhook(*signed(body, NOW), NOW)


def one(kind: str, **data: Any) -> Event:
    (found,) = read(event(kind, NOW, **data))
    return found


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("email.delivered", EventKind.DELIVERED),
        ("email.delivery_delayed", EventKind.DEFERRED),
        ("email.bounced", EventKind.BOUNCED_HARD),
        ("email.complained", EventKind.COMPLAINED),
        ("email.opened", EventKind.OPENED),
        ("email.clicked", EventKind.CLICKED),
        ("email.failed", EventKind.REJECTED),
        ("email.suppressed", EventKind.BOUNCED_HARD),
    ],
)
def test_each_event_in_our_words(word: str, kind: EventKind) -> None:
    found = one(word)
    assert (found.provider, found.event_id, found.kind) == ("resend", "msg_1", kind)
    assert (found.provider_message_id, found.address) == (MAIL["email_id"], "reader1@example.org")
    assert (found.at, found.sent_at, found.via) == (NOW, NOW - timedelta(minutes=1), Via.PERSON)
    assert "@" not in found.detail
    assert set(KINDS) == {
        *("email.delivered", "email.delivery_delayed", "email.bounced", "email.complained", "email.opened"),
        *("email.clicked", "email.failed", "email.suppressed"),
    }


@pytest.mark.parametrize(
    ("kind", "sub", "meant"),
    [
        ("Permanent", "General", EventKind.BOUNCED_HARD),
        ("Permanent", "NoEmail", EventKind.BOUNCED_HARD),
        ("Permanent", "MailboxFull", EventKind.BOUNCED_SOFT),
        ("Permanent", "ContentRejected", EventKind.BOUNCED_SOFT),
        ("Transient", "General", EventKind.BOUNCED_SOFT),
        ("Transient", "MailboxFull", EventKind.BOUNCED_SOFT),
        ("Undetermined", "Undetermined", EventKind.BOUNCED_SOFT),
        ("Something new", "", EventKind.BOUNCED_SOFT),
    ],
)
def test_only_a_bounce_that_blames_the_mailbox_is_hard(kind: str, sub: str, meant: EventKind) -> None:
    bounce = {**MORE["email.bounced"]["bounce"], "type": kind, "subType": sub}
    found = one("email.bounced", bounce=bounce)
    assert found.kind is meant
    assert "user unknown" in found.detail


def test_what_the_account_has_given_up_is_given_up_for_the_same_reason() -> None:
    why = MORE["email.suppressed"]["suppressed"]
    assert one("email.suppressed", suppressed={**why, "reason": "previous_complaint"}).kind is EventKind.COMPLAINED
    assert one("email.suppressed", suppressed={**why, "reason": "news"}).kind is EventKind.REJECTED


@pytest.mark.parametrize(
    "word", ["email.sent", "email.scheduled", "email.received", "contact.created", "something.new"]
)
def test_what_does_not_concern_us_is_no_event(word: str) -> None:
    assert read({"type": word, "created_at": NOW.isoformat(), "data": {"id": 1}}) == []


def test_a_mail_is_named_by_its_tag_or_else_by_the_link_by_which_one_leaves() -> None:
    assert one("email.delivered", tags={"delivery": delivery_mark(7, 12)}).mark == "7-12"
    leave = {"name": "List-Unsubscribe", "value": "<https://news.example/leave/abc>"}
    assert one("email.delivered", headers=[{"name": "X-A", "value": "1"}, leave]).mark == leave["value"]
    assert one("email.delivered", headers=[leave], tags={"delivery": "7-12"}).mark == "7-12"
    assert one("email.delivered", headers=None, tags=None).mark == ""


@pytest.mark.parametrize(
    ("agent", "seconds", "via"),
    [
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15", 90, Via.PERSON),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15", 2, Via.SCANNER),
        ("Mozilla/5.0", 90, Via.PROXY),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", 90, Via.PROXY),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", 90, Via.PROXY),
        ("Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)", 90, Via.SCANNER),
        ("Barracuda Sentinel (EE)", 90, Via.SCANNER),
        ("python-requests/2.32", 90, Via.SCANNER),
        ("", 90, Via.PERSON),
    ],
)
def test_programs_that_follow_links_are_told_apart(agent: str, seconds: int, via: Via) -> None:
    click = {**MORE["email.clicked"]["click"], "userAgent": agent}
    (found,) = read(event("email.clicked", NOW, sent=timedelta(seconds=seconds), click=click))
    assert (found.kind, found.via) == (EventKind.CLICKED, via)


def test_names_cases_and_clocks_that_lie() -> None:
    assert one("email.delivered", to=['"Reader, One" <Reader1@Example.ORG>']).address == "Reader1@Example.ORG"
    assert one("email.delivered", to=["nobody"]).address == "nobody"
    for said in ((NOW + timedelta(days=9)).isoformat(), "1970-01-01T00:00:00Z"):
        (found,) = read({**event("email.delivered", NOW), "created_at": said})
        assert found.at == NOW
    (found,) = read({**event("email.delivered", NOW), "created_at": "2026-03-04 05:00:00.654321+00"})
    assert found.at == NOW.replace(hour=5, microsecond=654321)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"[]",
        b"null",
        b"{}",
        b'{"type": 5}',
        b'{"type": "email.delivered"}',
        b'{"type": "email.delivered", "data": []}',
        b'{"type": "email.bounced", "created_at": "x", "data": {"to": ["a@b.c"], "bounce": {}}}',
        b'{"type": "email.bounced", "data": {"to": ["a@b.c"], "bounce": "hard"}}',
        b'{"type": "email.delivered", "data": {"to": "a@b.c"}}',
        b'{"type": "email.delivered", "data": {"to": [5]}}',
        b'{"type": "email.delivered", "data": {"to": ["a@b.c"], "email_id": {}}}',
        b'{"type": "email.delivered", "data": {"to": ["a@b.c"], "headers": [[]]}}',
        b'{"type": "email.delivered", "data": {"to": ["a@b.c"], "tags": 1}}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"type": ' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_not_of_the_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read(body)


def test_texts_that_no_database_takes_are_made_harmless() -> None:
    found = one("email.delivered", email_id="a\x00b\ud800c" + "x" * 999)
    assert found.provider_message_id.startswith("a b c")
    assert len(found.provider_message_id) == 200
    long = HOOK.parse_webhook(*signed(event("email.delivered", NOW), NOW, message="m" * 500), NOW)
    assert len(long[0].event_id) <= 200


class TestResend(SignsBody):
    provider = "resend"

    def hook(self) -> ResendHook:
        return HOOK

    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        return signed(body, NOW)

    def examples(self) -> list[tuple[Any, EventKind]]:
        words = {**KINDS, "email.bounced": EventKind.BOUNCED_HARD, "email.suppressed": EventKind.BOUNCED_HARD}
        leave = {"name": "List-Unsubscribe", "value": "<https://news.example/leave/x>"}
        more: dict[str, Any] = {"to": [ADDRESS], "tags": {"delivery": "7-12"}, "headers": [leave]}
        return [(event(word, NOW, **more), kind) for word, kind in words.items()]


@pytest.mark.shared
def test_calls_made_from_the_vendors_description_are_understood(shared: Path) -> None:
    """Every webhook about a mail that Resend describes, with an example made of its schema, and nothing left out."""
    told = json.loads((shared / "openapi" / "resend" / "resend.json").read_text())

    def example(schema: dict[str, Any]) -> Any:
        if "$ref" in schema:
            return example(told["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
        if "allOf" in schema:
            return {name: value for part in schema["allOf"] for name, value in example(part).items()}
        for key in ("const", "example"):
            if key in schema:
                return schema[key]
        if "enum" in schema:
            return schema["enum"][0]
        if schema["type"] == "object":
            return {name: example(each) for name, each in schema.get("properties", {}).items()}
        if schema["type"] == "array":
            return [example(schema["items"])]
        return {"string": "a@example.org", "boolean": True, "integer": 1, "number": 1}[schema["type"]]

    seen = set()
    for word, webhook in told["webhooks"].items():
        (content,) = webhook["post"]["requestBody"]["content"].values()
        body = example(content["schema"])
        assert body["type"] == word
        found = read(body)
        assert [each.kind for each in found] == ([found[0].kind] if word in KINDS else [])
        seen |= {word for _ in found}
    assert seen == set(KINDS), "nothing that is described and concerns us is overlooked"


def test_an_event_that_is_told_twice_in_one_call_is_one() -> None:
    first, second = one("email.delivered"), one("email.opened")
    assert unique([first, second, first]) == [first], "of one id, the first counts"
