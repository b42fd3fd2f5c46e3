"""A page without a feed -> `Feed`: what `digest sources add --kind page` watches.

The first of these that gives articles wins:

1. the operator's selector, when there is one: they have looked at the page;
2. several whole articles on the page itself, as aggregators show them: nothing else would have their texts;
3. the news sitemap of the site, made for programs;
4. JSON-LD, made for search engines;
5. the repeated links, made for people;
6. a single whole article.

Nothing here opens a connection: `get` is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from digest.errors import FeedError
from digest.gather import clean, dates, jsonld, pageblocks, pagedom, pagelinks, sitemap
from digest.gather.identity import url_key
from digest.gather.pagearticle import finished
from digest.gather.pagedom import Page
from digest.gather.pagefurniture import fold, rules
from digest.gather.pagesplit import Piece, split
from digest.gather.refine import without_publisher
from digest.gather.sitemap import Get
from digest.types import Feed, Fetched, RawArticle

SEVERAL = 2
"""Whole articles that make a page one that holds them; an article's own page has one."""


def read_page(
    start: Fetched,
    *,
    url: str,
    now: datetime,
    selector: str = "",
    get: Get | None = None,
    sitemaps: Sequence[str] = (),
) -> Feed:
    """The articles that the page `start`, asked for as `url`, holds or announces, in its order.

    Ages ("2 hours ago") count back from `now`, the time of fetching. `selector` is CSS that names the links.
    `get` fetches further documents (at most `sitemap.MAX_FETCHES`); without it no sitemap is asked for. `sitemaps`
    are those that the site's robots.txt names. Raises FeedError, one line with the way out, when there is no article
    to be had, and InputError for a selector that is none.
    """
    page = pagedom.read(start)
    furniture = rules()
    where = pagedom.host(url) or url
    if selector:
        chosen = pagelinks.select(page, selector, now=now, furniture=furniture)
        if not chosen:
            raise FeedError(f"{where}: no link on the page is named by the selector {selector[:80]!r}")
        return _feed(page, chosen)
    told = jsonld.read(page)
    pieces = [piece for piece in split(pageblocks.from_page(page), now=now, furniture=furniture) if piece.is_whole]
    whole = _whole(page, pieces, told)
    if len(whole) >= SEVERAL:
        return _feed(page, whole)
    if get is not None and (news := sitemap.find(page.url, get=get, sitemaps=sitemaps)) is not None:
        return replace(news, language=news.language or page.language)
    items = told or pagelinks.find(page, now=now, furniture=furniture) or whole
    if not items:
        raise FeedError(
            f"{where}: found no articles on the page; name its headlines with --selector 'CSS of the links', "
            "or add the address of a page that lists articles"
        )
    return _feed(page, items)


def read_text(text: str, *, url: str, now: datetime) -> Feed:
    """The articles in the plain text of a page, as copied or saved by a person; `url` names its file or page.

    Raises FeedError, one line with the way out, when there is none.
    """
    blocks = pageblocks.from_text(text[: pagedom.MAX_CHARS])
    pieces = [piece for piece in split(blocks, now=now, furniture=rules()) if piece.title and piece.paragraphs]
    if not pieces:
        raise FeedError(
            f"{url}: found no article in the text; each begins with a headline on a line of its own, "
            "followed by a line with its publisher and its age or date"
        )
    return Feed("", "", "", tuple(_once(finished(piece) for piece in pieces)))


def _feed(page: Page, items: Sequence[RawArticle]) -> Feed:
    return Feed(page.site_name or page.title, page.language, page.url, tuple(items))


def _whole(page: Page, pieces: Sequence[Piece], told: Sequence[RawArticle]) -> list[RawArticle]:
    """The whole articles on a page, completed by what its JSON-LD says of the very same ones."""
    by_key = {url_key(article.url): article for article in told if article.url}
    by_title = {fold(article.title): article for article in told}
    own = fold(without_publisher(page.title, page.site_name, page.url))
    found = []
    for piece in pieces:
        mine = fold(piece.title) == own
        if mine and not piece.link and not piece.whole_link:
            piece.link = page.canonical or page.url
        article = finished(piece, language=page.language)
        described = by_title.get(fold(piece.title)) or by_key.get(url_key(article.url) if article.url else "")
        if described is not None:
            article = _completed(article, described)
        if mine:
            article = _with_meta(article, page)
        found.append(article if article.publisher else replace(article, publisher=_publisher(article.url, page)))
    return _once(found)


def _publisher(url: str, page: Page) -> str:
    """Who answers for an article that names nobody: the host of its address, or the page's site for its own."""
    if not url or pagedom.host(url) == pagedom.host(page.url):
        return page.site_name or pagedom.host(page.url).removeprefix("www.")
    return pagedom.host(url).removeprefix("www.")


def _completed(article: RawArticle, described: RawArticle) -> RawArticle:
    """`article` with what its own JSON-LD says; a date there is exact, and an age is not."""
    return replace(
        article,
        guid=article.guid if article.url else described.guid,
        url=article.url or described.url,
        author=article.author or described.author,
        publisher=article.publisher or described.publisher,
        image_url=article.image_url or described.image_url,
        image_alt=article.image_alt if article.image_url else described.image_alt,
        published_at=described.published_at or article.published_at,
        updated_at=described.updated_at or article.updated_at,
        summary=article.summary or described.summary,
    )


def _with_meta(article: RawArticle, page: Page) -> RawArticle:
    """`article`, which is the page's own, with what the page's head says of it."""
    return replace(
        article,
        published_at=article.published_at or dates.parse(page.meta.get("article:published_time")),
        updated_at=article.updated_at or dates.parse(page.meta.get("article:modified_time")),
        image_url=article.image_url or clean.address(page.meta.get("og:image"), page.base),
    )


def _once(articles: Iterable[RawArticle]) -> list[RawArticle]:
    """Each article once, in its first place and with its longest text: pages repeat their own below."""
    found: dict[str, RawArticle] = {}
    for article in articles:
        known = found.get(article.guid)
        if known is None or len(article.text) > len(known.text):
            found[article.guid] = article
    return list(found.values())
