"""The readers' pages, assembled: sign-up, confirm, steer, leave. GET never changes anything (design, section 8)."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.routing import APIRoute

from subscribers.desk import Desk
from subscribers.pages import Pages
from subscribers.routes import account, coming_back, confirming, leaving, shortcuts, signing, steering, tuning


def router(desk: Desk, pages: Pages) -> APIRouter:
    """The routes of the readers' side.

    What no route can answer rises out of them: BadToken (the application answers `common.not_found`), TooMany
    (`common.too_many`), and whatever the desk's store raises.
    """
    routes = APIRouter(include_in_schema=False)
    for walk in (signing, confirming, steering, shortcuts, tuning, leaving, coming_back, account):
        walk.add(routes, desk, pages)
    # FastAPI looks for a route from the first one on, and twice in a router that is included: with twenty in front of
    # them, the plain ones, which are asked for all day, took a tenth longer.
    routes.routes.sort(key=lambda route: isinstance(route, APIRoute))
    return routes
