"""What filters, methods and signs of a template may make: nothing larger than a mail could be, told before it is made.

A step of a template costs a step, but one filter can ask for a gigabyte in it. So there is a list of what may be used,
and what makes more than it was given is measured first. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

import jinja2
from jinja2.filters import FILTERS

LARGEST = 1_000_000
"""Characters that one rendering makes, and items of what a template multiplies: ten times what Gmail shows."""
HIGHEST_POWER = 100
"""The largest exponent: 10 ** 10 ** 10 would keep a core busy for hours within a single step."""
LONGEST_NUMBER = 4_000
"""Bits of a whole number: by squaring, forty steps make one of a hundred gigabytes."""

# fmt: off
_OF_TEXT = frozenset((
    "capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii", "isdecimal",
    "isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "lower", "lstrip", "partition",
    "removeprefix", "removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines",
    "startswith", "strip", "swapcase", "title", "unescape", "striptags", "upper",
))
# fmt: on
METHODS: Mapping[type, frozenset[str]] = {
    str: _OF_TEXT,
    bytes: frozenset(),
    int: frozenset(),
    float: frozenset(("is_integer",)),
}
"""By type, the methods a template may call. None of them makes more than it is given; the filters join, replace and
center do what their namesakes would."""

# fmt: off
PLAIN = frozenset((
    "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "forceescape",
    "groupby", "int", "items", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
    "reverse", "safe", "select", "selectattr", "sort", "string", "striptags", "title", "trim", "truncate", "unique",
    "upper", "urlencode", "wordcount",
))
# fmt: on
"""Jinja2's filters that make hardly more than they are given."""

_CONVERSION = re.compile(r"%(?:%|\(\w+\)[sd])|%")


def too_large() -> jinja2.TemplateRuntimeError:
    return jinja2.TemplateRuntimeError(f"more than {LARGEST:,} characters or items")


def weigh(value: object, most: int = LARGEST) -> int:
    """Characters and items of a value, with all that is in it as often as it would be written. Raises
    TemplateRuntimeError for more than `most`, before it has counted much further."""
    if isinstance(value, str):
        size = len(value)
    elif isinstance(value, Mapping):
        size = 0
        for pair in value.items():
            size += 1 + weigh(pair, most - size)
    elif isinstance(value, list | tuple | set | frozenset):
        size = len(value)
        if size <= most:
            for each in value:
                size += weigh(each, most - size) if not isinstance(each, int | float) else 0
    elif isinstance(value, range):
        size = len(value)
    else:
        size = 0
    if size > most:
        raise too_large()
    return size


def _times(many: object, times: object) -> None:
    if isinstance(many, str | list | tuple) and isinstance(times, int) and weigh(many) * times > LARGEST:
        raise too_large()


def _bits(number: object) -> int:
    return number.bit_length() if isinstance(number, int) else 0


def check_sign(sign: str, left: Any, right: Any) -> None:
    """Raises TemplateRuntimeError for a sum, product, power or formatting of more than may be."""
    if sign == "%" and isinstance(left, str):
        raise jinja2.TemplateRuntimeError("a text on the left of %; join texts with ~")
    if sign == "**" and (abs(right) > HIGHEST_POWER or _bits(left) * abs(right) > LONGEST_NUMBER):
        raise jinja2.TemplateRuntimeError(f"an exponent above {HIGHEST_POWER}, or a number of too many digits")
    if sign == "*":
        _times(left, right)
        _times(right, left)
        if _bits(left) + _bits(right) > LONGEST_NUMBER:
            raise jinja2.TemplateRuntimeError("a number of too many digits")
    if sign == "+" and isinstance(left, str | list | tuple):
        weigh((left, right))


def check_message(message: object) -> None:
    """Raises TemplateRuntimeError for a text to translate that formats otherwise than by %(name)s: a width would be
    obeyed, whatever it is."""
    if isinstance(message, str) and any(found[0] == "%" for found in _CONVERSION.finditer(message)):
        raise jinja2.TemplateRuntimeError("a text to translate holds % otherwise than in %(name)s; write %% for a sign")


# --- filters ----------------------------------------------------------------------------------------------------------


def _measured(given: Callable[..., int]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A filter that first tells what it would make of these arguments."""

    def around(filter_: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(filter_)
        def bounded(*args: Any, **named: Any) -> Any:
            told = args[1:] if hasattr(filter_, "jinja_pass_arg") else args  # Jinja2's own argument is no value
            for each in (*told, *named.values()):
                weigh(each)
            if given(*told, **named) > LARGEST:
                raise too_large()
            return filter_(*args, **named)

        return bounded

    return around


def _nothing(*_: Any, **__: Any) -> int:
    return 0


def _joined(value: Any, d: str = "", attribute: Any = None) -> int:
    items = value if isinstance(value, Sequence) else ()
    return (len(d) + 1) * len(items)


def _replaced(s: str, old: str, new: str, count: int | None = None) -> int:
    return len(str(s)) + str(s).count(old) * len(new)


def _indented(s: str, width: int | str = 4, first: bool = False, blank: bool = False) -> int:
    return (str(s).count("\n") + 1) * (width if isinstance(width, int) else len(width))


def _wrapped(s: str, width: int = 79, break_long_words: bool = True, wrapstring: str | None = None, *_: Any) -> int:
    return len(str(s)) * (1 + len(wrapstring or "\n")) // max(1, width)


def _rounded(value: Any, precision: int = 0, method: str = "common") -> int:
    return 0 if abs(precision) <= HIGHEST_POWER else LARGEST + 1


def _wide(value: Any, width: int = 80, fill_with: Any = None) -> int:
    return width


def _summed(iterable: Any, attribute: Any = None, start: Any = 0) -> int:
    return 0 if isinstance(start, int | float) else LARGEST + 1


MEASURED: Mapping[str, Callable[..., int]] = {
    "batch": _wide,
    "center": _wide,
    "indent": _indented,
    "join": _joined,
    "replace": _replaced,
    "round": _rounded,
    "slice": _wide,
    "sum": _summed,
    "wordwrap": _wrapped,
    **dict.fromkeys(PLAIN, _nothing),
}
"""Every filter of Jinja2 that a template may use, with what it would make. The others are left out: they format by
widths (format), indent (tojson, pprint), give another answer every time (random), or write what no mail needs."""


def filters() -> dict[str, Callable[..., Any]]:
    """Jinja2's filters for templates."""
    return {name: _measured(given)(FILTERS[name]) for name, given in MEASURED.items()}
