"""What every feed format shares: from what an item told to a `RawArticle`. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from digest.gather import clean
from digest.types import RawArticle

MAX_ITEMS = 2_000
"""Items read from one document: the longest real archives (podcasts) have about 1,500."""
MAX_GUID = 1_000


@dataclass(frozen=True, slots=True)
class Draft:
    """An item as its format told it; texts are clean, `url` and `image_url` absolute, `images` as written."""

    guid: str
    url: str
    title: str
    text: str
    author: str
    language: str
    image_url: str
    images: tuple[clean.Image, ...]
    base: str
    """What relative addresses in `images` are relative to."""
    published_at: datetime | None
    image_alt: str = ""
    publisher: str = ""


def finish(draft: Draft, *, publisher: str, language: str, author: str = "") -> RawArticle | None:
    """The article; the feed's own publisher, language and author where the item names none.

    None when the item has neither a title nor a link: nothing a reader could use.
    """
    if not draft.title and not draft.url:
        return None
    title = draft.title or clean.first_words(draft.text) or clean.line(draft.url, 200)
    image_url, image_alt = draft.image_url, draft.image_alt
    for image in draft.images:
        found = clean.address(image.url, draft.base)
        if found and (not image_url or found == image_url):
            image_url, image_alt = found, image_alt or image.alt
            break
    return RawArticle(
        guid=_guid(draft, title),
        url=draft.url,
        title=title,
        text=draft.text,
        author=draft.author or author,
        publisher=draft.publisher or publisher,
        language=draft.language or language,
        image_url=image_url,
        image_alt=image_alt,
        published_at=draft.published_at,
    )


def _guid(draft: Draft, title: str) -> str:
    guid = "".join(clean.scrub(draft.guid).split()) or draft.url
    if guid and len(guid) <= MAX_GUID:
        return guid
    return "hash:" + blake2b((guid or title).encode(), digest_size=16).hexdigest()
