"""Many topic rules against one article in one pass. Pure.

All distinct words and phrases of all rules stand in one Aho-Corasick automaton (Aho and Corasick, CACM 18(6), 1975):
the time to find them in a text does not grow with their number. Word borders are spaces of the folded text and of the
patterns (`folding`), so every hit is exact and nothing is checked afterwards.

Only rules that a hit can make true are evaluated: of an AND one part is watched, the one with the fewest terms, of an
OR every part; rules that need nothing to be there (only NOTs) are always evaluated.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass

import ahocorasick

from digest.stories.folding import fold
from digest.stories.rules import FIELDS, And, Not, Rule, Term, parse, unparse
from digest.types import RawArticle


@dataclass(frozen=True, slots=True)
class Reason:
    """A term that was found, as a rule writes it, and the fields in which it was."""

    term: str
    fields: tuple[str, ...]


_Atom = tuple[tuple[str, ...], str]
"""What can be there or not: fields, and a pattern in one of them."""
_Holds = Callable[[set[int]], bool]
"""Whether a rule is true of the numbers of the atoms that are there."""


def atom_of(term: Term) -> _Atom:
    """Terms that cannot differ in any article have the same atom."""
    return term.fields, term.pattern


def compile_rules(rules: Mapping[int, Rule | str]) -> Matcher:
    """All rules, by topic, ready to be matched. Raises RuleError when a text is no rule."""
    return Matcher({key: parse(rule) if isinstance(rule, str) else rule for key, rule in rules.items()})


class Matcher:
    """Compiled rules. Nothing in it changes: any number of threads may use it at once."""

    def __init__(self, rules: Mapping[int, Rule]) -> None:
        self._rules = dict(sorted(rules.items()))
        self._numbers: dict[_Atom, int] = {}
        self._holds: dict[int, _Holds] = {}
        self._always: list[int] = []
        watched: dict[int, list[int]] = {}
        for key, rule in self._rules.items():
            self._holds[key] = self._compiled(rule)
            watch = self._watched(rule)
            if watch is None:
                self._always.append(key)
            for number in watch or ():
                watched.setdefault(number, []).append(key)
        self._watchers = {number: tuple(keys) for number, keys in watched.items()}
        self._build()

    def _build(self) -> None:
        """The automaton, and what a pattern found in a field means there."""
        patterns: dict[str, int] = {}
        for _, pattern in self._numbers:
            patterns.setdefault(pattern, len(patterns))
        told: dict[str, list[list[int]]] = {field: [[] for _ in patterns] for field in FIELDS}
        for (fields, pattern), number in self._numbers.items():
            for field in fields:
                told[field][patterns[pattern]].append(number)
        self._told = {field: [tuple(numbers) for numbers in each] for field, each in told.items() if any(each)}
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_INTS)
        for pattern, index in patterns.items():
            self._automaton.add_word(pattern, index)
        self._automaton.make_automaton()

    @property
    def ids(self) -> frozenset[int]:
        """The topics that have a rule here."""
        return frozenset(self._rules)

    def match_ids(self, article: RawArticle) -> frozenset[int]:
        """The topics whose rule is true of `article`."""
        hits = {number for _, numbers in self._found(article) for number in numbers}
        return frozenset(self._true(hits))

    def match(self, article: RawArticle) -> dict[int, tuple[Reason, ...]]:
        """The same by number, each with the terms that made it true, in the order of the rule; a rule that is true
        because of what is not there has none."""
        where: dict[int, list[str]] = {}
        for field, numbers in self._found(article):
            for number in numbers:
                where.setdefault(number, []).append(field)
        reasons: dict[int, tuple[Reason, ...]] = {}
        for key in sorted(self._true(set(where))):
            terms = dict.fromkeys(self._reasons(self._rules[key], where.keys(), True))
            reasons[key] = tuple(Reason(unparse(term), tuple(where[self._number(term)])) for term in terms)
        return reasons

    def _found(self, article: RawArticle) -> Iterator[tuple[str, set[int]]]:
        """Field after field, the atoms that are in it."""
        for field, told in self._told.items():
            text = fold(getattr(article, field))
            if text:
                indexes = {index for _, index in self._automaton.iter(text)}
                yield field, {number for index in indexes for number in told[index]}

    def _true(self, hits: set[int]) -> list[int]:
        candidates = set(self._always)
        for number in hits:
            candidates.update(self._watchers.get(number, ()))
        return [key for key in candidates if self._holds[key](hits)]

    def _number(self, term: Term) -> int:
        return self._numbers.setdefault(atom_of(term), len(self._numbers))

    def _compiled(self, rule: Rule) -> _Holds:
        if isinstance(rule, Term):
            return _contains(self._number(rule))
        if isinstance(rule, Not):
            inner = self._compiled(rule.of)
            return lambda hits: not inner(hits)
        terms = frozenset(self._number(part) for part in rule.parts if isinstance(part, Term))
        others = tuple(self._compiled(part) for part in rule.parts if not isinstance(part, Term))
        if isinstance(rule, And):
            return lambda hits: terms <= hits and all(holds(hits) for holds in others)
        return lambda hits: not terms.isdisjoint(hits) or any(holds(hits) for holds in others)

    def _watched(self, rule: Rule) -> frozenset[int] | None:
        """Atoms of which one must be there for the rule to be true; None when it may be true without any."""
        if isinstance(rule, Term):
            return frozenset((self._number(rule),))
        if isinstance(rule, Not):
            return None
        parts = [self._watched(part) for part in rule.parts]
        known = [part for part in parts if part is not None]
        if isinstance(rule, And):
            return min(known, key=len, default=None)
        return frozenset().union(*known) if len(known) == len(parts) else None

    def _reasons(self, rule: Rule, hits: Set[int], wanted: bool) -> Iterator[Term]:
        """The terms that are there and make `rule` come out as `wanted`, as it does."""
        if isinstance(rule, Term):
            if wanted:
                yield rule
        elif isinstance(rule, Not):
            yield from self._reasons(rule.of, hits, not wanted)
        else:
            for part in rule.parts:
                if self._truth(part, hits) == wanted:
                    yield from self._reasons(part, hits, wanted)

    def _truth(self, rule: Rule, hits: Set[int]) -> bool:
        if isinstance(rule, Term):
            return self._number(rule) in hits
        if isinstance(rule, Not):
            return not self._truth(rule.of, hits)
        join = all if isinstance(rule, And) else any
        return join(self._truth(part, hits) for part in rule.parts)


def _contains(number: int) -> _Holds:
    return lambda hits: number in hits
