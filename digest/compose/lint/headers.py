"""The headers that mailbox providers ask of what people subscribed to."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from digest.compose.lint.links import is_local
from digest.compose.lint.mail import Finding, Opened, Severity

Wanted = tuple[Callable[[str], bool], str]

LEAVE = re.compile(r"<https://[^\s<>]+>(, *<(https://|mailto:)[^\s<>]+>)*")

OF_DIGESTS: Mapping[str, Wanted] = {
    "List-Unsubscribe": (lambda value: bool(LEAVE.fullmatch(value)), "<https://...> (RFC 8058, section 3.1)"),
    "List-Unsubscribe-Post": (
        lambda value: value == "List-Unsubscribe=One-Click",
        "List-Unsubscribe=One-Click (RFC 8058)",
    ),
    "List-Id": (
        lambda value: bool(re.search(r"<[^\s<>]+\.[^\s<>]+>$|<[^\s<>]+\.localhost>$", value)),
        "<name.domain> (RFC 2919)",
    ),
}
OF_ALL: Mapping[str, Wanted] = {
    "Auto-Submitted": (lambda value: value == "auto-generated", "auto-generated (RFC 3834, section 5)"),
}


def check_headers(mail: Opened) -> Iterator[Finding]:
    """What lets people leave with one click, and machines know a machine. A system mail was asked for once and has no
    list to leave."""
    told = dict(mail.mail.headers)
    local = is_local(mail.mail.public_url)
    wanted = {**OF_ALL, **(OF_DIGESTS if mail.mail.is_digest else {})}
    for name, (is_right, example) in wanted.items():
        value = told.get(name)
        if value is None:
            yield Finding(Severity.ERROR, "headers", f"no {name}", name, cure=example)
        elif not is_right(value.replace("<http://", "<https://") if local else value):
            yield Finding(Severity.ERROR, "headers", f"{name} is {value[:60]!r}", name, cure=example)
    if not mail.mail.is_digest and "List-Unsubscribe" in told:
        cure = "leave it out: who confirms an address has nothing to unsubscribe from"
        yield Finding(Severity.ERROR, "headers", "List-Unsubscribe on a system mail", "List-Unsubscribe", cure=cure)
