"""JSON Feed 1.0 and 1.1 (https://www.jsonfeed.org/version/1.1/) -> `Feed`. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from digest.errors import FeedError
from digest.gather import clean, dates
from digest.gather.build import MAX_ITEMS, Draft, finish
from digest.types import Feed, RawArticle


def read(text: str, url: str) -> tuple[Feed, int]:
    """The feed and how many items its document holds. Raises FeedError when it is other JSON."""
    try:
        document = json.loads(text)
    except RecursionError:
        raise FeedError("is JSON nested too deeply to be a feed") from None
    except ValueError:
        raise FeedError("begins like JSON but cannot be read as such") from None
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise FeedError("is JSON but not a JSON Feed (it has no list of items)")
    title = clean.title(_text(document.get("title")))
    language = clean.language(_text(document.get("language")))
    found = [item for item in items[:MAX_ITEMS] if isinstance(item, dict)]
    author = _authors(document)
    read_items = [finish(_draft(item, url), publisher=title, language=language, author=author) for item in found]
    articles: tuple[RawArticle, ...] = tuple(article for article in read_items if article is not None)
    site = clean.address(_text(document.get("home_page_url")), url)
    return Feed(title, language, site, articles, len(found) - len(articles)), len(found)


def _draft(item: Mapping[str, Any], url: str) -> Draft:
    link = clean.address(_text(item.get("url")), url) or clean.address(_text(item.get("external_url")), url)
    read = clean.html(_text(item.get("content_html")))
    text = read.text or clean.paragraphs(_text(item.get("content_text"))) or clean.html(_text(item.get("summary"))).text
    image = clean.address(_text(item.get("image")), link or url) or clean.address(
        _text(item.get("banner_image")), link or url
    )
    attachments = item.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        if not image and isinstance(attachment, dict) and _text(attachment.get("mime_type")).startswith("image/"):
            image = clean.address(_text(attachment.get("url")), link or url)
    dated = dates.parse(_text(item.get("date_published"))) or dates.parse(_text(item.get("date_modified")))
    return Draft(
        guid=_text(item.get("id")),
        url=link,
        title=clean.title(_text(item.get("title"))),
        text=text,
        author=_authors(item),
        language=clean.language(_text(item.get("language"))),
        image_url=image,
        images=read.images,
        base=link or url,
        published_at=dated,
    )


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
