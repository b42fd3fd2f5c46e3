"""The public archive: past days of topics whose operator opened them, as pages and feeds; the same for everybody."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from digest.types import ArchivedDay, ArchivedTopic, DayList, DayPage, TopicFeed
from digest.web import archivefeeds
from digest.web.archivefeeds import ATOM, JSON_FEED, FeedSite
from digest.web.caching import FRESH, unless_known
from subscribers import i18n
from subscribers.errors import UnknownTopic
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, not_found

FEEDS = {"feed.atom": (archivefeeds.atom, ATOM), "feed.json": (archivefeeds.json_feed, JSON_FEED)}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SLUG = re.compile(r"[a-z0-9-]{1,64}")
TOLD = {"Cache-Control": f"public, max-age={FRESH}", "X-Robots-Tag": "noindex"}


class Archivist(Protocol):
    """Who keeps the archive. Raises UnknownTopic for a topic without one, private topics included."""

    @property
    def default_timezone(self) -> str: ...

    def archives(self) -> tuple[ArchivedTopic, ...]: ...

    def archived_days(self, slug: str, before: date | None) -> DayList: ...

    def archived_day(self, slug: str, day: date) -> DayPage | None: ...

    def archive_feed(self, slug: str) -> TopicFeed: ...


def router(archivist: Archivist, pages: Pages) -> APIRouter:
    """GET /archive/, /archive/{topic}/, /archive/{topic}/{day}, and feed.atom and feed.json beside the days.

    They hold no personal value, so they may be cached and passed on. Search engines are asked to leave them out, as
    they are of /story and for the same reason: they are made of other people's sentences. There are no pictures of
    publishers: each would tell its server who reads what.
    """
    routes = APIRouter(include_in_schema=False)
    zone = archivist.default_timezone

    _add_slashes(routes, pages)

    @routes.api_route("/archive/", methods=PAGE)
    def all_topics(request: Request) -> Response:
        context = {"topics": archivist.archives(), "day_words": _day_words(request, pages)}
        return unless_known(request, pages.render(request, "archive.html", context, headers=TOLD))

    @routes.api_route("/archive/{slug}/", methods=PAGE)
    def days(request: Request, slug: str) -> Response:
        typed = request.query_params.get("before")
        before = None if typed is None else _day_of(typed)
        if typed is not None and before is None:
            return not_found(request, pages)
        try:
            found = archivist.archived_days(slug, before)
        except UnknownTopic:
            return not_found(request, pages)
        context = {
            "found": found,
            "newest": before is None,
            "day_words": _day_words(request, pages),
            "turn": i18n.direction,
        }
        return unless_known(request, pages.render(request, "archive_days.html", context, headers=TOLD))

    @routes.api_route("/archive/{slug}/{name}", methods=PAGE)
    def day_or_feed(request: Request, slug: str, name: str) -> Response:
        try:
            if name in FEEDS:
                return _feed(request, pages, archivist.archive_feed(slug), name, zone)
            day = _day_of(name)
            found = None if day is None else archivist.archived_day(slug, day)
        except UnknownTopic:
            found = None
        if found is None:
            return not_found(request, pages)
        context = {
            "page": found,
            "told": found.told,
            "place": pages.voice(request).place(zone),
            "day_words": _day_words(request, pages),
            **_clocks(zone, pages.voice(request).language),
        }
        return unless_known(request, pages.render(request, "archive_day.html", context, headers=TOLD))

    return routes


def _add_slashes(routes: APIRouter, pages: Pages) -> None:
    """Who leaves the last slash out is led to the page."""

    @routes.api_route("/archive", methods=PAGE)
    def slashless(request: Request) -> Response:
        return _slash(request, "/archive/")

    @routes.api_route("/archive/{slug}", methods=PAGE)
    def topic_slashless(request: Request, slug: str) -> Response:
        return _slash(request, f"/archive/{slug}/") if _SLUG.fullmatch(slug) else not_found(request, pages)


def _feed(request: Request, pages: Pages, feed: TopicFeed, name: str, zone: str) -> Response:
    make, kind = FEEDS[name]
    language = pages.catalogues.nearest(feed.topic.language)

    def content(day: ArchivedDay) -> str:
        context = {"told": day, "public_url": pages.public_url, **_clocks(zone, language)}
        return pages.text(language, "archive_feed.html", context)

    body = make(feed, FeedSite(pages.site_name, pages.public_url, content))
    answer = Response(body, media_type=f"{kind}; charset=utf-8", headers=pages.headers(TOLD))
    return unless_known(request, answer, feed.changed_at)


def _clocks(zone: str, language: str) -> dict[str, object]:
    def stamp(moment: datetime) -> str:
        return i18n.stamp(moment, zone, language)

    def clock(moment: datetime) -> str:
        return i18n.clock(moment, zone, language)

    return {"stamp": stamp, "clock": clock, "turn": i18n.direction}


def _day_words(request: Request, pages: Pages) -> object:
    language = pages.voice(request).language

    def words(day: date) -> str:
        return i18n.day(day, language)

    return words


def _slash(request: Request, path: str) -> Response:
    """301 (RFC 9110, section 15.4.2): the address with the slash is the only one. A path, so that no foreign host can
    be named."""
    asked = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{path}{asked}", 301, {"Cache-Control": f"public, max-age={FRESH}"})


def _day_of(typed: str) -> date | None:
    """A date as we write it; one day has one address."""
    if not _DAY.fullmatch(typed):
        return None
    try:
        return date.fromisoformat(typed)
    except ValueError:
        return None
