"""Who calls /webhooks? One function for each scheme by which providers prove it; all raise NotSigned, none says why in
words that help a forger. Pure: `now` comes in, nothing goes out. Every comparison takes the same time for every guess.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm

from digest.errors import NotSigned, SettingError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

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


def ecdsa_key(public_key: str, setting: str) -> EllipticCurvePublicKey:
    """The public key that SendGrid shows as base64 of its DER form. Raises SettingError, naming `setting`."""
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    try:
        key = load_der_public_key(b64decode(public_key, validate=True))
    except (ValueError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, EllipticCurvePublicKey):
        raise SettingError(f"{setting} is no verification key; copy it from the settings of the signed event webhook")
    return key


def ecdsa(
    stamp: str, signature: str, body: bytes, key: EllipticCurvePublicKey, now: datetime, window: timedelta
) -> None:
    """SendGrid's signed event webhook: ECDSA with SHA-256 over time and body, in DER and base64 (https://www.twilio.com/
    docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features)."""
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        key.verify(b64decode(signature, validate=True), stamp.encode() + body, ECDSA(SHA256()))
    except (InvalidSignature, ValueError):
        raise NotSigned("the signature is wrong") from None
    check_clock(stamp, now, window)


SNS_SIGNED: Mapping[str, Sequence[str]] = {
    "Notification": ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    "SubscriptionConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    "UnsubscribeConfirmation": ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
"""The fields that are signed, in this order, by type; Subject only where there is one."""
_SNS_HOST = re.compile(r"sns\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?")


def sns_address(url: str, ending: str = "") -> str:
    """An address at Amazon SNS as it is. Raises NotSigned for one that leads anywhere else: a certificate from there
    proves nothing."""
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme != "https" or not _SNS_HOST.fullmatch(parts.netloc) or not parts.path.endswith(ending):
        raise NotSigned("an address in the message does not lead to Amazon SNS")
    return url


def sns(message: Mapping[str, str], certificate: bytes, now: datetime) -> None:
    """Amazon SNS (https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html): RSA with PKCS #1
    v1.5 over names and values in lines, with SHA-1 in version 1 and SHA-256 in version 2. `certificate` is what
    SigningCertURL leads to (`sns_address`), in PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from cryptography.hazmat.primitives.hashes import SHA1, SHA256

    names = [name for name in SNS_SIGNED.get(message.get("Type", ""), ()) if name != "Subject" or message.get(name)]
    hashed = {"1": SHA1, "2": SHA256}.get(message.get("SignatureVersion", ""))
    if hashed is None or not all(name in message for name in names) or not names:
        raise NotSigned("the signature's fields are missing")
    try:
        signed = "".join(f"{name}\n{message[name]}\n" for name in names).encode()
        found = x509.load_pem_x509_certificate(certificate)
        key = found.public_key()
        if not isinstance(key, RSAPublicKey) or not found.not_valid_before_utc <= now <= found.not_valid_after_utc:
            raise NotSigned("the certificate is not valid")
        key.verify(b64decode(message.get("Signature", ""), validate=True), signed, PKCS1v15(), hashed())
    except (InvalidSignature, UnsupportedAlgorithm, ValueError):
        raise NotSigned("the signature is wrong") from None
