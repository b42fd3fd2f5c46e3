"""The application: readers' pages, mails in the browser, and what operators of one machine need."""

from __future__ import annotations

import logging
from http import HTTPStatus
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response
from starlette.exceptions import HTTPException

from digest.errors import DigestError, StoreError
from digest.settings import Settings
from digest.web import api, archive, outbox, stories, views, webhooks
from subscribers import web
from subscribers.desk import Desk
from subscribers.errors import BadToken, RosterError, TooMany, UnknownReader
from subscribers.pages import STATIC, Pages
from subscribers.routes.common import PAGE, not_found, too_many

log = logging.getLogger(__name__)


class WebService(Desk, views.Viewer, stories.Teller, archive.Archivist, Protocol):
    """What the pages need of the service: the desk for readers; mails, stories and past days to show; the settings."""

    @property
    def settings(self) -> Settings: ...

    def healthy(self) -> None:
        """Look into the database; raises StoreError when it cannot be used."""
        ...


def create_app(
    service: WebService, templates: Path, push: api.Pusher | None = None, events: webhooks.Receiver | None = None
) -> FastAPI:
    """The whole web side, with the inbound API when there is a `push`, and webhooks when there are `events`.
    `templates` holds web/ and locale/. Starts nothing and opens no connection.

    Raises OSError or babel's PoFileError for templates that are not complete.
    """
    settings = service.settings
    pages = Pages(templates, site_name=settings.site_name, public_url=settings.public_url, accent=settings.accent)
    # No redirect for a slash too many: it would lead to whatever host the request named, and RFC 8058 (section 3.1)
    # allows none on the one-click route.
    app = FastAPI(title=settings.site_name, openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.include_router(web.router(service, pages))
    app.include_router(views.router(service, pages))
    app.include_router(stories.router(service, pages))
    app.include_router(archive.router(service, pages))
    _plain_routes(app, service, pages)
    if push is not None:
        told = {"site_name": settings.site_name, "public_url": settings.public_url}
        app.mount("/api", api.create_api(push, **told, headers=pages.headers()))
    if events is not None:
        app.include_router(webhooks.router(events, pages.headers()))
    shows_outbox = settings.provider == "outbox" and _only_here(settings)
    if shows_outbox:
        app.include_router(outbox.router(settings.data_dir / "outbox", pages))
    _index(app, service, pages, shows_outbox)
    _mishaps(app, pages)
    return app


def _only_here(settings: Settings) -> bool:
    """Whether nobody but this machine reaches the pages: they listen on loopback, and no proxy in front makes them
    public, which PUBLIC_URL would then name."""
    return settings.host in outbox.LOOPBACK and urlsplit(settings.public_url).hostname in outbox.LOOPBACK


def _plain_routes(app: FastAPI, service: WebService, pages: Pages) -> None:
    @app.api_route("/static/{name}", methods=PAGE)
    def static(request: Request, name: str) -> Response:
        body = pages.static.get(name)
        if body is None:
            return not_found(request, pages)
        # The address carries a hash of the content (?v=), so a year is safe.
        told = {"Cache-Control": "public, max-age=31536000, immutable"}
        return Response(body, media_type=STATIC[name], headers=pages.headers(told))

    @app.api_route("/healthz", methods=PAGE)
    def healthz() -> Response:
        """200 "ok" when the database answers, 503 when not: for a load balancer."""
        try:
            service.healthy()
        except StoreError as error:
            log.error("not healthy: %s", error)
            return PlainTextResponse("database", 503, pages.headers())
        return PlainTextResponse("ok", headers=pages.headers())

    @app.api_route("/robots.txt", methods=PAGE)
    def robots() -> Response:
        return PlainTextResponse("User-agent: *\nDisallow: /\n", headers=pages.headers())


def _index(app: FastAPI, service: WebService, pages: Pages, shows_outbox: bool) -> None:
    @app.api_route("/", methods=PAGE)
    def index(request: Request) -> Response:
        return pages.render(request, "index.html", {"topics": service.topics(), "outbox": shows_outbox})


def _mishaps(app: FastAPI, pages: Pages) -> None:
    """Every error is a page with the right status; the traceback goes to the log and nowhere else."""

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return not_found(request, pages)
        voice = pages.voice(request)
        texts = {
            400: voice.say("Your browser sent something that we cannot read. Please go back and try again."),
            405: voice.say("This address does not take that kind of request."),
            413: voice.say("That was more than this form takes. Please shorten it and try again."),
            415: voice.say("Your browser sent something that we cannot read. Please go back and try again."),
        }
        title = voice.say("That did not work")
        answer = pages.message(request, error.status_code, title, texts.get(error.status_code, texts[400]))
        answer.headers.update(error.headers or {})
        return answer

    @app.exception_handler(BadToken)
    @app.exception_handler(UnknownReader)
    def foreign(request: Request, error: RosterError) -> Response:
        return not_found(request, pages)

    @app.exception_handler(TooMany)
    def capped(request: Request, error: TooMany) -> Response:
        return too_many(request, pages, error)

    @app.exception_handler(RosterError)
    def roster(request: Request, error: RosterError) -> Response:
        # What it says may hold an address; its name is enough to find it.
        log.warning("%s /%s: %s", request.method, request.url.path.split("/")[1], type(error).__name__)
        voice = pages.voice(request)
        text = voice.say("Your browser sent something that we cannot read. Please go back and try again.")
        return pages.message(request, 400, voice.say("That did not work"), text)

    @app.exception_handler(DigestError)
    def unusable(request: Request, error: DigestError) -> Response:
        # A path would carry a token into the log: only its first word is written.
        log.error("%s /%s: %s", request.method, request.url.path.split("/")[1], error)
        return _sorry(request, pages, HTTPStatus.SERVICE_UNAVAILABLE)

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        # Starlette raises it once more for the server, which logs the traceback.
        return _sorry(request, pages, HTTPStatus.INTERNAL_SERVER_ERROR)


def _sorry(request: Request, pages: Pages, status: HTTPStatus) -> Response:
    voice = pages.voice(request)
    text = voice.say("Something went wrong on our side, not on yours. Your mails are not affected.")
    answer = pages.message(request, status, voice.say("Please try again in a minute"), text, form=False)
    answer.headers["Retry-After"] = "60"
    return answer
