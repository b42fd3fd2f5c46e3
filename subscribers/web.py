"""The readers' pages: form, confirm, one-click leave. GET never changes anything (design, section 8)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, Protocol

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from starlette.datastructures import FormData

from subscribers.errors import BadToken, NotConfirmable, UnknownTopic
from subscribers.forms import (
    CADENCES,
    Fields,
    address_of,
    check,
    fields_of,
    read_anything,
    read_form,
    same_origin,
    zones,
)
from subscribers.pages import Pages, Voice
from subscribers.tokens import Claim, Keyring
from subscribers.types import Confirmed, SignUp, TopicRow, clean_name

CONFIRM_WITHIN = timedelta(days=7)
"""How long a confirmation link works; after that the address may have changed hands or minds."""
FORM_WITHIN = timedelta(days=1)
"""How long a served form may wait to be filled in; an older one is served again with what was typed."""

PAGE = ["GET", "HEAD"]

log = logging.getLogger(__name__)


class Desk(Protocol):
    """Who does the work. Every method is durable on return; StoreError and the like pass through to the application."""

    @property
    def keyring(self) -> Keyring: ...

    @property
    def default_timezone(self) -> str: ...

    def now(self) -> datetime:
        """The present, aware and in UTC."""
        ...

    def topics(self) -> Sequence[TopicRow]:
        """The topics to choose from, in the order to show."""
        ...

    def sign_up(self, asked: SignUp) -> None:
        """Note it, and plan the confirmation mail if there is something to confirm. Raises RosterError."""
        ...

    def pending(self, subscriber_id: int) -> Sequence[str]:
        """Names of the topics that wait for this reader's confirmation."""
        ...

    def confirm(self, subscriber_id: int, *, network: bytes | None) -> Confirmed:
        """Raises NotConfirmable."""
        ...

    def leave(self, subscriber_id: int, *, reason: str) -> None:
        """`reason` is "one-click" or "page"."""
        ...

    def undo_leave(self, subscriber_id: int) -> Confirmed | None:
        """None when it is too late."""
        ...


