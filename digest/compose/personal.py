"""`{% personal %} ... {% endpersonal %}`: what reads differently for some readers, compiled in every way it may read.

A mail is rendered once for all readers, so a template cannot ask who reads it. Inside such a part it can, of what is
declared here (QUESTIONS): the part is rendered once for every combination of answers it asks for, all of them go
through the same inlining, and joining a mail keeps the one that fits the reader's profile.

In a fragment a part is a row of holes: PART with the names asked, then for each way to read it CASE with the answers
for which it is meant and its text, then PART_END. What stands between may hold holes itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from types import MappingProxyType
from typing import NoReturn, Protocol

import jinja2
from jinja2 import nodes
from jinja2.ext import Extension
from jinja2.parser import Parser

from digest.compose.contexts import unbalanced
from digest.compose.fragments import CASE, PART, PART_END, Fragment, hole, holes, is_of_part, owned
from digest.types import ReaderProfile

Answer = str | bool
Answers = Mapping[str, Answer]
"""What a profile answers to QUESTIONS, by name."""

MOST = 16
"""Ways in which one part may read: each is rendered, inlined and stored."""


class Reader(Protocol):
    """What stands for the reader while a template is rendered."""

    def _ways(self, asked: Sequence[str], tell: Callable[[Answers], str]) -> str:
        """A part, from what `tell` renders for given answers."""


@dataclass(frozen=True, slots=True)
class Question:
    """What may be asked of a reader, with every answer there is. Anything but True and False is compared in a
    template; an answer is the same for everybody who shares a profile."""

    answers: tuple[Answer, ...]
    of: Callable[[ReaderProfile], Answer]


def _cadence(profile: ReaderProfile) -> str:
    """The kind of a cadence as `subscribers.cadence` writes it; one day a week is weekly, however it was chosen."""
    kind, _, days = profile.cadence.partition(":")
    return "weekly" if kind == "days" and "," not in days else kind


NO_YES = (False, True)
QUESTIONS: Mapping[str, Question] = MappingProxyType(
    {
        "cadence": Question(("daily", "weekdays", "weekly", "days", "several", "as-it-happens"), _cadence),
        "format": Question(("html", "text"), lambda profile: profile.format),
        "own_hours": Question(NO_YES, lambda profile: bool(profile.own)),
        "several_topics": Question(NO_YES, lambda profile: len(profile.topics) > 1),
    }
)
"""The one place that declares what a template may ask: a row here is all that another question needs."""


# --- rendering --------------------------------------------------------------------------------------------------------


def every_way(asked: Sequence[str], tell: Callable[[Answers], str]) -> str:
    """The part in every way it may read, between its holes; ways that read the same are one. `tell` renders it."""
    ways: dict[str, list[tuple[Answer, ...]]] = {}
    kind: type[str] = str
    for answers in product(*(QUESTIONS[name].answers for name in asked)):
        text = tell(dict(zip(asked, answers, strict=True)))
        kind = type(text)
        ways.setdefault(text, []).append(answers)
    if any(hole(PART_END) in text for text in ways):
        raise jinja2.TemplateRuntimeError("a {% personal %} part calls a macro that holds another one")
    if len(ways) == 1:
        return next(iter(ways))
    parts = [hole(PART + json.dumps(asked))]
    for text, meant in ways.items():
        parts += [hole(CASE + json.dumps(meant)), text]
    return kind().join([*parts, hole(PART_END)])  # markup stays markup; a hole is letters and digits to its escaping


# --- joining ----------------------------------------------------------------------------------------------------------


def asked_by(fragment: Fragment) -> tuple[str, ...]:
    """What a fragment asks of its reader, sorted; nothing for most."""
    if PART_END not in fragment:
        return ()
    parts = [json.loads(name[len(PART) :]) for name in holes(fragment) if name.startswith(PART)]
    return tuple(sorted({name for part in parts for name in part}))


def answers_of(profile: ReaderProfile, asked: Iterable[str]) -> dict[str, Answer]:
    """What a profile answers to these questions."""
    return {name: QUESTIONS[name].of(profile) for name in asked}


def chosen(fragment: Fragment, answers: Answers) -> Fragment:
    """The fragment as it reads for these answers, without the holes of its parts. Pure."""
    if not answers:
        return fragment
    parts = [""]
    asked: list[str] = []
    skips = False
    for place, part in enumerate(fragment):
        if place % 2 and is_of_part(part):
            if part.startswith(PART):
                asked = json.loads(part[len(PART) :])
            skips = part.startswith(CASE) and [answers[name] for name in asked] not in json.loads(part[len(CASE) :])
        elif skips:
            continue
        elif place % 2:
            parts += [part, ""]
        else:
            parts[-1] += part
    return tuple(parts)


class Readings:
    """The blocks of a frozen edition as they read for a profile, with its reader's own links. Threads may share it:
    what two make at once is equal."""

    def __init__(self, html: Mapping[str, Fragment], text: Mapping[str, Fragment]) -> None:
        self._parts = {"html": html, "text": text}
        self._asked: dict[tuple[str, str], tuple[str, ...]] = {}
        self._read: dict[tuple[object, ...], Fragment] = {}

    def of(self, part: str, key: str, profile: ReaderProfile) -> tuple[Fragment, tuple[Answer, ...]]:
        """A block, and the answers by which it reads so: none for most blocks."""
        asked = self._asked.get((part, key))
        if asked is None:
            asked = self._asked[part, key] = asked_by(self._parts[part][key])
        answers = answers_of(profile, asked)
        given = tuple(answers.values())
        found = self._read.get((part, key, given))
        if found is None:
            found = self._read[part, key, given] = owned(chosen(self._parts[part][key], answers), keep=True)
        return found, given


# --- reading templates ------------------------------------------------------------------------------------------------

_ASKED = "_asked"
"""The argument by which a part's body gets its answers."""


