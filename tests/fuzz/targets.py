"""The parsers that are fuzzed: what each is given, which exception it documents, and what must hold of the result.

A target is a plain function of bytes, so that a finding can be replayed without any fuzzer: tests/test_fuzz.py does it
with every file under tests/data/fuzz.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import zip_longest

from digest.errors import DigestError, FeedError, InputError, RuleError
from digest.gather import (
    clean,
    dates,
    identity,
    kept,
    markup,
    opml,
    page,
    pageselect,
    push,
    robots,
    simple,
    sitemap,
    slices,
)
from digest.gather.feed import parse_feed
from digest.gather.fulltext import full_text
from digest.stories import rules
from digest.types import Feed, Fetched
from tests.fuzz import checks
from tests.fuzz.checks import require

URL = "https://feeds.example/news/feed.xml"
PAGE = "https://site.example/news/"
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
_CONTENT_TYPES = ("", "text/xml; charset=iso-8859-1", "application/json", "text/html; charset=utf-8")

Check = Callable[[bytes], None]


@dataclass(frozen=True, slots=True)
class Target:
    """A parser under test."""

    check: Check
    """Raises when anything is wrong with what the parser does; returns for a documented refusal."""
    seeds: tuple[str, ...] = ()
    """Folders of tests/data or of the shared data whose files are good beginnings, beside those of tests/data/fuzz."""
    weight: int = 1
    """How much of the time it gets, beside the others."""
    longest: int = 8_192
    """Bytes of an input: short ones are quick, and the limits of size have tests of their own."""


def read_feed(data: bytes) -> None:
    """A feed as plain text: in full, then as the next poll sees it, with every second item known."""
    try:
        found = parse_feed(data, url=URL)
    except FeedError as error:
        _one_line(error)
        return
    checks.feed(found)
    _next_poll(data, found)


def read_feed_kept(data: bytes) -> None:
    """A feed whose markup is kept, under a content type that says something else; then the last step at the door."""
    content_type = _CONTENT_TYPES[sum(data[:64]) % len(_CONTENT_TYPES)]
    try:
        found = parse_feed(data, content_type=content_type, url=URL, html=True)
    except FeedError as error:
        _one_line(error)
        return
    checks.feed(found)
    for item in found.items[:5]:
        checks.markup_again(item.html)
        checks.refined(item)


def _next_poll(data: bytes, found: Feed) -> None:
    names = [found.slices[at : at + slices.WIDTH] for at in range(0, len(found.slices), slices.WIDTH)]
    known = set(names[::2])
    if not known:
        return
    if len(known) == len(set(names)) and len(names) == len(found.items):
        _all_known(data, found)
    later = parse_feed(data, url=URL, known=b"".join(known))
    require(later.slices == found.slices, "slices change", found.slices, later.slices)
    if found.dropped == 0:
        wanted = [item for item, name in zip_longest(found.items, names) if name not in known]
        require(list(later.items) == wanted, "another reading of the new items", later.items, wanted)


def _all_known(data: bytes, found: Feed) -> None:
    again = parse_feed(data, url=URL, known=found.slices)
    require(not again.items and again.passed_over == len(found.items), "all items are known", again)


def read_page(data: bytes) -> None:
    """A page that lists or holds articles."""
    _pages(
        partial(page.read_page, Fetched(url=PAGE, status=200, content_type="text/html", body=data), url=PAGE, now=NOW)
    )


def read_text(data: bytes) -> None:
    """The plain text of a page."""
    _pages(partial(page.read_text, data.decode("utf-8", "replace"), url=PAGE, now=NOW))


def read_sitemap(data: bytes) -> None:
    """Whatever is asked for, this is the answer."""

    def get(url: str) -> Fetched:
        return Fetched(url=url, status=200, body=data)

    found = sitemap.find(PAGE, get=get, sitemaps=("/other.xml", "https://elsewhere.example/news.xml"))
    if found is not None:
        checks.feed(found)


def _pages(read: Callable[[], Feed]) -> None:
    try:
        found = read()
    except FeedError as error:
        _one_line(error)
        return
    checks.feed(found)
    for item in found.items[:5]:
        checks.refined(item)


def read_article(data: bytes) -> None:
    """The page of one article, for its full text."""
    try:
        found = full_text(Fetched(url=PAGE + "1", status=200, content_type="text/html", body=data))
    except FeedError as error:
        _one_line(error)
        return
    for name in ("title", "author", "publisher", "image_alt"):
        checks.line(getattr(found, name), name)
    checks.paragraphs(found.text, "text")
    checks.address(found.image_url, "image_url")
    checks.moment(found.published_at)
    checks.language(found.language)


def read_selector(data: bytes) -> None:
    """An operator's selector, up to the first line break, and the page that it is asked of."""
    selector, _, told = data.partition(b"\n")
    root = markup.parse(told.decode("utf-8", "replace"))
    try:
        if root is None:
            pageselect.compiled(selector.decode("utf-8", "replace"))
        else:
            found = pageselect.select(root, selector.decode("utf-8", "replace"), limit=20)
            require(len(found) <= 20 and len(set(found)) == len(found), "more than asked for", found)
    except InputError as error:
        _one_line(error)


