"""Articles that a page describes in JSON-LD (https://schema.org/NewsArticle) -> `RawArticle`s. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from digest.gather import clean, dates
from digest.gather.build import MAX_ITEMS, MAX_SUMMARY
from digest.gather.pagearticle import finished
from digest.gather.pagedom import Page
from digest.gather.pagesplit import Piece
from digest.types import RawArticle

_TYPE_NAMES = (
    "Article NewsArticle AnalysisNewsArticle AskPublicNewsArticle BackgroundNewsArticle "
    "OpinionNewsArticle ReportageNewsArticle ReviewNewsArticle SatiricalArticle ScholarlyArticle TechArticle Report "
    "SocialMediaPosting BlogPosting LiveBlogPosting"
)
TYPES = frozenset(_TYPE_NAMES.split())
"""schema.org's Article and what is below it, without what was paid for."""
_INSIDE = ("@graph", "itemListElement", "item", "mainEntity", "mainEntityOfPage", "hasPart", "blogPost", "blogPosts")
"""Where articles stand inside other things. Not liveBlogUpdate: an update is no article of its own."""
MAX_SCRIPT = 2_000_000
"""Characters of one script; a list of a hundred articles with their bodies has less than one million."""
MAX_DEPTH = 12
MAX_THINGS = 20_000
_WRAPPED = re.compile(r"^\s*(?:<!--|//\s*<!\[CDATA\[|<!\[CDATA\[)?\s*|\s*(?:-->|//\s*\]\]>|\]\]>)?\s*;?\s*$")


def read(page: Page) -> list[RawArticle]:
    """The articles that the page's JSON-LD describes, in its order, each address once. What cannot be read is passed
    over: it is an aid for search engines, and nobody sees that it is broken."""
    found: dict[str, RawArticle] = {}
    for thing in islice(_things(page), MAX_ITEMS):
        article = _article(thing, page)
        if article is not None:
            key = article.guid
            if key not in found or (not found[key].text and article.text):
                found[key] = article
    return list(found.values())


def _things(page: Page) -> Iterator[Mapping[str, Any]]:
    for script in page.root.iter("script"):
        if (script.get("type") or "").partition(";")[0].strip().lower() != "application/ld+json":
            continue
        told = _WRAPPED.sub("", (script.text or "")[:MAX_SCRIPT])
        try:
            document = json.loads(told, strict=False)
        except (ValueError, RecursionError):
            continue
        yield from _articles(document)


def _articles(document: object) -> Iterator[Mapping[str, Any]]:
    """The things of an article's type, outer before inner."""
    waiting: list[tuple[object, int]] = [(document, 0)]
    seen = 0
    while waiting and seen < MAX_THINGS:
        thing, depth = waiting.pop()
        seen += 1
        inside: list[object] = []
        if isinstance(thing, list):
            inside = thing[:MAX_THINGS]
        elif isinstance(thing, dict):
            if not TYPES.isdisjoint(_types(thing)):
                yield thing
                continue
            inside = [thing[name] for name in _INSIDE if name in thing]
        if depth < MAX_DEPTH:
            waiting.extend((each, depth + 1) for each in reversed(inside))


def _types(thing: Mapping[str, Any]) -> list[str]:
    told = thing.get("@type")
    names = told if isinstance(told, list) else [told]
    return [name.rpartition("/")[2].rpartition(":")[2] for name in names if isinstance(name, str)]


def _article(thing: Mapping[str, Any], page: Page) -> RawArticle | None:
    title = clean.title(_text(thing.get("headline")) or _text(thing.get("name")))
    link = _link(thing, page.base)
    if not title or (not link and not _text(thing.get("datePublished"))):
        return None
    body = clean.html(_text(thing.get("articleBody")))
    image, alt = _image(thing.get("image") or thing.get("thumbnailUrl"), page.base)
    piece = Piece(
        title=title,
        publisher=_names(thing.get("publisher")) or _names(thing.get("sourceOrganization")) or page.site_name,
        author=_names(thing.get("author")) or _names(thing.get("creator")),
        published_at=dates.parse(_text(thing.get("datePublished"))) or dates.parse(_text(thing.get("dateCreated"))),
        updated_at=dates.parse(_text(thing.get("dateModified"))),
        paragraphs=body.text.split("\n") if body.text else [],
        link=link,
        image=clean.Image(image, alt) if image else None,
    )
    summary = clean.html(_text(thing.get("description")), MAX_SUMMARY).text.replace("\n", " ")
    language = clean.language(_text(_first(thing.get("inLanguage")))) or page.language
    return finished(piece, language=language, summary=summary)


def _link(thing: Mapping[str, Any], base: str) -> str:
    """The article's address: `url`, the page it is the main entity of, or an @id that is an address."""
    main = thing.get("mainEntityOfPage")
    told = (thing.get("url"), main.get("@id") if isinstance(main, dict) else main, thing.get("@id"))
    for each in told:
        text = _text(_first(each))
        if text and not text.startswith("#") and (found := clean.address(text, base)):
            return found
    return ""


def _names(told: object) -> str:
    """Persons or organisations, as names, at most three."""
    entries = told if isinstance(told, list) else [told]
    names = []
    for entry in entries[:3]:
        name = clean.person(_text(entry.get("name") if isinstance(entry, dict) else entry))
        if name and "://" not in name:
            names.append(name)
    return ", ".join(dict.fromkeys(names))


def _image(told: object, base: str) -> tuple[str, str]:
    entries = told if isinstance(told, list) else [told]
    for entry in entries[:10]:
        if isinstance(entry, dict):
            url, alt = _text(entry.get("url")) or _text(entry.get("contentUrl")), _text(entry.get("caption"))
            if clean.too_small(_text(entry.get("width")), _text(entry.get("height"))):
                continue
        else:
            url, alt = _text(entry), ""
        if found := clean.address(url, base):
            return found, clean.line(alt, 300)
    return "", ""


def _first(told: object) -> object:
    return told[0] if isinstance(told, list) and told else told


def _text(told: object) -> str:
    told = _first(told)
    if isinstance(told, dict):
        told = told.get("@value")
    if isinstance(told, bool):
        return ""
    return str(told) if isinstance(told, str | int | float) else ""
