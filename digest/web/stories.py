"""The story so far, for whoever follows "also covered by" from a mail: the same page for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from digest.types import StorySoFar
from digest.web.caching import FRESH, unless_known
from subscribers import i18n
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, not_found

LARGEST = 2**63 - 1
"""What a database keeps as a number."""


class Teller(Protocol):
    """Who knows the stories."""

    @property
    def default_timezone(self) -> str: ...

    def story(self, story_id: int) -> StorySoFar | None:
        """Its `story_id` is another one when the story has become part of that. None when there is no such story, or
        none that is public."""
        ...


def router(teller: Teller, pages: Pages) -> APIRouter:
    """GET /story/{number}. Nothing on it is personal, so it may be cached, and a repeat is answered by its ETag.

    Search engines are asked to leave it out, for public topics too: it is made of other people's headlines and
    sentences, and should not stand before their articles in a list of results. Who has the link may pass it on.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/story/{number}", methods=PAGE)
    def story(request: Request, number: str) -> Response:
        story_id = _number(number)
        found = teller.story(story_id) if story_id is not None else None
        if found is None:
            return not_found(request, pages)
        if found.story_id != story_id:
            return _moved(request, found.story_id)
        voice, zone = pages.voice(request), teller.default_timezone

        def stamp(moment: datetime) -> str:
            return i18n.stamp(moment, zone, voice.language)

        def clock(moment: datetime) -> str:
            return i18n.clock(moment, zone, voice.language)

        told = {"Cache-Control": f"public, max-age={FRESH}", "X-Robots-Tag": "noindex"}
        context = {"story": found, "place": voice.place(zone), "stamp": stamp, "clock": clock, "turn": i18n.direction}
        page = pages.render(request, "story.html", context, headers=told)
        return unless_known(request, page)

    return routes


def _moved(request: Request, story_id: int) -> Response:
    """302, and not 301: who merges stories can part them again, and a browser keeps a 301 for good (RFC 9110,
    section 15.4.2)."""
    asked = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/story/{story_id}{asked}", 302, {"Cache-Control": f"public, max-age={FRESH}"})


def _number(typed: str) -> int | None:
    """A story's number as we write it; one story has one address."""
    if not (typed.isascii() and typed.isdigit()) or typed.startswith("0") or len(typed) > len(str(LARGEST)):
        return None
    return number if (number := int(typed)) <= LARGEST else None
