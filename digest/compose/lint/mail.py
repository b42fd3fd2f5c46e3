"""What is checked, and what a check answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from lxml import html as markup

from digest.compose.lint.sheet import Declaration, Sheet, read_sheet, read_style


class Severity(StrEnum):
    """ERROR: readers see something broken. WARNING: some may. NOTE: known, and looked after or beyond our data."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check has to say. `where` is an element, a header or a part; `line` that of the built part, 0
    where there is none; `clients` the mail programs concerned, by name."""

    severity: Severity
    check: str
    what: str
    where: str = ""
    line: int = 0
    clients: tuple[str, ...] = ()
    cure: str = ""


@dataclass(frozen=True, slots=True)
class Mail:
    """A built mail, as a provider would get it. `html` is empty for a mail of plain text."""

    html: str
    text: str
    headers: tuple[tuple[str, str], ...] = ()
    message: bytes = b""
    """The whole message, for providers that take one; empty when it is not looked at."""
    is_digest: bool = True
    """Whether the reader subscribed to it; a system mail was asked for instead."""
    public_url: str = ""
    """PUBLIC_URL, with which our own links begin."""


@dataclass(slots=True)
class Opened:
    """A mail taken apart once, for all checks. `root` is None when there is no HTML."""

    mail: Mail
    root: Any = None
    sheets: list[Sheet] = field(default_factory=list)
    styles: Mapping[Any, list[Declaration]] = field(default_factory=dict)
    """Element -> the declarations of its style attribute."""


Check = Callable[[Opened], Iterable[Finding]]


def opened(mail: Mail) -> Opened:
    """Read HTML as a browser would and its CSS as the standard says. Pure; bad markup is repaired, not refused."""
    if not mail.html.strip():
        return Opened(mail)
    root = markup.document_fromstring(mail.html)
    sheets = [read_sheet(each.text or "", line_of(each)) for each in root.iter("style")]
    styles = {each: read_style(each.get("style") or "") for each in elements(root) if each.get("style")}
    return Opened(mail, root, sheets, styles)


def elements(root: Any) -> Iterable[Any]:
    """The elements of a tree in document order, without comments."""
    return (each for each in root.iter() if isinstance(each.tag, str))


def line_of(element: Any) -> int:
    """The line of the built HTML on which an element begins, from 1; 0 when nobody knows."""
    return int(element.sourceline or 0)


def named(element: Any) -> str:
    """An element as a selector names it: `td.in.card`."""
    return ".".join([element.tag, *(element.get("class") or "").split()])
