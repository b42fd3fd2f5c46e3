"""Compile once: every block an edition may need, rendered by Jinja2 into one document, inlined by premailer once, cut
apart.

premailer needs 16 ms for a block alone and 0.5 ms for one in company (docs/design.md, section 6), so all new blocks of
all languages share a document. Blocks rendered before come from `BlockCache` and are not rendered again.
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
from digest.compose.contexts import placed
from digest.compose.fragments import MARK, OWN, OWN_END, Fragment, cut, holes, is_of_part, is_paired
from digest.compose.theme import Theme, call
from digest.errors import TemplateError
from digest.types import Pick

log = logging.getLogger(__name__)

# The marker keeps foreign text out, for `guard` took it from all of that: libxml2 writes a comment that stands in an
# attribute's value as it is, so alt="<!--/block-->" would otherwise cut a block short (seen with lxml 6.1).
_OPEN, _CLOSE = f"<!--{MARK} block ", f"<!--/{MARK} block-->"
_CONTENT = f"<!--{MARK} content-->"
"""Stands in the shell where the blocks come."""
_CUT = re.compile(rf"{_OPEN}(\d+)-->(.*?){_CLOSE}", re.DOTALL)

SHELL = "email/_base/shell.html"
STORY_BLOCKS = ("lead", "card", "brief")
CHROME_BLOCKS = ("masthead", "briefs", "rest", "end", "footer")

OF_STORY = frozenset(("n", "time", OWN, OWN_END))
OF_CHROME = frozenset(("next", "topics", "lang", "dir"))
OF_MASTHEAD = frozenset(("date", "stats", "preheader", "greeting"))
OF_REST = frozenset(("further",))
OF_BLOCK = {"masthead": OF_MASTHEAD, "rest": OF_REST}
LINKS = frozenset(("view", "leave", "manage", "tune"))
"""The personal values that blocks may ask for; the links may stand in any of them."""


@dataclass(frozen=True, slots=True)
class Block:
    """One thing to render. `key` is unique in the edition: `story_key`, or kind/language/topic."""

    key: str
    language: str
    macro: str
    value: Any = None


@dataclass(frozen=True, slots=True)
class Compiled:
    """Fragments by block key, in `html` the two halves of the shell too ("shell/start", "shell/end"); `dropped` are the
    keys whose template failed, with the reason."""

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
    return [
        Block(story_key(kind, language, card, card.led_by), language, kind, card)
        for card in cards
        for kind in STORY_BLOCKS
    ]


def story_key(kind: str, language: str, card: Card | Pick, led_by: int = 0) -> str:
    """kind/language/story/version/from; `led_by`, of a variant, stands after it."""
    key = f"{kind}/{language}/{card.story_id}/{card.version}/{card.from_version}"
    return f"{key}/{led_by}" if led_by else key


def story_of(key: str) -> tuple[int, int]:
    """(story, the article that leads its variant or 0) of a `story_key`."""
    parts = key.split("/")
    return int(parts[2]), int(parts[5]) if len(parts) > 5 else 0


def chrome_blocks(
    topics: Mapping[int, str], language: str, *, welcome: bool = False, all_quiet: bool = False
) -> list[Block]:
    """Masthead, section heads, end and footer of one language; with `welcome` the greeting before stories and the one
    without any, with `all_quiet` what is said in the place of stories."""
    chrome = [Block(f"{kind}/{language}", language, kind) for kind in CHROME_BLOCKS]
    heads = [Block(f"section/{language}/{id_}", language, "section", {"name": name}) for id_, name in topics.items()]
    greetings = [
        Block(f"welcome/{language}/{kind}", language, "welcome", {"stories": kind == "news"})
        for kind in ("news", "quiet")
        if welcome
    ]
    return chrome + heads + greetings + [Block(f"all-quiet/{language}", language, "all_quiet")] * all_quiet


def compile_blocks(
    theme: Theme, site: Site, blocks: Sequence[Block], cache: BlockCache, mail: str = "digest"
) -> Compiled:
    """Render what the cache does not hold, inline it in one document, and cut everything apart.

    A block of a story that fails to render is dropped with its reason and the edition goes on without it (design,
    section 9); a failing block of the chrome raises TemplateError, because no mail can be without it.
    """
    shell_key = ("shell", theme.folders, site)
    known_shell = [cache.get((*shell_key, half)) for half in ("start", "end")]
    html: dict[str, Fragment] = {}
    dropped: dict[str, str] = {}
    fresh: list[tuple[Block, str]] = []
    for block in blocks:
        known = cache.get(_identity("html", theme, mail, site, block))
        if known is not None:
            html[block.key] = known
            continue
        try:
            fresh.append((block, _render(theme, mail, "html", site, block)))
        except TemplateError as error:
            _drop(block, error, dropped)
    if fresh or None in known_shell:
        shell, fragments = inline(theme, site, [text for _, text in fresh])
        for half, fragment in zip(("start", "end"), shell, strict=True):
            cache.put((*shell_key, half), fragment)
        for (block, _), fragment in zip(fresh, fragments, strict=True):
            cache.put(_identity("html", theme, mail, site, block), fragment)
            html[block.key] = fragment
        known_shell = list(shell)
    html["shell/start"], html["shell/end"] = (half or () for half in known_shell)
    return Compiled(html, _texts(theme, site, blocks, cache, mail, dropped), dropped)


def _texts(
    theme: Theme, site: Site, blocks: Sequence[Block], cache: BlockCache, mail: str, dropped: dict[str, str]
) -> dict[str, Fragment]:
    text: dict[str, Fragment] = {}
    for block in [*blocks, *(_link(block) for block in blocks if block.macro == "card")]:
        identity = _identity("text", theme, mail, site, block)
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
    rendered = call(macro, name, *(() if block.value is None else (block.value,)))
    given = LINKS | (OF_STORY if isinstance(block.value, Card) else OF_BLOCK.get(block.macro, OF_CHROME))
    found = holes(cut(rendered))
    if not is_paired(found):
        raise TemplateError(f"template {name}: {block.macro} opens p.{OWN} or p.{OWN_END} without the other")
    for wanted in found:
        if wanted.partition(":")[0] not in given and not is_of_part(wanted):
            raise TemplateError(
                f"template {name}: {block.macro} has no p.{wanted}; it has p.{', p.'.join(sorted(given))}"
            )
    return in_place(name, block.macro, rendered, LINKS)


def in_place(name: str, where: str, rendered: str, tokens: frozenset[str]) -> str:
    """Rendered text whose holes know whether they stand in an address (`contexts.placed`). `tokens` are the personal
    values that are links' tokens. Raises TemplateError, one line, naming the template and where in it."""
    try:
        return placed(rendered, tokens, is_html=name.endswith(".html"))
    except TemplateError as error:
        raise TemplateError(f"template {name}: in {where}, {error}") from None


