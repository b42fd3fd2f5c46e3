"""Steering: the page behind "Change" and "Pause" in every digest, and fresh links for who has only an old one.

Neither address nor name stands on it, because mails get forwarded. Whoever holds a link of the last ninety days may
steer; what belongs to the person (data, address, history) needs a link that is mailed to the address (`account`).
"""

from __future__ import annotations

import calendar
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from subscribers import choices_form, i18n
from subscribers.cadence import zone
from subscribers.choices_form import ChoicesForm
from subscribers.desk import Desk
from subscribers.errors import BadAddress, BadToken, CadenceError, OldLink, RosterError, UnknownReader
from subscribers.pages import Pages, Voice
from subscribers.routes.common import (
    FORM_AFTER,
    PAGE,
    Form,
    form_age,
    form_token,
    is_ours,
    network_of,
)
from subscribers.tokens import Keyring
from subscribers.types import Choices

A_YEAR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Link:
    """What a link to steer says: whose, and since when."""

    token: str
    subscriber_id: int
    edition_id: int | None = None
    """The digest it stood in, or"""
    issued: datetime | None = None
    """when a page of ours gave it."""

    def choices(self, desk: Desk) -> Choices:
        """Raises OldLink and UnknownReader."""
        return desk.choices(self.subscriber_id, edition_id=self.edition_id, issued=self.issued)


