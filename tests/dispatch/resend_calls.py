"""Calls to our webhook as Resend makes them: signed by code of its own, after Svix' description and not after ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
"""From Svix' documentation."""

MAIL = {
    "email_id": "56761188-7520-42d8-8898-ff6fc54ce618",
    "from": "Paper <paper@news.example>",
    "to": ["reader1@example.org"],
    "subject": "Ferry aground",
}
MORE: dict[str, dict[str, Any]] = {
    "email.bounced": {
        "bounce": {
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's email provider sent a hard bounce message.",
            "diagnosticCode": ["smtp; 550 5.1.1 <reader1@example.org> user unknown"],
        }
    },
    "email.clicked": {
        "click": {
            "ipAddress": "122.115.53.11",
            "link": "https://news.example/c/x",
            "timestamp": "2026-03-04T06:00:00.000Z",
            "userAgent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        }
    },
    "email.failed": {"failed": {"reason": "reached_daily_quota"}},
    "email.suppressed": {
        "suppressed": {
            "type": "OnAccountSuppressionList",
            "reason": "previous_bounce",
            "message": "Resend has suppressed sending to this address.",
            "diagnosticCode": [],
        }
    },
}
"""What events of one type have besides, as in Resend's description (resend/resend-openapi)."""


def event(kind: str, now: datetime, *, sent: timedelta = timedelta(minutes=1), **data: Any) -> dict[str, Any]:
    """The body of a call; anything in `data` named otherwise. The mail was given to Resend `sent` before now."""
    mail = {**MAIL, "created_at": (now - sent).isoformat(), **deepcopy(MORE.get(kind, {})), **data}
    return {"type": kind, "created_at": now.isoformat(), "data": mail}


def signed(
    body: Any, now: datetime, *, message: str = "msg_1", secret: str = SECRET, prefix: str = "svix"
) -> tuple[dict[str, str], bytes]:
    """Headers and body, as they travel."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.split("_", 1)[1])
    mac = hmac.new(key, f"{message}.{stamp}.".encode() + raw, hashlib.sha256).digest()
    headers = {"id": message, "timestamp": stamp, "signature": "v1," + base64.b64encode(mac).decode()}
    return {f"{prefix}-{name}": value for name, value in headers.items()}, raw
