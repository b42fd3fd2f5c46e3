"""Where links lead, and whether anything was left unsaid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from digest.compose.fragments import MARK
from digest.compose.lint.mail import Finding, Opened, Severity, elements, line_of, named

UNRESOLVED = re.compile(
    rf"{MARK}\w*|\{{\{{.*?\}}\}}|\{{\{{|\{{%.*?%\}}|\{{%|%recipient[\w.-]*%?|\[\[\w+\]\]|%\(\w+\)[sd]",
    re.IGNORECASE | re.DOTALL,
)
"""Markers of our holes, Jinja2, the variables of mail services, and gettext's own placeholders."""

EMPTY = re.compile(r"(?<![\w’'])(?:None|undefined|NaN|\[object Object\])(?![\w’'])")
"""What programs write where they have nothing: suspicious, but also words of a headline."""

ADDRESSES = ("href", "src", "background", "action")
LOCAL = ("127.0.0.1", "localhost", "::1")
OTHERS = ("mailto", "tel")


def check_placeholders(mail: Opened) -> Iterator[Finding]:
    """Nothing that a program should have replaced is left, in either part or in a header."""
    parts = {
        "HTML": mail.mail.html,
        "text": mail.mail.text,
        **{f"header {name}": value for name, value in mail.mail.headers},
    }
    for where, text in parts.items():
        for found in UNRESOLVED.finditer(text):
            line = text.count("\n", 0, found.start()) + 1
            what = f"{found[0][:40]!r} was never replaced"
            yield Finding(
                Severity.ERROR, "placeholders", what, where, line, cure="give the value, or mend the template"
            )
    words = {"text": mail.mail.text, "HTML": "" if mail.root is None else _words(mail)}
    for where, text in words.items():
        for found in EMPTY.finditer(text):
            line = text.count("\n", 0, found.start()) + 1 if where == "text" else 0
            yield Finding(
                Severity.ERROR, "placeholders", f"it says {found[0]!r}", where, line, cure="leave out what has no value"
            )


def _words(mail: Opened) -> str:
    body = mail.root.find("body")
    return str(body.text_content()) if body is not None else ""


def check_links(mail: Opened) -> Iterator[Finding]:
    """Whole https addresses; our own as PUBLIC_URL has them, which on one machine for trying out is http."""
    if mail.root is None:
        return
    noted, ours = False, mail.mail.public_url.rstrip("/")
    for element in elements(mail.root):
        for name in ADDRESSES:
            address = element.get(name)
            if address is None:
                continue
            what = _wrong(address.strip(), name)
            if not what:
                continue
            if is_local(ours) and address.startswith(f"{ours}/"):
                if not noted:
                    noted = True
                    cure = "fine for trying out; before a real send set PUBLIC_URL to a public https address"
                    yield Finding(Severity.NOTE, "links", "links lead to this machine", "PUBLIC_URL", 0, cure=cure)
                continue
            place = (f"{named(element)}[{name}]", line_of(element))
            yield Finding(Severity.ERROR, "links", f"{what}: {address[:60]!r}", *place, cure="a whole https address")


def _wrong(address: str, name: str) -> str:
    if not address:
        return "an empty address"
    try:
        parts = urlsplit(address)
    except ValueError:
        return "not an address"
    if name == "href" and (parts.scheme in OTHERS or address.startswith("#")):
        return ""
    if not parts.scheme and not parts.netloc:
        return "a relative address"
    return "" if parts.scheme == "https" and parts.hostname else "not https"


def is_local(public_url: str) -> bool:
    """Whether our pages are on this machine only, where there is no https."""
    return urlsplit(public_url).hostname in LOCAL
