"""A topic's archive as feeds: Atom (RFC 4287) and JSON Feed 1.1, an entry for each day. Pure.

Ids are tag URIs (RFC 4151): they stay when pages move to https or another path, and change with the host alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import urlsplit

from lxml import etree

from digest.types import ArchivedDay, TopicFeed

ATOM, JSON_FEED = "application/atom+xml", "application/feed+json"
_ATOM = "http://www.w3.org/2005/Atom"
_XML = "http://www.w3.org/XML/1998/namespace"
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 has no place for, escaped or not (section 2.2)."""


@dataclass(frozen=True, slots=True)
class FeedSite:
    """What a feed says of where it comes from."""

    name: str
    public_url: str
    content: Callable[[ArchivedDay], str]
    """The HTML of a day, in the topic's language."""


def atom(feed: TopicFeed, site: FeedSite) -> bytes:
    """The feed as an Atom document in UTF-8."""
    address = topic_url(site.public_url, feed.topic.slug)
    root = etree.fromstring(f'<feed xmlns="{_ATOM}"/>')
    root.set(f"{{{_XML}}}lang", feed.topic.language)
    _add(root, "id", feed_id(feed, site.public_url))
    _add(root, "title", title_of(feed, site))
    if feed.topic.description:
        _add(root, "subtitle", feed.topic.description)
    _add(root, "updated", _stamp(feed.changed_at))
    _add(_add(root, "author"), "name", site.name)
    _add(root, "link", rel="self", type=ATOM, href=f"{address}feed.atom")
    _add(root, "link", rel="alternate", type="text/html", href=address)
    for day in feed.days:
        entry = _add(root, "entry")
        _add(entry, "id", day_id(feed, day.day, site.public_url))
        lead = day.stories[0]
        title = _add(entry, "title", lead.title)
        if lead.language:
            title.set(f"{{{_XML}}}lang", lead.language)
        _add(entry, "published", _stamp(day.opened_at))
        _add(entry, "updated", _stamp(day.changed_at))
        _add(entry, "link", rel="alternate", type="text/html", href=f"{address}{day.day.isoformat()}")
        _add(entry, "content", site.content(day), type="html")
    return etree.tostring(root, xml_declaration=True, encoding="utf-8")


def json_feed(feed: TopicFeed, site: FeedSite) -> bytes:
    """The same as a JSON Feed in UTF-8 (https://www.jsonfeed.org/version/1.1/)."""
    address = topic_url(site.public_url, feed.topic.slug)
    told: dict[str, object] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title_of(feed, site),
        "home_page_url": address,
        "feed_url": f"{address}feed.json",
        "language": feed.topic.language,
        "authors": [{"name": site.name}],
        "items": [
            {
                "id": day_id(feed, day.day, site.public_url),
                "url": f"{address}{day.day.isoformat()}",
                "title": day.stories[0].title,
                "content_html": site.content(day),
                "date_published": _stamp(day.opened_at),
                "date_modified": _stamp(day.changed_at),
            }
            for day in feed.days
        ],
    }
    if feed.topic.description:
        told["description"] = feed.topic.description
    return json.dumps(told, ensure_ascii=False).encode()


def topic_url(public_url: str, slug: str) -> str:
    """The page that lists a topic's days."""
    return f"{public_url}/archive/{slug}/"


def title_of(feed: TopicFeed, site: FeedSite) -> str:
    """What a feed reader calls it."""
    return f"{feed.topic.name} – {site.name}"


def feed_id(feed: TopicFeed, public_url: str) -> str:
    """The id of a topic's archive, minted on the day on which the topic was made."""
    return f"tag:{_authority(public_url)},{feed.topic.created_at.date().isoformat()}:archive/{feed.topic.slug}/feed"


def day_id(feed: TopicFeed, day: date, public_url: str) -> str:
    """The id of a day of it, minted on that day."""
    return f"tag:{_authority(public_url)},{day.isoformat()}:archive/{feed.topic.slug}"


def _authority(public_url: str) -> str:
    """A host name, without the port (RFC 4151, section 2.1). An IPv6 address cannot be one."""
    host = urlsplit(public_url).hostname or ""
    return "localhost" if not host or ":" in host else host


def _stamp(moment: datetime) -> str:
    """RFC 3339, to the second: both formats ask for it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _add(parent: etree._Element, name: str, text: str | None = None, **attributes: str) -> etree._Element:
    found = etree.SubElement(parent, _name(name), attributes)
    if text is not None:
        found.text = _NO_XML.sub("", text)
    return found


def _name(name: str) -> str:
    return f"{{{_ATOM}}}{name}"
