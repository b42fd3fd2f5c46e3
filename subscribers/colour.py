"""One accent, readable on light and on dark paper: for pages and mails alike. Pure."""

from __future__ import annotations

from colorsys import hls_to_rgb, rgb_to_hls

LIGHT_PAPER, DARK_PAPER = "#f4f1ea", "#16181a"
"""The darker of the light papers and the lighter of the dark ones: what is readable there is readable on the others."""
CONTRAST = 4.6
"""A little above the 4.5:1 that WCAG 2.2 (1.4.3, AA) asks for text."""


def readable(colour: str, paper: str) -> str:
    """The colour (#rrggbb), made darker or lighter, its hue kept, until it can be read as text on the paper.

    Lightness is moved, not mixed with white: that would turn a brick red into a dull pink.
    """
    hue, lightness, saturation = rgb_to_hls(*(each / 255 for each in _channels(colour)))
    goal = 0.0 if _luminance(paper) > 0.2 else 1.0
    for step in range(51):
        mixed = hls_to_rgb(hue, lightness + (goal - lightness) * step / 50, saturation)
        candidate = "#" + "".join(f"{round(each * 255):02x}" for each in mixed)
        high, low = sorted((_luminance(candidate), _luminance(paper)), reverse=True)
        if (high + 0.05) / (low + 0.05) >= CONTRAST:
            break
    return candidate


def _channels(colour: str) -> list[int]:
    return [int(colour[start : start + 2], 16) for start in (1, 3, 5)]


def _luminance(colour: str) -> float:
    """Relative luminance by WCAG 2.2."""
    parts = [each / 255 for each in _channels(colour)]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
