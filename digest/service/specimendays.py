"""Two invented days for the operator's report: one on which all was well, and one that needs a look in every way."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from digest.types import Day, Doubt, FailingSource, QuietTopic

FROZEN = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
"""When all specimens were made: they are the same every day."""

_GB = 10**9


def _ago(**back: float) -> datetime:
    return FROZEN - timedelta(**back)


_FINE = Day(
    since=_ago(days=1),
    until=FROZEN,
    digests=31,
    letters=9,
    mails={"accepted": 1204, "skipped": 61, "rejected": 1},
    skipped={"empty": 58, "left": 2, "paused": 1},
    rejected={"The domain of …@… does not exist": 1},
    readers=1318,
    asked=5,
    new=3,
    left=2,
    suppressed={"erased": 1},
    sources=24,
    failing=(FailingSource(7, "Quayside Wire", "quay.example: timed out after 20 s", _ago(hours=5)),),
    topics=6,
    quiet=(QuietTopic("chess", "Harbour & Chess", _ago(days=2, hours=3), _ago(days=200)),),
    database_bytes=2 * _GB,
    disk_free=120 * _GB,
    disk_total=500 * _GB,
)
_TROUBLE = Day(
    since=_ago(days=1),
    until=FROZEN,
    digests=28,
    letters=11,
    mails={"accepted": 980, "skipped": 40, "rejected": 37, "unknown": 12, "retry": 100, "planned": 44},
    skipped={"empty": 31, "suppressed": 6, "left": 3},
    rejected={"The domain is not verified. Please add and verify it under Domains": 30, "Invalid `to` field: …@…": 7},
    unknown=12,
    doubts=(Doubt(4711, "resend", _ago(hours=2), 9), Doubt(4698, "resend", _ago(hours=7, minutes=30), 3)),
    waiting_since=_ago(hours=5),
    waiting=144,
    readers=1310,
    asked=9,
    new=4,
    imported=250,
    returned=1,
    left=6,
    suppressed={"bounced": 11, "complained": 2, "erased": 1},
    sources=24,
    failing=(
        FailingSource(3, "Der Hafenbote", "hafenbote.example: 503 Service Unavailable", _ago(days=9)),
        FailingSource(9, "رصيف لانثورن", "rasif.example: the certificate has expired", _ago(days=3, hours=2)),
        FailingSource(7, "Quayside Wire", "quay.example: timed out after 20 s", _ago(hours=5)),
    ),
    retired=(FailingSource(12, "Lanthorn Courier", "courier.example: 410 Gone", _ago(hours=11), retired=True),),
    topics=6,
    quiet=(
        QuietTopic("gardens", "Kleingärten am Tallow Hill", None, _ago(days=30)),
        QuietTopic("chess", "Harbour & Chess", _ago(days=8), _ago(days=200)),
    ),
    database_bytes=2 * _GB,
    disk_free=_GB * 9 // 10,
    disk_total=500 * _GB,
)

DAYS: Mapping[str, Day] = {"report": _FINE, "trouble": _TROUBLE}
"""By the name of their specimen."""
