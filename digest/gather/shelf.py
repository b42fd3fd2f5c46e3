"""Long bodies in CDATA, set aside before libxml2 reads a document. Pure.

libxml2 2.14 reads CDATA a character at a time: of a feed of 120 KB, nearly all of it bodies, that was two thirds of the
parsing (520 us, 150 us without), a tenth of the first reading. So a body is replaced by a short mark and put back when
it is asked for. Only what is the whole text of an element of BODIES is set aside, since only those are looked at by
`Shelf.content`, and only in documents that `slices.cut` knows to hold no CDATA within comments.

Tried and rejected: CDATA as escaped text, which libxml2 reads fast but for the escapes (420 us, and the escaping).
"""

from __future__ import annotations

import re

LEAST = 256
"""Bytes of a body that is worth it: shorter ones are read as fast as they are set aside."""
_OPEN, _CLOSE = b"<![CDATA[", b"]]>"
_MARK = b"\x7f"
"""Allowed in XML, and in no text of a feed that we have seen."""
_MARKED = re.compile(r"(\s*+)\x7f(\d{1,6})(\s*+)", re.ASCII)
BODIES = rb"content:encoded|description|content|summary"
_BEFORE = re.compile(rb"<(?:%b)(?:\s[^<>]*+)?>\s*+\Z" % BODIES)
_BEHIND = re.compile(rb"\s*+</")


class Shelf:
    """The bodies of one document."""

    __slots__ = ("_bodies",)

    def __init__(self) -> None:
        self._bodies: list[bytes] = []

    def lift(self, data: bytes) -> bytes:
        """`data` (a document in UTF-8, without CDATA in comments) with marks for its bodies. It is as well-formed as
        before, except that of what was lifted any control characters are allowed."""
        if _MARK in data or _OPEN not in data:
            return data
        before, *sections = data.split(_OPEN)
        kept = [before]
        for section in sections:
            end = section.find(b"]")  # a single byte is found ten times as fast as three
            if not section.startswith(_CLOSE, end):
                end = section.find(_CLOSE, end)
            if end < 0:
                return data  # CDATA within CDATA: where one begins is no longer told by this
            behind = section[end + len(_CLOSE) :]
            if end >= LEAST and _BEFORE.match(before, before.rfind(b"<")) and _BEHIND.match(behind):
                kept.append(b"%b%d" % (_MARK, len(self._bodies)))
                kept.append(behind)
                self._bodies.append(section[:end])
            else:
                kept.append(_OPEN)
                kept.append(section)
            before = behind
        return b"".join(kept)

    def content(self, told: str) -> str:
        """The text of an element of BODIES: `told`, or what it stands for."""
        found = _MARKED.fullmatch(told)
        if found is None or int(found[2]) >= len(self._bodies):
            return told
        body = self._bodies[int(found[2])]
        if b"\r" in body:
            body = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # as every XML parser does (XML 1.0, 2.11)
        return found[1] + body.decode() + found[3]
