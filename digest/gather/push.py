"""What callers of the inbound API send (docs/api.md) -> `RawArticle`s, or which field of which item is wrong. Pure.

A feed's publisher never hears what we think of the feed, so its readers make the best of everything. A caller gets an
answer: what would be passed over there in silence (an address that is none, a date that cannot be read, a field that
nobody knows) is an error here. Texts are cleaned by the same functions as those of feeds.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, NoReturn

from digest.errors import InputError
from digest.gather import clean, dates
from digest.gather.identity import url_key
from digest.types import RawArticle

MAX_BODY = 5_000_000
"""Bytes of a body: what the outbound door takes from a feed, too."""
MAX_ITEMS = 1_000
MAX_NAME = 1_000
"""Characters of an article's name among those of its source, as in feeds (`gather.build`)."""

FIELDS: Mapping[str, int] = {
    "id": MAX_NAME,
    "url": clean.MAX_URL,
    "title": 1_000,
    "html": clean.MAX_HTML,
    "text": 100_000,
    "summary": 10_000,
    "author": 400,
    "publisher": 200,
    "language": 35,
    "published_at": 40,
}
"""The fields that hold text, and how many characters each may have. More is an error rather than cut: whoever sends a
megabyte as a title has taken the wrong field. RFC 5646 (section 4.4.1): 35 characters hold every language tag."""
IMAGE_FIELDS: Mapping[str, int] = {"url": clean.MAX_URL, "alt": 1_000}
"""The fields of `image`."""

# RFC 3339, section 5.6; in lower case and with a space, as its notes allow.
_MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9]:(?:[0-5][0-9]|60)(?:\.[0-9]+)?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
)
_KINDS: Mapping[type, str] = {bool: "true or false", int: "a number", list: "a list", dict: "an object"}


class BadBody(InputError):
    """The body is not what the API takes."""


@dataclass(frozen=True, slots=True)
class Pushed:
    """An item that can be stored."""

    raw: RawArticle
    named: bool
    """Whether the caller gave it an id; without one its address is its name, and without an address its title."""


@dataclass(frozen=True, slots=True)
class Refused:
    """An item that cannot be stored, and why, in words for the caller's developer."""

    field: str
    """Where the mistake is: "title", "image.url", "" for the item as a whole."""
    message: str


class _Wrong(ValueError):
    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.refused = Refused(field, message)


def read_body(body: bytes) -> list[Any]:
    """The items as sent, 1 to 1,000 of them. Raises BadBody for anything else than an object that holds such a list.

    JSON is read as RFC 8259 has it: UTF-8, without NaN and Infinity. A number stays unread, for no field holds one: a
    million digits cost nothing. What is nested deeper than Python's parser goes (about a thousand levels) ends there,
    without harm (CPython, Lib/test/test_json/test_recursion.py).
    """
    try:
        told = json.loads(body.decode("utf-8"), parse_int=_unread, parse_float=_unread, parse_constant=_no_constant)
    except RecursionError:
        raise BadBody("the body is JSON nested too deeply") from None
    except UnicodeDecodeError:
        raise BadBody("the body is not UTF-8") from None
    except ValueError:
        raise BadBody("the body is not JSON") from None
    if not isinstance(told, dict) or not isinstance(told.get("articles"), list):
        raise BadBody('the body must be an object with a list "articles"')
    if len(told) > 1:
        raise BadBody('the body must hold nothing but "articles"')
    items: list[Any] = told["articles"]
    if not 1 <= len(items) <= MAX_ITEMS:
        raise BadBody(f"there must be 1 to {MAX_ITEMS} articles in a call; here are {len(items)}")
    return items


def read_items(items: Sequence[Any], *, html: bool = False) -> list[Pushed | Refused]:
    """Each item in its place. Of those that name the same article the first counts, and the others are refused. With
    `html` the bodies are kept as markup too."""
    read: list[Pushed | Refused] = []
    first: dict[str, int] = {}
    for index, told in enumerate(items):
        found = read_item(told, html=html)
        if isinstance(found, Pushed):
            before = min(first.setdefault(name, index) for name in _names(found))
            if before != index:
                field = "id" if found.named else "url" if found.raw.url else "title"
                found = Refused(field, f"names the same article as item {before} of this call")
        read.append(found)
    return read


def _names(item: Pushed) -> Iterator[str]:
    """By what another item could mean the same article."""
    yield item.raw.guid
    if not item.named and item.raw.url:
        yield f"address {url_key(item.raw.url)}"  # no id has a space in it


