"""Coming back by the mail that confirmed a leaving: one button, for a day."""

from __future__ import annotations

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import Response

from subscribers.desk import Desk
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, Form, form_token, is_ours, network_of
from subscribers.routes.confirming import welcome
from subscribers.routes.leaving import Door
from subscribers.tokens import Claim


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /back/{token}. A token that is not ours rises as BadToken: 404.

    The page that answers names no topics and has no link to the choices: mails are forwarded, and this one may take a
    leaving back and do nothing else.
    """
    door = Door(desk, pages)

    def button(request: Request, token: str, claim: Claim, *, again: bool) -> Response:
        if not desk.may_return(claim.subscriber_id, claim.context):
            return door.too_late(request)
        context = {"token": token, "form_token": form_token(desk, claim.subscriber_id), "again": again}
        return pages.render(request, "back.html", context, status=422 if again else 200)

    @routes.api_route("/back/{token}", methods=PAGE)
    def back(request: Request, token: str) -> Response:
        return button(request, token, desk.keyring.unseal(token, "back"), again=False)

    @routes.post("/back/{token}")
    def back_now(request: Request, token: str, form: Form) -> Response:
        claim = desk.keyring.unseal(token, "back")
        if not is_ours(request, desk, pages, form, claim.subscriber_id):
            return button(request, token, claim, again=True)
        done = desk.undo_leave(claim.subscriber_id, claim.context, network=network_of(request, desk.keyring))
        if done is None:
            return door.too_late(request)
        return welcome(request, desk, pages, replace(done, topics=()), steer="", returned=True)