def read_opml(data: bytes) -> None:
    """A list of feeds; written and read again it is the same."""
    try:
        found = opml.read_opml(data)
    except FeedError as error:
        _one_line(error)
        return
    for feed in found.feeds:
        checks.address(feed.url, "xmlUrl")
        checks.address(feed.site_url, "htmlUrl")
        checks.line(feed.title, "title")
        checks.line(feed.folder, "folder")
    for problem in found.problems:
        checks.line(problem.reason, "reason")
    if found.feeds:
        again = opml.read_opml(opml.write_opml(found.title, found.feeds, now=NOW))
        require(_rows(again.feeds) == _rows(found.feeds), "written and read again", found.feeds, again.feeds)


def _rows(feeds: Iterable[opml.Outline]) -> set[tuple[str, str, str, str]]:
    return {(each.url, each.title, each.site_url, each.folder) for each in feeds}


def read_push(data: bytes) -> None:
    """The body of a call to the inbound API."""
    try:
        items = push.read_body(data)
    except push.BadBody as error:
        _one_line(error)
        return
    for keep in (False, True):
        read = push.read_items(items, html=keep)
        require(len(read) == len(items), "each item in its place", len(read), len(items))
        for each in read:
            if isinstance(each, push.Refused):
                checks.line(each.message, "message")
                checks.line(each.field, "field")
            else:
                checks.article(each.raw)
                checks.refined(each.raw)


def read_date(data: bytes) -> None:
    """A date; what was read reads the same when it is written by ISO 8601 or RFC 822."""
    moment = dates.parse(data.decode("utf-8", "replace"))
    checks.moment(moment)
    if moment is not None:
        require(dates.parse(moment.isoformat()) == moment, "ISO 8601", moment)
        require(dates.parse(moment.strftime("%a, %d %b %Y %H:%M:%S GMT")) == moment, "RFC 822", moment)


def read_markup(data: bytes) -> None:
    """Markup to keep and to read; simple markup reads the same by both readers."""
    told = data.decode("utf-8", "replace")
    done = clean.html(told, base=PAGE, keep=True)
    checks.paragraphs(done.text, "text")
    checks.markup(done.html)
    checks.markup_again(done.html)
    read = clean.html(told)
    checks.paragraphs(read.text, "text")
    quick = simple.read(told, clean.MAX_TEXT)
    if quick is not None:
        # Of "A</p>B" libxml2 makes one block, the quick reader two, as browsers do: HTML standard, 13.2.6.4.7.
        require(
            "".join(quick.text.split()) == "".join(read.text.split()),
            "the quick reader reads otherwise",
            quick.text,
            read.text,
        )
        require(tuple(quick.images)[:50] == read.images, "other pictures", tuple(quick.images), read.images)
    require(kept.keep(told, PAGE) == done.html, "the same again")


def read_rule(data: bytes) -> None:
    """A topic's rule; written out it is the same rule."""
    try:
        rule = rules.parse(data.decode("utf-8", "replace"))
    except RuleError as error:
        _one_line(error)
        return
    written = rules.unparse(rule)
    if len(written) <= rules.MAX_LENGTH:
        require(rules.parse(written) == rule, "written and read again", rule, written)


def read_robots(data: bytes) -> None:
    """A robots.txt, asked about two addresses."""
    found = robots.parse(data, robots.TOKEN)
    for url in (PAGE, PAGE + "a%2Fb?c=d*$"):
        require(found.can_fetch(url, robots.TOKEN) in (True, False), "an answer")
    delay = found.crawl_delay(robots.TOKEN)
    require(delay is None or delay >= 0 or delay != delay, "a delay", delay)
    list(found.sitemaps)


def read_address(data: bytes) -> None:
    """What a document calls a link."""
    told = data.decode("utf-8", "replace")
    found = clean.address(told, PAGE)
    checks.address(found, "address")
    require(clean.address(found, PAGE) == found or not found, "cleaned twice", found)
    short = identity.canonical_url(found)
    require(identity.canonical_url(short) == short, "canonical twice", found, short)
    if found:
        checks.address(identity.honour_canonical(PAGE, told), "rel=canonical")
        require(identity.url_key(short) == identity.url_key(found), "another page", found, short)


def _one_line(error: DigestError) -> None:
    told = str(error)
    require(bool(told) and "\n" not in told and len(told) < 1_000, "a reason of one line", told)


TARGETS: dict[str, Target] = {
    "feed": Target(read_feed, ("feeds", "real-feeds"), weight=4),
    "feed-kept": Target(read_feed_kept, ("feeds", "real-feeds"), weight=3),
    "page": Target(read_page, ("pages",), weight=2),
    "text": Target(read_text, ("pages",)),
    "article": Target(read_article, ("pages",)),
    "sitemap": Target(read_sitemap),
    "selector": Target(read_selector, longest=1_024),
    "opml": Target(read_opml),
    "push": Target(read_push),
    "date": Target(read_date, longest=128),
    "markup": Target(read_markup, weight=3, longest=4_096),
    "rule": Target(read_rule, longest=2_100),
    "robots": Target(read_robots),
    "address": Target(read_address, longest=512),
}
"""Every parser of what strangers, callers and operators send."""
