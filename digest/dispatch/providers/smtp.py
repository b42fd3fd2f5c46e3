"""SMTP: any mail server, by password or by trust, mail by mail over kept connections. No idempotency key.

Crash semantics. The attempt of a batch is durable before the first mail of it is handed over, and its outcomes are
recorded together after the last. So

- when this process dies in between, the whole batch is in doubt (at most `batch` readers), becomes unknown and is never
  sent again by itself: SMTP has no key under which a server would recognise a mail;
- when the connection dies, we live and know more: the mails before it have their results, the one whose final dot was
  under way is UnknownItem, and those behind it were certainly not sent (HalfSent). `digest.dispatch.smtpline` has
  the exact border;
- a mail that the server refuses for its reader alone leaves the others alone.

A call ends within CALL seconds, before the sender's lease does: what has not begun by then waits for the next. That
also bounds the wait for the reply to the final dot, for which RFC 5321 (section 4.5.3.2.6) would grant ten minutes: a
server that takes longer than SILENCE leaves one unknown mail.

A payload is the mail with its envelope before it, as in batch SMTP (RFC 2442): MAIL FROM, RCPT TO, DATA, message.
"""

from __future__ import annotations

import re
import ssl
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

from digest.dispatch.header import configured_mailbox, mailbox, usual
from digest.dispatch.mime import message_pieces
from digest.dispatch.proof import Written, read_message
from digest.dispatch.providers import HalfSent
from digest.dispatch.smtpline import Line, Server, Worn
from digest.errors import Garbled, InputError, NotSent, ProviderError, SettingError
from digest.settings import Settings
from digest.types import Envelope, ItemResult

PORTS = {"starttls": 587, "tls": 465, "none": 25}
"""The usual ports: submission (RFC 6409), submission over TLS (RFC 8314), relay."""
SILENCE = 30.0
"""Seconds to wait for a reply."""
CALL = 50.0
"""Seconds that a call may last; a lease (60 s) must outlast it."""
LAST_START = 20.0
"""Seconds into a call after which no further mail begins, so that the last one has SILENCE left."""
PER_LINE = 100
"""Mails over one connection. Servers end long ones (Exim by default after 1,000 mails, hosts set less), and a new one
costs a handshake in a hundred mails."""

_ENVELOPE = re.compile(rb"MAIL FROM:<([!-~]+)>\r\nRCPT TO:<([!-~]+)>")
_MAIL_ID = re.compile(r"<([A-Za-z0-9.]{1,40})@")
_BOUNCE_NAME = 20
"""Characters before the @ of a VERP address; with the mail's own part they stay within 64 (RFC 5321, 4.5.3.1.1)."""


def open_provider(settings: Settings) -> Smtp:
    """The server under SMTP_HOST; nobody is called yet. Raises SettingError for what cannot work."""
    if settings.smtp_verp and len(_sender(settings.smtp_bounce or settings.from_)[0]) > _BOUNCE_NAME:
        raise SettingError(f"SMTP_VERP needs a shorter SMTP_BOUNCE: at most {_BOUNCE_NAME} characters before the @")
    return Smtp(server_of(settings), bounce=settings.smtp_bounce, verp=settings.smtp_verp)


def server_of(settings: Settings) -> Server:
    """Whom to talk to. Raises SettingError."""
    host, user, password = settings.smtp_host, settings.smtp_user, settings.smtp_password
    if not host:
        raise SettingError("SMTP_HOST is not set; it is the name of your mail server, such as smtp.example.org")
    if bool(user) != bool(password):
        missing, there = ("SMTP_PASSWORD", "SMTP_USER") if user else ("SMTP_USER", "SMTP_PASSWORD")
        raise SettingError(f"{there} is set and {missing} is not; set both, or neither for a server that trusts us")
    if password and settings.smtp_security == "none" and not _here(host):
        raise SettingError("SMTP_SECURITY=none would show SMTP_PASSWORD to the network; set it to starttls or tls")
    try:
        context = ssl.create_default_context(cafile=settings.smtp_ca_file or None)
    except OSError as error:
        raise SettingError(f"SMTP_CA_FILE {settings.smtp_ca_file} cannot be used ({error.strerror})") from None
    port = settings.smtp_port or PORTS[settings.smtp_security]
    return Server(host, port, settings.smtp_security, context, user, password, _hello(settings), SILENCE)


