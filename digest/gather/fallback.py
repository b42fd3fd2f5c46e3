"""What our own reader cannot read, by feedparser: thirty years of odd feeds wiser, and twenty times slower. Pure.

feedparser is only ever handed bytes in memory: of a string it would open a file of that name or fetch the address
(https://feedparser.readthedocs.io/en/latest/, "Parsing a feed from a string"). It sees no document type, so nothing is
expanded, and its own cleaning is off, for everything goes through ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any

from digest.errors import FeedError
from digest.gather import clean, dates
from digest.gather.build import MAX_SUMMARY, Asked, Draft, Feature, Found

MAX_DOCUMENT = 65_536
"""Bytes that feedparser is given of a document: the worst that was found (many empty elements, many categories) takes
it half a second for so many, and four times as long for twice as many. It ends with the last whole item."""
_DECLARATION = re.compile(rb"<!(?=DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", re.IGNORECASE)
_END_OF_ITEM = re.compile(rb"</(?:[\w.-]+:)?(?:item|entry)\s*>", re.IGNORECASE)
_PLAIN = "text/plain"


def read(data: bytes, asked: Asked) -> Found:
    """The feed and how many items feedparser finds in a document in UTF-8. Raises FeedError when it fails."""
    document = _parsed(_bounded(data), asked.url)
    about = document.get("feed", {})
    found = Found(
        title=clean.title(_text(about, "title")),
        language=clean.language(_text(about, "language")),
        site_url=clean.address(_text(about, "link"), asked.url),
        fallback=True,
    )
    entries = document.get("entries", [])
    return found.take((_draft(entry, asked) for entry in entries), items=len(entries))


def _bounded(data: bytes) -> bytes:
    data = _DECLARATION.sub(b"&lt;!", data)
    if len(data) <= MAX_DOCUMENT:
        return data
    data = data[:MAX_DOCUMENT]
    end = max((found.end() for found in _END_OF_ITEM.finditer(data)), default=len(data))
    return data[:end]


def _parsed(data: bytes, url: str) -> Mapping[str, Any]:
    import feedparser  # 60 ms that hardly a gather needs

    headers = {"content-type": "application/xml; charset=utf-8", "content-location": url}
    try:
        document: Mapping[str, Any] = feedparser.parse(
            BytesIO(data), response_headers=headers, resolve_relative_uris=False, sanitize_html=False
        )
    except Exception as error:  # it promises none, and raises nearly any on documents that are broken in new ways
        raise FeedError(f"feedparser fails on it as well ({type(error).__name__})") from error
    return document


def _draft(entry: Mapping[str, Any], asked: Asked) -> Draft:
    bodies = [_read(told, asked) for told in _bodies(entry)]
    body = next((read for read in bodies if read.text), clean.Read(""))
    short = next((read.text for read in bodies if read is not body and read.text), "")
    summary = clean.paragraphs(short, MAX_SUMMARY)
    updated = dates.parse(_text(entry, "updated"))
    return Draft(
        guid=_text(entry, "id"),
        url=clean.address(_text(entry, "link"), asked.url),
        title=clean.title(_text(entry, "title")),
        text=body.text,
        summary=summary if len(summary) < len(body.text) else "",
        html=body.html,
        author=clean.person(_text(entry, "author")),
        language=clean.language(next((told.get("language") for told in _bodies(entry) if told.get("language")), "")),
        image_url=next(_pictures(entry, asked.url), ""),
        images=[Feature(image, asked.url) for read in bodies for image in read.images],
        published_at=dates.parse(_text(entry, "published")) or dates.parse(_text(entry, "created")) or updated,
        updated_at=updated,
    )


def _bodies(entry: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The contents, then the summary, as feedparser keeps them: `value` beside `type` and `language`."""
    contents = [told for told in entry.get("content", []) if isinstance(told, Mapping)]
    summary = entry.get("summary_detail") or {"value": _text(entry, "summary"), "type": "text/html"}
    return [*contents, summary]


def _read(told: Mapping[str, Any], asked: Asked) -> clean.Read:
    value = _text(told, "value")
    if told.get("type") == _PLAIN and "<" not in value:
        return clean.Read(clean.paragraphs(value))
    return clean.html(value, base=asked.url, keep=asked.html, budget=asked.budget)


def _pictures(entry: Mapping[str, Any], base: str) -> Iterator[str]:
    told = [*entry.get("media_content", []), *entry.get("media_thumbnail", [])]
    told += [link for link in entry.get("links", []) if link.get("rel") == "enclosure"]
    for each in told:
        kind = f"{each.get('medium', '')} {each.get('type', '')}"
        is_image = "image" in kind or each in entry.get("media_thumbnail", [])
        found = clean.address(each.get("url") or each.get("href"), base) if is_image else ""
        if found and not clean.too_small(each.get("width"), each.get("height")):
            yield found


def _text(thing: Mapping[str, Any], name: str) -> str:
    """A field as text. feedparser's mappings answer `updated` with `published` where there is none, and warn of it;
    what was really told is asked for as in a plain dict."""
    value = dict.get(thing, name) if isinstance(thing, dict) else thing.get(name)
    return value if isinstance(value, str) else ""