def _drop(block: Block, error: TemplateError, dropped: dict[str, str]) -> None:
    if not isinstance(block.value, Card):
        raise error
    dropped[block.key] = str(error)
    log.warning("story %s left out of the edition: %s", block.value.story_id, error)


def _identity(kind: str, theme: Theme, mail: str, site: Site, block: Block) -> object:
    value = tuple(asdict(block.value).values()) if isinstance(block.value, Card) else str(block.value)
    return (kind, theme.folders, mail, site, block.language, block.macro, value)


def inline(theme: Theme, site: Site, rendered: Sequence[str]) -> tuple[tuple[Fragment, Fragment], list[Fragment]]:
    """The shell around the blocks, cut in two, and the blocks with their CSS inlined, in the given order.

    The shell's language and direction are holes ("lang", "dir"): one document serves every language. Raises
    TemplateError for a shell that leaves the blocks out.
    """
    content = "\n".join(f"{_OPEN}{place}-->{text}{_CLOSE}" for place, text in enumerate([*rendered, ""]))
    shell = theme.render(SHELL, "en", site, content=_Markup(_CONTENT))
    if _CONTENT not in shell.partition("<body")[2]:
        raise TemplateError(f"template {SHELL}: there is no <body> with {{{{ content }}}} in it")
    page = in_place(SHELL, "the shell", shell, LINKS).replace(_CONTENT, content)
    inlined = Premailer(
        page,
        allow_network=False,
        keep_style_tags=False,
        remove_classes=False,
        disable_validation=True,
        # It would write height="auto", which no attribute may say, and say again what every mail program reads from the
        # style: heights of cells and text-align (caniemail, css-height and css-text-align).
        disable_basic_attributes=["height", "align"],
        cssutils_logging_level=logging.CRITICAL,
        method="html",
    ).transform()
    pieces = {int(found[1]): cut(found[2]) for found in _CUT.finditer(inlined)}
    start, end = inlined.index(f"{_OPEN}0-->"), inlined.rindex(_CLOSE) + len(_CLOSE)
    return (cut(inlined[:start]), cut(inlined[end:])), [pieces[place] for place in range(len(rendered))]


class _Markup(str):
    """Rendered blocks are HTML already; the shell must not escape them again."""

    __slots__ = ()

    def __html__(self) -> str:
        return self
