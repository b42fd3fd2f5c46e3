"""The language of topic rules: text -> tree, and back. docs/topics.md explains it to operators. Pure.

    rule    = all ("OR" all)*
    all     = not (["AND"] not)*              terms side by side must all be there
    not     = "NOT"* part
    part    = "(" rule ")" | field ":" part | term
    term    = word | word"*" | quoted | quoted"*"

NOT binds before AND, AND before OR, as in Lucene, Boolean retrieval's textbooks and SQL. Operators are written in
capitals: "rock and roll" is a phrase people look for, so a bare small "and" is refused rather than guessed at.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from digest.errors import RuleError
from digest.stories.folding import fold, pattern

FIELDS = ("title", "summary", "text", "author", "publisher", "language")
ANYWHERE = ("title", "summary", "text")
"""Where a term without a field is looked for."""

MAX_LENGTH = 2_000
MAX_TERMS = 200
MAX_DEPTH = 20
"""Parentheses inside of each other; the parser needs four Python frames for each."""
MAX_TERM = 100
"""Characters of one term. It bounds the hits at one place of a text, and so what a hostile rule can cost."""
LEAST_PREFIX = 2
"""Letters before a star: one letter would find half of all articles."""


@dataclass(frozen=True, slots=True)
class Term:
    """A word or a phrase as it was typed, without its quotes, and where it is looked for ("": in `ANYWHERE`)."""

    text: str
    field: str = ""
    prefix: bool = False
    """Whether its last word may go on."""

    @property
    def fields(self) -> tuple[str, ...]:
        """In which fields it is looked for."""
        return (self.field,) if self.field else ANYWHERE

    @property
    def pattern(self) -> str:
        """What must stand in a folded field."""
        return pattern(fold(self.text), prefix=self.prefix)


@dataclass(frozen=True, slots=True)
class Not:
    """True where `of` is not. Never holds another Not."""

    of: Rule


@dataclass(frozen=True, slots=True)
class And:
    """All of these, two at least, none of them an And."""

    parts: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of these, two at least, none of them an Or."""

    parts: tuple[Rule, ...]


Rule = Term | Not | And | Or

NEVER: Rule = Or(())
"""True of no article; it cannot be written."""


def all_of(parts: list[Rule]) -> Rule:
    """The parts joined by AND, in normal form."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, And) else (part,)))
    return flat[0] if len(flat) == 1 else And(flat)


def any_of(parts: list[Rule]) -> Rule:
    """The parts joined by OR, in normal form."""
    flat = tuple(inner for part in parts for inner in (part.parts if isinstance(part, Or) else (part,)))
    return flat[0] if len(flat) == 1 else Or(flat)


def negated(rule: Rule) -> Rule:
    """The opposite, in normal form."""
    return rule.of if isinstance(rule, Not) else Not(rule)


def terms_in(rule: Rule) -> Iterator[Term]:
    """Every term of a rule, in its order."""
    if isinstance(rule, Term):
        yield rule
    elif isinstance(rule, Not):
        yield from terms_in(rule.of)
    else:
        for part in rule.parts:
            yield from terms_in(part)


def parse(text: str) -> Rule:
    """The tree of a rule in normal form. Raises RuleError: one line with the place and the way out."""
    if len(text) > MAX_LENGTH:
        raise RuleError(f"the rule has {len(text):,} characters and may have {MAX_LENGTH:,}; make two topics of it")
    tokens = list(_tokens(text))
    if not tokens:
        raise RuleError('the rule is empty; write what to look for, such as: harbour OR "night ferry"')
    if sum(token.kind == "term" for token in tokens) > MAX_TERMS:
        raise RuleError(f"the rule has more than {MAX_TERMS} words and phrases; make two topics of it")
    return _Parser(tokens).rule()


def unparse(rule: Rule) -> str:
    """The rule in its plainest writing: `parse(unparse(rule)) == rule`, all joints written out."""
    if isinstance(rule, Term):
        return _written(rule)
    if isinstance(rule, Not):
        return f"NOT {_inside(rule.of, (And, Or))}"
    if isinstance(rule, And):
        return " AND ".join(_inside(part, (Or,)) for part in rule.parts)
    return " OR ".join(unparse(part) for part in rule.parts)


def _inside(rule: Rule, looser: tuple[type, ...]) -> str:
    return f"({unparse(rule)})" if isinstance(rule, looser) else unparse(rule)


def _written(term: Term) -> str:
    bare = _BARE.fullmatch(term.text) and term.text.casefold() not in _JOINTS
    body = term.text if bare else f'"{term.text}"'
    return f"{term.field + ':' if term.field else ''}{body}{'*' if term.prefix else ''}"


# --- tokens -----------------------------------------------------------------------------------------------------------

_QUOTES = '"“”„‟«»＂'
_JOINTS = ("and", "or", "not")
_BARE = re.compile(rf"[^\s():*{_QUOTES}\-−–][^\s():*{_QUOTES}]*")
"""What needs no quotes. A hyphen in front does: elsewhere it means NOT."""
_TOKEN = re.compile(
    rf"(?P<space>\s+)|(?P<open>\()|(?P<close>\))"
    rf"|[{_QUOTES}](?P<quoted>[^{_QUOTES}]*)(?P<end>[{_QUOTES}]?)(?P<more>\*?)"
    rf"|(?P<field>[^\s():{_QUOTES}]*):"
    rf"|(?P<word>[^\s():{_QUOTES}]+)"
)
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters and halves of surrogate pairs: no database takes them all, and nobody can see them."""
_LANGUAGE = re.compile(" [a-z]{2,3} ")


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """open, close, field, and, or, not, term, end."""
    at: int
    """The place of its first character, counted from one."""
    told: str
    """As it was typed, for errors; the name of a field."""
    term: Term | None = None


