"""What we read of the feeds of real publishers, as a line for each article: `python -m tests.gather.freeze_real_feeds`.

Their texts stay out of the repository: whatever a publisher wrote stands here as the first eight hexadecimal digits of
its BLAKE2b. Dates, languages, counts and what is absent ("-") are told openly. Run it again only after the difference
that the test names was looked up by eye in the publisher's file.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from hashlib import blake2b
from pathlib import Path

from digest.errors import FeedError
from digest.gather.feed import parse_feed
from digest.types import Feed, RawArticle
from tests.parts import ROOT, shared_folder

EXPECTED = ROOT / "tests" / "data" / "real-feeds-expected"
URL = "https://news.example/feed"
FIELDS = (
    "published_at", "updated_at", "language", "title", "url", "guid", "author", "publisher", "image_url", "image_alt",
    "summary", "text", "html",
)  # fmt: skip
OPEN = frozenset(("published_at", "updated_at", "language"))
"""What is no expression of anybody's."""


def files() -> list[Path]:
    """The captured feeds."""
    return sorted(file for file in (shared_folder() / "real-feeds").iterdir() if file.suffix != ".md")


def lines(file: Path) -> list[str]:
    """The feed's own line, the names of the fields, and a line for each article; or why it is none."""
    body = file.read_bytes()
    try:
        plain, kept = parse_feed(body, url=URL), parse_feed(body, url=URL, html=True)
    except FeedError as error:
        return [str(error)]
    return [_head(plain), " ".join(FIELDS), *_articles(plain, kept)]


def _head(feed: Feed) -> str:
    return (
        f"articles={len(feed.items)} dropped={feed.dropped} language={feed.language or '-'} title={told(feed.title)} "
        f"site={told(feed.site_url)} fallback={feed.fallback} slices={len(feed.slices) // 8} ttl={feed.pace.ttl or '-'}"
    )


def _articles(plain: Feed, kept: Feed) -> Iterator[str]:
    for article, with_html in zip(plain.items, kept.items, strict=True):
        yield " ".join(_field(with_html if name == "html" else article, name) for name in FIELDS)


def _field(article: RawArticle, name: str) -> str:
    value = getattr(article, name)
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return (value or "-") if name in OPEN else told(value or "")


def told(text: str) -> str:
    """What stands for a text."""
    return blake2b(text.encode(), digest_size=4).hexdigest() if text else "-"


def differences(name: str, expected: list[str], found: list[str]) -> list[str]:
    """Each difference by file, article (from 0) and field."""
    if expected[:2] != found[:2] or len(expected) != len(found):
        return [
            f"{name}: {one} -> {other}" for one, other in zip(expected[:2], found[:2], strict=False) if one != other
        ]
    return [
        f"{name}, article {index}, {field}: {one} -> {other}"
        for index, rows in enumerate(zip(expected[2:], found[2:], strict=True))
        for field, one, other in zip(FIELDS, rows[0].split(" "), rows[1].split(" "), strict=True)
        if one != other
    ]


if __name__ == "__main__":
    EXPECTED.mkdir(parents=True, exist_ok=True)
    for feed_file in files():
        (EXPECTED / f"{feed_file.name}.txt").write_text("\n".join(lines(feed_file)) + "\n", encoding="utf-8")
