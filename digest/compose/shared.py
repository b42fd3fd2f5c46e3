"""What all readers share knows no reader: checked on a template's syntax as it is loaded.

While a template is rendered, a personal value is the mark of a hole. Printed, handed to a macro or joined with `~` it
does its work; asked, compared, filtered or counted it would quietly give the same wrong answer for everybody. Such a
use is an error that names file, line and cure. Values are followed through `set`, `with`, macros (imported ones too)
and the bodies of `call`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import jinja2
from jinja2 import nodes
from jinja2.compiler import CodeGenerator

from digest.compose.personal import QUESTIONS

READER = "p"
TRANSLATIONS = frozenset(("_", "gettext", "ngettext", "pgettext", "npgettext"))
"""What prints its named arguments into a text."""

_QUOTES = "{% personal %}"
_ASK = f"put it into {_QUOTES} ... {{% endpersonal %}} and ask one of {', '.join(f'p.{name}' for name in QUESTIONS)}"
_PRINT = "print it as it is, its value comes when the mail is joined"
_USES: Mapping[type[nodes.Node], tuple[str, str]] = {
    nodes.Compare: ("in a comparison", _ASK),
    nodes.And: ("in a condition", _ASK),
    nodes.Or: ("in a condition", _ASK),
    nodes.Not: ("in a condition", _ASK),
    nodes.Test: ("in a condition", _ASK),
    nodes.Filter: ("in a filter", _PRINT),
    nodes.BinExpr: ("in a sum", _PRINT),
    nodes.UnaryExpr: ("in a sum", _PRINT),
    nodes.Getattr: ("with something of its own", _PRINT),
    nodes.Getitem: ("with something of its own", _PRINT),
    nodes.Slice: ("cut to pieces", _PRINT),
    nodes.List: ("in a list", "hand it on by itself"),
    nodes.Tuple: ("in a list", "hand it on by itself"),
    nodes.Dict: ("in a mapping", "hand it on by itself"),
}
"""What else than printing can be done with a value: how that is called, and the way out."""


class Checked(CodeGenerator):
    """Jinja2's compiler, which looks before it compiles."""

    def visit_Template(self, node: nodes.Template, frame: Any = None) -> None:  # noqa: N802 -- as Jinja2 calls it
        check(self.environment, node, self.name or "")
        super().visit_Template(node, frame)


def check(environment: jinja2.Environment, tree: nodes.Template, name: str) -> None:
    """Raises TemplateSyntaxError for the first use of a personal value that shared code has none for."""
    files = {name: _File(name)}
    _collect(environment, tree, files[name], files)
    while True:  # a value that reaches one macro more may reach others through it; each round adds some or is the last
        walks = [_Walk(file) for file in files.values()]
        for walk in walks:
            walk.file_and_macros()
        if not any(walk.learnt for walk in walks):
            break
    for walk in walks:
        if walk.wrong:
            line, told = min(walk.wrong)
            raise jinja2.TemplateSyntaxError(told, line, walk.file.name)


@dataclass(slots=True)
class _Macro:
    """A macro and what is known of it: which of its arguments are personal, and what it says that is."""

    node: nodes.Macro
    given: dict[str, str] = field(default_factory=dict)
    """Argument -> the personal value that reaches it; "caller" is what a `call` says."""
    says: str = ""


@dataclass(slots=True)
class _File:
    name: str
    body: Sequence[nodes.Node] = ()
    macros: dict[str, _Macro] = field(default_factory=dict)
    """By the name under which this file calls them."""
    own: list[_Macro] = field(default_factory=list)
    modules: dict[str, _File] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)


