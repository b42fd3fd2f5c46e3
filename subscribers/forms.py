"""Reading the sign-up form: strict about size, kind about everything else. The parsing of fields is pure."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from starlette.datastructures import FormData
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from subscribers.cadence import DAYS, minute_of, parse, zone
from subscribers.errors import BadAddress, CadenceError
from subscribers.pages import Voice
from subscribers.types import SignUp, check_address, clean_name

BODY_LIMIT = 64 * 1024
FIELDS_LIMIT = 200
FORM_VERSION = "subscribe-1"
"""The wording that the consent log names. Change it whenever the form's text changes."""

CADENCES = ("daily", "weekdays", *(f"weekly:{day}" for day in DAYS))


@dataclass(frozen=True, slots=True)
class Fields:
    """What was typed, as it goes back into the form."""

    email: str = ""
    name: str = ""
    topics: tuple[str, ...] = ()
    cadence: str = "daily"
    time: str = "07:00"
    timezone: str = ""
    token: str = ""
    website: str = ""
    """The honeypot: invisible, so only machines fill it in."""


@dataclass(frozen=True, slots=True)
class Checked:
    """Either a SignUp, or what is wrong with which field (name -> text in the page's language)."""

    sign_up: SignUp | None
    errors: Mapping[str, str] = field(default_factory=dict)


async def read_form(request: Request) -> FormData:
    """The fields of a POST, urlencoded or multipart. 413 beyond 64 KB, 400 for what cannot be parsed, 415 otherwise.

    An empty body is an empty form. Files are not wanted; a field that holds one counts as not filled in.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        if kind == "multipart/form-data":
            limits = {"max_files": 0, "max_fields": FIELDS_LIMIT, "max_part_size": BODY_LIMIT}
            return await MultiPartParser(request.headers, _limited(request), **limits).parse()
        if kind == "application/x-www-form-urlencoded":
            return await FormParser(request.headers, _limited(request), max_fields=FIELDS_LIMIT).parse()
    except MultiPartException:
        raise HTTPException(400) from None
    except (KeyError, UnicodeError):  # a multipart body without its boundary; a field name that is not text
        raise HTTPException(400) from None
    async for chunk in _limited(request):
        if chunk:
            raise HTTPException(415)
    return FormData()


async def read_anything(request: Request) -> FormData:
    """Like `read_form`, but a body that cannot be read is an empty form: leaving must not fail over its wrapping."""
    try:
        return await read_form(request)
    except HTTPException as refused:
        if refused.status_code == 413:
            raise
        return FormData()


async def _limited(request: Request) -> AsyncGenerator[bytes, None]:
    taken = 0
    async for chunk in request.stream():
        taken += len(chunk)
        if taken > BODY_LIMIT:
            raise HTTPException(413)
        yield chunk


def same_origin(request: Request, public_url: str) -> bool:
    """Whether a browser sent this POST from a page of ours, as far as it tells.

    `Sec-Fetch-Site` is set by the browser and no script can change it (W3C Fetch Metadata). Where it is missing (an
    older browser, plain http) `Origin` decides; our own Referrer-Policy makes it "null" on our own forms, so "null"
    and silence leave the decision to the form's token. No cookie is involved: there is nothing to ride on.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    parts = urlsplit(public_url)
    ours = (f"{parts.scheme}://{parts.netloc}", f"{request.url.scheme}://{request.headers.get('host', '')}")
    return request.headers.get("origin", "null") in ("null", *ours)


def fields_of(form: FormData, known: Sequence[str]) -> Fields:
    """What was typed. Anything missing is empty; topics keep the order in which the form lists them."""

    def text(name: str) -> str:
        value = form.get(name)
        return value[:1000] if isinstance(value, str) else ""

    asked = [value for value in form.getlist("topic") if isinstance(value, str)]
    return Fields(
        email=text("email").strip(),
        name=text("name"),
        topics=tuple(sorted(dict.fromkeys(asked), key=lambda slug: known.index(slug) if slug in known else len(known))),
        cadence=text("cadence") or "daily",
        time=text("time") or "07:00",
        timezone=text("timezone").strip(),
        token=text("token"),
        website=text("website"),
    )


def check(fields: Fields, known: Sequence[str], default_timezone: str, network: bytes | None, voice: Voice) -> Checked:
    """A SignUp from what was typed, or the errors to show beside the fields, in the order of the page."""
    errors: dict[str, str] = {}
    missing = [slug for slug in fields.topics if slug not in known]
    if missing:
        told = voice.say("There is no topic “%(topic)s”. These are the topics you can have.")
        errors["topic"] = told % {"topic": clean_name(missing[0])[:80]}
    elif not fields.topics:
        errors["topic"] = voice.say("Please choose at least one topic.")
    address = fields.email
    try:
        address = check_address(fields.email)
    except BadAddress:
        if fields.email:
            told = voice.say("We cannot send to this address. Please check it; it looks like name@example.org.")
        else:
            told = voice.say("Please write your email address, such as name@example.org.")
        errors["email"] = told
    try:
        parse(fields.cadence)
    except CadenceError:
        errors["cadence"] = voice.say("Please choose the days from the list.")
    minute = _minute(fields.time)
    if minute is None:
        errors["time"] = voice.say("Please choose a time by the quarter hour, such as 07:00 or 18:45.")
    try:
        zone(fields.timezone or default_timezone)
    except CadenceError:
        errors["timezone"] = voice.say("Please choose your time zone from the list.")
    if errors or minute is None:
        return Checked(None, errors)
    return Checked(
        SignUp(
            address,
            fields.topics,
            name=clean_name(fields.name),
            locale=voice.language,
            timezone=fields.timezone or default_timezone,
            cadence=fields.cadence,
            send_minute=minute,
            form=FORM_VERSION,
            network=network,
        )
    )


def _minute(time: str) -> int | None:
    try:
        return minute_of(time)
    except CadenceError:
        return None


@cache
def zones() -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
    """The zones to choose from: region -> (name, city as people write it), by the tz database's own list for menus."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    names = sorted(line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#"))
    regions: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        region, _, city = name.partition("/")
        regions.setdefault(region, []).append((name, city.replace("_", " ").replace("/", ", ")))
    return tuple((region, tuple(cities)) for region, cities in regions.items())


def address_of(request: Request) -> str:
    """The network address we were called from. Proxies are uvicorn's business (`--forwarded-allow-ips`)."""
    return request.client.host if request.client else ""
