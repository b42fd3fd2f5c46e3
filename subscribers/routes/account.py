"""The account: data, history, address and erasure, only through a fresh link that was mailed to the address.

The link opens the page once, within thirty minutes. The page's forms carry a hidden token of their own (`desk`), which
never stands in an address, so that neither the history of a browser nor a log can open the account again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from subscribers import i18n
from subscribers.desk import Desk
from subscribers.errors import AddressTaken, BadAddress, BadToken, LinkUsed, UnknownReader
from subscribers.forms import same_origin
from subscribers.logwords import action_words, form_words
from subscribers.pages import Pages
from subscribers.routes.common import PAGE, Form, form_token, is_ours, minute_of, network_of
from subscribers.routes.steering import ask_fresh, gone, old_link
from subscribers.tokens import Claim
from subscribers.types import Account, Stoppable

EXPORTS = {"json": "application/json", "csv": "text/csv; charset=utf-8"}


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /account/{token}, POST /account/{token}/fresh, POST /me/{language,export,name,address,close,erase},
    and GET and POST of /move/{token} and /stop-move/{token}. A token that is not ours rises as BadToken: 404."""
    office = Office(desk, pages)
    _opening(routes, office)
    _at_the_desk(routes, office)
    _ending(routes, office)
    _moving(routes, office)
    _stopping(routes, office)


