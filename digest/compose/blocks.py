"""Compile once: every block an edition may need, rendered by Jinja2 into one document, inlined by premailer once, cut
apart.

premailer needs 16 ms for a block alone and 0.5 ms for one in company (docs/design.md), so all new blocks of all
languages
share a document. Blocks rendered before come from `BlockCache` and are not rendered again.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from premailer import Premailer

from digest.compose.content import Card, Site
from digest.compose.fragments import Fragment, cut
from digest.compose.theme import Theme, call, variables
from digest.errors import TemplateError

log = logging.getLogger(__name__)

_CUT = re.compile(r"<!--block (\d+)-->(.*?)<!--/block-->", re.DOTALL)

STORY_BLOCKS = ("lead", "card", "brief")
CHROME_BLOCKS = ("masthead", "briefs", "end", "footer")


@dataclass(frozen=True, slots=True)
class Block:
    """One thing to render. `key` is unique in the edition: kind/language/story/version/from, or kind/language/topic."""

    key: str
    language: str
    macro: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """Fragments by block key; `dropped` are the keys whose template failed, with the reason."""

    html: Mapping[str, Fragment]
    text: Mapping[str, Fragment]
    dropped: Mapping[str, str]


class BlockCache:
    """Fragments that survive from edition to edition, the least recently used forgotten first."""

    def __init__(self, size: int = 20_000) -> None:
        self._size = size
        self._kept: OrderedDict[object, Fragment] = OrderedDict()

    def get(self, key: object) -> Fragment | None:
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: object, fragment: Fragment) -> None:
        self._kept[key] = fragment
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)


def story_blocks(cards: Iterable[Card], language: str) -> list[Block]:
    """Every form in which these tellings may stand in a mail of this language."""
    return [Block(story_key(kind, language, card), language, kind, card) for card in cards for kind in STORY_BLOCKS]


def story_key(kind: str, language: str, card: Card) -> str:
    return f"{kind}/{language}/{card.story_id}/{card.version}/{card.from_version}"


def chrome_blocks(topics: Mapping[int, str], language: str) -> list[Block]:
    """Masthead, section heads, end and footer of one language."""
    chrome = [Block(f"{kind}/{language}", language, kind) for kind in CHROME_BLOCKS]
    heads = [Block(f"section/{language}/{id_}", language, "section", {"name": name}) for id_, name in topics.items()]
    return chrome + heads


def compile_blocks(
    theme: Theme, site: Site, blocks: Sequence[Block], cache: BlockCache, mail: str = "digest"
) -> Compiled:
    """Render what the cache does not hold, inline it in one document, and cut everything apart.

    A block of a story that fails to render is dropped with its reason and the edition goes on without it (design,
    section
    9); a failing block of the chrome raises TemplateError, because no mail can be without it.
    """
    html: dict[str, Fragment] = {}
    dropped: dict[str, str] = {}
    fresh: list[tuple[Block, str]] = []
    for block in blocks:
        known = cache.get(_identity("html", mail, site, block))
        if known is not None:
            html[block.key] = known
            continue
        try:
            fresh.append((block, _render(theme, mail, "html", site, block)))
        except TemplateError as error:
            _drop(block, error, dropped)
    for (block, _), fragment in zip(fresh, inline(theme, site, [text for _, text in fresh])[1], strict=True):
        cache.put(_identity("html", mail, site, block), fragment)
        html[block.key] = fragment
    return Compiled(html, _texts(theme, site, blocks, cache, mail, dropped), dropped)


def _texts(
    theme: Theme, site: Site, blocks: Sequence[Block], cache: BlockCache, mail: str, dropped: dict[str, str]
) -> dict[str, Fragment]:
    text: dict[str, Fragment] = {}
    for block in [*blocks, *(_link(block) for block in blocks if block.macro == "card")]:
        identity = _identity("text", mail, site, block)
        fragment = cache.get(identity)
        if fragment is None:
            try:
                fragment = cut(_render(theme, mail, "txt", site, block))
            except TemplateError as error:
                _drop(block, error, dropped)
                continue
            cache.put(identity, fragment)
        text[block.key] = fragment
    return text


def _link(block: Block) -> Block:
    return Block(block.key.replace("card/", "link/", 1), block.language, "link", block.value)


def _render(theme: Theme, mail: str, kind: str, site: Site, block: Block) -> str:
    name = f"email/{mail}/body.{kind}"
    macro = getattr(theme.macros(mail, kind, block.language, site), block.macro, None)
    if macro is None:
        raise TemplateError(f"template {name}: there is no macro {block.macro}")
    return call(macro, name, *(() if block.value is None else (block.value,)))


def _drop(block: Block, error: TemplateError, dropped: dict[str, str]) -> None:
    if not isinstance(block.value, Card):
        raise error
    dropped[block.key] = str(error)
    log.warning("story %s left out of the edition: %s", block.value.story_id, error)


def _identity(kind: str, mail: str, site: Site, block: Block) -> object:
    value = tuple(asdict(block.value).values()) if isinstance(block.value, Card) else str(block.value)
    return (kind, mail, site, block.language, block.macro, value)


def inline(theme: Theme, site: Site, rendered: Sequence[str]) -> tuple[tuple[Fragment, Fragment], list[Fragment]]:
    """The shell around the blocks, cut in two, and the blocks with their CSS inlined, in the given order.

    The shell's language and direction are holes ("lang", "dir"): one document serves every language.
    """
    content = "\n".join(f"<!--block {place}-->{text}<!--/block-->" for place, text in enumerate([*rendered, ""]))
    shell = theme.environment("en").get_template("email/_base/shell.html")
    page = shell.render(variables("en", site), content=_Markup(content))
    inlined = Premailer(
        page,
        allow_network=False,
        keep_style_tags=False,
        remove_classes=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        method="html",
    ).transform()
    pieces = {int(found[1]): cut(found[2]) for found in _CUT.finditer(inlined)}
    start, end = inlined.index("<!--block 0-->"), inlined.rindex("<!--/block-->") + len("<!--/block-->")
    return (cut(inlined[:start]), cut(inlined[end:])), [pieces[place] for place in range(len(rendered))]


class _Markup(str):
    """Rendered blocks are HTML already; the shell must not escape them again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self
