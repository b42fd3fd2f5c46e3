"""The links of a page whose place repeats, as headlines do on a front page -> `RawArticle`s. Pure.

Links are grouped by the tags and classes on the way to them; the group whose texts read most like headlines wins.
Around each of its links the largest part of the page that holds no other of them gives time, picture and short text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from lxml import etree

from digest.gather import clean, pageblocks, pageselect
from digest.gather.build import MAX_SUMMARY
from digest.gather.identity import same_site, url_key
from digest.gather.pagearticle import finished
from digest.gather.pageblocks import Block, Kind
from digest.gather.pagebyline import read_byline
from digest.gather.pagedom import Page, host, text
from digest.gather.pagefurniture import Furniture, Verdict
from digest.gather.pagesplit import Piece
from digest.types import RawArticle

MAX_LINKS = 3_000
"""Links that are looked at; large front pages have about 1,000."""
MAX_ARTICLES = 500
"""Of one page; the largest front pages announce about 200."""
MIN_GROUP = 3
"""Links of one place: two of a kind are no pattern."""
MIN_WORDS = 3
MIN_CHARS = 15
"""Of a headline: sections and buttons have fewer words."""
FULL_SCORE = 80
"""Characters of a text beyond which a link is no more of a headline."""
DISTINCT = 0.8
"""Of the texts of a group; "Read the full story" under every headline is none."""
MAX_NEAR = 60
"""Blocks around one link that are read."""


@dataclass(slots=True)
class _Group:
    nodes: list[etree._Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

    def add(self, node: etree._Element, said: str, link: str) -> None:
        self.nodes.append(node)
        self.texts.append(said)
        self.links.append(link)

    @property
    def score(self) -> float:
        """How much the group reads like headlines; 0 for none."""
        headlines = {link: said for link, said in zip(self.links, self.texts, strict=True) if is_headline(said)}
        if len(headlines) < MIN_GROUP or len(headlines) * 2 < len(set(self.links)):
            return 0.0
        if len(set(headlines.values())) < DISTINCT * len(headlines):
            return 0.0
        return float(sum(min(len(said), FULL_SCORE) for said in headlines.values()))


def find(page: Page, *, now: datetime, furniture: Furniture) -> list[RawArticle]:
    """The articles that the page's repeated links announce, in its order; none when no place repeats."""
    groups, bare = _groups(page)
    best = max(groups.values(), key=lambda group: group.score, default=None)
    if best is None or not best.score:
        return []
    # The lead story often has classes of its own: what lies on the same way by its tags alone belongs to the list.
    alike = next(key for key, group in bare.items() if best.nodes[0] in group.nodes)
    return _articles(page, bare[alike].nodes if bare[alike].score >= best.score else best.nodes, now, furniture)


def select(page: Page, selector: str, *, now: datetime, furniture: Furniture) -> list[RawArticle]:
    """The articles behind the links that the operator's CSS selector names, or that lie within what it names.

    Raises InputError, one line, for a selector that is none.
    """
    links = list(islice(_links_within(pageselect.select(page.root, selector, limit=MAX_LINKS)), MAX_LINKS))
    return _articles(page, links, now, furniture, chosen=True)


def is_headline(said: str) -> bool:
    """Whether a link's text is long enough to be a headline, in scripts with and without spaces."""
    if len(said) >= MIN_CHARS and len(said.split()) >= MIN_WORDS:
        return True
    return len(said) >= 8 and sum(ord(char) >= 0x0E00 for char in said) * 2 > len(said)


def _links_within(nodes: Iterable[etree._Element]) -> Iterator[etree._Element]:
    """The links among `nodes` and in them, each once: what is named may lie within what is named."""
    seen: set[etree._Element] = set()
    for node in nodes:
        if any(above in seen for above in node.iterancestors()):
            continue
        seen.add(node)
        yield from [node] if node.tag == "a" else node.iter("a")


