"""Amazon's published test suite for Signature Version 4, as far as it is about POSTs without a query.

The vectors stand in bazelbuild/bazel, third_party/aws-sig-v4-test-suite (Apache-2.0).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from digest.dispatch.sigv4 import Signer

SIGNER = Signer("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "us-east-1", "service")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
HOST = "example.amazonaws.com"
TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7"
    "mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d"
    "+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
VECTORS = {
    "post-vanilla": ({}, b"", "host;x-amz-date", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    "post-x-www-form-urlencoded": (
        {"Content-Type": "application/x-www-form-urlencoded"},
        b"Param1=value1",
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    "post-sts-header-before": (
        {"X-Amz-Security-Token": TOKEN},
        b"",
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_amazons_own_vectors(name: str) -> None:
    headers, body, signed, signature = VECTORS[name]
    for now in (NOW, NOW.astimezone(timezone(timedelta(hours=5, minutes=30)))):
        found = SIGNER.signed(HOST, "/", headers, body, now)
        assert found == {
            **headers,
            "x-amz-date": "20150830T123600Z",
            "Authorization": "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders={signed}, Signature={signature}",
        }


def test_the_secret_is_not_shown() -> None:
    assert "EXAMPLEKEY" not in repr(SIGNER)
