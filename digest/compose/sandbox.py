"""Where templates run: closed to everything but what they are given, and never longer than it takes to make a mail.

Jinja2 has no endless loop of its own; what comes near one are loops in loops and macros that call each other, which a
slip makes as easily as ill will. So every turn of a loop and every call of a macro is counted and the count is capped:
unlike a time limit that fails the same template everywhere, on a slow and busy machine too, and never another one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from digest.compose.bounds import LARGEST, METHODS, check_message, check_sign, filters, too_large, weigh

STEPS = 100_000
"""Turns of loops and calls of macros in one rendering. The largest of ours, the preheader, needs some fifty; spending
all of them takes about a fifth of a second on one core."""
TEXT_OF_A_STEP = 64
"""Characters of a template's own text in the body of a loop or macro that count as one step more."""
PRINTED = 8 * LARGEST
"""Characters that one rendering prints, counted again where a macro's text is printed: what a macro prints twice, and
another that macro's, is doubled with every call."""

TRANSLATIONS = ("_", "gettext", "ngettext", "pgettext", "npgettext")

Body = nodes.For | nodes.Macro | nodes.CallBlock
"""What may run more than once."""

_left: ContextVar[list[int] | None] = ContextVar("steps left to the rendering at hand", default=None)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2's sandbox with counted steps. What a template reaches is what it is given, files below its loader's
    folders, and Jinja2's own filters, tests and functions but `lipsum`."""

    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def __init__(self, **options: Any) -> None:
        super().__init__(undefined=jinja2.StrictUndefined, finalize=printed, **options)
        self.globals["range"] = counted_range
        del self.globals["lipsum"]
        self.filters = filters()

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Of texts and numbers only the methods that are listed."""
        listed = next((names for kind, names in METHODS.items() if isinstance(obj, kind)), None)
        return (listed is None or attr in listed) and super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """`str.format` is no method that is listed: it obeys any width."""

    def call(self, __context: Any, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Texts to translate are formatted by what they are called with, so they are looked at."""
        if any(__obj is self.globals.get(name) for name in TRANSLATIONS):
            for each in args:
                check_message(each)
            weigh((args, kwargs))
        return super().call(__context, __obj, *args, **kwargs)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        tree = super()._parse(source, name, filename)
        for found in tree.find_all(nodes.Stmt):
            if isinstance(found, Body):
                found.body = [self._counting(found), *found.body]
        return _Concats(self).visit(tree)  # type: ignore[no-any-return]

    def weighed(self, value: Any) -> Any:
        """Called with the parts and the whole of every compiled `~`."""
        weigh(value)
        return value

    def _counting(self, found: Body) -> nodes.Node:
        """A statement at the head of a body: its text counts too, or a page of it could be written STEPS times."""
        text = sum(len(each.data) for inside in found.body for each in inside.find_all(nodes.TemplateData))
        cost = nodes.Const(1 + text // TEXT_OF_A_STEP)
        told = nodes.ExprStmt(nodes.Call(nodes.EnvironmentAttribute("step"), [cost], [], None, None))
        told.set_environment(self)
        told.set_lineno(found.lineno)
        return told

    def step(self, cost: int) -> None:
        """Called by every compiled loop and macro."""
        spend(cost)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """What makes more than it is given, within bounds."""
        check_sign(operator, left, right)
        return super().call_binop(context, operator, left, right)


class _Concats(NodeTransformer):
    """Looks at what every `~` is given, a list of lists among it, and at what it makes."""

    def __init__(self, environment: jinja2.Environment) -> None:
        self._environment = environment

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 -- as Jinja2 calls it
        self.generic_visit(node)
        node.nodes = [each if isinstance(each, nodes.Const) else self._weighed(each) for each in node.nodes]
        return self._weighed(node)

    def _weighed(self, node: nodes.Expr) -> nodes.Expr:
        told = nodes.Call(nodes.EnvironmentAttribute("weighed"), [node], [], None, None)
        told.set_environment(self._environment)
        told.set_lineno(node.lineno)
        return told


class Folders(jinja2.PrefixLoader):
    """Folders by the first part of a name. A template bears its whole name, and so does an error in it: Jinja2's own
    loader would call it by what is left of the name."""

    load = jinja2.BaseLoader.load


@contextmanager
def counted(given: int = 0) -> Iterator[None]:
    """One rendering: what happens inside shares one count of STEPS, and of PRINTED beside so many characters, that of
    an outer `counted` where there is one."""
    if _left.get() is not None:
        yield
        return
    token = _left.set([STEPS, PRINTED + given])
    try:
        yield
    finally:
        _left.reset(token)


def spend(steps: int) -> None:
    """Take steps from the count of the rendering at hand. Raises TemplateRuntimeError when it is used up. Outside of
    `counted` nothing is counted."""
    left = _left.get()
    if left is None:
        return
    left[0] -= steps
    if left[0] < 0:
        raise jinja2.TemplateRuntimeError(
            f"it does not come to an end: more than {STEPS:,} turns of loops and calls of macros"
        )


def printed(value: Any) -> Any:
    """What every printed value goes through. Raises TemplateRuntimeError when too much was printed."""
    left = _left.get()
    if isinstance(value, str):
        size = len(value)
    elif isinstance(value, Mapping | list | tuple | set | frozenset):
        size = weigh(value)
    else:
        return value
    if left is not None:
        left[1] -= size
        if left[1] < 0:
            raise too_large()
    return value


def counted_range(*bounds: int) -> range:
    """`range` of a template; its length counts at once, for a filter may run through it in one step."""
    made = range(*bounds)
    spend(len(made))
    return made


def rendered(make: Callable[[], object], given: int = 0) -> str:
    """What `make` renders as text, counted and of at most LARGEST characters beside those `given` to it: the shell
    stands around all blocks of an edition at once. Raises TemplateRuntimeError for more."""
    with counted(given):
        text = str(make())
    if len(text) > LARGEST + given:
        raise jinja2.TemplateRuntimeError(f"it came to more than {LARGEST:,} characters")
    return text
