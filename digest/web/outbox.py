"""The local outbox in the browser: for development only, and only on a loopback address.

The outbox is a maildir; a name that was listed may have moved from new/ to cur/ since, so both are looked into.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage, Message
from email.parser import BytesHeaderParser
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from subscribers.pages import Pages
from subscribers.routes.common import PAGE, not_found

SHOWN = 200
"""How many mails the list shows; a send to ten thousand readers must not make the page useless."""
FOLDERS = ("new", "cur")
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1", "[::1]"})
PREVIEW_CSP = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src http: https: data:; frame-ancestors 'self'"
)
"""Links may open a tab of their own, as they would from a mail program: confirm pages refuse to be framed."""

_NAME = re.compile(r"[A-Za-z0-9_@+-][A-Za-z0-9_.,:=@+-]{0,240}\.eml(:2,[A-Za-z]{0,16})?")
"""A name that the outbox gives, and the flags that a mail program adds in cur/."""
_HEAD = re.compile(rb"<head[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Listed:
    """One line of the list."""

    name: str
    to: str
    subject: str
    date: str


@dataclass(frozen=True, slots=True)
class Opened:
    """One mail, taken apart."""

    name: str
    subject: str
    headers: tuple[tuple[str, str], ...]
    html: str | None
    text: str


def listing(folder: Path, limit: int = SHOWN) -> tuple[list[Listed], int]:
    """The newest mails, newest first, and how many there are in all. A folder that is not there holds none."""
    found: list[tuple[int, Path]] = []
    for each in FOLDERS:
        for file in (folder / each).glob("*.eml*"):
            try:
                found.append((file.stat().st_mtime_ns, file))
            except FileNotFoundError:  # moved or removed between the two looks
                continue
    found.sort(key=lambda pair: (pair[0], pair[1].name), reverse=True)
    mails = [_listed(file) for _, file in found[:limit] if _NAME.fullmatch(file.name)]
    return [mail for mail in mails if mail is not None], len(found)


def read(folder: Path, name: str) -> bytes | None:
    """The bytes of a mail; None for a name that is none of ours."""
    if not _NAME.fullmatch(name):
        return None
    for each in FOLDERS:
        try:
            return (folder / each / name).read_bytes()
        except FileNotFoundError:
            continue
    return None


def opened(name: str, raw: bytes) -> Opened:
    """A mail taken apart by the standard library, as a mail program would."""
    mail = message_from_bytes(raw, policy=policy.default)
    headers = tuple((key, _header(value)) for key, value in mail.items())
    text = _part(mail, "plain") or ""
    return Opened(name, _header(mail["subject"]), headers, _part(mail, "html"), text)


def router(folder: Path, pages: Pages) -> APIRouter:
    """The pages under /outbox. They answer only to loopback names, so that no other site can read them by rebinding
    its own name to this machine.
    """
    routes = APIRouter(include_in_schema=False)

    def with_mail(request: Request, name: str, answer: Callable[[bytes], Response]) -> Response:
        raw = read(folder, name) if request.url.hostname in LOOPBACK else None
        return not_found(request, pages) if raw is None else answer(raw)

    @routes.api_route("/outbox", methods=PAGE)
    def outbox(request: Request) -> Response:
        if request.url.hostname not in LOOPBACK:
            return not_found(request, pages)
        mails, total = listing(folder)
        return pages.render(request, "outbox.html", {"mails": mails, "total": total})

    @routes.api_route("/outbox/{name}", methods=PAGE)
    def mail(request: Request, name: str) -> Response:
        framing = pages.csp.replace("default-src 'none'", "default-src 'none'; frame-src 'self'")

        def answer(raw: bytes) -> Response:
            context = {"mail": opened(name, raw)}
            return pages.render(request, "outbox_mail.html", context, headers={"Content-Security-Policy": framing})

        return with_mail(request, name, answer)

    @routes.api_route("/outbox/{name}/html", methods=PAGE)
    def html(request: Request, name: str) -> Response:
        def answer(raw: bytes) -> Response:
            told = opened(name, raw).html
            if told is None:
                return not_found(request, pages)
            body = _HEAD.sub(lambda head: head[0] + b'<base target="_blank">', told.encode(), count=1)
            return HTMLResponse(body, headers=pages.headers({"Content-Security-Policy": PREVIEW_CSP}))

        return with_mail(request, name, answer)

    @routes.api_route("/outbox/{name}/source", methods=PAGE)
    def source(request: Request, name: str) -> Response:
        def answer(raw: bytes) -> Response:
            told = {"Content-Disposition": f'attachment; filename="{name}"'}
            return Response(raw, media_type="message/rfc822", headers=pages.headers(told))

        return with_mail(request, name, answer)

    return routes


def _listed(file: Path) -> Listed | None:
    try:
        with file.open("rb") as source:
            mail = BytesHeaderParser(policy=policy.default).parse(source)
    except FileNotFoundError:
        return None
    to, subject, date = (_header(mail[key]) for key in ("to", "subject", "date"))
    stamp = getattr(mail["date"], "datetime", None)
    if isinstance(stamp, datetime):
        date = f"{stamp:%Y-%m-%d %H:%M %Z}"
    return Listed(file.name, to, subject or file.name, date)


def _header(value: object) -> str:
    return " ".join(str(value).split()) if value is not None else ""


def _part(mail: Message, kind: str) -> str | None:
    part = mail.get_body((kind,)) if isinstance(mail, EmailMessage) else None
    if part is None:
        return None
    try:
        content = part.get_content()
    except LookupError:  # a charset that Python does not know
        raw = part.get_payload(decode=True)
        content = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else ""
    return content if isinstance(content, str) else None