def read_link(keyring: Keyring, token: str) -> Link:
    """Raises BadToken for what is no link to steer. Its age is the desk's to judge."""
    try:
        claim = keyring.read(token, "manage")
    except BadToken:
        claim = keyring.unseal(token, "steer")
        # The token names the minute; the link counts as made at its end, or a page that has just moved a reader to
        # another address would show a link that is older than the move.
        return Link(token, claim.subscriber_id, issued=datetime.fromtimestamp(claim.context * 60 + 59.999999, UTC))
    return Link(token, claim.subscriber_id, edition_id=claim.context)


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /preferences/{token}, POST /preferences/{token}/pause and /fresh, GET and POST /fresh.

    A token that is not ours rises as BadToken: 404.
    """
    _preferences(routes, Steering(desk, pages))
    _fresh_by_link(routes, desk, pages)
    _fresh_by_address(routes, desk, pages)


@dataclass(frozen=True, slots=True)
class Steering:
    """The answers of the preferences page."""

    desk: Desk
    pages: Pages

    def opened(self, request: Request, token: str, show: Callable[[Link, Choices], Response]) -> Response:
        """What `show` answers for the reader of this link, or why there is nothing to steer."""
        link = read_link(self.desk.keyring, token)
        try:
            return show(link, link.choices(self.desk))
        except OldLink:
            return old_link(request, self.desk, self.pages, f"/preferences/{token}/fresh", link.subscriber_id)
        except UnknownReader:
            return gone(request, self.pages)

    def form(
        self,
        request: Request,
        link: Link,
        choices: Choices,
        *,
        fields: ChoicesForm | None = None,
        errors: Mapping[str, str] | None = None,
        saved: bool = False,
    ) -> Response:
        """The page: what is saved, or what was typed together with what is wrong about it."""
        voice = self.pages.voice(request, prefer=choices.locale)
        now = self.desk.now()
        fields = choices_form.shown(choices) if fields is None else fields
        today = now.astimezone(zone(choices.timezone)).date()
        context = {
            "token": link.token,
            "form_token": form_token(self.desk, link.subscriber_id),
            "leave": self.desk.keyring.tokens(link.subscriber_id, link.edition_id or 0).leave,
            "fields": fields,
            "errors": errors or {},
            "saved": saved,
            "choices": choices,
            "coming": self.coming(voice, choices, now),
            "paused": self.paused_until(voice, choices),
            "votes": self.desk.votes(link.subscriber_id) if choices.voted else (),
            # The heading "More topics" stands above this one; without topics of their own there is nothing to part.
            "first_more": choices.offered[0].slug if choices.offered and choices.topics else "",
            "places": tuple((str(place), str(place)) for place in range(1, len(choices.topics) + 1)),
            "weekdays": choices_form.weekdays(voice.language),
            "own_kinds": choices_form.own_kinds(voice),
            "own_words": {each.slug: choices_form.own_words(each, voice) for each in fields.topics},
            "spoken": self.pages.catalogues.nearest(fields.locale),
            "zones": self.pages.zone_options(voice.language, fields.timezone),
            "soonest": (today + timedelta(days=1)).isoformat(),
            "latest": (today + A_YEAR).isoformat(),
        }
        status = 422 if errors else 200
        return self.pages.render(request, "preferences.html", context, status=status, by_get=saved)

    def coming(self, voice: Voice, choices: Choices, now: datetime) -> str:
        """When the next digest comes, in words; empty when none does."""
        if choices.next_due_at is None:
            return ""
        return voice.when(choices.next_due_at, choices.timezone, now)

    def paused_until(self, voice: Voice, choices: Choices) -> str:
        """The day that ends a pause, in words; empty without one."""
        if choices.paused_until is None:
            return ""
        ends = choices.paused_until.astimezone(zone(choices.timezone)).date()
        return i18n.day(ends, voice.language)

    def stale(self, request: Request, choices: Choices) -> dict[str, str]:
        """The error for a form that is not ours, or no longer."""
        voice = self.pages.voice(request, prefer=choices.locale)
        return {
            "form": voice.say("This form was open for a long time or came from another site. Please send it again.")
        }


def _preferences(routes: APIRouter, steering: Steering) -> None:
    desk, pages = steering.desk, steering.pages

    def preferences(request: Request) -> Response:
        token = request.path_params["token"]
        return steering.opened(request, token, lambda link, choices: steering.form(request, link, choices))

    # A plain route of Starlette: to solve that it depends on nothing takes FastAPI a twentieth of this answer.
    routes.add_route("/preferences/{token}", preferences, PAGE)

    @routes.post("/preferences/{token}")
    def save(request: Request, token: str, form: Form) -> Response:
        def show(link: Link, choices: Choices) -> Response:
            voice = pages.voice(request, prefer=choices.locale)
            fields = choices_form.typed(form, choices)
            change, errors = choices_form.changed(fields, choices, pages.catalogues.languages, voice)
            if not is_ours(request, desk, pages, form, link.subscriber_id):
                errors = {**errors, **steering.stale(request, choices)}
            if change is None or errors:
                return steering.form(request, link, choices, fields=fields, errors=errors)
            try:
                done = desk.change(link.subscriber_id, change, network=network_of(request, desk.keyring))
            except UnknownReader:
                raise
            except RosterError:  # a topic that was taken away between the two pages, or a rhythm that cannot be
                told = voice.say("This could not be saved, and nothing was changed. Please look at your choices again.")
                return steering.form(request, link, choices, fields=fields, errors={"form": told})
            if done.locale != choices.locale:
                pages.speak(request, done.locale)
            return steering.form(request, link, done, saved=True)

        return steering.opened(request, token, show)

    @routes.post("/preferences/{token}/pause")
    def pause(request: Request, token: str, form: Form) -> Response:
        def show(link: Link, choices: Choices) -> Response:
            if not is_ours(request, desk, pages, form, link.subscriber_id):
                return steering.form(request, link, choices, errors=steering.stale(request, choices))
            now = desk.now()
            try:
                until = pause_end(form, now.astimezone(zone(choices.timezone)).date())
                done = desk.pause(link.subscriber_id, until)
            except CadenceError:
                told = pages.voice(request).say("Please choose a day from tomorrow on, within a year.")
                return steering.form(request, link, choices, errors={"until": told})
            voice = pages.voice(request, prefer=done.locale)
            context = {
                "token": token,
                "action": f"/preferences/{token}/pause",
                "form_token": form_token(desk, link.subscriber_id),
                "until": steering.paused_until(voice, done),
                "coming": steering.coming(voice, done, now),
                "back": f"/preferences/{token}",
            }
            return pages.render(request, "paused.html", context)

        return steering.opened(request, token, show)


def pause_end(form: FormData, today: date) -> date | None:
    """The first day with digests again, as a pause form asks for it; None to go on now. Raises CadenceError."""
    wanted = form.get("for")
    if wanted == "none":
        return None
    if wanted == "week":
        return today + timedelta(days=7)
    if wanted == "month":
        year, month = divmod(today.year * 12 + today.month, 12)
        return date(year, month + 1, min(today.day, calendar.monthrange(year, month + 1)[1]))
    typed = form.get("until")
    try:
        return date.fromisoformat(typed if isinstance(typed, str) else "")
    except ValueError:
        raise CadenceError("no day was chosen to pause until") from None


# --- fresh links ------------------------------------------------------------------------------------------------------


def old_link(request: Request, desk: Desk, pages: Pages, action: str, subscriber_id: int) -> Response:
    """The page of a link that is ours but too old or used: one button that has a fresh one mailed to the address."""
    context = {"action": action, "form_token": form_token(desk, subscriber_id)}
    return pages.render(request, "old_link.html", context, status=410)


def gone(request: Request, pages: Pages) -> Response:
    """The page of a link whose reader has left, was suppressed or is gone.

    Whoever holds the link had a digest of this reader in hand, and no more is told than that there are none any more:
    not which of the three it is. Only a signature of ours leads here.
    """
    voice = pages.voice(request)
    text = voice.say(
        "The digest that this link belongs to is not sent any more. You can sign up again whenever you like."
    )
    return pages.message(request, 410, voice.say("This digest has ended"), text)


def fresh_sent(request: Request, pages: Pages, email: str = "") -> Response:
    """The one answer to whoever wants a fresh link. `email` is what was typed, so that a slip can be seen."""
    return pages.render(request, "fresh_sent.html", {"email": email})


def ask_fresh(request: Request, desk: Desk, pages: Pages, form: FormData, action: str, subscriber_id: int) -> Response:
    """Have a fresh link mailed to the address on file; the same answer whether or not there still is one."""
    if not is_ours(request, desk, pages, form, subscriber_id):
        return old_link(request, desk, pages, action, subscriber_id)
    language = pages.voice(request).language
    desk.ask_fresh_link_for(subscriber_id, locale=language, network=network_of(request, desk.keyring))
    return fresh_sent(request, pages)


def _fresh_by_link(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    @routes.post("/preferences/{token}/fresh")
    def fresh(request: Request, token: str, form: Form) -> Response:
        link = read_link(desk.keyring, token)
        return ask_fresh(request, desk, pages, form, f"/preferences/{token}/fresh", link.subscriber_id)


@dataclass(frozen=True, slots=True)
class _FreshForm:
    email: str = ""
    error: str = ""
    again: bool = False
    """It was sent by no form of ours, or faster than anybody types: one more press."""


def _fresh_by_address(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    def page(request: Request, shown: _FreshForm) -> Response:
        context = {"shown": shown, "form_token": form_token(desk)}
        status = 422 if shown.error or shown.again else 200
        return pages.render(request, "fresh.html", context, status=status)

    @routes.api_route("/fresh", methods=PAGE)
    def fresh_form(request: Request) -> Response:
        return page(request, _FreshForm())

    @routes.post("/fresh")
    def fresh_by_address(request: Request, form: Form) -> Response:
        voice = pages.voice(request)
        email, token = form.get("email"), form.get("token")
        shown = _FreshForm(email.strip()[:320] if isinstance(email, str) else "")
        age = form_age(desk, token) if isinstance(token, str) else None
        if not is_ours(request, desk, pages, form) or age is None or age < FORM_AFTER:
            return page(request, replace(shown, again=True))
        if form.get("website"):
            return fresh_sent(request, pages, shown.email)  # the field that nobody sees
        try:
            desk.ask_fresh_link(shown.email, locale=voice.language, network=network_of(request, desk.keyring))
        except BadAddress:
            told = voice.say("Please write your email address, such as name@example.org.")
            return page(request, replace(shown, error=told))
        return fresh_sent(request, pages, shown.email)
