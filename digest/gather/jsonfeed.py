"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) -> `Feed`. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from digest.errors import FeedError
from digest.gather import clean, dates, slices
from digest.gather.build import MAX_ITEMS, MAX_SUMMARY, Asked, Draft, Feature, Found


def read(data: bytes, asked: Asked) -> Found:
    """The feed and how many items its document holds; known items are passed over. Raises FeedError when it is other
    JSON."""
    try:
        document = json.loads(data, strict=False)  # a line break within a text is no JSON, but a person can read it
    except RecursionError:
        raise FeedError("is JSON nested too deeply to be a feed") from None
    except ValueError:
        raise FeedError("begins like JSON but cannot be read as such") from None
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise FeedError("is JSON but not a JSON Feed (it has no list of items)")
    objects = [item for item in items[:MAX_ITEMS] if isinstance(item, dict)]
    names = [slices.name_of(_canonical(item)) for item in objects]
    fresh = [item for item, name in zip(objects, names, strict=True) if name not in asked.known]
    found = Found(
        title=clean.title(_text(document.get("title"))),
        language=clean.language(_text(document.get("language"))),
        site_url=clean.address(_text(document.get("home_page_url")), asked.url),
        slices=slices.pack(names),
        passed_over=len(objects) - len(fresh),
    )
    return found.take((_draft(item, asked) for item in fresh), items=len(objects), author=_authors(document))


def _canonical(item: Mapping[str, Any]) -> bytes:
    """The same bytes for an item however its document orders and spaces it."""
    return json.dumps(item, sort_keys=True, separators=(",", ":")).encode()


def _draft(item: Mapping[str, Any], asked: Asked) -> Draft:
    link = next(_addresses(item, asked.url, "url", "external_url"), "")
    base = link or asked.url
    read = clean.html(_text(item.get("content_html")), base=base, keep=asked.html, budget=asked.budget)
    short = clean.html(_text(item.get("summary")), budget=asked.budget).text
    text = read.text or clean.paragraphs(_text(item.get("content_text"))) or short
    summary = clean.paragraphs(short, MAX_SUMMARY)
    published = dates.parse(_text(item.get("date_published")))
    updated = dates.parse(_text(item.get("date_modified")))
    return Draft(
        guid=_text(item.get("id")),
        url=link,
        title=clean.title(_text(item.get("title"))),
        text=text,
        summary=summary if len(summary) < len(text) else "",
        html=read.html,
        author=_authors(item),
        language=clean.language(_text(item.get("language"))),
        image_url=next(_pictures(item, base), ""),
        images=tuple(Feature(image, base) for image in read.images),
        published_at=published or updated,
        updated_at=updated,
    )


def _addresses(thing: Mapping[str, Any], base: str, *names: str) -> Iterator[str]:
    for name in names:
        if found := clean.address(_text(thing.get(name)), base):
            yield found


def _pictures(item: Mapping[str, Any], base: str) -> Iterator[str]:
    yield from _addresses(item, base, "image", "banner_image")
    attachments = item.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        if isinstance(attachment, dict) and _text(attachment.get("mime_type")).startswith("image/"):
            yield from _addresses(attachment, base, "url")


def _authors(thing: Mapping[str, Any]) -> str:
    told = thing.get("authors")
    authors = told if isinstance(told, list) else [thing.get("author")]
    names = (clean.person(_text(author.get("name"))) for author in authors[:3] if isinstance(author, dict))
    return ", ".join(name for name in names if name)


def _text(value: object) -> str:
    """Strings as they are and numbers written out (1.0 allowed numbers as ids); everything else is nothing."""
    if isinstance(value, bool):
        return ""
    return str(value) if isinstance(value, str | int | float) else ""