def _groups(page: Page) -> tuple[dict[int, _Group], dict[int, _Group]]:
    """The page's links by the tags and classes on the way to them, and by the tags alone."""
    groups: dict[int, _Group] = defaultdict(_Group)
    bare: dict[int, _Group] = defaultdict(_Group)
    names: dict[tuple[int, str], int] = {}
    path: list[tuple[int, int]] = [(0, 0)]
    here = host(page.url)
    count = 0
    walker = etree.iterwalk(page.root, events=("start", "end"))
    for event, node in walker:
        if not isinstance(node.tag, str):
            continue
        if event == "end":
            path.pop()
            continue
        above, above_bare = path[-1]
        own = f"{node.tag} {' '.join(sorted((node.get('class') or '')[:500].split()))}"
        # Whole numbers instead of texts: a way is named by that of its parent and its own last step.
        place = names.setdefault((above, own), len(names) + 1)
        path.append((place, names.setdefault((above_bare, node.tag), len(names) + 1)))
        if pageblocks.is_skipped(node.tag, node):
            walker.skip_subtree()
            continue
        if node.tag == "a":
            count += 1
            if count > MAX_LINKS:
                break
            link = clean.address(node.get("href"), page.base)
            if _leads_on(link, page.url, here):
                said = clean.line(text(node))
                groups[path[-1][0]].add(node, said, link)
                bare[path[-1][1]].add(node, said, link)
    return groups, bare


def _leads_on(link: str, page_url: str, here: str) -> bool:
    """Whether a link leads to another page of the same site."""
    if not link or link.partition("#")[0] == page_url.partition("#")[0]:
        return False
    return host(link) == here or same_site(link, page_url)


def _articles(
    page: Page, nodes: Sequence[etree._Element], now: datetime, furniture: Furniture, *, chosen: bool = False
) -> list[RawArticle]:
    below: Counter[etree._Element] = Counter()
    told = [(node, clean.address(node.get("href"), page.base)) for node in nodes[:MAX_ARTICLES]]
    for node, _ in told:
        below.update((node, *node.iterancestors()))
    found: dict[str, RawArticle] = {}
    for node, link in told:
        said = clean.title(text(node))
        if not link or not (said if chosen else is_headline(said)):
            continue
        key = url_key(link)
        if key not in found:
            found[key] = _article(page, node, said, link, _around(node, below), now, furniture)
    return list(found.values())


def _around(node: etree._Element, below: Counter[etree._Element]) -> etree._Element:
    """The largest part of the page that holds this link and none of the others."""
    around = node
    for above in node.iterancestors():
        if below[above] > 1 or above.tag in ("body", "html"):
            break
        around = above
    return around


def _article(
    page: Page, node: etree._Element, said: str, link: str, around: etree._Element, now: datetime, furniture: Furniture
) -> RawArticle:
    piece = Piece(title=said, link=link)
    summary = ""
    for block in islice(pageblocks.from_part(page, around), MAX_NEAR):
        if block.image is not None:
            piece.image = piece.image or block.image
            continue
        said = _near(block, piece, now, furniture)
        summary = summary or said
    return finished(piece, language=page.language, publisher=page.site_name, summary=summary[:MAX_SUMMARY])


def _near(block: Block, piece: Piece, now: datetime, furniture: Furniture) -> str:
    """Take the credit that a block near the link tells, or give its text when that is a summary."""
    byline = read_byline(block.apart or block.text, now, furniture)
    piece.author = piece.author or block.author or (byline.author if byline else "")
    piece.published_at = piece.published_at or block.moment or (byline.published_at if byline else None)
    if byline is not None:
        piece.publisher = piece.publisher or byline.publisher
        return ""
    if block.kind is Kind.HEADING or block.text == piece.title:
        return ""
    verdict, kept = furniture.judge(block.text)
    kept = kept.removeprefix(piece.title).strip()
    return kept if verdict is Verdict.TEXT and len(kept.split()) >= 6 else ""