class Smtp:
    """Keeps a connection for each thread that sends at once. `bounce` gets what comes back, the sender when empty; with
    `verp` it is told of which mail: bounces@example.org becomes bounces+12.345.0f9a...@example.org."""

    name = "smtp"
    batch = 20
    encoding: Literal["json", "qp"] = "qp"
    key_lifetime: timedelta | None = None
    per_line = PER_LINE
    last_start = LAST_START

    def __init__(self, server: Server, *, bounce: str = "", verp: bool = False) -> None:
        self._server = server
        self._bounce, self._verp = bounce, verp
        self._idle: list[Line] = []
        self._turn = threading.Lock()

    def payload(self, envelope: Envelope) -> bytes:
        """The message behind its envelope; see `Provider.payload`."""
        message = message_pieces(envelope)
        name, address = envelope.recipient.name, envelope.recipient.address
        to = address if usual("", address) else mailbox(name, address, "To").addr_spec
        sender, at, domain = _sender(self._bounce or envelope.sheet.sender)
        if self._verp:
            found = _MAIL_ID.match(envelope.message_id)
            if found is None:
                raise InputError("the mail's Message-ID does not fit into an address to which it could bounce")
            sender = f"{sender}+{found[1]}"
        return b"".join([f"MAIL FROM:<{sender}{at}{domain}>\r\nRCPT TO:<{to}>\r\nDATA\r\n".encode(), *message])

    def read(self, payload: bytes) -> Written:
        """See `Provider.read`: the envelope must say what the message says."""
        _, to, message = _parts(payload)
        written = read_message(message)
        if written.recipient != to:
            raise Garbled("its envelope does not name the recipient whom the message names")
        return written

    def send(self, payloads: Sequence[bytes], key: str) -> list[ItemResult]:
        """Hand the mails over one by one; the module says what a broken connection leaves. See `Provider.send`."""
        began = time.monotonic()
        results: list[ItemResult] = []
        line: Line | None = None
        try:
            for payload in payloads:
                if line is not None and line.broken:
                    raise NotSent("the connection to the SMTP server broke; the mails behind it were not sent")
                if results and time.monotonic() > began + self.last_start:
                    raise NotSent("the SMTP server is slow; the mails that had not begun wait")
                line = self._ready(line, began + CALL)
                try:
                    result = line.carry(*_parts(payload), until=began + CALL)
                except Worn:
                    line.close()
                    line = self._ready(None, began + CALL)
                    result = line.carry(*_parts(payload), until=began + CALL)
                results.append(result)
        except ProviderError as error:
            if not results:
                raise
            raise HalfSent([*results, *[None] * (len(payloads) - len(results))], error) from None
        finally:
            if line is not None:
                self._put_back(line)
        return results

    def _ready(self, line: Line | None, until: float) -> Line:
        """A connection for the next mail: this one, one that is kept, or a new one."""
        if line is not None and line.mails < self.per_line:
            return line
        if line is not None:
            line.close()
        while (kept := self._take()) is not None:
            if kept.fresh(until):
                return kept
            kept.close()
        return Line(self._server, until)

    def _take(self) -> Line | None:
        with self._turn:
            return self._idle.pop() if self._idle else None

    def _put_back(self, line: Line) -> None:
        if line.broken or line.mails >= self.per_line:
            line.close()
            return
        with self._turn:
            self._idle.append(line)

    def close(self) -> None:
        """Say goodbye on every kept connection."""
        while (line := self._take()) is not None:
            line.close()


def _parts(payload: bytes) -> tuple[str, str, bytes]:
    head, _, message = payload.partition(b"\r\nDATA\r\n")
    found = _ENVELOPE.fullmatch(head)
    if found is None:
        raise Garbled("it has no envelope")
    return found[1].decode("ascii"), found[2].decode("ascii"), message


@lru_cache(maxsize=64)
def _sender(value: str) -> tuple[str, str, str]:
    return configured_mailbox(value, "From").addr_spec.rpartition("@")


def _here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _hello(settings: Settings) -> str:
    """The pages' host when it is a domain. The standard library would ask the DNS, which may take seconds."""
    host = urlsplit(settings.public_url).hostname or ""
    return host if re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.[A-Za-z-]{2,}", host) else "[127.0.0.1]"
