"""Pages that are the same for everybody: kept for a minute, and then asked for again by ETag (RFC 9110, section 13)."""

from __future__ import annotations

from datetime import datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from hashlib import blake2b

from fastapi import Request
from fastapi.responses import Response

FRESH = 60
"""Seconds for which a browser or a cache in front need not ask again; the service itself looks once a minute."""


def unless_known(request: Request, page: Response, changed_at: datetime | None = None) -> Response:
    """The page with its ETag, or 304 when the browser has this very page (RFC 9110, section 13.1.2).

    With `changed_at` it has a Last-Modified too, in whole seconds, which counts where no ETag is asked about (13.1.3).
    """
    tag = f'"{blake2b(bytes(page.body), digest_size=16).hexdigest()}"'
    page.headers["ETag"] = tag
    if changed_at is not None:
        page.headers["Last-Modified"] = format_datetime(changed_at.replace(microsecond=0), usegmt=True)
    if not _known(request, tag, changed_at):
        return page
    kept = {name: value for name, value in page.headers.items() if name not in ("content-length", "content-type")}
    return Response(status_code=304, headers=kept)


def _known(request: Request, tag: str, changed_at: datetime | None) -> bool:
    asked = request.headers.get("if-none-match")
    if asked is not None:
        known = {each.strip().removeprefix("W/") for each in asked[:1000].split(",")}
        return bool(known & {tag, "*"})
    since = _moment(request.headers.get("if-modified-since", ""))
    return since is not None and changed_at is not None and changed_at < since + timedelta(seconds=1)


def _moment(header: str) -> datetime | None:
    """None for no date, or one that nobody can read: it counts as not given (RFC 9110, section 13.1.3)."""
    try:
        moment = parsedate_to_datetime(header[:100])
        return moment if moment.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