def minute_of(moment: datetime) -> int:
    """Minutes since 1970: the context of links that expire."""
    return int(moment.timestamp() // 60)


Form = Annotated[FormData, Depends(read_form)]
AnyForm = Annotated[FormData, Depends(read_anything)]


def router(desk: Desk, pages: Pages) -> APIRouter:
    """The routes of the readers' side. Mails link to /confirm/{token} and /leave/{token}."""
    routes = APIRouter(include_in_schema=False)
    _sign_up_pages(routes, desk, pages)
    _confirm_pages(routes, desk, pages)
    _leave_pages(routes, desk, pages)
    return routes


def not_found(request: Request, pages: Pages) -> Response:
    """The one answer to every address that is not there, forged or somebody else's."""
    voice = pages.voice(request)
    text = voice.say("This page does not exist, or the link is not complete. Links in mails sometimes lose their end.")
    return pages.message(request, 404, voice.say("Nothing here"), text)


def _sign_up_pages(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    def form_page(request: Request, fields: Fields, errors: dict[str, str], status: int) -> Response:
        context = {
            "fields": fields,
            "errors": errors,
            "topics": desk.topics(),
            "token": desk.keyring.form_token(minute_of(desk.now())),
            "cadences": [(each, _cadence_name(each, pages.voice(request))) for each in CADENCES],
            "zones": zones(),
            "timezone": fields.timezone or desk.default_timezone,
            "guess_zone": not fields.timezone,
        }
        return pages.render(request, "subscribe.html", context, status=status)

    @routes.api_route("/subscribe", methods=PAGE)
    def subscribe(request: Request) -> Response:
        asked = tuple(dict.fromkeys(request.query_params.getlist("topic")))
        known = [topic.slug for topic in desk.topics()]
        fields = Fields(email=request.query_params.get("email", "")[:320].strip(), topics=asked)
        missing = [slug for slug in asked if slug not in known]
        if not missing:
            return form_page(request, fields, {}, 200)
        told = pages.voice(request).say("There is no topic “%(topic)s”. These are the topics you can have.")
        return form_page(request, fields, {"topic": told % {"topic": clean_name(missing[0])[:80]}}, 404)

    @routes.post("/subscribe")
    def subscribe_now(request: Request, form: Form) -> Response:
        voice = pages.voice(request)
        known = [topic.slug for topic in desk.topics()]
        fields = fields_of(form, known)
        network = desk.keyring.network_hash(address_of(request))
        checked = check(fields, known, desk.default_timezone, network, voice)
        errors = dict(checked.errors)
        if not (same_origin(request, pages.public_url) and _fresh_form(desk, fields.token)):
            errors["form"] = voice.say(
                "This form was open for a long time or came from another site. Please send it again."
            )
        if errors or checked.sign_up is None:
            return form_page(request, fields, errors, 422)
        if fields.website:
            log.info("a sign-up filled in the field that nobody sees; ignored")
        else:
            try:
                desk.sign_up(checked.sign_up)
            except UnknownTopic:  # removed between the two pages
                return form_page(request, fields, {"topic": voice.say("Please choose at least one topic.")}, 422)
        sent = f"/subscribe/sent?lang={voice.language}"
        return RedirectResponse(sent, 303, pages.headers())

    @routes.api_route("/subscribe/sent", methods=PAGE)
    def sent(request: Request) -> Response:
        return pages.render(request, "sent.html", {})


def _confirm_pages(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    def opened(request: Request, token: str, show: Callable[[Claim], Response]) -> Response:
        try:
            claim = desk.keyring.read(token, "confirm")
        except BadToken:
            return not_found(request, pages)
        age = minute_of(desk.now()) - claim.context
        if not -5 <= age <= CONFIRM_WITHIN / timedelta(minutes=1):
            return too_late(request)
        return show(claim)

    def too_late(request: Request) -> Response:
        voice = pages.voice(request)
        text = voice.say("Confirmation links work for seven days. Sign up again and we send you a new one.")
        return pages.message(request, 410, voice.say("This link has expired"), text)

    @routes.api_route("/confirm/{token}", methods=PAGE)
    def confirm(request: Request, token: str) -> Response:
        def show(claim: Claim) -> Response:
            context = {"token": token, "topics": desk.pending(claim.subscriber_id)}
            return pages.render(request, "confirm.html", context)

        return opened(request, token, show)

    @routes.post("/confirm/{token}")
    def confirm_now(request: Request, token: str) -> Response:
        def show(claim: Claim) -> Response:
            network = desk.keyring.network_hash(address_of(request))
            try:
                done = desk.confirm(claim.subscriber_id, network=network)
            except NotConfirmable:
                voice = pages.voice(request)
                text = voice.say("There is nothing to confirm any more. Sign up again whenever you like.")
                return pages.message(request, 410, voice.say("This link is used up"), text)
            return _welcome(request, pages, done, desk.now(), returned=False)

        return opened(request, token, show)


def _leave_pages(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    @routes.api_route("/leave/{token}", methods=PAGE)
    def leave(request: Request, token: str) -> Response:
        try:
            desk.keyring.read(token, "leave")
        except BadToken:
            return not_found(request, pages)
        return pages.render(request, "leave.html", {"token": token})

    @routes.post("/leave/{token}")
    def leave_now(request: Request, token: str, form: AnyForm) -> Response:
        """RFC 8058: no cookie, no CSRF token, no redirect; the signed token is the authority.

        A POST without the body of the RFC leaves as well: whoever posts here wants out, and scanners only GET.
        """
        try:
            claim = desk.keyring.read(token, "leave")
        except BadToken:
            return not_found(request, pages)
        desk.leave(claim.subscriber_id, reason="page" if form.get("from") == "page" else "one-click")
        return pages.render(request, "left.html", {"token": token})

    @routes.post("/leave/{token}/undo")
    def undo(request: Request, token: str) -> Response:
        try:
            claim = desk.keyring.read(token, "leave")
        except BadToken:
            return not_found(request, pages)
        done = desk.undo_leave(claim.subscriber_id)
        if done is None:
            voice = pages.voice(request)
            text = voice.say("You can take this back for one day. Sign up again and you are with us as before.")
            return pages.message(request, 410, voice.say("Too late to undo"), text)
        return _welcome(request, pages, done, desk.now(), returned=True)


def _welcome(request: Request, pages: Pages, done: Confirmed, now: datetime, *, returned: bool) -> Response:
    first = pages.voice(request).when(done.next_due_at, done.timezone, now)
    context = {"topics": done.topics, "first": first, "returned": returned}
    return pages.render(request, "confirmed.html", context)


def _fresh_form(desk: Desk, token: str) -> bool:
    try:
        age = minute_of(desk.now()) - desk.keyring.read_form(token)
    except BadToken:
        return False
    return -5 <= age <= FORM_WITHIN / timedelta(minutes=1)


def _cadence_name(cadence: str, voice: Voice) -> str:
    names = {
        "daily": voice.say("Every day"),
        "weekdays": voice.say("Monday to Friday"),
        "weekly:mon": voice.say("Mondays"),
        "weekly:tue": voice.say("Tuesdays"),
        "weekly:wed": voice.say("Wednesdays"),
        "weekly:thu": voice.say("Thursdays"),
        "weekly:fri": voice.say("Fridays"),
        "weekly:sat": voice.say("Saturdays"),
        "weekly:sun": voice.say("Sundays"),
    }
    return names[cadence]
