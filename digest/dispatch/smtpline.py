"""One connection to an SMTP server: opened with TLS and a password, one mail after the other; what its replies mean.

Sources: RFC 5321 (section 4.2.1: only a 2yz after the final dot means that the server took the mail; section 3.8: 421
closes), RFC 3207 (STARTTLS), RFC 4954 (AUTH), RFC 1870 (SIZE), RFC 3463 (the code x.y.z behind the first). Messages are
7-bit already, so 8BITMIME has nothing to do; smtplib waits for each reply, so PIPELINING is not used.

What a broken connection means for the mail under way:

    before the reply to DATA (354)      certainly not accepted
    from then on, until a reply         UnknownItem: the final dot may have reached the server, which may have taken it
    a reply of 2yz, 4yz or 5yz came     accepted; not accepted; not accepted
"""

from __future__ import annotations

import re
import smtplib
import ssl
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from digest.dispatch.header import clean
from digest.errors import NotSent, ProviderError, Refused
from digest.types import Accepted, ItemResult, NotSentItem, RejectedItem, UnknownItem

Phase = Literal["hello", "starttls", "auth", "mail", "rcpt", "data", "dot"]
Kind = type[Refused] | type[NotSent] | type[RejectedItem] | type[NotSentItem]

ANSWERS: tuple[tuple[str, str, Kind, str], ...] = (
    ("", r"421", NotSent, "closes the connection: too many, or it goes down"),
    ("", r"530 .*starttls", Refused, "wants TLS first; set SMTP_SECURITY=starttls"),
    ("", r"53[08]", Refused, "wants a password first; set SMTP_USER and SMTP_PASSWORD"),
    ("", r"5\d\d 5\.4\.5", Refused, "has sent what it sends for us in a day; wait, or ask for more"),
    ("auth", r"4", NotSent, "cannot check the password now"),
    ("auth", r"5", Refused, "does not accept the password; check SMTP_USER and SMTP_PASSWORD"),
    ("hello", r"4", NotSent, "does not take mail now"),
    ("hello", r"5", Refused, "does not talk to this machine; check SMTP_HOST and SMTP_PORT"),
    ("starttls", r"4", NotSent, "cannot begin TLS now"),
    ("starttls", r"5", Refused, "does not begin TLS; check SMTP_SECURITY and SMTP_PORT"),
    ("mail", r"4", NotSent, "asks us to slow down"),
    ("mail", r"552", RejectedItem, "says that the mail is too large"),
    ("mail", r"5", Refused, "does not accept the sender; check FROM and SMTP_BOUNCE"),
    ("rcpt", r"5.*\brelay", Refused, "does not relay for us; set SMTP_USER and SMTP_PASSWORD, or have it trust us"),
    (
        "rcpt",
        r"5.*\b(spamhaus|dnsbl|rbl|bl(ack|ock)list)",
        Refused,
        "refuses this machine; have it taken off that list",
    ),
    ("rcpt", r"4\d\d 4\.2\.", NotSentItem, "says that the mailbox takes nothing now"),
    ("rcpt", r"452", NotSent, "asks us to slow down"),
    ("rcpt", r"4", NotSentItem, "asks to come back later for this mailbox"),
    ("rcpt", r"5", RejectedItem, "does not take mail for this address"),
    ("data dot", r"452", NotSent, "asks us to slow down"),
    ("data dot", r"4", NotSentItem, "asks to come back later with this mail"),
    ("data dot", r"5", RejectedItem, "does not take this mail"),
)
"""Phases (none: any), how "code text" begins, what it means for whom, and in words; the first that fits."""

CHECK = "check SMTP_HOST, SMTP_PORT and SMTP_SECURITY"


@dataclass(frozen=True, slots=True)
class Server:
    """Whom to talk to, and how."""

    host: str
    port: int
    security: Literal["starttls", "tls", "none"]
    context: ssl.SSLContext
    user: str
    password: str
    hello: str
    """How we call ourselves (RFC 5321, section 4.1.1.1: a domain or an address literal)."""
    silence: float
    """Seconds to wait for a reply."""


class Worn(Exception):
    """The server closed a connection that has carried mails, at the beginning of another: nothing of it was sent."""


def meaning(phase: Phase, code: int, text: bytes) -> ProviderError | RejectedItem | NotSentItem:
    """What a reply other than the hoped-for one means: an error about all mails, or a result of this one. Pure."""
    told = f"{code} {clean(text.decode('utf-8', 'replace'), 120)}".strip()
    for phases, begin, kind, words in ANSWERS:
        if (not phases or phase in phases.split()) and re.match(begin, told, re.IGNORECASE):
            return kind(f"the SMTP server {words} ({told})")
    return Refused(f"the SMTP server's answer to {phase} cannot be understood ({told}); {CHECK}")


