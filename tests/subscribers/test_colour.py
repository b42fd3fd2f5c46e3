"""The operator's one colour stays readable, whatever it is."""

from __future__ import annotations

import pytest

from subscribers.colour import DARK_PAPER, LIGHT_PAPER, readable


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2, written down once more so that the room does not check itself."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("papers", [(LIGHT_PAPER, "#ffffff"), (DARK_PAPER, "#0e0f11")])
def test_every_accent_is_readable_on_every_paper(papers: tuple[str, str]) -> None:
    for red in range(0, 256, 51):
        for green in range(0, 256, 51):
            for blue in range(0, 256, 51):
                tuned = luminance(readable(f"#{red:02x}{green:02x}{blue:02x}", papers[0]))
                for paper in papers:
                    high, low = sorted((tuned, luminance(paper)), reverse=True)
                    assert (high + 0.05) / (low + 0.05) >= 4.5


def test_a_colour_that_is_readable_already_stays() -> None:
    assert readable("#8a3324", LIGHT_PAPER) == "#8a3324"
