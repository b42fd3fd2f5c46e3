"""Leaving: one click from the mail program, or a page that offers less first; and taking it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse, Response
from starlette.datastructures import FormData

from subscribers import i18n
from subscribers.desk import Desk
from subscribers.errors import BadToken, CadenceError, OldLink, UnknownReader
from subscribers.forms import read_anything
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, AnyForm, form_token, is_ours, network_of
from subscribers.routes.confirming import welcome
from subscribers.routes.steering import pause_end
from subscribers.tokens import Claim
from subscribers.types import Choices

NOTE_LENGTH = 500
REASONS = ("often", "long", "boring", "never", "other")
"""What the short list offers; the consent log keeps these words."""


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /leave/{token}, POST /leave/{token}/undo. A token that is not ours rises as BadToken: 404."""
    door = Door(desk, pages)

    def left_now(request: Request, token: str, form: FormData) -> Response:
        claim = desk.keyring.read(token, "leave")
        if form.get("from") == "page":
            return door.chosen(request, token, claim, form)
        mark = desk.leave(claim.subscriber_id, reason="one-click", network=network_of(request, desk.keyring))
        if "text/html" in request.headers.get("accept", ""):
            return door.goodbye(request, token, claim, mark)
        # Mail programs and providers look at the status only.
        return PlainTextResponse("unsubscribed\n", headers=pages.headers())

    async def leave_now(request: Request) -> Response:
        """RFC 8058: no cookie, no CSRF token, no redirect; the signed token is the authority.

        A POST without the body of the RFC leaves as well: whoever posts here wants out, and scanners only GET.
        """
        form = await read_anything(request)
        return await run_in_threadpool(left_now, request, request.path_params["token"], form)

    routes.add_route("/leave/{token}", leave_now, ["POST"])  # plain, see `steering`

    @routes.api_route("/leave/{token}", methods=PAGE)
    def leave(request: Request, token: str) -> Response:
        claim = desk.keyring.read(token, "leave")
        return door.choice(request, token, claim, door.steerable(claim))

    @routes.post("/leave/{token}/undo")
    def undo(request: Request, token: str, form: AnyForm) -> Response:
        """The link that left is for ever, and may only leave. What takes a leaving back is the page that told of it:
        its form names that very leaving, for a day."""
        claim = desk.keyring.read(token, "leave")
        if form.get("for") == "none":
            return door.go_on(request, token, claim, form)
        mark = door.marked(claim, form)
        if mark is not None and not is_ours(request, desk, pages, form, claim.subscriber_id):
            return door.goodbye(request, token, claim, mark, again=True)
        return door.back(request, claim, mark)