class PersonalParts(Extension):
    """The tag, for Jinja2. What a part may hold is checked as its template is loaded."""

    tags = {"personal"}  # noqa: RUF012 -- as Jinja2 declares it

    def parse(self, parser: Parser) -> nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endpersonal",), drop_needle=True)
        reading = _Reading(parser)
        reading.statements(body)
        reading.is_balanced(body, line)
        asked = sorted(reading.asked)
        ways = prod(len(QUESTIONS[name].answers) for name in asked)
        if ways > MOST:
            names = ", ".join(f"p.{name}" for name in asked)
            parser.fail(f"asking {names} gives {ways} ways to read; at most {MOST}: make two parts of it", line)
        call = self.call_method("told", [nodes.Name("p", "load"), nodes.Const(tuple(asked))], lineno=line)
        return nodes.CallBlock(call, [nodes.Name(_ASKED, "param")], [], body).set_lineno(line)

    def told(self, p: Reader, asked: tuple[str, ...], caller: Callable[[Answers], str]) -> str:
        """Called by every compiled part. What stands for the reader decides: a mark in every way, or one real answer.
        The sandbox keeps names that begin with an underscore from templates."""
        return p._ways(asked, caller)


class _Reading:
    """Checks one part and turns what it asks into look-ups of its answers."""

    def __init__(self, parser: Parser) -> None:
        self._parser = parser
        self._is_html = (parser.name or "").endswith(".html")
        self.asked: set[str] = set()

    def statements(self, body: Sequence[nodes.Node]) -> None:
        for each in body:
            if isinstance(each, nodes.If):
                each.test = self._condition(each.test)
                self._branches(each)
            elif not isinstance(each, nodes.Output):
                what = type(each).__name__.lower()
                self._fail(
                    f"a {{% personal %}} part holds text, values and if over {_names()}, no {what}; "
                    "put that around the part, or into a macro outside of it",
                    each,
                )

    def _branches(self, found: nodes.If) -> None:
        for branch in (found.body, found.else_):
            self.statements(branch)
            self.is_balanced(branch, found.lineno)
        self.statements(found.elif_)

    def is_balanced(self, body: Sequence[nodes.Node], line: int) -> None:
        """Every element that a branch opens it closes, or leaving the branch out would break the page."""
        wrong = unbalanced("".join(_written(each) for each in body)) if self._is_html else ""
        if wrong:
            self._parser.fail(f"{wrong} in one branch of a {{% personal %}} part; open and close it in the same", line)

    def _condition(self, test: nodes.Node) -> nodes.Expr:
        if isinstance(test, nodes.Not):
            test.node = self._condition(test.node)
        elif isinstance(test, nodes.And | nodes.Or):
            test.left, test.right = self._condition(test.left), self._condition(test.right)
        elif isinstance(test, nodes.Compare):
            test.expr = self._comparison(test)
        else:
            return self._question(test, NO_YES, test)
        return test

    def _comparison(self, test: nodes.Compare) -> nodes.Expr:
        name = _asked_name(test.expr)
        operand = test.ops[0]
        if len(test.ops) > 1 or operand.op not in ("eq", "ne", "in", "notin") or name not in QUESTIONS:
            self._unknown(test)
        told = operand.expr.items if isinstance(operand.expr, nodes.List | nodes.Tuple) else [operand.expr]
        possible = QUESTIONS[name].answers
        for each in told:
            if not isinstance(each, nodes.Const) or each.value not in possible:
                self._fail(f"p.{name} is one of {', '.join(map(repr, possible))}, compare it with these", each)
        return self._question(test.expr, possible, test)

    def _question(self, node: nodes.Node, answers: tuple[Answer, ...], test: nodes.Node) -> nodes.Expr:
        name = _asked_name(node)
        if name not in QUESTIONS:
            self._unknown(test)
        if QUESTIONS[name].answers != answers:
            told = ", ".join(map(repr, QUESTIONS[name].answers))
            self._fail(f"p.{name} is one of {told}: compare it, as in p.{name} == {QUESTIONS[name].answers[0]!r}", node)
        self.asked.add(name)
        asked = nodes.Name(_ASKED, "load", lineno=node.lineno)
        return nodes.Getitem(asked, nodes.Const(name), "load", lineno=node.lineno)

    def _unknown(self, test: nodes.Node) -> NoReturn:
        self._fail(
            f"a condition in {{% personal %}} asks {_names()}, nothing else; what depends on a story or the site goes "
            "around the part, and every other value is only printed",
            test,
        )

    def _fail(self, message: str, node: nodes.Node) -> NoReturn:
        self._parser.fail(message, node.lineno)


def _asked_name(node: nodes.Node) -> str:
    """`next` of `p.next`; empty for anything else."""
    is_of_reader = isinstance(node, nodes.Getattr) and isinstance(node.node, nodes.Name) and node.node.name == "p"
    return str(node.attr) if isinstance(node, nodes.Getattr) and is_of_reader else ""


def _written(node: nodes.Node) -> str:
    """What a branch writes by itself, a letter for each value; what an inner branch writes is checked there."""
    inside = node.nodes if isinstance(node, nodes.Output) else []
    return "".join(each.data if isinstance(each, nodes.TemplateData) else "x" for each in inside) or "x"


def _names() -> str:
    return ", ".join(f"p.{name}" for name in QUESTIONS)
