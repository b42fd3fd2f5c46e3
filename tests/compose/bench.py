"""The specimens that the checks are tried on."""

from __future__ import annotations

from functools import cache

from digest.compose.blocks import BlockCache
from digest.compose.lint import Mail
from digest.compose.theme import PAPER
from digest.service.linting import as_mail
from digest.service.specimens import Bench, specimens
from tests.compose.morning import SITE, theme


@cache
def bench(look: str = PAPER) -> Bench:
    return Bench(theme(look), SITE, BlockCache())


@cache
def built(mail: str = "digest", language: str = "en", look: str = PAPER) -> Mail:
    """A shipped mail, as the checks take it."""
    (specimen,) = specimens(bench(look), [mail], [language])
    return as_mail(specimen, SITE)
