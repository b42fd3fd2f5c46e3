"""The operator's CSS selector, matched in one pass over the page. Pure.

`cssselect` reads the selector. Its translation to XPath is not used: on a page of nested elements, which anybody can
make, libxml2 needs minutes for "div a" (30,000 links below 240 elements: 177 s), for it collects every pair. Here each
element is asked once for each part of the selector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice

from cssselect import SelectorError, parse
from cssselect import parser as css
from lxml import etree

from digest.errors import InputError

MAX_SELECTOR = 500
MAX_PARTS = 20

Test = Callable[[etree._Element], bool]


@dataclass(frozen=True, slots=True)
class _Part:
    """One part of a selector: what it asks of an element itself, and how the element stands to the part before."""

    test: Test
    relation: str = ""


@dataclass(slots=True)
class _Level:
    """How far the elements on the way down, and their siblings before, have matched: places in the chain."""

    above: frozenset[int]
    """Parts that an ancestor matches."""
    parent: frozenset[int] = frozenset()
    before: frozenset[int] = frozenset()
    """Parts that the element just before matches."""
    earlier: set[int] = field(default_factory=set)
    """Parts that any sibling before matches."""


def select(root: etree._Element, selector: str, *, limit: int) -> list[etree._Element]:
    """The elements below `root` that the selector names, in the page's order, at most `limit`.

    Raises InputError, one line with an example, when it is no selector or one that is not understood here.
    """
    chains = compiled(selector)
    found: list[etree._Element] = []
    for chain in chains:
        found.extend(islice(_matches(root, chain), limit))
    if len(chains) == 1:
        return found
    wanted = set(found)
    return list(islice((node for node in root.iter() if node in wanted), limit))


def compiled(selector: str) -> list[list[_Part]]:
    """The selector's alternatives, each a chain of parts from left to right. Raises InputError as `select` does."""
    if len(selector) > MAX_SELECTOR:
        raise InputError(f"a selector of {len(selector)} characters is too long; an example: 'main h2 a'")
    try:
        parsed = parse(selector)
        chains = [_chain(each.parsed_tree) for each in parsed if each.pseudo_element is None]
    except (SelectorError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:150]
        raise InputError(f"{selector[:80]!r} is no CSS selector ({reason}); an example: 'main h2 a'") from None
    if not chains or max(map(len, chains)) > MAX_PARTS:
        raise InputError(f"{selector[:80]!r} names no elements of a page; an example: 'main h2 a'")
    return chains


def _matches(root: etree._Element, chain: list[_Part]) -> Iterator[etree._Element]:
    last = len(chain) - 1
    levels = [_Level(frozenset())]
    for event, node in etree.iterwalk(root, events=("start", "end")):
        if not isinstance(node.tag, str):
            continue
        if event == "end":
            levels.pop()
            continue
        level = levels[-1]
        mine = frozenset(place for place, part in enumerate(chain) if _fits(place, part, level) and part.test(node))
        levels.append(_Level(level.above | mine, parent=mine))
        level.before = mine
        level.earlier |= mine
        if last in mine:
            yield node


def _fits(place: int, part: _Part, level: _Level) -> bool:
    """Whether the part before has matched where this part's relation asks for it."""
    if not place:
        return True
    known = {" ": level.above, ">": level.parent, "+": level.before, "~": level.earlier}[part.relation]
    return place - 1 in known


def _chain(tree: css.Tree) -> list[_Part]:
    parts: list[_Part] = []
    while isinstance(tree, css.CombinedSelector):
        parts.append(_Part(_test(tree.subselector), tree.combinator))
        tree = tree.selector
    parts.append(_Part(_test(tree)))
    return parts[::-1]


def _test(tree: css.Tree) -> Test:
    """What one part asks of an element. Raises ValueError for what is not understood here."""
    if isinstance(tree, css.Element):
        name = (tree.element or "").lower()
        return lambda node: not name or node.tag == name
    for kind, make in _TESTS.items():
        if isinstance(tree, kind):
            inner, own = _test(getattr(tree, "selector", css.Element())), make(tree)
            return lambda node: inner(node) and own(node)
    raise ValueError(f"{type(tree).__name__} is not understood here")


def _class(tree: css.Class) -> Test:
    return lambda node: tree.class_name in (node.get("class") or "").split()


def _hash(tree: css.Hash) -> Test:
    return lambda node: node.get("id") == tree.id


def _attribute(tree: css.Attrib) -> Test:
    name = tree.attrib.lower()
    value = tree.value.value if tree.value is not None else None
    if tree.operator == "exists" or value is None:
        return lambda node: node.get(name) is not None
    if tree.operator not in _OPERATORS:  # cssselect also reads jQuery's [a!=b]
        raise ValueError(f"{tree.operator} is not understood here; {', '.join(_OPERATORS)} are")
    compare = _OPERATORS[tree.operator]
    return lambda node: (told := node.get(name)) is not None and compare(told, value)


def _negation(tree: css.Negation) -> Test:
    test = _test(tree.subselector)
    return lambda node: not test(node)


def _pseudo(tree: css.Pseudo) -> Test:
    if tree.ident not in _PSEUDOS:
        raise ValueError(f":{tree.ident} is not understood here; {', '.join(':' + name for name in _PSEUDOS)} are")
    return _PSEUDOS[tree.ident]


_TESTS: dict[type, Callable[..., Test]] = {
    css.Class: _class,
    css.Hash: _hash,
    css.Attrib: _attribute,
    css.Negation: _negation,
    css.Pseudo: _pseudo,
}
_PSEUDOS: dict[str, Test] = {
    "first-child": lambda node: node.getprevious() is None,
    "last-child": lambda node: node.getnext() is None,
    "only-child": lambda node: node.getprevious() is None and node.getnext() is None,
}
_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "=": lambda told, value: told == value,
    "~=": lambda told, value: value in told.split(),
    "|=": lambda told, value: told == value or told.startswith(value + "-"),
    "^=": lambda told, value: bool(value) and told.startswith(value),
    "$=": lambda told, value: bool(value) and told.endswith(value),
    "*=": lambda told, value: bool(value) and value in told,
}
