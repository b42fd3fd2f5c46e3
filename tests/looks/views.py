"""Which pictures there are, and of which mails."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

from digest.compose.blocks import BlockCache
from digest.service.specimens import Bench, specimens
from tests import parts
from tests.compose import morning

FOLDER = parts.ROOT / "tests" / "data" / "accepted"
THEMES = ("paper", "compact", "letter")
LANGUAGES = ("en", "ar")
WIDTHS = {"desktop": 700, "phone": 375}
"""CSS pixels: a mail of 600 with some of what is around it, and a common phone."""
SCHEMES = ("light", "dark")


@dataclass(frozen=True, slots=True)
class View:
    """One picture."""

    mail: str
    theme: str
    language: str
    device: str
    scheme: str

    @property
    def name(self) -> str:
        return f"{self.mail}-{self.theme}-{self.language}-{self.device}-{self.scheme}"

    @property
    def accepted(self) -> Path:
        return FOLDER / f"{self.name}.webp"

    @property
    def width(self) -> int:
        return WIDTHS[self.device]

    def html(self) -> str:
        """The mail, the same on every day."""
        return _html(self.mail, self.theme, self.language)


VIEWS = (
    *(View("digest", *each) for each in product(THEMES, LANGUAGES, WIDTHS, SCHEMES)),
    *(
        View("confirm", theme, language, *seen)
        for theme, language in product(THEMES, LANGUAGES)
        for seen in (("phone", "light"), ("desktop", "dark"))
    ),
)
"""The digest in every way; of the letters, which share a frame with it and each other, one in two ways."""


@cache
def _html(mail: str, theme: str, language: str) -> str:
    (made,) = specimens(Bench(morning.theme(theme), morning.SITE, BlockCache()), [mail], [language])
    return made.envelope.html.decode()