class Door:
    """The answers around /leave."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self.desk = desk
        self.pages = pages

    def steerable(self, claim: Claim) -> Choices | None:
        """What less this reader could have. None for who has left, and for links that may only stop: those too old to
        steer, and those that a page of ours made (context 0), where all of this can be chosen anyway."""
        if not claim.context:
            return None
        try:
            return self.desk.choices(claim.subscriber_id, edition_id=claim.context)
        except (OldLink, UnknownReader):
            return None

    def choice(
        self,
        request: Request,
        token: str,
        claim: Claim,
        choices: Choices | None,
        *,
        form: FormData | None = None,
        errors: Mapping[str, str] | None = None,
    ) -> Response:
        """The page that asks what to stop; nothing has happened yet. Who reads no more is told so instead."""
        locale = choices.locale if choices else ""
        if choices is None:
            standing = self.desk.standing(claim.subscriber_id)
            if standing.state == "gone":
                return self.gone_before(request)
            locale = standing.locale
        self.pages.voice(request, prefer=locale)
        note = form.get("note") if form else ""
        context = {
            "token": token,
            "form_token": form_token(self.desk, claim.subscriber_id),
            "choices": choices,
            "weekly": choices is not None and may_be_weekly(choices),
            "ticked": form.getlist("topic") if form else (),
            "reason": form.get("reason") if form else "",
            "note": note[:NOTE_LENGTH] if isinstance(note, str) else "",
            "errors": errors or {},
        }
        return self.pages.render(request, "leave.html", context, status=422 if errors else 200)

    def chosen(self, request: Request, token: str, claim: Claim, form: FormData) -> Response:
        """What the page's form asks for. Anything that is not one of its lesser choices leaves everything."""
        wanted = form.get("choice")
        if wanted not in ("topics", "week", "month", "weekly"):
            mark = self.desk.leave(
                claim.subscriber_id, reason="page", note=note_of(form), network=self.network(request)
            )
            return self.goodbye(request, token, claim, mark)
        choices = self.steerable(claim)
        if choices is None:  # left meanwhile, or too old a link: what is left to choose
            return self.choice(request, token, claim, None, form=form)
        if not is_ours(request, self.desk, self.pages, form, claim.subscriber_id):
            return self.stale(request, token, claim, choices, form)
        if wanted == "topics":
            return self.less(request, token, claim, choices, form)
        try:
            if wanted == "weekly":
                done = self.desk.less_often(claim.subscriber_id, note=note_of(form), network=self.network(request))
            else:
                today = self.desk.now().astimezone(ZoneInfo(choices.timezone)).date()
                done = self.desk.pause(claim.subscriber_id, pause_end(_only("for", str(wanted)), today))
        except (UnknownReader, CadenceError):
            done = None
        if done is None:
            return self.choice(request, token, claim, None, form=form)
        return self.now_is(request, token, claim, done, str(wanted))

    def less(self, request: Request, token: str, claim: Claim, choices: Choices, form: FormData) -> Response:
        """Some topics less."""
        ticked = {each for each in form.getlist("topic") if isinstance(each, str)}
        gone = [each for each in choices.topics if each.slug in ticked]
        if not gone:
            told = self.pages.voice(request).say("Please choose at least one topic.")
            return self.choice(request, token, claim, choices, form=form, errors={"topics": told})
        slugs = [each.slug for each in gone]
        mark = self.desk.leave_topics(claim.subscriber_id, slugs, note=note_of(form), network=self.network(request))
        try:
            rest = self.desk.choices(claim.subscriber_id, edition_id=claim.context)
        except (OldLink, UnknownReader):
            return self.goodbye(request, token, claim, mark)
        return self.now_is(request, token, claim, rest, "topics", gone=[each.name for each in gone], mark=mark)

    def now_is(
        self,
        request: Request,
        token: str,
        claim: Claim,
        choices: Choices,
        what: str,
        *,
        gone: list[str] | None = None,
        mark: int | None = None,
    ) -> Response:
        """What has changed, when the next digest comes, and how to take it back."""
        voice = self.pages.voice(request, prefer=choices.locale)
        until = choices.paused_until
        due = choices.next_due_at
        context = {
            "token": token,
            "form_token": form_token(self.desk, claim.subscriber_id),
            "undo": self.undo(claim, mark),
            "what": what,
            "gone": gone or [],
            "kept": [each.name for each in choices.topics],
            "until": i18n.day(until.astimezone(ZoneInfo(choices.timezone)).date(), voice.language) if until else "",
            "coming": voice.when(due, choices.timezone, self.desk.now()) if due else "",
        }
        return self.pages.render(request, "less.html", context)

    def go_on(self, request: Request, token: str, claim: Claim, form: FormData) -> Response:
        """End the pause that was just begun."""
        choices = self.steerable(claim)
        if choices is None:
            return self.choice(request, token, claim, None)
        if not is_ours(request, self.desk, self.pages, form, claim.subscriber_id):
            return self.stale(request, token, claim, choices, form)
        try:
            done = self.desk.pause(claim.subscriber_id, None)
        except UnknownReader:
            return self.choice(request, token, claim, None)
        return self.now_is(request, token, claim, done, "on")

    def stale(self, request: Request, token: str, claim: Claim, choices: Choices, form: FormData) -> Response:
        """The choice once more: the form is not ours, or no longer."""
        voice = self.pages.voice(request, prefer=choices.locale)
        told = voice.say("This form was open for a long time or came from another site. Please send it again.")
        return self.choice(request, token, claim, choices, form=form, errors={"form": told})

    def goodbye(self, request: Request, token: str, claim: Claim, mark: int | None, *, again: bool = False) -> Response:
        """The page after leaving, with undo if `mark` names what was left just now. `again`: the undo came from no form
        of ours, press once more."""
        context = {
            "token": token,
            "form_token": form_token(self.desk, claim.subscriber_id),
            "undo": self.undo(claim, mark),
            "mail": self.desk.says_goodbye and mark is not None,
            "again": again,
        }
        return self.pages.render(request, "left.html", context, status=422 if again else 200)

    def gone_before(self, request: Request) -> Response:
        """There is nothing to stop. Which of the ways to read no more it was is nobody's business who holds a link."""
        voice = self.pages.voice(request)
        text = voice.say("No digest goes to this address any more, so there is nothing left to stop.")
        return self.pages.message(request, 200, voice.say("We send you nothing any more"), text)

    def undo(self, claim: Claim, mark: int | None) -> str:
        """The hidden field that takes a leaving back; empty when nothing was left."""
        return "" if mark is None else self.desk.keyring.seal("undo", claim.subscriber_id, mark)

    def marked(self, claim: Claim, form: FormData) -> int | None:
        """Which leaving of this reader a form takes back; None when it has no such field of ours."""
        token = form.get("undo")
        try:
            told = self.desk.keyring.unseal(token if isinstance(token, str) else "", "undo")
        except BadToken:
            return None
        return told.context if told.subscriber_id == claim.subscriber_id else None

    def back(self, request: Request, claim: Claim, mark: int | None) -> Response:
        """Take it back. Topics and a link to steer only for who holds a link that steers: an old one left, and that
        must not open more."""
        done = None
        if mark is not None:
            done = self.desk.undo_leave(claim.subscriber_id, mark, network=self.network(request))
        if done is None:
            return self.too_late(request)
        if self.steerable(claim) is None:
            return welcome(request, self.desk, self.pages, replace(done, topics=()), steer="", returned=True)
        steer = self.desk.keyring.tokens(claim.subscriber_id, claim.context).manage
        return welcome(request, self.desk, self.pages, done, steer=steer, returned=True)

    def network(self, request: Request) -> bytes | None:
        """Where a request came from, for the consent log."""
        return network_of(request, self.desk.keyring)

    def too_late(self, request: Request) -> Response:
        voice = self.pages.voice(request)
        text = voice.say("You can take this back for one day. Sign up again and you are with us as before.")
        return self.pages.message(request, 410, voice.say("Too late to undo"), text)


def may_be_weekly(choices: Choices) -> bool:
    """Whether some topic of theirs comes more often than once a week."""
    rhythms = [each.cadence or choices.cadence for each in choices.topics]
    return not all(each.startswith("weekly:") for each in rhythms)


def _only(name: str, value: str) -> FormData:
    return FormData([(name, value)])


def note_of(form: FormData) -> str:
    """The reason that was chosen and what was written, as the consent log keeps it."""
    reason, note = form.get("reason"), form.get("note")
    told = [reason] if reason in REASONS else []
    if isinstance(note, str) and note.strip():
        told.append(note.strip()[:NOTE_LENGTH])
    return ": ".join(str(each) for each in told)