class Office:
    """The answers around an account."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self.desk = desk
        self.pages = pages

    def used(self, request: Request, claim: Claim) -> Response:
        """The page of a link that was used or is older than thirty minutes."""
        token = self.desk.keyring.seal("fresh", claim.subscriber_id, claim.context)
        return old_link(request, self.desk, self.pages, f"/account/{token}/fresh", claim.subscriber_id)

    def page(
        self,
        request: Request,
        claim: Claim,
        account: Account,
        *,
        done: str = "",
        errors: Mapping[str, str] | None = None,
        typed: str = "",
    ) -> Response:
        """The account. `done` names what was just done, `typed` the new address as it was typed."""
        voice = self.pages.voice(request, prefer=account.locale)
        seal = self.desk.keyring.seal

        def clock(at: datetime) -> str:
            return i18n.stamp(at, account.timezone, voice.language)

        context = {
            "account": account,
            "desk_token": seal("desk", claim.subscriber_id, claim.context),
            "steer": seal("steer", claim.subscriber_id, minute_of(self.desk.now())),
            "history": [(clock(each.at), each.subject, each.view) for each in account.history],
            "consents": [
                (clock(each.at), action_words(each.action, voice), form_words(each, voice), each)
                for each in account.consents
            ],
            "place": voice.place(account.timezone),
            "done": done,
            "errors": errors or {},
            "typed": typed,
        }
        return self.pages.render(request, "account.html", context, status=422 if errors else 200)

    def opened(self, request: Request, form: FormData, show: Callable[[Claim, Account], Response]) -> Response:
        """What `show` answers for the reader whose page sent this form. Raises BadToken."""
        token = form.get("desk")
        if not isinstance(token, str) or not same_origin(request, self.pages.public_url):
            raise BadToken
        claim = self.desk.keyring.unseal(token, "desk")
        try:
            return show(claim, self.desk.account(claim.subscriber_id, claim.context))
        except LinkUsed:
            return self.used(request, claim)
        except UnknownReader:
            return gone(request, self.pages)

    def button(self, request: Request, template: str, token: str, claim: Claim, status: int = 200) -> Response:
        """A page with one button: what a scanner may look at."""
        self.pages.voice(request, prefer=self.desk.standing(claim.subscriber_id).locale)
        context = {"token": token, "form_token": form_token(self.desk, claim.subscriber_id), "again": status != 200}
        return self.pages.render(request, template, context, status=status)


def _opening(routes: APIRouter, office: Office) -> None:
    desk, pages = office.desk, office.pages

    @routes.api_route("/account/{token}", methods=PAGE)
    def account(request: Request, token: str) -> Response:
        claim = desk.keyring.unseal(token, "fresh")
        if not desk.fresh(claim.subscriber_id, claim.context):
            return office.used(request, claim)
        return office.button(request, "account_open.html", token, claim)

    @routes.post("/account/{token}")
    def open_account(request: Request, token: str, form: Form) -> Response:
        claim = desk.keyring.unseal(token, "fresh")
        if not is_ours(request, desk, pages, form, claim.subscriber_id):
            if not desk.fresh(claim.subscriber_id, claim.context):
                return office.used(request, claim)
            return office.button(request, "account_open.html", token, claim, 422)
        try:
            opened = desk.open_account(claim.subscriber_id, claim.context)
        except LinkUsed:
            return office.used(request, claim)
        except UnknownReader:
            return gone(request, pages)
        return office.page(request, claim, opened)

    @routes.post("/account/{token}/fresh")
    def fresh(request: Request, token: str, form: Form) -> Response:
        claim = desk.keyring.unseal(token, "fresh")
        return ask_fresh(request, desk, pages, form, f"/account/{token}/fresh", claim.subscriber_id)


def _at_the_desk(routes: APIRouter, office: Office) -> None:
    desk, pages = office.desk, office.pages

    @routes.post("/me/language")
    def language(request: Request, form: Form) -> Response:
        """The same page in another language. A link would lead to an address that works once, or to none."""
        chosen = form.get("lang")
        if isinstance(chosen, str) and chosen in pages.catalogues.languages:
            pages.speak(request, chosen)
        return office.opened(request, form, lambda claim, account: office.page(request, claim, account))

    @routes.post("/me/export")
    def export(request: Request, form: Form) -> Response:
        def show(claim: Claim, account: Account) -> Response:
            kind = form.get("form")
            if not isinstance(kind, str) or kind not in EXPORTS:
                told = pages.voice(request, prefer=account.locale).say("Please choose JSON or CSV.")
                return office.page(request, claim, account, errors={"export": told})
            name, content = desk.export(claim.subscriber_id, kind)
            saved_as = {"Content-Disposition": f'attachment; filename="{name}"'}
            return Response(content, media_type=EXPORTS[kind], headers=pages.headers(saved_as))

        return office.opened(request, form, show)

    @routes.post("/me/name")
    def name(request: Request, form: Form) -> Response:
        def show(claim: Claim, account: Account) -> Response:
            typed = form.get("name")
            desk.rename(claim.subscriber_id, typed if isinstance(typed, str) else account.name)
            return office.page(request, claim, desk.account(claim.subscriber_id, claim.context), done="name")

        return office.opened(request, form, show)

    @routes.post("/me/address")
    def address(request: Request, form: Form) -> Response:
        def show(claim: Claim, account: Account) -> Response:
            typed = form.get("email")
            wanted = typed.strip()[:400] if isinstance(typed, str) else ""
            network = network_of(request, desk.keyring)
            try:
                desk.ask_move(claim.subscriber_id, claim.context, wanted, network=network)
            except BadAddress:
                voice = pages.voice(request, prefer=account.locale)
                told = voice.say("We cannot send to this address. Please check it; it looks like name@example.org.")
                return office.page(request, claim, account, errors={"email": told}, typed=wanted)
            return office.page(request, claim, account, done="address", typed=wanted)

        return office.opened(request, form, show)


def _ending(routes: APIRouter, office: Office) -> None:
    desk, pages = office.desk, office.pages

    @routes.post("/me/close")
    def close(request: Request, form: Form) -> Response:
        """For who sits at somebody else's machine: the page and every older one end now."""

        def show(claim: Claim, account: Account) -> Response:
            desk.close_account(claim.subscriber_id, claim.context)
            voice = pages.voice(request, prefer=account.locale)
            text = voice.say("Nobody who uses this browser after you can open it again. A new link opens a new page.")
            return pages.message(request, 200, voice.say("The page is closed"), text, form=False)

        return office.opened(request, form, show)

    @routes.post("/me/erase")
    def erase(request: Request, form: Form) -> Response:
        def show(claim: Claim, account: Account) -> Response:
            if form.get("yes") != "yes":
                voice = pages.voice(request, prefer=account.locale)
                told = voice.say("Please tick the box if you want everything erased.")
                return office.page(request, claim, account, errors={"yes": told})
            desk.erase(claim.subscriber_id)
            pages.voice(request, prefer=account.locale)
            return pages.render(request, "erased.html", {})

        return office.opened(request, form, show)


