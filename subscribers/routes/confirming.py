"""Confirming: the link of the mail, one button, and a fresh mail for a link that has expired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from subscribers.desk import Desk
from subscribers.errors import NotConfirmable
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, Form, form_token, is_ours, minute_of, network_of
from subscribers.tokens import Claim
from subscribers.types import Confirmed

CONFIRM_WITHIN = timedelta(days=7)
"""How long a confirmation link works; after that the address may have changed hands or minds."""


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /confirm/{token}, POST /confirm/{token}/again. A token that is not ours rises as BadToken: 404."""
    waiting = _Waiting(desk, pages)

    @routes.api_route("/confirm/{token}", methods=PAGE)
    def confirm(request: Request, token: str) -> Response:
        claim = desk.keyring.read(token, "confirm")
        if not _in_time(desk, claim):
            return waiting.expired(request, token, claim)
        return waiting.button(request, token, claim, 200)

    @routes.post("/confirm/{token}")
    def confirm_now(request: Request, token: str, form: Form) -> Response:
        """A second press is as good as the first, but gives no link to steer: that takes a fresh proof. What the page
        showed is confirmed and nothing else. A POST that no form of ours sent gets the button once more: programs that
        follow links do not press buttons."""
        claim = desk.keyring.read(token, "confirm")
        if not _in_time(desk, claim):
            return waiting.expired(request, token, claim)
        if not is_ours(request, desk, pages, form, claim.subscriber_id):
            return waiting.button(request, token, claim, 422)
        who, issued = claim.subscriber_id, _issued(claim)
        shown = [each for each in form.getlist("topic") if isinstance(each, str)]
        try:
            done = desk.confirm(who, network=network_of(request, desk.keyring), shown=shown, issued=issued)
        except NotConfirmable:
            return waiting.once_more(request, token, claim)
        steer = desk.keyring.seal("steer", who, minute_of(desk.now())) if done.changed else ""
        return welcome(request, desk, pages, done, steer=steer, confirm=token)

    @routes.post("/confirm/{token}/again")
    def confirm_again(request: Request, token: str, form: Form) -> Response:
        """The same answer whether the reader is still waiting, has long been confirmed, or is gone."""
        claim = desk.keyring.read(token, "confirm")
        if not is_ours(request, desk, pages, form, claim.subscriber_id):
            return waiting.expired(request, token, claim)
        try:
            desk.pending(claim.subscriber_id, issued=_issued(claim))
        except NotConfirmable:
            return waiting.used_up(request)
        desk.ask_confirmation(claim.subscriber_id, network=network_of(request, desk.keyring))
        return RedirectResponse(f"/subscribe/sent?lang={pages.voice(request).language}", 303, pages.headers())


@dataclass(frozen=True, slots=True)
class _Waiting:
    """The pages of a confirmation that has not happened."""

    desk: Desk
    pages: Pages

    def button(self, request: Request, token: str, claim: Claim, status: int) -> Response:
        """What waits, and the one button."""
        try:
            topics = self.desk.pending(claim.subscriber_id, issued=_issued(claim))
        except NotConfirmable:
            return self.used_up(request)
        standing = self.desk.standing(claim.subscriber_id)
        self.pages.voice(request, prefer=standing.locale)
        if not topics:
            return self.done(request) if standing.state == "active" else self.used_up(request)
        context = {
            "token": token,
            "topics": topics,
            "form_token": form_token(self.desk, claim.subscriber_id),
            "again": status != 200,
        }
        return self.pages.render(request, "confirm.html", context, status=status)

    def done(self, request: Request) -> Response:
        """Who reads and has nothing left to confirm sees no button: it could only say this."""
        voice = self.pages.voice(request)
        text = voice.say(
            "You have confirmed, and your digest comes at the hour you chose. There is nothing left to do."
        )
        return self.pages.message(request, 200, voice.say("That is done"), text, form=False)

    def once_more(self, request: Request, token: str, claim: Claim) -> Response:
        """Nothing of what the page showed waits any more: the button for what does, if anything."""
        try:
            waits = bool(self.desk.pending(claim.subscriber_id, issued=_issued(claim)))
        except NotConfirmable:
            waits = False
        return self.button(request, token, claim, 422) if waits else self.used_up(request)

    def expired(self, request: Request, token: str, claim: Claim) -> Response:
        """Too late; a button has it sent again."""
        context = {"token": token, "form_token": form_token(self.desk, claim.subscriber_id)}
        return self.pages.render(request, "expired.html", context, status=410)

    def used_up(self, request: Request) -> Response:
        """There is nothing to confirm."""
        voice = self.pages.voice(request)
        text = voice.say("There is nothing to confirm any more. Sign up again whenever you like.")
        return self.pages.message(request, 410, voice.say("This link is used up"), text)


def welcome(
    request: Request,
    desk: Desk,
    pages: Pages,
    done: Confirmed,
    *,
    steer: str,
    confirm: str = "",
    returned: bool = False,
) -> Response:
    """The page after a confirmation, or after an undo: which digest comes when, in the reader's own language.

    `steer` is the token of a link to the choices, empty for none; `confirm` that of the link that was pressed, which
    may confirm what waits on.
    """
    voice = pages.voice(request, prefer=done.locale)
    context = {
        "done": done,
        "due": voice.when(done.next_due_at, done.timezone, desk.now()),
        "steer": steer,
        "returned": returned,
        "token": confirm,
        "form_token": form_token(desk, done.subscriber_id),
    }
    return pages.render(request, "confirmed.html", context)


def _issued(claim: Claim) -> datetime:
    """When a link was made: at the beginning of the minute it names, so that one mailed to a former address is old."""
    return datetime.fromtimestamp(claim.context * 60, UTC)


def _in_time(desk: Desk, claim: Claim) -> bool:
    age = minute_of(desk.now()) - claim.context
    return -5 <= age <= CONFIRM_WITHIN / timedelta(minutes=1)
