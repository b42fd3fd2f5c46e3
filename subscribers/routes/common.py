"""What every reader's page needs: which token opened it, whether its form is ours, and the answers to what is not."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from subscribers import i18n
from subscribers.desk import Desk
from subscribers.errors import BadToken, TooMany
from subscribers.forms import address_of, read_anything, read_form, same_origin
from subscribers.pages import Pages
from subscribers.tokens import Keyring

PAGE = ["GET", "HEAD"]
FORMS = ("/subscribe", "/fresh")
"""Forms that anybody may open again."""

FORM_WITHIN = timedelta(days=1)
"""How long a served form may wait to be sent; an older one is served again with what was typed."""
FORM_AFTER = 2
"""Seconds within which nobody fills in the sign-up form; what does gets a page with one button to press. Two seconds is
the common least time of honeypot add-ons for forms; somebody whose browser fills in everything loses one press."""

Form = Annotated[FormData, Depends(read_form)]
"""The fields of a POST. 413 beyond 64 KB, 400 for what cannot be parsed, 415 for another type."""
AnyForm = Annotated[FormData, Depends(read_anything)]
"""The same, but a body that cannot be read is an empty form."""


def minute_of(moment: datetime) -> int:
    """Minutes since 1970: the context of links that expire."""
    return int(moment.timestamp() // 60)


def second_of(moment: datetime) -> int:
    """Seconds since 1970: the context of form tokens, which fits four bytes until 2106."""
    return int(moment.timestamp())


def form_token(desk: Desk, subscriber_id: int = 0) -> str:
    """The hidden field `token` of a form that we serve now, to nobody in particular or to this reader."""
    return desk.keyring.seal("form", subscriber_id, second_of(desk.now()))


def form_age(desk: Desk, token: str, subscriber_id: int = 0) -> int | None:
    """How many seconds ago we served the form of this token to this reader. None when we did not, or not within a day.

    Up to five minutes ahead is now: the clocks of two machines of ours differ a little.
    """
    try:
        claim = desk.keyring.unseal(token, "form")
    except BadToken:
        return None
    age = second_of(desk.now()) - claim.context
    in_time = -300 <= age <= FORM_WITHIN / timedelta(seconds=1)
    return max(age, 0) if in_time and claim.subscriber_id == subscriber_id else None


def is_ours(request: Request, desk: Desk, pages: Pages, form: FormData, subscriber_id: int = 0) -> bool:
    """Whether this POST was sent by a form that we served to this reader within a day, from a page of our own."""
    token = form.get("token")
    known = isinstance(token, str) and form_age(desk, token, subscriber_id) is not None
    return known and same_origin(request, pages.public_url)


def network_of(request: Request, keyring: Keyring) -> bytes | None:
    """The keyed hash of the network address we were called from; the address itself is kept nowhere."""
    return keyring.network_hash(address_of(request))


def not_found(request: Request, pages: Pages) -> Response:
    """The one answer to every address that is not there, forged or somebody else's.

    The application gives it for every BadToken, so a route just lets it rise.
    """
    voice = pages.voice(request)
    text = voice.say("This page does not exist, or the link is not complete. Links in mails sometimes lose their end.")
    return pages.message(request, 404, voice.say("Nothing here"), text)


def too_many(request: Request, pages: Pages, error: TooMany) -> Response:
    """The answer when a cap is reached; the application gives it for every TooMany."""
    voice = pages.voice(request)
    seconds = max(error.retry_after, 1)
    told = voice.say("We take only so many requests an hour. Nothing was noted; please try again in %(span)s.")
    text = told % {"span": i18n.minutes(seconds, voice.language)}
    back = request.url.path if request.url.path in FORMS else ""
    answer = pages.message(request, 429, voice.say("Too many requests"), text, form=False, back=back)
    answer.headers["Retry-After"] = str(seconds)
    return answer