def _collect(environment: jinja2.Environment, tree: nodes.Template, file: _File, files: dict[str, _File]) -> None:
    file.body = tree.body
    for macro in tree.find_all(nodes.Macro):
        file.macros[macro.name] = made = _Macro(macro)
        file.own.append(made)
    imports: list[nodes.FromImport | nodes.Import] = [*tree.find_all(nodes.FromImport), *tree.find_all(nodes.Import)]
    for found in imports:
        if not isinstance(found.template, nodes.Const) or environment.loader is None:
            continue
        other = str(found.template.value)
        if other not in files:
            files[other] = _File(other)
            source, path, _ = environment.loader.get_source(environment, other)
            _collect(environment, environment.parse(source, other, path), files[other], files)
        if isinstance(found, nodes.Import):
            file.modules[found.target] = files[other]
            continue
        for each in found.names:
            there, here = each if isinstance(each, tuple) else (each, each)
            if there in files[other].macros:
                file.macros[here] = files[other].macros[there]


class _Walk:
    """One look at one file. What it learns of macros and names stays with them for the next."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self.learnt = False
        self.wrong: list[tuple[int, str]] = []
        self._names = file.names

    def file_and_macros(self) -> None:
        self._all(self.file.body)
        for macro in self.file.own:
            self._names = macro.given
            for argument in macro.node.args:
                self._bind(argument, "")
            for argument, default in zip(reversed(macro.node.args), reversed(macro.node.defaults), strict=False):
                self._learn(macro.given, argument.name, self._value(default))
            said = self._all(macro.node.body)
            if said and not macro.says:
                macro.says, self.learnt = said, True
            self._names = self.file.names

    def _learn(self, names: dict[str, str], name: str, value: str) -> None:
        if value and name not in names:
            names[name], self.learnt = value, True

    def _refuse(self, value: str, how: str, cure: str, node: nodes.Node) -> None:
        if value:
            self.wrong.append((node.lineno, f"{value} {how}; {cure}"))

    # --- statements: what they print of a reader ----------------------------------------------------------------------

    def _all(self, body: Iterable[nodes.Node]) -> str:
        return next(iter([said for each in body if (said := self._statement(each))]), "")

    def _statement(self, node: nodes.Node) -> str:
        known = _STATEMENTS.get(type(node))
        if known is not None:
            return str(known(self, node))
        if isinstance(node, nodes.Expr):
            return self._value(node)
        return self._all(node.iter_child_nodes())

    def _nothing(self, node: nodes.Node) -> str:
        return ""  # a macro is walked by itself

    def _if(self, node: nodes.If) -> str:
        self._refuse(self._value(node.test), "in a condition", _ASK, node.test)
        return self._all([*node.body, *node.elif_, *node.else_])

    def _for(self, node: nodes.For) -> str:
        self._refuse(self._value(node.iter), "in a loop", _PRINT, node.iter)
        self._bind(node.target, "")
        if node.test is not None:
            self._refuse(self._value(node.test), "in a condition", _ASK, node.test)
        return self._all([*node.body, *node.else_])

    def _call_block(self, node: nodes.CallBlock) -> str:
        says = self._all(node.body)
        if isinstance(node.call.node, nodes.ExtensionAttribute):
            return f"a {_QUOTES} part"
        macro = self._macro(node.call.node)
        if macro is not None:
            self._learn(macro.given, "caller", says)
        return self._value(node.call) or says

    def _filter_block(self, node: nodes.FilterBlock) -> str:
        self._refuse(self._all(node.body), "in a filter", _PRINT, node)
        return ""

    def _assign(self, node: nodes.Assign) -> str:
        self._bind(node.target, self._value(node.node))
        return ""

    def _assign_block(self, node: nodes.AssignBlock) -> str:
        says = self._all(node.body)
        if node.filter is not None:
            self._refuse(says, "in a filter", _PRINT, node)
        self._bind(node.target, says)
        return ""

    def _with(self, node: nodes.With) -> str:
        for target, value in zip(node.targets, node.values, strict=True):
            self._bind(target, self._value(value))
        return self._all(node.body)

    def _bind(self, target: nodes.Node, value: str) -> None:
        if isinstance(target, nodes.Name) and target.name == READER:
            self.wrong.append((target.lineno, f"{READER} is the reader; give this another name"))
        elif isinstance(target, nodes.Name):
            self._learn(self._names, target.name, value)
        else:
            self._refuse(value, "in a list", "give it a name of its own", target)

    # --- expressions: the personal value in them, as their author knows it --------------------------------------------

    def _value(self, node: nodes.Node) -> str:
        if isinstance(node, nodes.Name):
            if node.name == READER:
                self.wrong.append((node.lineno, f"{READER} by itself; name the value that is meant, such as p.topics"))
            return self._names.get(node.name) or self.file.names.get(node.name, "")
        if isinstance(node, nodes.Call):
            return self._call(node)
        if isinstance(node, nodes.CondExpr):
            self._refuse(self._value(node.test), "in a condition", _ASK, node.test)
            return self._first([node.expr1, *([node.expr2] if node.expr2 is not None else [])])
        if isinstance(node, nodes.Getattr) and _is_reader(node.node):
            return self._of_reader(node)
        return self._used(node)

    def _used(self, node: nodes.Node) -> str:
        value = self._first(node.iter_child_nodes())
        kind = next((kind for kind in _USES if isinstance(node, kind)), None)
        if kind is None:
            return value
        self._refuse(value, *_USES[kind], node)
        return ""

    def _first(self, inside: Iterable[nodes.Node]) -> str:
        return next(iter([value for each in inside if (value := self._value(each))]), "")

    def _of_reader(self, node: nodes.Getattr) -> str:
        if node.attr in QUESTIONS:
            self._refuse(f"p.{node.attr}", f"outside of {_QUOTES}", _ASK, node)
        elif node.attr == "time":
            self._refuse("p.time", "without a story", "name one, as in p.time(story)", node)
        return f"p.{node.attr}"

    def _call(self, node: nodes.Call) -> str:
        if isinstance(node.node, nodes.ExtensionAttribute):
            return ""
        if isinstance(node.node, nodes.EnvironmentAttribute):
            return self._first(node.args)  # what the sandbox put around a `~`, which hands it through
        given = [self._value(each) for each in node.args]
        named = {each.key: self._value(each.value) for each in node.kwargs}
        more = self._first([each for each in (node.dyn_args, node.dyn_kwargs) if each is not None])
        macro = self._macro(node.node)
        if macro is not None:
            arguments = [each.name for each in macro.node.args]
            for name, value in [*zip(arguments, given, strict=False), *named.items()]:
                self._learn(macro.given, name, value)
            self._refuse(more, "in a list", "hand it on by itself", node)
            return macro.says
        name = node.node.name if isinstance(node.node, nodes.Name) else ""
        handed = next(iter([value for value in (*given, more) if value]), "")
        if name not in TRANSLATIONS:
            handed = handed or next(iter([value for value in named.values() if value]), "")
        self._refuse(handed, "handed to what is no macro", _PRINT, node)
        if isinstance(node.node, nodes.Getattr) and _is_reader(node.node.node) and node.node.attr == "time":
            return "p.time(...)"
        said = self._value(node.node)
        return next(iter([value for value in named.values() if value]), "") if name in TRANSLATIONS else said

    def _macro(self, called: nodes.Node) -> _Macro | None:
        if isinstance(called, nodes.Name):
            return self.file.macros.get(called.name)
        if isinstance(called, nodes.Getattr) and isinstance(called.node, nodes.Name):
            module = self.file.modules.get(called.node.name)
            return module.macros.get(called.attr) if module else None
        return None


_STATEMENTS: Mapping[type[nodes.Node], Any] = {
    nodes.Macro: _Walk._nothing,
    nodes.TemplateData: _Walk._nothing,
    nodes.If: _Walk._if,
    nodes.For: _Walk._for,
    nodes.CallBlock: _Walk._call_block,
    nodes.FilterBlock: _Walk._filter_block,
    nodes.Assign: _Walk._assign,
    nodes.AssignBlock: _Walk._assign_block,
    nodes.With: _Walk._with,
}


def _is_reader(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Name) and node.name == READER
