"""Lists to choose from as HTML, made once for each selection: they repeat for every topic of a page. Pure."""

from __future__ import annotations

from functools import lru_cache

from markupsafe import Markup

Named = tuple[tuple[str, str], ...]
"""Value and name of each thing to choose, in order."""


@lru_cache(maxsize=1024)
def options(named: Named, chosen: str) -> Markup:
    """The `<option>` elements of a menu, the chosen one selected; none is when it is not listed."""
    line = Markup('<option value="{}"{}>{}</option>\n')
    return Markup("").join(
        line.format(value, Markup(" selected") if value == chosen else "", name) for value, name in named
    )


@lru_cache(maxsize=1024)
def boxes(named: Named, field: str, ticked: tuple[str, ...]) -> Markup:
    """A checkbox with its label for each."""
    line = Markup('<label><input type="checkbox" name="{}" value="{}"{}> {}</label>\n')
    return Markup("").join(
        line.format(field, value, Markup(" checked") if value in ticked else "", name) for value, name in named
    )