def _wrong(at: int, told: str) -> RuleError:
    return RuleError(f"the rule, character {at}: {told}")


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 40 else text[:39] + "…"


def _tokens(text: str) -> Iterator[_Token]:
    if unseen := _UNSEEN.search(text):
        raise _wrong(unseen.start() + 1, "a character that cannot be seen; write it without")
    for found in _TOKEN.finditer(text):
        kind, at = found.lastgroup, found.start() + 1
        if kind in ("open", "close"):
            yield _Token(kind, at, found[0])
        elif kind == "field":
            yield _Token("field", at, _field(found["field"], at))
        elif kind == "word":
            yield _word(found["word"], at)
        elif kind != "space":
            if not found["end"]:
                raise _wrong(at, f'the quote {_short(found[0])} is not closed; write a second " behind the phrase')
            yield _Token("term", at, found[0], _term(found["quoted"], bool(found["more"]), at, found[0]))


def _field(name: str, at: int) -> str:
    if name.casefold() not in FIELDS:
        told = f"there is no field {_short(name)!r}" if name else "a colon without a field"
        raise _wrong(at, f"{told}; fields are {', '.join(FIELDS)}, and what holds a colon itself is written in quotes")
    return name.casefold()


def _word(word: str, at: int) -> _Token:
    small = word.casefold()
    if small in _JOINTS:
        if word != small.upper():
            raise _wrong(at, f'{word!r} may be meant or looked for; write {small.upper()}, or "{small}" in quotes')
        return _Token(small, at, word)
    if word[0] in "-−–":
        raise _wrong(at, f"{_short(word)!r} begins with a hyphen, which excludes nothing here; write NOT instead of it")
    inner = word.removesuffix("*")
    if "*" in inner:
        raise _wrong(at, f"{_short(word)!r} has a star in it; a star stands behind the last letter only, as in harbo*")
    return _Token("term", at, word, _term(inner, inner != word, at, word))


def _term(words: str, prefix: bool, at: int, told: str) -> Term:
    words = " ".join(words.split())
    folded = fold(words).strip()
    if not folded:
        raise _wrong(at, f"{_short(told)!r} holds no letter and no digit, and only those are looked for; leave it out")
    if max(len(words), len(folded)) > MAX_TERM:
        raise _wrong(at, f"{_short(told)!r} is longer than {MAX_TERM} characters; look for a shorter part of it")
    if prefix and len(folded) < LEAST_PREFIX and pattern(folded).endswith(" "):
        raise _wrong(at, f"{_short(told)!r} would find too much; write {LEAST_PREFIX} letters or more before the star")
    return Term(unicodedata.normalize("NFC", words), prefix=prefix)


# --- the parser -------------------------------------------------------------------------------------------------------


class _Parser:
    """Recursive descent, one method for each line of the grammar."""

    def __init__(self, tokens: list[_Token]) -> None:
        last = tokens[-1]
        self._tokens = [*tokens, _Token("end", last.at, last.told)]
        self._at = 0
        self._depth = 0
        self._field = ""

    def rule(self) -> Rule:
        """The whole text."""
        rule = self._any()
        if self._next.kind == "close":
            raise _wrong(self._next.at, "this ) closes nothing; take it away, or write a ( before")
        return rule

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self, kind: str) -> bool:
        taken = self._next.kind == kind
        self._at += taken
        return taken

    def _any(self) -> Rule:
        parts = [self._all()]
        while self._take("or"):
            parts.append(self._all())
        return any_of(parts)

    def _all(self) -> Rule:
        parts = [self._not()]
        while self._take("and") or self._next.kind in ("open", "field", "term", "not"):
            parts.append(self._not())
        return all_of(parts)

    def _not(self) -> Rule:
        odd = False
        while self._take("not"):
            odd = not odd
        part = self._part()
        return negated(part) if odd else part

    def _part(self) -> Rule:
        token = self._next
        self._at += 1
        if token.kind == "open":
            return self._group(token)
        if token.kind == "field":
            return self._within(token)
        if token.term is not None:
            return self._placed(token, token.term)
        if token.kind == "end":
            raise _wrong(token.at, f"something is missing behind {_short(token.told)!r}; the rule ends there")
        raise _wrong(token.at, f"something is missing before {_short(token.told)!r}; write what to look for")

    def _group(self, token: _Token) -> Rule:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise _wrong(token.at, f"more than {MAX_DEPTH} parentheses inside of each other; write it more plainly")
        inner = self._any()
        if not self._take("close"):
            raise _wrong(token.at, "this ( is not closed; write a ) where its part ends")
        self._depth -= 1
        return inner

    def _within(self, token: _Token) -> Rule:
        if self._field:
            raise _wrong(token.at, f"{token.told}: stands inside of {self._field}:, and a term has one field; take one")
        if self._next.kind not in ("open", "term"):
            raise _wrong(token.at, f"{token.told}: needs a word, a phrase or parentheses right behind it")
        self._field = token.told
        inner = self._part()
        self._field = ""
        return inner

    def _placed(self, token: _Token, term: Term) -> Rule:
        if self._field == "language" and (term.prefix or not _LANGUAGE.fullmatch(fold(term.text))):
            raise _wrong(token.at, f"{_short(token.told)!r} is no language; write its code of two or three letters: de")
        return Term(term.text, self._field, term.prefix)
