"""Our reader means by every field what feedparser documents (docs/reference-entry), over all files that we have.

Where it deliberately finds something else, the field or the file stands below with the reason; everything else must be
the same. Texts are compared without white space, which each reader folds in its own way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from html import unescape
from io import BytesIO
from pathlib import Path
from typing import Any

import feedparser
import pytest
from lxml.html import document_fromstring

from digest.gather import dates
from digest.gather.clean import MAX_TEXT, language, person
from digest.gather.feed import parse_feed
from digest.types import RawArticle
from tests.gather.site import FEEDS

URL = "https://news.example/feed"
NO_FEED = {"missing-fields.atom", "unrecognized.rss", "INDEX.md"}
NOT_THEIRS = {"feed.json"}
"""feedparser 6 reads no JSON Feed."""

EXCEPTIONS: Mapping[tuple[str, str], str] = {
    ("content-encoded.rss", "text"): "captions of pictures are left out: beside no picture they mislead",
    ("narro.rss", "text"): "they take itunes:summary for a second body when there is a description; we read the first",
    ("narro.rss", "summary"): "the same; our short text is itunes:subtitle",
    ("reddit-home.rss", "id"): "they resolve a relative atom:id; RFC 4287 (4.2.6) says an id is no reference",
    ("broken.xml", "text"): "&#146; is an apostrophe of windows-1252, as in browsers; they show U+FFFD",
    ("mislabelled.xml", "title"): "one byte that is not UTF-8 makes them read all others as windows-1252 too",
    ("heise.atom", "author"): "an entry without an author has the feed's (RFC 4287, 4.2.1)",
    ("atom.xml", "author"): "the same",
    ("rss2.xml", "count"): "an item with neither title nor link is dropped, and counted",
}


def title(ours: RawArticle, theirs: Any) -> tuple[str, str]:
    """Without the markup that they leave in."""
    return ours.title, " ".join(_plain(theirs.get("title", "")).split())


def link(ours: RawArticle, theirs: Any) -> tuple[str, str]:
    return ours.url, theirs.get("link", "")


def guid(ours: RawArticle, theirs: Any) -> tuple[str, str]:
    """Every article has one: the link where its publisher says nothing."""
    return ours.guid, theirs.get("id", "") or ours.url


def published(ours: RawArticle, theirs: Any) -> tuple[datetime | None, datetime | None]:
    """What was updated was published then at the latest, where nothing else is told."""
    told = (dict.get(theirs, name) for name in ("published", "created", "updated"))
    return ours.published_at, next((day for each in told if (day := dates.parse(each))), None)


def updated(ours: RawArticle, theirs: Any) -> tuple[datetime | None, datetime | None]:
    """Without their substitute for a missing `updated` (they warn that it will go)."""
    return ours.updated_at, dates.parse(dict.get(theirs, "updated"))


def author(ours: RawArticle, theirs: Any) -> tuple[str, str]:
    """Names only: an address is nobody's name, and no business of a reader's. All names where there are several."""
    names = [person(each.get("name", "")) for each in theirs.get("authors", []) if each.get("name")]
    name = person(theirs.get("author", "").partition(" (")[0])
    return ours.author, ", ".join(dict.fromkeys(filter(None, names))) or name


def text(ours: RawArticle, theirs: Any) -> tuple[str, str]:
    """At most 10,000 characters, the last an ellipsis."""
    told = _letters(theirs.content[0].value if theirs.get("content") else theirs.get("summary", ""))
    if len(ours.text) > MAX_TEXT * 0.9 and ours.text.endswith("…"):
        told = told[: len(_letters(ours.text)) - 1] + "…"
    return "".join(ours.text.split()), told


def summary(ours: RawArticle, theirs: Any) -> tuple[str, str]:
    """Only what is another and shorter text than the body; they repeat the body where there is no summary."""
    short = _letters(theirs.get("summary", "")) if theirs.get("content") else ""
    body = text(ours, theirs)[1]
    return "".join(ours.summary.split()), "" if short == body or len(short) >= len(body) else short


FIELDS: dict[str, Callable[[RawArticle, Any], tuple[Any, Any]]] = {
    "title": title, "link": link, "id": guid, "published": published, "updated": updated, "author": author,
    "text": text, "summary": summary,
}  # fmt: skip


def _plain(markup: str) -> str:
    return "".join(map(str, document_fromstring(markup).itertext())) if markup.strip() else ""


def _letters(markup: str) -> str:
    return "".join(_plain(markup).split())


def differences(path: Path) -> set[str]:
    """The fields in which the two readers differ somewhere in a file."""
    body = path.read_bytes()
    ours = parse_feed(body, url=URL)
    theirs = feedparser.parse(BytesIO(body), response_headers={"content-location": URL})
    found = set()
    if ours.title != " ".join(unescape(theirs.feed.get("title", "")).split()):
        found.add("feed title")
    if ours.language != language(theirs.feed.get("language")):
        found.add("language")
    if len(ours.items) != len(theirs.entries):
        return found | {"count"}
    for article, entry in zip(ours.items, theirs.entries, strict=True):
        found |= {name for name, pair in FIELDS.items() if len(set(pair(article, entry))) > 1}
    return found


def excused(name: str) -> set[str]:
    return {field for file, field in EXCEPTIONS if file == name}


@pytest.mark.parametrize("path", sorted(filter(Path.is_file, FEEDS.glob("*.*"))), ids=lambda path: path.name)
@pytest.mark.filterwarnings("ignore:To avoid breaking existing software:DeprecationWarning")
def test_bundled_feeds(path: Path) -> None:
    if path.name in NOT_THEIRS:
        assert feedparser.parse(BytesIO(path.read_bytes())).entries == []
        return
    assert differences(path) == excused(path.name)


@pytest.mark.shared
@pytest.mark.filterwarnings("ignore:To avoid breaking existing software:DeprecationWarning")
def test_feeds_of_real_publishers(shared: Path) -> None:
    found = {path.name: differences(path) for path in (shared / "real-feeds").iterdir() if path.name not in NO_FEED}
    assert found == {name: excused(name) for name in found}
