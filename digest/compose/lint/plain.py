"""The plain text part."""

from __future__ import annotations

import re
from collections.abc import Iterator

from digest.compose.lint.mail import Finding, Opened, Severity
from digest.compose.theme import WIDTH

TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")
ENTITY = re.compile(r"&(?:amp|lt|gt|quot|nbsp|zwnj|#\d+|#x[0-9a-fA-F]+);")


def check_text(mail: Opened) -> Iterator[Finding]:
    """There is one; it is text and no HTML; its lines fit where they can be broken: a line that holds one word too long
    for it, or an address, may be longer."""
    text = mail.mail.text
    if not text.strip():
        yield Finding(
            Severity.ERROR, "text", "no text part", "text", cure="some read text only, and filters ask for one"
        )
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        for pattern in (TAG, ENTITY):
            for found in pattern.finditer(line):
                cure = "write text: nothing of HTML is understood there"
                yield Finding(Severity.ERROR, "text", f"HTML: {found[0][:40]!r}", "text", number, cure=cure)
        if len(line) > WIDTH and "://" not in line and " " in line.strip()[:WIDTH]:
            cure = f"at most {WIDTH} columns (RFC 3676, 4.2): the filter `wrapped`"
            yield Finding(
                Severity.ERROR, "text", f"{len(line)} columns: {line.strip()[:30]!r}", "text", number, cure=cure
            )
        goes_on = line.rstrip() == line[:-1] and bool("".join(lines[number : number + 1]).strip())
        if line != line.rstrip() and line != "-- " and not goes_on:
            yield Finding(
                Severity.WARNING, "text", "white space at the end of a line", "text", number, cure="take it away"
            )
