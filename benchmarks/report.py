"""Figures: what was measured, against what, and whether it is enough."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """One number. A speed is a ratio to a straightforward way, measured alternately in the same run."""

    figure: str
    value: float
    unit: str = "x"
    """x for a ratio, MB for a size."""
    goal: float | None = None
    """None for what is only told."""
    better: Literal["higher", "lower"] = "higher"

    @property
    def ok(self) -> bool:
        """Whether the goal is reached; true without one."""
        if self.goal is None:
            return True
        return self.value >= self.goal if self.better == "higher" else self.value <= self.goal


def table(figures: Sequence[Figure]) -> str:
    """The figures for a person."""
    lines = [("figure", "value", "goal", "")]
    for each in figures:
        sign = ">=" if each.better == "higher" else "<="
        goal = "" if each.goal is None else f"{sign} {each.goal:g} {each.unit}"
        lines.append((each.figure, f"{each.value:.2f} {each.unit}", goal, "" if each.ok else "MISSED"))
    widths = [max(len(line[at]) for line in lines) for at in range(4)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def json_lines(figures: Sequence[Figure]) -> str:
    """The figures for a program: one JSON object on each line."""
    return "\n".join(
        json.dumps(
            {
                **{key: value for key, value in asdict(each).items() if key not in ("better", "value")},
                "value": round(each.value, 3),
                "ok": each.ok,
            }
        )
        for each in figures
    )
