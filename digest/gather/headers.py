"""What the headers of an answer tell. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus

LONGEST_FRESH = timedelta(days=1)
"""However long an answer says that it stays fresh (some say a year), a source is asked at least once a day."""
_MEANING = {
    401: "it wants a password, which is not supported",
    403: "it refuses us",
    404: "there is nothing (any more) at this address",
    410: "it is gone for good",
    429: "it asks us to come less often",
}


def readable(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case -> values. Lines of one name are joined by a comma (RFC 9110, 5.3), which only lists survive;
    those of `_SINGLE` must not come twice, and the first is taken."""
    found: dict[str, str] = {}
    for name, value in raw:
        key = name.decode("ascii", "replace").lower()
        if key not in found:
            found[key] = _text(value)
        elif key not in _SINGLE:
            found[key] += ", " + _text(value)
    return found


_SINGLE = frozenset(
    ("age", "content-type", "date", "etag", "expires", "last-modified", "location", "retry-after", "set-cookie")
)


def _text(value: bytes) -> str:
    """Some servers write addresses as UTF-8; otherwise it is Latin-1, as headers were once said to be."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def fresh_for(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """For how long an answer need not be asked for again: `max-age`, or else Expires minus Date (RFC 9111, 4.2.1), less
    the Age that it has in caches already (4.2.3); at most LONGEST_FRESH. None when it does not say, or forbids to keep
    it (`no-cache`, `no-store`). What cannot be read counts as no longer fresh, as 4.2.1 and 5.3 advise.
    """
    told = _directives(headers.get("cache-control", ""))
    if "no-cache" in told or "no-store" in told:
        return None
    if "max-age" in told:
        lifetime = _seconds(told["max-age"])
    elif "expires" in headers:
        ends, begun = _moment(headers["expires"]), _moment(headers.get("date", "")) or now
        lifetime = (ends - begun).total_seconds() if ends else 0.0
    else:
        return None
    left = lifetime - _seconds(headers.get("age", ""))
    return timedelta(seconds=min(max(0.0, left), LONGEST_FRESH.total_seconds()))


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds that we are asked to stay away, from either form of Retry-After (RFC 9110, 10.2.3)."""
    told = headers.get("retry-after", "").strip()
    if told.isdecimal():
        return _seconds(told)
    moment = _moment(told)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def status_told(status: int) -> str:
    """An error status in words."""
    try:
        told = f"answers {status} {HTTPStatus(status).phrase}"
    except ValueError:
        told = f"answers {status}"
    return f"{told}: {_MEANING[status]}" if status in _MEANING else told


def _directives(told: str) -> dict[str, str]:
    """Of Cache-Control, in lower case; the first of a name counts (RFC 9111, 4.2.1)."""
    found: dict[str, str] = {}
    for part in told.split(","):
        name, _, value = part.partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    return found


def _seconds(told: str) -> float:
    told = told.strip()
    return float(told[:10]) if told.isascii() and told.isdecimal() else 0.0


def _moment(told: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(told)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (TypeError, ValueError, OverflowError):
        return None
