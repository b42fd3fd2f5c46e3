"""What stands on a page between the paragraphs and belongs to no article: share bars, "Must Watch", newsletter boxes.

The words are data (`data/furniture.txt`, which tells its format); this module only knows the kinds. Pure, apart from
reading that file once.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from importlib.resources import files

SHORT = 200
"""Characters: the longest line that can be furniture by how it begins. Longer ones are paragraphs."""
LABEL = 80
"""Characters: a line of the text that begins like a label is longer, or has no full stop."""
KINDS = ("any", "line", "start", "bar", "more", "end", "icon", "mark")
_NOT_WORDS = re.compile(r"[^\w]+")
_AT = r"(?:\s+(?:at|on|in|bei|auf|sur|en|su|bij|في|على)(?!\w))?"
_ENDS_SENTENCE = r"(?<=[.!?…؟。\"”»’])\s*"


class Verdict(Enum):
    """What a line is."""

    TEXT = auto()
    FURNITURE = auto()
    MORE = auto()
    """The link to the whole article, which ends this one."""
    END = auto()
    """The article ends here."""


@dataclass(frozen=True, slots=True)
class Furniture:
    """The rules, ready to be asked."""

    phrases: Mapping[str, frozenset[str]]
    """Kind -> its phrases, folded; those of `mark` only in lower case."""
    anywhere: re.Pattern[str]
    trailing: re.Pattern[str]
    starts: re.Pattern[str]
    more: re.Pattern[str]
    bars: re.Pattern[str]
    icons: re.Pattern[str]

    def judge(self, line: str) -> tuple[Verdict, str]:
        """What `line` is, and for TEXT the line without furniture, for MORE what follows the rule's words."""
        kept = " ".join(self.anywhere.sub(" ", line).split())
        folded = fold(kept)
        if not folded:
            return Verdict.FURNITURE, ""
        if folded in self.phrases["end"]:
            return Verdict.END, ""
        if folded in self.phrases["line"] or self.bars.fullmatch(folded):
            return Verdict.FURNITURE, ""
        if len(kept) <= SHORT:
            if (found := self.more.match(kept)) and _is_no_sentence(kept, found.end()):
                return Verdict.MORE, kept[found.end() :].strip(" :–—-→»>›.…")
            if (found := self.starts.match(kept)) and _is_no_sentence(kept, found.end()):
                return Verdict.FURNITURE, ""
        while (shorter := self.trailing.sub("", kept)) != kept:
            kept = shorter
        return Verdict.TEXT, kept

    def clean(self, text: str) -> str:
        """Paragraphs (one a line) without furniture; what follows an end is left out."""
        kept = []
        for line in text.split("\n"):
            verdict, rest = self.judge(line)
            if verdict is Verdict.END:
                break
            if verdict is Verdict.TEXT and rest:
                kept.append(rest)
        return "\n".join(kept)

    def without_icon(self, words: str) -> str:
        """`words` without the name of an icon at their begin or end; written as the rule is, for Time is a magazine."""
        return self.icons.sub("", words).strip()

    def marks(self, attributes: str) -> bool:
        """Whether a class or an id marks an element as no part of a text."""
        return not self.phrases["mark"].isdisjoint(attributes.lower().split())


def _is_no_sentence(line: str, end: int) -> bool:
    """Whether the line that begins with a rule's words (up to `end`) is a label and not a sentence of the text."""
    return len(line) <= LABEL or line[end:].lstrip()[:1] in (":", "|", "–", "—", "-") or line[-1] not in '.!?؟”"'


def fold(line: str) -> str:
    """`line` as it is compared: lower case, its words with single spaces between them."""
    return _NOT_WORDS.sub(" ", line.casefold()).strip()


def read_rules(text: str) -> Furniture:
    """The rules in the format of `data/furniture.txt`. Raises ValueError that names a line it cannot read."""
    told: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        kind, _, phrase = line.partition(" ")
        if kind not in KINDS or not fold(phrase):
            raise ValueError(f"line {number}: expected one of {', '.join(KINDS)}, a space and words, not {line[:60]!r}")
        told[kind].append(phrase.strip())
    folded = {kind: frozenset(map(fold, told[kind])) for kind in KINDS if kind != "mark"}
    folded["mark"] = frozenset(phrase.lower() for phrase in told["mark"])
    bars = _any_of(told["bar"])
    closing = _any_of([*told["line"], *told["end"]])
    icons = _any_of(told["icon"])
    return Furniture(
        phrases=folded,
        anywhere=re.compile(rf"(?:{_any_of(told['any'])})[.!…]*", re.IGNORECASE),
        trailing=re.compile(rf"{_ENDS_SENTENCE}(?:(?:{closing})[.!…:]*\s+)*(?:{closing})[!…:]*$", re.IGNORECASE),
        starts=re.compile(rf"\W*+(?:{_any_of(told['start'])})(?!\w)", re.IGNORECASE),
        more=re.compile(rf"\W*+(?:{_any_of(told['more'])})(?!\w){_AT}", re.IGNORECASE),
        bars=re.compile(rf"(?:{bars})(?: (?:{bars}))*", re.IGNORECASE),
        icons=re.compile(rf"^(?:{icons})(?!\w)|(?<!\w)(?:{icons})$"),
    )


@lru_cache(maxsize=1)
def rules() -> Furniture:
    """The rules that come with the service."""
    return read_rules(files("digest.gather").joinpath("data/furniture.txt").read_text(encoding="utf-8"))


def _any_of(phrases: list[str]) -> str:
    """A pattern for any of the phrases, the longer first; the spaces in them match whatever stands between words."""
    by_length = sorted(phrases, key=len, reverse=True)
    words = (map(re.escape, _NOT_WORDS.sub(" ", phrase).split()) for phrase in by_length)
    return "|".join(map(r"\W{1,3}".join, words)) or r"(?!)"
