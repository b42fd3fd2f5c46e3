"""A mail in the browser, for readers whose mail program shows it badly."""

from __future__ import annotations

from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from digest.types import ViewedMail
from subscribers.errors import BadToken, UnknownTopic
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, not_found
from subscribers.tokens import Keyring

MAIL_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""A mail may style itself and show pictures, and nothing else: no script, no form, no frame, an origin of its own, and
no foreign page around it. The last three are named because default-src does not cover them (CSP 3, section 6.1)."""


class Viewer(Protocol):
    """Who can compose a mail once more."""

    @property
    def keyring(self) -> Keyring: ...

    def view(self, subscriber_id: int, edition_id: int) -> ViewedMail | None:
        """None when there is no such mail (any more)."""
        ...

    def sample(self, slug: str, language: str) -> ViewedMail | None:
        """What a digest of this topic looks like, our own words in `language`; None while it has no story to tell.
        Raises UnknownTopic for a topic that is not public."""
        ...


def router(viewer: Viewer, pages: Pages) -> APIRouter:
    """GET /view/{token} and GET /sample/{slug}. A link to a mail never expires; an edition that was pruned answers
    like one that never was."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/view/{token}", methods=PAGE)
    def view(request: Request, token: str) -> Response:
        try:
            claim = viewer.keyring.read(token, "view")
        except BadToken:
            return not_found(request, pages)
        mail = viewer.view(claim.subscriber_id, claim.context)
        return shown(mail) if mail is not None else not_found(request, pages)

    @routes.api_route("/sample/{slug}", methods=PAGE)
    def sample(request: Request, slug: str) -> Response:
        voice = pages.voice(request)
        try:
            mail = viewer.sample(slug, voice.language)
        except UnknownTopic:
            return not_found(request, pages)
        if mail is None:
            text = voice.say("There was no news on this topic in the last seven days. Once there is, a sample is here.")
            return pages.message(request, 200, voice.say("A quiet week"), text)
        return shown(mail)

    def shown(mail: ViewedMail) -> Response:
        told = {"Content-Security-Policy": MAIL_CSP, "X-Robots-Tag": "noindex"}
        return HTMLResponse(mail.html, headers=pages.headers(told))

    return routes