def read_item(told: Any, *, html: bool = False) -> Pushed | Refused:
    """One item as JSON told it. A field that is null counts as not given."""
    try:
        return _read(told, html)
    except _Wrong as wrong:
        return wrong.refused


def _read(told: Any, keep: bool) -> Pushed:
    if not isinstance(told, dict):
        raise _Wrong("", f"must be an object, not {_kind(told)}")
    texts = _texts({name: value for name, value in told.items() if name != "image"}, FIELDS)
    title = clean.title(texts.get("title", ""))
    if not title:
        raise _Wrong("title", "is required" if not texts.get("title") else "holds nothing that can be read")
    if "html" in texts and "text" in texts:
        raise _Wrong("text", "must not stand beside html; give one of them")
    given, url = _id(texts), _address(texts.get("url"), "url")
    image_url, image_alt = _image(told.get("image"))
    body = clean.Read(clean.paragraphs(texts.get("text", "")))
    if "html" in texts:
        body = clean.html(texts["html"], base=url, keep=keep)
    if not image_url:
        image_url, image_alt = _first_image(body.images, url)
    raw = RawArticle(
        guid=_name(given or url, title),
        url=url,
        title=title,
        text=body.text,
        html=body.html,
        summary=clean.paragraphs(texts.get("summary", "")),
        author=clean.person(texts.get("author", "")),
        publisher=clean.line(texts.get("publisher", ""), FIELDS["publisher"]),
        language=_language(texts),
        image_url=image_url,
        image_alt=image_alt,
        published_at=_moment(texts),
    )
    return Pushed(raw, bool(given))


def _texts(told: Mapping[str, Any], fields: Mapping[str, int], inside: str = "") -> dict[str, str]:
    """The fields that were given. Raises _Wrong for one that nobody knows, is no text, or is too long."""
    for name, value in told.items():
        if name not in fields:
            known = ", ".join((*fields, *(() if inside else ("image",))))
            raise _Wrong(inside + clean.line(name, 40), f"is no field; there is {known}")
        if value is not None and not isinstance(value, str):
            raise _Wrong(inside + name, f"must be a string, not {_kind(value)}")
        if value is not None and len(value) > fields[name]:
            raise _Wrong(inside + name, f"has {len(value)} characters; {fields[name]} are taken")
    return {name: value for name, value in told.items() if value is not None}


def _id(texts: Mapping[str, str]) -> str:
    """The caller's own name for the article. It goes into comparisons and not to readers, so nothing in it is mended:
    two names must not become one."""
    told = texts.get("id")
    if told is None:
        return ""
    given = unicodedata.normalize("NFC", told)
    if not given or "".join(clean.scrub(given).split()) != given:
        raise _Wrong("id", "must have at least one character and no space, control or invisible character")
    return given


def _address(told: str | None, field: str) -> str:
    if told is None:
        return ""
    found = clean.address(told, "")
    if not found:
        raise _Wrong(field, "must be an absolute http or https address")
    return found


def _image(told: Any) -> tuple[str, str]:
    if told is None:
        return "", ""
    if not isinstance(told, dict):
        raise _Wrong("image", f"must be an object with url and alt, not {_kind(told)}")
    texts = _texts(told, IMAGE_FIELDS, "image.")
    if "url" not in texts:
        raise _Wrong("image.url", "is required")
    return _address(texts["url"], "image.url"), clean.line(texts.get("alt", ""), 300)


def _first_image(images: Sequence[clean.Image], base: str) -> tuple[str, str]:
    """The first picture in the markup whose address is one."""
    for image in images:
        if found := clean.address(image.url, base):
            return found, image.alt
    return "", ""


def _language(texts: Mapping[str, str]) -> str:
    told = texts.get("language")
    if told is None:
        return ""
    found = clean.language(told)
    if not found:
        raise _Wrong("language", "must be a language tag such as de or pt-BR")
    return found


def _moment(texts: Mapping[str, str]) -> datetime | None:
    told = texts.get("published_at")
    if told is None:
        return None
    found = dates.parse(told) if _MOMENT.fullmatch(told) else None
    if found is None:
        raise _Wrong(
            "published_at", "must be a time of RFC 3339 with its zone, such as 2026-03-02T09:30:00+01:00, from 1990 on"
        )
    return found


def _name(given: str, title: str) -> str:
    if given and len(given) <= MAX_NAME:
        return given
    return "hash:" + blake2b((given or title).encode(), digest_size=16).hexdigest()


def _kind(value: Any) -> str:
    return "null" if value is None else _KINDS.get(type(value), "a string")


def _unread(_: str) -> int:
    return 0


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