def _moving(routes: APIRouter, office: Office) -> None:
    desk, pages = office.desk, office.pages

    def over(request: Request) -> Response:
        voice = pages.voice(request)
        text = voice.say("It was used, stopped, or is older than a day. Ask for the change of address once more.")
        return pages.message(request, 410, voice.say("This link is used up"), text, form=False)

    @routes.api_route("/move/{token}", methods=PAGE)
    def move(request: Request, token: str) -> Response:
        claim = desk.keyring.unseal(token, "fresh")
        if not desk.moving(claim.subscriber_id, claim.context):
            return over(request)
        return office.button(request, "move.html", token, claim)

    @routes.post("/move/{token}")
    def move_now(request: Request, token: str, form: Form) -> Response:
        claim = desk.keyring.unseal(token, "fresh")
        if not is_ours(request, desk, pages, form, claim.subscriber_id):
            if not desk.moving(claim.subscriber_id, claim.context):
                return over(request)
            return office.button(request, "move.html", token, claim, 422)
        try:
            done = desk.move(claim.subscriber_id, claim.context, network=network_of(request, desk.keyring))
        except LinkUsed:
            return over(request)
        except AddressTaken:
            voice = pages.voice(request)
            text = voice.say("This address gets a digest of its own already, so nothing was changed.")
            return pages.message(request, 409, voice.say("This address is in use"), text, form=False)
        except UnknownReader:
            return gone(request, pages)
        voice = pages.voice(request, prefer=done.locale)
        now = desk.now()
        context = {
            "coming": voice.when(done.next_due_at, done.timezone, now),
            "steer": desk.keyring.seal("steer", done.subscriber_id, minute_of(now)),
        }
        return pages.render(request, "moved.html", context)


def _stopping(routes: APIRouter, office: Office) -> None:
    desk, pages = office.desk, office.pages

    def told(request: Request, became: Stoppable) -> Response:
        """What there is to say when nothing is left to stop, or after stopping."""
        voice = pages.voice(request)
        if became == "moved":
            text = voice.say(
                "The change was confirmed at the new address before, so it cannot be stopped here. If that was not "
                "you, unsubscribe by any older mail of ours, and sign up again."
            )
            return pages.message(request, 410, voice.say("Your digest has moved already"), text)
        if became == "unknown":
            text = voice.say("The change of address that it could stop was settled long ago.")
            return pages.message(request, 410, voice.say("This link is used up"), text, form=False)
        text = voice.say("The change of address does not happen. Old links to it are void.")
        return pages.message(request, 200, voice.say("Your digest stays where it was"), text, form=False)

    @routes.api_route("/stop-move/{token}", methods=PAGE)
    def stop_move(request: Request, token: str) -> Response:
        claim = desk.keyring.unseal(token, "stop")
        became = desk.stoppable(claim.subscriber_id, claim.context)
        if became == "waits":
            return office.button(request, "stop_move.html", token, claim)
        return told(request, became)

    @routes.post("/stop-move/{token}")
    def stop_move_now(request: Request, token: str, form: Form) -> Response:
        claim = desk.keyring.unseal(token, "stop")
        if not is_ours(request, desk, pages, form, claim.subscriber_id):
            became = desk.stoppable(claim.subscriber_id, claim.context)
            return (
                office.button(request, "stop_move.html", token, claim, 422)
                if became == "waits"
                else told(request, became)
            )
        desk.stop_moves(claim.subscriber_id, claim.context)
        return told(request, desk.stoppable(claim.subscriber_id, claim.context))
