"""A mail in the browser, for readers whose mail program shows it badly."""

from __future__ import annotations

from typing import Protocol

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from digest.types import ViewedMail
from subscribers.errors import BadToken
from subscribers.pages import Pages
from subscribers.tokens import Keyring
from subscribers.web import PAGE, not_found

MAIL_CSP = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src http: https:"
"""A mail may style itself and show pictures, and nothing else: no script, no form, no frame, an origin of its own."""


class Viewer(Protocol):
    """Who can compose a mail once more."""

    @property
    def keyring(self) -> Keyring: ...

    def view(self, subscriber_id: int, edition_id: int) -> ViewedMail | None:
        """None when there is no such mail (any more)."""
        ...


def router(viewer: Viewer, pages: Pages) -> APIRouter:
    """GET /view/{token}. The link never expires; an edition that was pruned answers like one that never was."""
    routes = APIRouter(include_in_schema=False)

    @routes.api_route("/view/{token}", methods=PAGE)
    def view(request: Request, token: str) -> Response:
        try:
            claim = viewer.keyring.read(token, "view")
        except BadToken:
            return not_found(request, pages)
        mail = viewer.view(claim.subscriber_id, claim.context)
        if mail is None:
            return not_found(request, pages)
        told = {"Content-Security-Policy": MAIL_CSP, "X-Robots-Tag": "noindex"}
        return HTMLResponse(mail.html, headers=pages.headers(told))

    return routes
