"""What publishing systems append to every text ("Continue reading", "All rights reserved"), taken off again. Pure.

The rules are data: `data/endings.txt`.
"""

from __future__ import annotations

import re

from digest.gather.rules import any_of, rules

TAIL = 400
"""Characters looked at: the longest ending is two sentences. A long text costs no more than a short one."""
MOST = 12
"""Endings one behind the other; real texts have up to five."""

_OPENING = re.compile(r"[\[(<|·•»>→\s]{0,4}")
_CLOSING = r"[\s.…!:»>›→|)\]]*\Z"
_BEGINNING = re.compile(r"\n|[.!?…:;»”\"’)\]]+\s|[。！？…\]]|\s[|·•–—»>→-]\s?")
"""Where an ending may begin: a line, a sentence, behind a dividing stroke."""
_BEFORE = " \n|·•–—→>»[(<-"
_CUT = re.compile(r"(?:[\[(] ?(?:…|\.{3}) ?[\])]|\.{3}|…)(?: ?(?:→|»|>{1,2}))?\Z")
"""How publishing systems mark where they cut a text; WordPress writes "[…]"."""
_CUT_ENDS = ("…", "]", ")", ".", "→", "»", ">")


def first_characters(pattern: str) -> frozenset[str]:
    """The characters with which a match of a rule's pattern may begin, in lower case; digits for what begins with \\d.

    Raises ValueError when they cannot be told: a pattern begins with letters, a sign, \\d, or a group of such.
    """
    if pattern.startswith("(?:"):
        end = _closing(pattern)
        found = frozenset().union(*map(first_characters, _alternatives(pattern[3:end])))
        optional = pattern[end + 1 : end + 2] == "?"
        return found | first_characters(pattern[end + 2 :]) if optional else found
    char = pattern[1:2] if pattern.startswith("\\") else pattern[:1]
    if pattern.startswith("\\d"):
        return frozenset("0123456789")
    if not char or (char in ".[^$*+?{|" and not pattern.startswith("\\")) or pattern[1:2] in ("?", "*"):
        raise ValueError(f"an ending must begin with fixed words: {pattern}")
    return frozenset((char.lower(),))


def _closing(pattern: str) -> int:
    depth = 0
    for at, char in enumerate(pattern):
        escaped = at > 0 and pattern[at - 1] == "\\"
        depth += (char == "(") - (char == ")") if not escaped else 0
        if not depth:
            return at
    raise ValueError(f"a bracket is open: {pattern}")


def _alternatives(inner: str) -> list[str]:
    found, depth = [""], 0
    for char in inner:
        depth += (char == "(") - (char == ")")
        if char == "|" and not depth:
            found.append("")
        else:
            found[-1] += char
    return found


def _by_first_character() -> dict[str, re.Pattern[str]]:
    """All rules that may match where a text goes on with that character: trying all of them took ten times as long."""
    found: dict[str, list[str]] = {}
    for _, pattern in rules("endings.txt", 2):
        for char in sorted(first_characters(pattern)):
            found.setdefault(char, []).append(pattern)
    return {
        char: re.compile(rf"(?:{any_of(tuple(told)).pattern}){_CLOSING}", re.IGNORECASE) for char, told in found.items()
    }


_RULES = _by_first_character()


def without_endings(text: str) -> str:
    """`text` without such endings, as many as stand there one behind the other; never the whole of it.

    A mark that the text was cut there ("[…]") becomes a plain ellipsis: whoever summarises must know that the last
    sentence is none.
    """
    left = text
    for _ in range(MOST):
        shorter = _once(left)
        if shorter == left or not shorter.strip(" …"):
            break
        left = shorter
    return left


def _once(text: str) -> str:
    begin = max(0, len(text) - TAIL)
    tail = text[begin:]
    starts = [(0, 0)] if not begin else []
    starts += [found.span() for found in _BEGINNING.finditer(tail)]
    for start, end in starts:
        if _is_ending(tail, end):
            # The mark that ends the sentence before stays, a dividing stroke goes.
            return text[: begin + (end if tail[start:end].strip(_BEFORE) else start)].rstrip(_BEFORE)
    if text.endswith(_CUT_ENDS) and (found := _CUT.search(text, max(0, len(text) - 12))):
        return text[: found.start()].rstrip() + "…"
    return text


def _is_ending(tail: str, at: int) -> bool:
    opened = _OPENING.match(tail, at)
    begin = opened.end() if opened else at
    rule = _RULES.get(tail[begin : begin + 1].lower())
    return rule is not None and rule.match(tail, begin) is not None
