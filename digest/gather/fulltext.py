"""The page of one article -> its full text and what its head says of it. Pure.

`trafilatura` finds the text, as a parser only: it is given a tree that is decoded, parsed and bounded here, its fast
path calls no other extractor, and without metadata it asks no date finder. So it opens neither a connection nor a file
(a test listens). Robots and fetching are the caller's business.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree, html
from trafilatura import bare_extraction

from digest.errors import FeedError
from digest.gather import clean, dates, jsonld, pageblocks, pagedom
from digest.gather.build import MAX_SUMMARY
from digest.gather.identity import honour_canonical, url_key
from digest.gather.markup import tame
from digest.gather.pagedom import Page
from digest.gather.pagefurniture import fold, rules
from digest.gather.pagesplit import Piece, split, without_title
from digest.gather.refine import without_publisher
from digest.types import Fetched, RawArticle

MAX_CHARS = 1_000_000
"""Of markup that trafilatura is given; what is cut off is the end of a page, with its comments and scripts."""
MAX_TAGS = 12_000
"""Opening and closing tags that it is given: an article's page has about 4,000."""
MAX_DEPTH = 60
"""Of elements in elements. Its time grows with their product (12,000 tags below 240 elements: 3.5 s); pages have 40."""
MIN_CHARS = 100
"""A text shorter than this is a caption or a notice about cookies."""
_NO_AGES = datetime(2000, 1, 1, tzinfo=UTC)
"""By-lines are recognised here, but no date is taken from them: those of the page's head are exact."""

# It reports an error for every page without a text, which to us is an answer like any other.
logging.getLogger("trafilatura").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Extracted:
    """One article as its own page tells it; what the page does not tell is empty."""

    text: str
    """Paragraphs separated by one newline, at most `clean.MAX_TEXT` characters."""
    title: str = ""
    author: str = ""
    publisher: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    image_url: str = ""
    image_alt: str = ""
    language: str = ""
    summary: str = ""
    canonical: str = ""
    """The page's address as `identity.honour_canonical` believes it."""


def full_text(fetched: Fetched) -> Extracted:
    """The article on its page `fetched`. Dates come from the page's head and its own JSON-LD only.

    Raises FeedError, one line, when there is no text of MIN_CHARS to be found.
    """
    page = pagedom.read(fetched)
    title = without_publisher(page.title, page.site_name, page.url)
    own = _described(page, title)
    text = _text(fetched, page, title) or (own.text if own else "")
    if len(text) < MIN_CHARS:
        raise FeedError(f"{pagedom.host(fetched.url)}: found no full text on the page; show excerpts of this source")
    meta = page.meta
    told = own or RawArticle(guid="", url="", title="")
    return Extracted(
        text=text,
        title=title or told.title,
        author=_author(page) or told.author,
        publisher=page.site_name or told.publisher,
        published_at=_date(meta.get("article:published_time"), meta.get("datepublished"), meta.get("date"))
        or told.published_at,
        updated_at=_date(meta.get("article:modified_time"), meta.get("datemodified")) or told.updated_at,
        image_url=clean.address(meta.get("og:image") or meta.get("twitter:image"), page.base) or told.image_url,
        image_alt=clean.line(meta.get("og:image:alt", ""), 300) or told.image_alt,
        language=page.language or told.language,
        summary=clean.line(meta.get("og:description") or meta.get("description") or told.summary, MAX_SUMMARY),
        canonical=honour_canonical(page.url, page.canonical),
    )


def _text(fetched: Fetched, page: Page, title: str) -> str:
    """The text without furniture: of a page of several articles only its own, else what trafilatura finds."""
    pieces = [piece for piece in split(pageblocks.from_page(page), now=_NO_AGES, furniture=rules()) if piece.is_whole]
    if len(pieces) > 1:
        return _own(pieces, title).text[: clean.MAX_TEXT]
    found = _extracted(pagedom.decode(fetched.body, fetched.content_type))
    lines = without_title(without_title(rules().clean(found).split("\n"), title), page.title)
    if sum(map(len, lines)) < MIN_CHARS and pieces:
        lines = pieces[0].paragraphs
    return clean.paragraphs("\n\n".join(lines))


def _own(pieces: Sequence[Piece], title: str) -> Piece:
    return next((piece for piece in pieces if fold(piece.title) == fold(title)), pieces[0])


def _extracted(markup: str) -> str:
    """What trafilatura takes for the text of the page, a paragraph a line. Raises FeedError when it cannot cope."""
    parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    bounded = tame(clean.scrub(markup[:MAX_CHARS]), MAX_TAGS).encode("utf-8", "replace")
    try:
        root = html.document_fromstring(bounded, parser=parser)
        if _depth(root) > MAX_DEPTH:
            return ""
        found = bare_extraction(
            root, fast=True, favor_precision=True, include_comments=False, include_tables=False, with_metadata=False
        )
    except Exception as error:
        # Twenty thousand lines that were not written for hostile pages: whatever goes wrong, this page has no text.
        raise FeedError(f"its text cannot be found ({type(error).__name__})") from error
    told = getattr(found, "text", None) or ""
    return "\n".join(line for line in (clean.line(part, clean.MAX_TEXT) for part in told.split("\n")) if line)


def _depth(root: html.HtmlElement) -> int:
    deepest = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest


def _described(page: Page, title: str) -> RawArticle | None:
    """What the page's JSON-LD says of the page's own article: the one with its address, or else its headline."""
    told = jsonld.read(page)
    mine = {url_key(address) for address in (page.url, page.canonical) if address}
    for article in told:
        if article.url and url_key(article.url) in mine:
            return article
    return next((article for article in told if fold(article.title) == fold(title)), None)


def _author(page: Page) -> str:
    for name in ("author", "article:author", "dc.creator", "parsely-author"):
        told = clean.person(page.meta.get(name, ""))
        if told and "://" not in told:
            return told
    return ""


def _date(*told: str | None) -> datetime | None:
    return next((day for each in told if (day := dates.parse(each)) is not None), None)
