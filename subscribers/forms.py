"""Reading the sign-up form: strict about size, kind about everything else. The parsing of fields is pure."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from fastapi import HTTPException, Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, Headers
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from subscribers.cadence import DAYS, minute_of, zone
from subscribers.errors import BadAddress, CadenceError
from subscribers.links import SOURCE_LENGTH
from subscribers.pages import Voice
from subscribers.types import SignUp, check_address, clean_name

BODY_LIMIT = 64 * 1024
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
FIELDS_LIMIT = 2500
"""The preferences of a reader with many topics have five fields for each; the size of the body is the narrower
limit."""
FORM_NAME = "subscribe"
FORM_VERSION = f"{FORM_NAME}-2"
"""The form that the consent log names. Change it whenever the form asks for something else; the sentence agreed to is
logged word for word beside it."""

EVENING = "18:00"
TWICE = f"several:{EVENING}"
CADENCES = ("daily", "weekdays", *(f"weekly:{day}" for day in DAYS), TWICE, "as-it-happens")
"""What the sign-up form offers. Chosen days, and hours of one's own for a topic, are for the preferences page."""


@dataclass(frozen=True, slots=True)
class Fields:
    """What was typed, as it goes back into the form."""

    email: str = ""
    name: str = ""
    topics: tuple[str, ...] = ()
    cadence: str = "daily"
    time: str = "07:00"
    timezone: str = ""
    source: str = ""
    """Where the reader came from, as the link to the form said."""
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

    An empty body is an empty form. Files are not wanted; a field that holds one counts as not filled in. Everything is
    UTF-8, whatever the body says of itself: our pages are, and a charset of the sender's choice could be one that makes
    lone surrogates (unicode_escape, which no page can then be written with) or takes quadratic time (punycode).
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    try:
        if kind == b"multipart/form-data":
            plain = Headers({"content-type": f"multipart/form-data; boundary={_boundary(options)}"})
            limits = {"max_files": 0, "max_fields": FIELDS_LIMIT, "max_part_size": BODY_LIMIT}
            return _text_only(await MultiPartParser(plain, _limited(request), **limits).parse())
        if kind == b"application/x-www-form-urlencoded":
            return _text_only(await FormParser(request.headers, _limited(request), max_fields=FIELDS_LIMIT).parse())
    except MultiPartException:
        raise HTTPException(400) from None
    except UnicodeError:  # a field that is not text
        raise HTTPException(400) from None
    async for chunk in _limited(request):
        if chunk:
            raise HTTPException(415)
    return FormData()


def _boundary(options: Mapping[bytes, bytes]) -> str:
    """RFC 2046, section 5.1.1: 1 to 70 characters of a small set, none of which needs quoting but the space."""
    told = options.get(b"boundary", b"").decode("ascii", "replace")
    if not _BOUNDARY.fullmatch(told):
        raise HTTPException(400)
    return f'"{told}"'


def _text_only(form: FormData) -> FormData:
    for name, value in form.multi_items():
        for told in (name, value):
            if isinstance(told, str):
                told.encode()  # raises UnicodeEncodeError, an UnicodeError, for half a pair of surrogates
    return form


async def read_anything(request: Request) -> FormData:
    """Like `read_form`, but a body that cannot be read is an empty form: leaving must not fail over its wrapping."""
    try:
        return await read_form(request)
    except HTTPException:
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
        source=clean_source(text("source")),
        token=text("token"),
        website=text("website"),
    )


def clean_source(typed: str) -> str:
    """A word on where a reader came from, as the consent log keeps it."""
    return clean_name(typed)[:SOURCE_LENGTH]


def agreement(site_name: str, voice: Voice) -> str:
    """The sentence above the button: what a sign-up agrees to, and word for word what the consent log keeps."""
    told = voice.say(
        "By signing up you ask %(site)s to email you digests of the topics you chose. You can stop at any time with "
        "one click in every mail."
    )
    return told % {"site": site_name}


def check(
    fields: Fields,
    known: Sequence[str],
    voice: Voice,
    *,
    takes: Callable[[str], bool],
    default_timezone: str,
    site_name: str,
    network: bytes | None,
) -> Checked:
    """A SignUp from what was typed, or the errors to show beside the fields, in the order of the page.

    `takes` says whether an address's domain may sign up.
    """
    errors = dict(_mistakes(fields, known, default_timezone, takes, voice))
    if errors:
        return Checked(None, errors)
    return Checked(
        SignUp(
            check_address(fields.email),
            fields.topics,
            name=clean_name(fields.name),
            locale=voice.language,
            timezone=fields.timezone or default_timezone,
            cadence=fields.cadence,
            send_minute=minute_of(fields.time),
            form=FORM_VERSION,
            wording=agreement(site_name, voice),
            source=fields.source,
            network=network,
        )
    )


def _mistakes(
    fields: Fields, known: Sequence[str], default_timezone: str, takes: Callable[[str], bool], voice: Voice
) -> Iterator[tuple[str, str]]:
    missing = [slug for slug in fields.topics if slug not in known]
    if missing:
        told = voice.say("There is no topic “%(topic)s”. These are the topics you can have.")
        yield "topic", told % {"topic": clean_name(missing[0])[:80]}
    elif not fields.topics:
        yield "topic", voice.say("Please choose at least one topic.")
    if told := _wrong_address(fields.email, takes, voice):
        yield "email", told
    if fields.cadence not in CADENCES:
        yield "cadence", voice.say("Please choose how often from the list.")
    if not _understood(minute_of, fields.time):
        yield "time", voice.say("Please choose a time by the quarter hour, such as 07:00 or 18:45.")
    elif fields.cadence == TWICE and minute_of(fields.time) == minute_of(EVENING):
        told = voice.say("One of the two digests comes at %(time)s. Please choose another time for the other.")
        yield "time", told % {"time": EVENING}
    if not _understood(zone, fields.timezone or default_timezone):
        yield "timezone", voice.say("Please choose your time zone from the list.")


def _wrong_address(typed: str, takes: Callable[[str], bool], voice: Voice) -> str:
    if not typed:
        return voice.say("Please write your email address, such as name@example.org.")
    try:
        address = check_address(typed)
    except BadAddress:
        return voice.say("We cannot send to this address. Please check it; it looks like name@example.org.")
    if takes(address):
        return ""
    return voice.say("We do not take sign-ups from this domain. Please use another address.")


def _understood(reads: Callable[[str], object], typed: str) -> bool:
    try:
        reads(typed)
    except CadenceError:
        return False
    return True


def address_of(request: Request) -> str:
    """The network address we were called from. uvicorn has put it right where TRUSTED_PROXIES says so."""
    return request.client.host if request.client else ""
