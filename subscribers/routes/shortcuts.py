"""Shortcuts from the foot of every digest: pause a week, weekly instead.

The link opens a page with one button, for scanners look at every link of a mail; what it does is told on the next page.
"""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response

from subscribers import i18n
from subscribers.cadence import DAYS, zone
from subscribers.choices_form import own_kinds
from subscribers.desk import Desk
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, Form, form_token, is_ours, network_of
from subscribers.routes.leaving import may_be_weekly
from subscribers.routes.steering import Link, Steering, gone
from subscribers.types import Choices


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET /preferences/{token}/week, GET and POST /preferences/{token}/weekly; the week is paused by POST
    /preferences/{token}/pause. A token that is not ours rises as BadToken: 404."""
    steering = Steering(desk, pages)

    def asked(
        request: Request, link: Link, choices: Choices, *, weekly: bool, done: bool = False, again: bool = False
    ) -> Response:
        voice = pages.voice(request, prefer=choices.locale)
        today = desk.now().astimezone(zone(choices.timezone)).date()
        context = {
            "token": link.token,
            "form_token": form_token(desk, link.subscriber_id),
            "weekly": weekly,
            "done": done,
            "again": again,
            "already": weekly and not may_be_weekly(choices),
            "day": dict(own_kinds(voice))[f"weekly:{DAYS[today.weekday()]}"],
            "until": i18n.day(today + timedelta(days=7), voice.language),
            "coming": steering.coming(voice, choices, desk.now()),
        }
        return pages.render(request, "shortcut.html", context, status=422 if again else 200)

    @routes.api_route("/preferences/{token}/week", methods=PAGE)
    def week(request: Request, token: str) -> Response:
        return steering.opened(request, token, lambda link, choices: asked(request, link, choices, weekly=False))

    @routes.api_route("/preferences/{token}/weekly", methods=PAGE)
    def weekly(request: Request, token: str) -> Response:
        return steering.opened(request, token, lambda link, choices: asked(request, link, choices, weekly=True))

    @routes.post("/preferences/{token}/weekly")
    def weekly_now(request: Request, token: str, form: Form) -> Response:
        def show(link: Link, choices: Choices) -> Response:
            if not is_ours(request, desk, pages, form, link.subscriber_id):
                return asked(request, link, choices, weekly=True, again=True)
            done = desk.less_often(link.subscriber_id, network=network_of(request, desk.keyring))
            return gone(request, pages) if done is None else asked(request, link, done, weekly=True, done=True)

        return steering.opened(request, token, show)
