"""Who may call: each scheme takes what its vendor published, and nothing else."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.dispatch import signatures
from digest.errors import NotSigned, SettingError
from tests.dispatch.resend_calls import SECRET, signed

NOW = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
KEY = signatures.svix_key(SECRET, "SECRET")


def test_svix_takes_the_example_of_its_documentation() -> None:
    """https://docs.svix.com/receiving/verifying-payloads/how-manual, which gives a secret, a call and its signature."""
    headers = {
        "svix-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "svix-timestamp": "1614265330",
        "svix-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    then = datetime.fromtimestamp(1614265330, UTC)
    assert signatures.svix(headers, b'{"test": 2432232314}', KEY, then) == "msg_p5jXN8AQM9LWM0D4loKWxJek"


@pytest.mark.parametrize("prefix", ["svix", "webhook"])
def test_svix_takes_both_names_and_one_of_several_signatures(prefix: str) -> None:
    headers, body = signed({"a": 1}, NOW, prefix=prefix)
    name = f"{prefix}-signature"
    headers[name] = f"v1a,xx v1,{'A' * 44} {headers[name]}"
    assert signatures.svix(headers, body, KEY, NOW) == "msg_1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("svix-id", "msg_2"),
        ("svix-id", ""),
        ("svix-timestamp", "1"),
        ("svix-timestamp", "１２３"),
        ("svix-timestamp", "9" * 5000),
        ("svix-signature", ""),
        ("svix-signature", "v1,"),
        ("svix-signature", "v1,\xff"),
        ("svix-signature", "v2,AAAA"),
    ],
)
def test_svix_refuses_headers_that_were_changed(name: str, value: str) -> None:
    headers, body = signed({"a": 1}, NOW)
    with pytest.raises(NotSigned):
        signatures.svix({**headers, name: value}, body, KEY, NOW)
    with pytest.raises(NotSigned):
        signatures.svix({each: said for each, said in headers.items() if each != name}, body, KEY, NOW)


@pytest.mark.parametrize(("seconds", "taken"), [(0, True), (299, True), (-299, True), (301, False), (-301, False)])
def test_svix_takes_five_minutes_either_way(seconds: int, taken: bool) -> None:
    headers, body = signed({"a": 1}, NOW)
    there = NOW + timedelta(seconds=seconds)
    if taken:
        assert signatures.svix(headers, body, KEY, there)
    else:
        with pytest.raises(NotSigned):
            signatures.svix(headers, body, KEY, there)


@given(place=st.integers(0, 40), flip=st.integers(1, 255))
def test_svix_refuses_a_body_of_which_one_byte_was_changed(place: int, flip: int) -> None:
    headers, body = signed({"type": "email.delivered", "data": {"to": ["a@b.c"]}}, NOW)
    at = place % len(body)
    with pytest.raises(NotSigned):
        signatures.svix(headers, body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :], KEY, NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_???", "re_123", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"])
def test_what_is_no_signing_secret_is_named(secret: str) -> None:
    with pytest.raises(SettingError, match="THE_SECRET"):
        signatures.svix_key(secret, "THE_SECRET")


@pytest.mark.parametrize(
    ("given_", "taken"),
    [
        ("Basic " + base64.b64encode(b"paper:s3cret").decode(), True),
        ("basic " + base64.b64encode(b"paper:s3cret").decode(), True),
        ("Basic " + base64.b64encode(b"paper:other").decode(), False),
        ("Bearer " + base64.b64encode(b"paper:s3cret").decode(), False),
        ("Basic", False),
        ("", False),
        ("Basic \xff", False),
    ],
)
def test_basic(given_: str, taken: bool) -> None:
    headers = {"authorization": given_} if given_ else {}
    if taken:
        signatures.basic(headers, "paper:s3cret")
        return
    with pytest.raises(NotSigned):
        signatures.basic(headers, "paper:s3cret")


def test_bearer() -> None:
    signatures.bearer({"authorization": "Bearer s3cret"}, "s3cret")
    for bad in ("Bearer s3cre", "Bearer s3crett", "Basic s3cret", "s3cret", ""):
        with pytest.raises(NotSigned):
            signatures.bearer({"authorization": bad}, "s3cret")


def test_mailgun_signs_time_and_token() -> None:
    """As its documentation has it: hex HMAC-SHA-256 of both together under the signing key."""
    stamp, token = str(int(NOW.timestamp())), "a" * 50
    mac = hmac.new(b"key-1", (stamp + token).encode(), hashlib.sha256).hexdigest()
    day = timedelta(days=1)
    signatures.token_hmac("key-1", stamp, token, mac, NOW + day, day)
    for bad in (
        ("key-2", stamp, token, mac, NOW),
        ("key-1", stamp, "b" * 50, mac, NOW),
        ("key-1", stamp, "", hmac.new(b"key-1", stamp.encode(), hashlib.sha256).hexdigest(), NOW),
        ("key-1", stamp, token, mac.upper(), NOW),
        ("key-1", stamp, token, mac, NOW + day + timedelta(seconds=1)),
    ):
        with pytest.raises(NotSigned):
            signatures.token_hmac(*bad, day)
