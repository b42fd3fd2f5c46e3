"""How large a mail may be before something cuts it."""

from __future__ import annotations

from collections.abc import Iterator

from digest.compose.lint.mail import Finding, Opened, Severity, line_of
from digest.compose.room import WHOLE

HEAD = 16 * 1024
"""Bytes of a style sheet from which Gmail drops it (caniemail, html-style, note 6)."""

LINE = 998
"""Octets of a line without its end (RFC 5322, section 2.1.1)."""


def check_size(mail: Opened) -> Iterator[Finding]:
    """Sheets and the whole below what Gmail cuts."""
    if mail.root is None:
        return
    sheets = mail.root.xpath("//style")
    total = sum(len((sheet.text or "").encode()) for sheet in sheets)
    if total >= HEAD:
        cure = "Gmail drops sheets from 16 KB on: shorten it"
        yield Finding(Severity.ERROR, "size", f"{total} bytes of style sheets", "style", line_of(sheets[0]), cure=cure)
    for sheet in sheets:
        if not sheet.xpath("ancestor::head"):
            cure = "into the head: Gmail keeps no sheet of the body (caniemail, html-style)"
            yield Finding(Severity.ERROR, "size", "a style sheet in the body", "style", line_of(sheet), cure=cure)
    size = len(mail.mail.html.encode())
    if size >= WHOLE:
        cure = "Gmail hides what is beyond 102 KB: fewer or shorter blocks"
        yield Finding(Severity.ERROR, "size", f"{size / 1000:.0f} KB of HTML", "HTML", cure=cure)


def check_lines(mail: Opened) -> Iterator[Finding]:
    """No line that a mail server may break or refuse, in the parts and in the message as it travels."""
    parts = (("HTML", mail.mail.html.encode()), ("text", mail.mail.text.encode()), ("message", mail.mail.message))
    for where, data in parts:
        for number, line in enumerate(data.replace(b"\r\n", b"\n").split(b"\n"), 1):
            if len(line) > LINE:
                shown = line.decode(errors="replace").strip()[:40]
                cure = f"at most {LINE} octets (RFC 5322, 2.1.1): break the line in the template"
                yield Finding(
                    Severity.ERROR, "lines", f"a line of {len(line)} octets: {shown!r}", where, number, cure=cure
                )
