"""The straightforward way to do what this service does cleverly: the yardstick for speed, and for sameness.

Mail: render one reader's whole document with Jinja2, every value in its place, and inline its CSS with premailer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from premailer import Premailer

from digest.compose.content import Card, Site
from digest.compose.theme import Theme, variables


class Values:
    """One reader's values where the compiled way leaves holes."""

    def __init__(self, values: Mapping[str, str], times: Mapping[int, str]) -> None:
        self._values = dict(values)
        self._times = dict(times)

    def __getattr__(self, name: str) -> str:
        return str(self._values[name])

    def time(self, story: Card) -> str:
        """The clock time of a telling, as the reader sees it."""
        return self._times[story.article_id]


def full_render(
    theme: Theme,
    site: Site,
    language: str,
    values: Values,
    parts: Sequence[tuple[str, Any]],
) -> str:
    """One reader's HTML: `parts` are (macro, argument or None) in the order in which they stand."""
    given = {**variables(language, site), "p": values}
    environment = theme.environment(language)
    blocks = environment.get_template("email/digest/body.html").make_module(given)
    body = "\n".join(str(getattr(blocks, macro)(*(() if value is None else (value,)))) for macro, value in parts)
    marked = environment.filters["safe"](body)
    page = environment.get_template("email/_base/shell.html").render(given, content=marked)
    inlined: str = Premailer(
        page,
        allow_network=False,
        keep_style_tags=False,
        remove_classes=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        method="html",
    ).transform()
    return inlined
