"""Whose wire copy an article is: the agency in its author, dateline or last line. Pure.

The agencies are data: `data/agencies.txt`. The forms are those of the agencies' own copy: "LONDON, Jan 3 (Reuters) - ",
"(AP) —", "Berlin (dpa/bb) - ", "AFP | ", and a signature as the last line or in brackets at the very end.
"""

from __future__ import annotations

import re

from digest.gather.rules import rules

SIGHT = 120
"""Characters of a text's beginning that may be its dateline: two towns, a date and the agency."""
LAST = 60
SHOUTED = 4
"""Letters beyond which a signature may also stand in capitals ("REUTERS")."""
SHORT = 2
"""Letters of a signature that means too much else ("PA", "TT") unless it stands in brackets or alone as an author."""


def _signatures() -> dict[str, str]:
    found = {}
    for (rule,) in rules("agencies.txt", 1):
        name, _, signatures = rule.partition(": ")
        for signature in signatures.split(","):
            found[signature.strip()] = name
            if len(signature.strip()) > SHOUTED:
                found[signature.strip().upper()] = name
    return found


_SIGNATURES = _signatures()
"""Signature -> the name that readers see. Letter by letter in texts: "SPA" is an agency, "Spa" is not."""
_AUTHORS = {signature.casefold(): name for signature, name in _SIGNATURES.items()}


def _one_of(signatures: list[str]) -> str:
    return "|".join(re.escape(each) for each in sorted(signatures, key=len, reverse=True))


_ANY = _one_of(list(_SIGNATURES))
_LONG = _one_of([each for each in _SIGNATURES if len(each) > SHORT])
_DATELINE = re.compile(rf"[^()\n]{{0,90}}\((?P<name>{_ANY})(?:/[^()\n]{{1,30}})?\)\s?(?:[-–—:|.]{{1,2}}|$)")
_SIGNED_FIRST = re.compile(rf"(?P<name>{_LONG})\s?(?:[|–—]|-{{1,2}}\s)")
_SIGNED_LAST = re.compile(
    rf"(?:[(\[](?P<inside>{_ANY})(?:/[^()\n]{{1,30}})?[)\]]"
    rf"|\n(?:(?:(?i:source|quelle|via|with|by))\s?:?\s|[–—-]{{1,2}}\s?|©\s?(?:\d{{4}}\s)?)?(?P<line>{_LONG})(?:\s\d{{4}})?)[\s.]{{0,3}}\Z"
)
_APART = re.compile(r"\s{0,3}[,;/|•·&]\s{0,3}|\s(?:and|und|et|y|e|with|mit|for|via|at|in|en|à|-|–|—)\s", re.IGNORECASE)


def find(author: str, text: str, publisher: str) -> str:
    """The agency whose copy this is, as readers see it, or "".

    `author` is its author as text, `text` its body or short text. "" also when the publisher is that agency: then
    nobody passed anything on.
    """
    found = _in_author(author) or _in_text(text)
    return "" if found and _is_publisher(found, publisher) else found


def _in_author(author: str) -> str:
    if not author:
        return ""
    whole = _AUTHORS.get(author.casefold().strip(" ."))
    if whole:
        return whole
    parts = (part.casefold().strip(" .()") for part in _APART.split(author))
    return next((_AUTHORS[part] for part in parts if len(part) > SHORT and part in _AUTHORS), "")


def _in_text(text: str) -> str:
    head = text[:SIGHT].lstrip()
    found = (_DATELINE.match(head) if "(" in head else None) or _SIGNED_FIRST.match(head)
    if found:
        return _SIGNATURES[found["name"]]
    last = _SIGNED_LAST.search(text, max(0, len(text) - LAST))
    return _SIGNATURES[last["inside"] or last["line"]] if last else ""


def _is_publisher(agency: str, publisher: str) -> bool:
    told = publisher.casefold()
    mine = [signature for signature, name in _AUTHORS.items() if name == agency]
    return any(re.search(rf"(?<!\w){re.escape(each)}(?!\w)", told) for each in mine)
