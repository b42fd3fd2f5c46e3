"""Which declarations win on an element, by day and by night: as much of the cascade (CSS Cascading Level 4) as mails
need."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cssselect import HTMLTranslator, SelectorError, parse

from digest.compose.lint.mail import elements
from digest.compose.lint.sheet import Declaration, Rule, Sheet, read_style

Styles = Mapping[Any, Mapping[str, str]]
"""Element -> property -> the value that wins on it, without what it inherits."""


def _always(rule: Rule) -> bool:
    """Whether a rule holds on a wide screen by day."""
    return all(
        each.startswith("@supports") or re.fullmatch(r"@media\s+(all|(only )?screen)", each) for each in rule.conditions
    )


def _by_night(rule: Rule) -> bool:
    return bool(rule.conditions) and all(
        re.fullmatch(r"@media\s+((all|(only )?screen) and )?\(\s*prefers-color-scheme\s*:\s*dark\s*\)", each)
        for each in rule.conditions
    )


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way in which a mail is coloured. `marks` are what a mail program puts on the mail itself."""

    name: str
    holds: Callable[[Rule], bool]
    marks: tuple[str, ...] = ()


SCHEMES = (
    Scheme("light", _always),
    Scheme("dark", lambda rule: _always(rule) or _by_night(rule)),
    # Outlook on the web and on phones: https://www.caniemail.com/features/css-at-media-prefers-color-scheme/, note 3
    Scheme("Outlook's dark", _always, ("data-ogsc", "data-ogsb")),
)


def styles_of(root: Any, sheets: Sequence[Sheet], scheme: Scheme) -> tuple[Any, Styles]:
    """A tree coloured by this scheme, and what wins on each of its elements."""
    if scheme.marks:
        root = copy.deepcopy(root)
        for mark in scheme.marks:
            root.set(mark, "")
    told: dict[Any, dict[str, list[tuple[tuple[object, ...], str]]]] = {}

    def say(element: Any, one: Declaration, weight: tuple[object, ...]) -> None:
        told.setdefault(element, {}).setdefault(one.name, []).append(((one.important, *weight), one.text))

    order = 0
    for rule in (rule for sheet in sheets for rule in sheet.rules if scheme.holds(rule)):
        for path, specificity in _paths(rule.selector):
            for element in root.xpath(path):
                for one in rule.declarations:
                    order += 1
                    say(element, one, (False, specificity, order))
    for element in elements(root):
        for place, one in enumerate(_read(element.get("style") or "")):
            say(element, one, (True, (0, 0, 0), place))
    return root, {
        element: {name: max(values)[1] for name, values in properties.items()} for element, properties in told.items()
    }


@lru_cache(maxsize=4096)
def _read(style: str) -> tuple[Declaration, ...]:
    return tuple(read_style(style))


@lru_cache(maxsize=4096)
def _paths(selector: str) -> tuple[tuple[str, tuple[int, int, int]], ...]:
    return tuple(_translated(selector))


def _translated(selector: str) -> Iterator[tuple[str, tuple[int, int, int]]]:
    """XPath and specificity of each of the selectors. What XPath cannot say is a state (:hover) or a part without text
    of ours (::before): nothing that stands on the paper."""
    try:
        for each in parse(selector):
            yield HTMLTranslator().selector_to_xpath(each), each.specificity()
    except SelectorError:
        return
