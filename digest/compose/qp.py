"""Quoted-printable in pieces that can be joined in any order (RFC 2045, section 6.7)."""

from __future__ import annotations

import binascii
import re

_SOFT = b"=\r\n"
_LONGEST = 75
"""A line may have 76 characters, the `=` of a soft line break included."""
_NEWLINES = re.compile(r"\r\n?")


def encode_qp(text: str) -> bytes:
    """Quoted-printable UTF-8 that ends with a line break, soft unless the text itself ends with a newline.

    So any joining of encoded pieces is valid: every line has at most 76 characters and none ends in bare white space.
    Decoding gives the text with its newlines (any kind) as CRLF. Empty text gives nothing. Pure.
    """
    if not text:
        return b""
    encoded = binascii.b2a_qp(_NEWLINES.sub("\n", text).encode(), quotetabs=False, istext=True, header=False)
    lines = encoded.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    if lines.endswith(b"\r\n"):
        return lines
    start = lines.rfind(b"\n") + 1
    if len(lines) - start > _LONGEST:
        # No room for the `=` on the last line: break before its last character, which may be written as three.
        cut = len(lines) - (3 if lines[-3:-2] == b"=" else 1)
        lines = lines[:cut] + _SOFT + lines[cut:]
    return lines + _SOFT
