"""Style sheets and style attributes, taken apart. Reading is tinycss2's: CSS Syntax Level 3, with line numbers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import tinycss2

NESTING = frozenset(("media", "supports", "layer", "container", "document"))
"""At-rules that hold rules; the others hold declarations or nothing."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """`width: 100% !important`. `tokens` are tinycss2's component values; `line` is that of the sheet or attribute."""

    name: str
    text: str
    tokens: tuple[Any, ...]
    important: bool
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """Selectors with their declarations; `conditions` are the at-rules around them, the outermost first."""

    selector: str
    prelude: tuple[Any, ...]
    conditions: tuple[str, ...]
    declarations: tuple[Declaration, ...]
    line: int


@dataclass(frozen=True, slots=True)
class AtRule:
    name: str
    condition: str
    line: int


@dataclass(slots=True)
class Sheet:
    """What a style sheet holds, in its order. `errors` are (line, what tinycss2 says)."""

    rules: list[Rule] = field(default_factory=list)
    at_rules: list[AtRule] = field(default_factory=list)
    comments: list[int] = field(default_factory=list)
    errors: list[tuple[int, str]] = field(default_factory=list)


def read_sheet(css: str, first_line: int = 1) -> Sheet:
    """The style sheet of a `style` element whose text begins on `first_line`. Pure; nothing is raised for bad CSS."""
    sheet = Sheet()
    _into(sheet, tinycss2.parse_stylesheet(css, skip_whitespace=True), (), first_line - 1)
    return sheet


def read_style(css: str) -> list[Declaration]:
    """The declarations of a `style` attribute; what cannot be read is left out, as mail programs do."""
    return list(_declared(tinycss2.parse_blocks_contents(css, skip_whitespace=True, skip_comments=True), 0))


def _into(sheet: Sheet, nodes: Sequence[Any], conditions: tuple[str, ...], before: int) -> None:
    for node in nodes:
        line = node.source_line + before
        if node.type == "comment":
            sheet.comments.append(line)
        elif node.type == "error":
            sheet.errors.append((line, node.message))
        elif node.type == "at-rule":
            condition = tinycss2.serialize(node.prelude).strip()
            sheet.at_rules.append(AtRule(node.lower_at_keyword, condition, line))
            if node.lower_at_keyword in NESTING and node.content is not None:
                inside = tinycss2.parse_blocks_contents(node.content, skip_whitespace=True)
                _into(sheet, inside, (*conditions, f"@{node.lower_at_keyword} {condition}".strip()), before)
        elif node.type == "qualified-rule":
            content = tinycss2.parse_blocks_contents(node.content, skip_whitespace=True)
            sheet.comments += [each.source_line + before for each in content if each.type == "comment"]
            sheet.errors += [(each.source_line + before, each.message) for each in content if each.type == "error"]
            selector = " ".join(tinycss2.serialize(node.prelude).split())
            declared = tuple(_declared(content, before))
            sheet.rules.append(Rule(selector, tuple(node.prelude), conditions, declared, line))


def _declared(nodes: Sequence[Any], before: int) -> Iterator[Declaration]:
    for node in nodes:
        if node.type == "declaration":
            text = " ".join(tinycss2.serialize(node.value).split())
            yield Declaration(node.lower_name, text, tuple(node.value), node.important, node.source_line + before)


def inside(tokens: Sequence[Any]) -> Iterator[Any]:
    """Every component value, those within functions and brackets too."""
    for token in tokens:
        yield token
        if token.type == "function":
            yield from inside(token.arguments)
        elif token.type in ("() block", "[] block", "{} block"):
            yield from inside(token.content)