class Line:
    """An open connection; one thread at a time."""

    def __init__(self, server: Server, until: float) -> None:
        """Connect and log in, by `until` (monotonic time). Raises NotSent and Refused; then nothing stays open."""
        self.mails = 0
        """How many the server has taken."""
        self.broken = False
        """Whether it is of no use any more."""
        self._silence = server.silence
        self._smtp = _opened(server, until)

    def fresh(self, until: float) -> bool:
        """Whether the server still listens, after a time in which we were silent."""
        try:
            _limit(self._smtp, self._silence, until)
            self.broken = self._smtp.noop()[0] != 250
        except OSError:
            self.broken = True
        return not self.broken

    def carry(self, sender: str, recipient: str, message: bytes, until: float) -> ItemResult:
        """Hand over one mail. Raises NotSent and Refused when it was certainly not accepted and the next would fare no
        better, Worn when that may do better over a new connection; after each of them this one is broken."""
        size = f" SIZE={len(message)}" if self._smtp.has_extn("size") else ""
        commands: tuple[tuple[Phase, str, tuple[int, ...]], ...] = (
            ("mail", f"MAIL FROM:<{sender}>{size}", (250,)),
            ("rcpt", f"RCPT TO:<{recipient}>", (250, 251)),
            ("data", "DATA", (354,)),
        )
        for phase, command, good in commands:
            again = phase == "mail" and self.mails > 0
            try:
                _limit(self._smtp, self._silence, until)
                code, text = self._smtp.docmd(command)
            except OSError as error:
                self.broken = True
                if again:
                    raise Worn from None
                raise NotSent(f"the connection to the SMTP server broke ({type(error).__name__})") from None
            if code == 421 and again:
                self.broken = True
                raise Worn
            if code not in good:
                return self._refused(phase, code, text)
        return self._content(message, until)

    def _content(self, message: bytes, until: float) -> ItemResult:
        stuffed = message.replace(b"\r\n.", b"\r\n..")  # RFC 5321, section 4.5.2
        end = b".\r\n" if stuffed.endswith(b"\r\n") else b"\r\n.\r\n"
        try:
            _limit(self._smtp, self._silence, until)
            self._smtp.send((b"." if stuffed.startswith(b".") else b"") + stuffed + end)
            code, text = self._smtp.getreply()
        except OSError as error:
            self.broken = True
            name = type(error).__name__
            return UnknownItem(f"the connection broke before the SMTP server confirmed the mail ({name})")
        if not 200 <= code < 600:
            self.broken = True
            return UnknownItem(f"the SMTP server's answer to the mail cannot be understood ({code})")
        if code >= 300:
            return self._refused("dot", code, text)
        self.mails += 1
        return Accepted(clean(text.decode("utf-8", "replace"), 120) or str(code))

    def _refused(self, phase: Phase, code: int, text: bytes) -> ItemResult:
        """What the reply means. Whatever was begun is taken back, so that the next mail can begin."""
        found = meaning(phase, code, text)
        if isinstance(found, Refused) and phase == "rcpt" and self.mails:
            found = NotSentItem(str(found))  # it has just taken mails from us: this is about the address after all
        if isinstance(found, ProviderError):
            self.close()
            self.broken = True
            raise found
        try:
            self.broken = phase != "dot" and self._smtp.rset()[0] != 250
        except OSError:
            self.broken = True  # what became of this mail is known all the same
        return found

    def close(self) -> None:
        """Say goodbye and close. The server may be gone before: then there is nobody to say it to."""
        with suppress(OSError):
            if not self.broken:
                self._smtp.quit()
        self._smtp.close()


def _room(silence: float, until: float) -> float:
    return max(0.05, min(silence, until - time.monotonic()))


def _limit(smtp: smtplib.SMTP, silence: float, until: float) -> None:
    if smtp.sock is None:
        raise smtplib.SMTPServerDisconnected("closed")
    smtp.sock.settimeout(_room(silence, until))


def _opened(server: Server, until: float) -> smtplib.SMTP:
    timeout = _room(server.silence, until)
    phase: Phase = "hello"
    smtp: smtplib.SMTP | None = None
    try:
        if server.security == "tls":
            smtp = smtplib.SMTP_SSL(server.host, server.port, server.hello, timeout=timeout, context=server.context)
        else:
            smtp = smtplib.SMTP(server.host, server.port, server.hello, timeout=timeout)
        smtp.ehlo_or_helo_if_needed()
        if server.security == "starttls":
            phase = "starttls"
            _limit(smtp, server.silence, until)
            smtp.starttls(context=server.context)
            smtp.ehlo_or_helo_if_needed()
        if server.user:
            phase = "auth"
            _limit(smtp, server.silence, until)
            smtp.login(server.user, server.password)
        return smtp
    except (OSError, ValueError) as error:  # smtplib's are OSErrors; ValueError: a host or a challenge that is none
        if smtp is not None:
            smtp.close()
        raise _not_opened(phase, error) from None


def _not_opened(phase: Phase, error: Exception) -> ProviderError:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error if isinstance(error.smtp_error, bytes) else str(error.smtp_error).encode()
        found = meaning(phase, error.smtp_code, text)
        return found if isinstance(found, ProviderError) else Refused(found.reason)
    if isinstance(error, ssl.SSLCertVerificationError):
        return Refused(
            f"the SMTP server's certificate is not trusted ({clean(error.verify_message)}); check SMTP_HOST, or name "
            "its authority in SMTP_CA_FILE"
        )
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return Refused("the SMTP server does not speak TLS there; check SMTP_PORT and SMTP_SECURITY")
    if isinstance(error, smtplib.SMTPServerDisconnected) or not isinstance(error, smtplib.SMTPException):
        return NotSent(f"the SMTP server cannot be reached ({type(error).__name__}); {CHECK}")
    if phase == "auth":
        return Refused("the SMTP server offers no way to log in that we know; check SMTP_PORT and SMTP_SECURITY")
    return Refused("the SMTP server offers no STARTTLS; check SMTP_PORT and SMTP_SECURITY")
