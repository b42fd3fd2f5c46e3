"""Who calls /webhooks? One function for each scheme by which providers prove it; all raise NotSigned, none says why in
words that help a forger. Pure: `now` comes in, nothing goes out. Every comparison takes the same time for every guess.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import b64decode, b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta

from digest.errors import NotSigned, SettingError

SVIX_WINDOW = timedelta(minutes=5)
"""As Svix' own libraries. Every retry is signed anew, so a late one passes too
(https://docs.svix.com/receiving/verifying-payloads/how-manual)."""
SVIX_PREFIX = "whsec_"
LONGEST_CLOCK = 15
"""Digits of a Unix time, in seconds or milliseconds, that anybody sends before the year 30000."""


def svix_key(secret: str, setting: str) -> bytes:
    """The key in a signing secret: base64 behind `whsec_`. Raises SettingError, naming `setting`."""
    try:
        key = b64decode(secret.removeprefix(SVIX_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise SettingError(f"{setting} is no signing secret; copy it from the webhook's page, it begins with whsec_")
    return key


def svix(headers: Mapping[str, str], body: bytes, key: bytes, now: datetime) -> str:
    """Svix (https://docs.svix.com/receiving/verifying-payloads/how-manual), which Resend uses; the message's id, which
    is the same each time it is sent.

    HMAC-SHA-256 of `id.timestamp.body`, in base64 behind `v1,`; several of them, separated by spaces, while a secret is
    replaced by another. The headers may be called `webhook-*` as well (Standard Webhooks).
    """
    for prefix in ("svix", "webhook"):
        told = [headers.get(f"{prefix}-{name}", "") for name in ("id", "timestamp", "signature")]
        if all(told):
            break
    else:
        raise NotSigned("the signature's headers are missing")
    message, stamp, signatures = told
    signed = b".".join((message.encode(), stamp.encode(), body))
    wanted = b64encode(hmac.digest(key, signed, "sha256"))
    given = [each[3:].encode() for each in signatures.split(" ") if each.startswith("v1,")]
    # All of them are compared, whichever is right.
    if True not in [hmac.compare_digest(wanted, each) for each in given]:
        raise NotSigned("the signature is wrong")
    check_clock(stamp, now, SVIX_WINDOW)
    return message


def check_clock(stamp: str, now: datetime, window: timedelta) -> None:
    """Raises NotSigned for a Unix time in seconds that is further from `now` than that, or that is none."""
    if not (stamp.isascii() and stamp.isdecimal() and len(stamp) <= LONGEST_CLOCK):
        raise NotSigned("the signature's time cannot be read")
    if abs(now.timestamp() - int(stamp)) > window.total_seconds():
        raise NotSigned("the signature is too old, or this machine's clock is wrong")


def basic(headers: Mapping[str, str], account: str) -> None:
    """Basic authentication (RFC 7617), by which Postmark and Brevo call: they sign nothing. `account` is
    `user:password`, as in the address that was given to the provider."""
    _authorised(headers, "basic", b64encode(account.encode()))


def bearer(headers: Mapping[str, str], token: str) -> None:
    """A bearer token (RFC 6750), the other way to call that Brevo offers."""
    _authorised(headers, "bearer", token.encode())


def _authorised(headers: Mapping[str, str], scheme: str, wanted: bytes) -> None:
    told, _, given = headers.get("authorization", "").partition(" ")
    # Hashed first, so that not even the length of what is right can be timed.
    same = hmac.compare_digest(_hash(given.strip().encode()), _hash(wanted))
    if not same or told.lower() != scheme:
        raise NotSigned("the credentials are missing or wrong")


def _hash(value: bytes) -> bytes:
    return hashlib.sha256(value).digest()


def token_hmac(key: str, stamp: str, token: str, signature: str, now: datetime, window: timedelta) -> None:
    """Mailgun (https://documentation.mailgun.com/docs/mailgun/user-manual/webhooks/securing-webhooks): hex HMAC-SHA-256
    of timestamp and token. The body is NOT covered, so whoever has seen one call could make another: the caller must
    take each token once only."""
    wanted = hmac.new(key.encode(), f"{stamp}{token}".encode(), "sha256").hexdigest()
    if not token or not hmac.compare_digest(wanted.encode(), signature.encode()):
        raise NotSigned("the signature is wrong")
    check_clock(stamp, now, window)
