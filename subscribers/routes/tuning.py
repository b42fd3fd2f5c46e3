"""Below a story: why it came, and more or less of it. The links stand in the mail, the buttons on the page.

Looking changes nothing, for scanners look at every link of a mail. What a button does takes effect from the next digest
that is planned, is told at once with a button to take it back, and is listed in the preferences. No link leads there
from here: whoever was only shown this page shall not get to choose topics and hours.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from subscribers.desk import Desk
from subscribers.errors import OldLink, UnknownReader, UnknownStory
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, Form, form_token, is_ours, not_found
from subscribers.routes.steering import Link, Steering, ask_fresh, gone, old_link
from subscribers.types import Choices
from subscribers.votes import Choice, Why

NOTICED = 0.05
"""From here on a page says that votes moved a story: more than a topic in common gives, which may be all of a mail."""
CHOICES: tuple[Choice, ...] = get_args(Choice)


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /why/{token}/{story}, POST /why/{token}/{story}/undo, /why/{token}/fresh and
    /preferences/{token}/votes. A token that is not ours rises as BadToken: 404."""
    _fresh(routes, desk, pages)
    _why(routes, Asked(desk, pages))
    _undo(routes, Asked(desk, pages))
    _listed(routes, Steering(desk, pages))


class Asked:
    """The answers to who came by a link below a story."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self.desk = desk
        self.pages = pages

    def opened(self, request: Request, token: str, story: str, show: Callable[[Link, Why, int], Response]) -> Response:
        """What `show` answers for the story of this link, or why there is nothing to show."""
        claim = self.desk.keyring.unseal(token, "tune")
        number = _number(story)
        link = Link(token, claim.subscriber_id, edition_id=claim.context)
        try:
            choices = link.choices(self.desk)
            self.pages.voice(request, prefer=choices.locale)
            return show(link, self.desk.why(claim.subscriber_id, claim.context, number), number)
        except OldLink:
            return old_link(request, self.desk, self.pages, f"/why/{token}/fresh", claim.subscriber_id)
        except UnknownReader:
            return gone(request, self.pages)
        except UnknownStory:
            return not_found(request, self.pages)

    def page(
        self,
        request: Request,
        link: Link,
        why: Why,
        number: int,
        *,
        done: str = "",
        undo: int = 0,
        before: int = 0,
        again: bool = False,
    ) -> Response:
        """The story and its buttons; `done` names what was just asked for, `undo` the vote that takes it back."""
        context = {
            "token": link.token,
            "story": number,
            "form_token": form_token(self.desk, link.subscriber_id),
            "why": why,
            "noticed": NOTICED,
            "done": done,
            "undo": undo,
            "before": before,
            "again": again,
        }
        return self.pages.render(request, "why.html", context, status=422 if again else 200)


def _why(routes: APIRouter, asked: Asked) -> None:
    desk, pages = asked.desk, asked.pages

    @routes.api_route("/why/{token}/{story}", methods=PAGE)
    def why(request: Request, token: str, story: str) -> Response:
        return asked.opened(request, token, story, lambda link, why, number: asked.page(request, link, why, number))

    @routes.post("/why/{token}/{story}")
    def wish(request: Request, token: str, story: str, form: Form) -> Response:
        def show(link: Link, why: Why, number: int) -> Response:
            choice = next((each for each in CHOICES if each == form.get("wish")), None)
            if choice is None or not is_ours(request, desk, pages, form, link.subscriber_id):
                return asked.page(request, link, why, number, again=True)
            cast = desk.vote(link.subscriber_id, link.edition_id or 0, number, choice)
            return asked.page(request, link, why, number, done=choice, undo=cast.id, before=cast.before)

        return asked.opened(request, token, story, show)


def _undo(routes: APIRouter, asked: Asked) -> None:
    desk, pages = asked.desk, asked.pages

    @routes.post("/why/{token}/{story}/undo")
    def undo(request: Request, token: str, story: str, form: Form) -> Response:
        def show(link: Link, why: Why, number: int) -> Response:
            if not is_ours(request, desk, pages, form, link.subscriber_id):
                return asked.page(request, link, why, number, again=True)
            desk.take_back(link.subscriber_id, field_number(form, "vote"), field_number(form, "before"))
            return asked.page(request, link, why, number, done="undone")

        return asked.opened(request, token, story, show)


def _fresh(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    # Before the route of a story, which would take "fresh" for one.
    @routes.post("/why/{token}/fresh")
    def fresh(request: Request, token: str, form: Form) -> Response:
        claim = desk.keyring.unseal(token, "tune")
        return ask_fresh(request, desk, pages, form, f"/why/{token}/fresh", claim.subscriber_id)


def _listed(routes: APIRouter, steering: Steering) -> None:
    desk, pages = steering.desk, steering.pages

    @routes.post("/preferences/{token}/votes")
    def delete(request: Request, token: str, form: Form) -> Response:
        def show(link: Link, choices: Choices) -> Response:
            if not is_ours(request, desk, pages, form, link.subscriber_id):
                return steering.form(request, link, choices, errors=steering.stale(request, choices))
            desk.take_back(link.subscriber_id, field_number(form, "vote"))
            return steering.form(request, link, choices, saved=True)

        return steering.opened(request, token, show)


def field_number(form: FormData, name: str) -> int:
    """A field's whole number; 0, which is the number of nothing, for anything else."""
    typed = form.get(name)
    return _number(typed) if isinstance(typed, str) else 0


def _number(typed: str) -> int:
    """Within the 64 bits of an id; 0 for anything else."""
    digits = typed.removeprefix("-")
    return int(typed) if digits.isascii() and digits.isdigit() and len(digits) <= 18 else 0
