"""Whether two pictures of a page look alike, to an eye that knows no pixels. Pure.

Both come as means of small pieces, of which CELLs are made: a cell counts by its mean lightness and colour alone. A
strip of the page may stand a little higher or lower than it did, for another version of a font may break a line
elsewhere. What another rasteriser changes stays well below the bounds; what a missing block, a wrong colour or a
mirrored page changes, well above (tests/service/test_accepted.py does all of it on purpose).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

CELL, ROW = 16, 4
"""CSS pixels: the side of a cell, and by what steps a strip may move. A cell is lower than a line of text."""
STACK = CELL // ROW
STRIP = 4
"""Cells from the top of a strip to its bottom."""
SHIFT = 10
"""ROWs that a strip may stand off the one above it: a line and a half. A block is more."""
LIGHTNESS, COLOUR = 18.0, 9.0
"""How far means may be apart, of 255. Letters of another rasteriser are bolder or stand a pixel off: that changes their
lightness only."""
CLOSE = 0.02
"""Share of cells up to which nobody looks for a better place of a strip."""

Mean = Sequence[float]
"""Red, green, blue."""
Means = Sequence[Sequence[Mean]]
"""Of pieces of CELL by ROW, row by row."""
Cells = list[tuple[float, float, float]]
"""Lightness and two differences of colour of a row of cells."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much may differ, as shares: of all cells, of those of one strip, of cells in colour, of the page's height.

    Measured on seven of the views (largest values): Chromium with other hinting and without subpixel positions 0.5%,
    12%, 0%, 0.5%; letters a tenth of a pixel apart, 2.1%, 15%, 0.2%, 1.3%. Of what is broken on purpose the least: one
    small picture gone, 0.6%, 19%, 0.45%, 0%; a section's head gone, 0.4%, 9%, 0%, 2.6%.
    """

    all: float = 0.025
    strip: float = 0.2
    colour: float = 0.003
    height: float = 0.02


@dataclass(frozen=True, slots=True)
class Difference:
    """What tells an actual picture from the accepted one."""

    all: float
    """Share of the cells."""
    strip: float
    """Share in the worst strip."""
    colour: float
    """Share of the cells whose colour differs, whatever their lightness."""
    height: float
    """Of the page, as a share; negative for a page that is too low."""
    cells: tuple[tuple[int, int], ...]
    """(column, row) of the differing cells in the accepted picture."""

    def told(self, bounds: Bounds) -> str:
        """What is too much, for a person; empty when the pictures look alike."""
        found = (
            (abs(self.height), bounds.height, f"the height of the page differs by {self.height:+.1%}"),
            (self.all, bounds.all, f"{self.all:.1%} of the page differ"),
            (self.strip, bounds.strip, f"{self.strip:.1%} of one strip of the page differ"),
            (self.colour, bounds.colour, f"{self.colour:.1%} of the page have another colour"),
        )
        return "; ".join(f"{what} (at most {most:.1%})" for much, most, what in found if much > most)


def difference(accepted: Means, actual: Means) -> Difference:
    """How an actual picture differs. Strip by strip from the top: each is looked for where the one above it stood, then
    a little higher and lower, and is taken for where it fits best."""
    wanted, found = _cells(accepted)[::STACK], _cells(actual)
    off: list[_Off] = []
    worst, stands = 0.0, 0
    for top in range(0, len(wanted), STRIP):
        strip = wanted[top : top + STRIP]
        size = sum(map(len, strip))
        mine = _off(strip, top, found, stands)
        if len(mine) > CLOSE * size:
            steps = sorted(range(-SHIFT, SHIFT + 1), key=abs)
            stands += min(steps, key=lambda step: len(_off(strip, top, found, stands + step)))
            mine = _off(strip, top, found, stands)
        worst = max(worst, len(mine) / size)
        off += mine
    size = max(1, sum(map(len, wanted)))
    return Difference(
        all=len(off) / size,
        strip=worst,
        colour=sum(each.colour for each in off) / size,
        height=len(actual) / max(1, len(accepted)) - 1,
        cells=tuple(each.cell for each in off),
    )


def _cells(means: Means) -> list[Cells]:
    """For every row at which a cell can begin, the cells that begin there."""
    rows: list[Cells] = []
    for at in range(len(means) - STACK + 1):
        stack = means[at : at + STACK]
        rows.append(
            [_seen([sum(part) / STACK for part in zip(*column, strict=True)]) for column in zip(*stack, strict=True)]
        )
    return rows


def _seen(mean: Mean) -> tuple[float, float, float]:
    red, green, blue = mean
    return (0.3 * red + 0.59 * green + 0.11 * blue, red - green, blue - green)


@dataclass(frozen=True, slots=True)
class _Off:
    """A cell that looks different; `colour` says whether it has another colour."""

    cell: tuple[int, int]
    colour: bool


def _off(strip: Sequence[Cells], top: int, found: Sequence[Cells], stands: int) -> list[_Off]:
    """What differs of a strip whose first cells are in row `top`, if it now stands so many ROWs lower."""
    off = []
    for row, cells in enumerate(strip, top):
        place = row * STACK + stands
        beside = found[place] if 0 <= place < len(found) else []
        for column, (light, red, blue) in enumerate(cells):
            if column >= len(beside):
                off.append(_Off((column, row), colour=False))
                continue
            other, other_red, other_blue = beside[column]
            is_coloured = abs(red - other_red) > COLOUR or abs(blue - other_blue) > COLOUR
            if is_coloured or abs(light - other) > LIGHTNESS:
                off.append(_Off((column, row), is_coloured))
    return off
