"""The bones of a mail: shell, tables, headings, pictures and the preheader."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from digest.compose.lint.contrast import UNSEEN
from digest.compose.lint.mail import Finding, Opened, Severity, elements, line_of, named

PADDING = 30
"""Invisible characters after the preheader: an inbox shows up to about 140 characters of a mail, and what is missing it
takes from the masthead. A joiner with its spaces stands for about three of them in a line of an inbox."""

LAYOUT = ("presentation", "none")


def _error(check: str, what: str, element: Any, cure: str) -> Finding:
    return Finding(Severity.ERROR, check, what, named(element), line_of(element), cure=cure)


def check_shell(mail: Opened) -> Iterator[Finding]:
    """Language and direction on html, and again on the first table, because webmail keeps neither html nor body
    (caniemail, html-body)."""
    if mail.root is None:
        return
    tables = mail.root.xpath("//table")
    for element in (mail.root, *tables[:1]):
        for name in ("lang", "dir"):
            if not (element.get(name) or "").strip():
                yield _error("shell", f"no {name}", element, f'{name} on <html> and on the first table: {name}="..."')
    if mail.root.get("dir") not in (None, "", "ltr", "rtl"):
        yield _error("shell", f"dir is {mail.root.get('dir')!r}", mail.root, "ltr or rtl")
    titles = mail.root.xpath("//head/title")
    if not titles or not titles[0].text_content().strip():
        yield _error("shell", "no title", mail.root, "a <title>: a mail that is opened in a window of its own shows it")


def check_tables(mail: Opened) -> Iterator[Finding]:
    """Layout tables tell screen readers that they are none. A table with header cells is one."""
    if mail.root is None:
        return
    for table in mail.root.xpath("//table[not(.//th)]"):
        if (table.get("role") or "").lower() not in LAYOUT:
            yield _error("tables", "a layout table without role", table, 'role="presentation"')


def check_headings(mail: Opened) -> Iterator[Finding]:
    """One h1, first; no level is left out on the way down (WCAG technique G141)."""
    if mail.root is None:
        return
    headings = [each for each in elements(mail.root) if each.tag in ("h1", "h2", "h3", "h4", "h5", "h6")]
    if not headings:
        yield _error("headings", "no heading", mail.root, "one <h1>: screen readers jump from heading to heading")
    before = 0
    for heading in headings:
        level = int(heading.tag[1])
        if level > before + 1:
            yield _error(
                "headings", f"h{level} after {f'h{before}' if before else 'nothing'}", heading, f"h{before + 1}"
            )
        if level == 1 and before:
            yield _error("headings", "a second h1", heading, "h2")
        pictured = "".join(picture.get("alt", "") for picture in heading.iter("img"))  # a logo says the name so
        if not f"{heading.text_content()}{pictured}".strip():
            yield _error("headings", "an empty heading", heading, "leave it out")
        before = level


def check_pictures(mail: Opened) -> Iterator[Finding]:
    """Every picture says what it shows and how wide it is: Outlook knows the width attribute only (caniemail,
    css-width), and half of all pictures are blocked at first."""
    if mail.root is None:
        return
    for picture in mail.root.xpath("//img"):
        alt, linked = picture.get("alt"), bool(picture.xpath("ancestor::a"))
        if alt is None:
            yield _error("pictures", "a picture without alt", picture, 'alt="what it shows", alt="" for an ornament')
        elif linked and not alt.strip() and not picture.xpath("ancestor::a")[0].text_content().strip():
            yield _error(
                "pictures", "a link that is a picture without words", picture, "an alt that says where it leads"
            )
        width = picture.get("width") or ""
        if not width.isdigit():
            yield _error(
                "pictures", f"width is {width!r}" if width else "a picture without width", picture, 'width="600"'
            )


def check_preheader(mail: Opened) -> Iterator[Finding]:
    """A digest begins with hidden words for the inbox, and enough nothing after them that no masthead follows."""
    if mail.root is None or not mail.mail.is_digest:
        return
    body = mail.root.find("body")
    hidden = [each for each in elements(body) if _hides(each, mail)] if body is not None else []
    if not hidden:
        yield _error("preheader", "no preheader", body if body is not None else mail.root, "a hidden first <div>")
        return
    words = hidden[0].text_content()
    before = "".join(hidden[0].xpath("preceding::text()[ancestor::body]")).strip()
    shown = [char for char in words if char not in UNSEEN and not char.isspace()]
    padded = sum(char in UNSEEN for char in words)
    if before:
        yield _error("preheader", "the preheader is not the first text", hidden[0], "put it before the masthead")
    if len(shown) < 5:
        yield _error("preheader", "the preheader says nothing", hidden[0], "the second and third headline")
    if padded < PADDING:
        yield _error(
            "preheader", f"{padded} invisible characters behind it", hidden[0], f"{PADDING} of &#847;&zwnj;&nbsp;"
        )


def _hides(element: Any, mail: Opened) -> bool:
    return any(one.name == "display" and one.text == "none" for one in mail.styles.get(element, ()))
