"""Signing up: the form, the press page for what came from elsewhere or too fast, and the page after.

Nothing here looks at the roster, so that nobody can learn from it who is on it: what is asked for is noted, and worked
off after the answer.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.datastructures import FormData

from subscribers.cadence import minute_of as minute_of_day
from subscribers.desk import Desk
from subscribers.errors import UnknownTopic
from subscribers.forms import CADENCES, EVENING, TWICE, Fields, agreement, check, clean_source, fields_of, same_origin
from subscribers.pages import Pages, Voice
from subscribers.routes.common import FORM_AFTER, PAGE, Form, form_age, form_token, network_of
from subscribers.types import ADDRESS_LENGTH, TopicRow, clean_name

EMBED_SECONDS = 3600
"""How long browsers keep embed.js: sites link to it without a version, so a new one reaches them within an hour."""

log = logging.getLogger(__name__)


def add(routes: APIRouter, desk: Desk, pages: Pages) -> None:
    """GET and POST /subscribe, GET /subscribe/sent, GET /embed.js."""
    door = Door(desk, pages)

    @routes.api_route("/subscribe", methods=PAGE)
    def subscribe(request: Request) -> Response:
        return door.asked_for(request)

    @routes.post("/subscribe")
    def subscribe_now(request: Request, form: Form) -> Response:
        return door.sent(request, form)

    @routes.api_route("/subscribe/sent", methods=PAGE)
    def sent(request: Request) -> Response:
        return pages.render(request, "sent.html", {"email": ""})

    @routes.api_route("/embed.js", methods=PAGE)
    def embed() -> Response:
        told = {"Cache-Control": f"public, max-age={EMBED_SECONDS}", "Cross-Origin-Resource-Policy": "cross-origin"}
        return Response(pages.static["embed.js"], media_type="text/javascript", headers=pages.headers(told))


class Door:
    """The answers around /subscribe."""

    def __init__(self, desk: Desk, pages: Pages) -> None:
        self.desk = desk
        self.pages = pages

    def asked_for(self, request: Request) -> Response:
        """The form, with what the link to it says filled in."""
        query, topics = request.query_params, self.desk.topics()
        asked = tuple(dict.fromkeys(query.getlist("topic")))
        email, source = query.get("email", "")[:ADDRESS_LENGTH].strip(), clean_source(query.get("source", ""))
        fields = Fields(email=email, topics=asked, source=source)
        known = {topic.slug for topic in topics}
        missing = [slug for slug in asked if slug not in known]
        if not missing:
            return self.form_page(request, fields, {}, 200, topics)
        told = self.pages.voice(request).say("There is no topic “%(topic)s”. These are the topics you can have.")
        return self.form_page(request, fields, {"topic": told % {"topic": clean_name(missing[0])[:80]}}, 404, topics)

    def sent(self, request: Request, form: FormData) -> Response:
        """What becomes of a form: mistakes come back, what is not surely a person on our own page needs one press, and
        the rest is noted."""
        lang = form.get("lang")
        voice = self.pages.voice(request, prefer=lang if isinstance(lang, str) else "")
        topics = self.desk.topics()
        by_slug = {topic.slug: topic for topic in topics}
        fields = fields_of(form, list(by_slug))
        checked = check(
            fields,
            list(by_slug),
            voice,
            takes=self.desk.takes,
            default_timezone=self.desk.default_timezone,
            site_name=self.pages.site_name,
            network=network_of(request, self.desk.keyring),
        )
        if checked.sign_up is None:
            return self.form_page(request, fields, dict(checked.errors), 422, topics)
        age = form_age(self.desk, fields.token)
        if age is None or age < FORM_AFTER or not same_origin(request, self.pages.public_url):
            # Whoever pressed on the press page and sees it once more must be told why.
            again = "" if form.get("pressed") is None else "quick" if age is not None and age < FORM_AFTER else "other"
            return self.press_page(request, fields, [by_slug[slug] for slug in fields.topics], again=again)
        if fields.website:
            log.info("a sign-up filled in the field that nobody sees; ignored")
        else:
            try:
                self.desk.ask_sign_up(checked.sign_up)
            except UnknownTopic:  # removed between the two pages
                told = voice.say("Please choose at least one topic.")
                return self.form_page(request, fields, {"topic": told}, 422, self.desk.topics())
        # No redirect to a page of its own: its address would have to hold the reader's, for histories and logs to keep.
        return self.pages.render(request, "sent.html", {"email": fields.email}, status=202)

    def form_page(
        self, request: Request, fields: Fields, errors: Mapping[str, str], status: int, topics: Sequence[TopicRow]
    ) -> Response:
        """The form, with what was typed and what is wrong with it."""
        voice = self.pages.voice(request)
        context = {
            "fields": fields,
            "errors": errors,
            "topics": topics,
            "token": form_token(self.desk),
            "cadences": [(each, cadence_name(each, voice)) for each in CADENCES],
            "zone_options": self.pages.zone_options(voice.language, fields.timezone or self.desk.default_timezone),
            "guess_zone": not fields.timezone,
            "agreement": agreement(self.pages.site_name, voice),
        }
        return self.pages.render(request, "subscribe.html", context, status=status)

    def press_page(self, request: Request, fields: Fields, topics: Sequence[TopicRow], *, again: str = "") -> Response:
        """What will be done and one button; it carries every field on. Nothing has been written yet. `again` is why the
        button was pressed in vain: "quick" or "other"."""
        voice = self.pages.voice(request)
        zone, minute = fields.timezone or self.desk.default_timezone, minute_of_day(fields.time)
        # A form of ours that came too fast keeps its time, so that the press that follows is late enough.
        kept = fields.token if form_age(self.desk, fields.token) is not None else form_token(self.desk)
        carried = {
            "token": kept,
            "email": fields.email,
            "name": fields.name,
            "cadence": fields.cadence,
            "time": fields.time,
            "timezone": zone,
            "source": fields.source,
            "website": fields.website,
            "pressed": "yes",
        }
        context = {
            "email": fields.email,
            "topics": topics,
            "carried": carried,
            "again": again,
            "when": cadence_name(fields.cadence, voice),
            "at": "" if fields.cadence == "as-it-happens" else f"{minute // 60:02}:{minute % 60:02}",
            "zone": voice.place(zone),
            "agreement": agreement(self.pages.site_name, voice),
        }
        return self.pages.render(request, "press.html", context)


def cadence_name(cadence: str, voice: Voice) -> str:
    """How a rhythm that the sign-up form offers is called. Raises KeyError for any other."""
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
        TWICE: voice.say("Twice a day, also at %(time)s") % {"time": EVENING},
        "as-it-happens": voice.say("As it happens"),
    }
    return names[cadence]
