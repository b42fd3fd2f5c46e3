"""What providers tell us later: how a call to /webhooks becomes events, and what each event means. Pure.

A provider's webhook is a module with `open_webhook(settings)` and one line in WEBHOOKS below. It turns a call into
events in our words by a table; who keeps them and acts on them is `digest.service.events`.

Events come late, twice and in any order. So what became of a mail is not a state that the last one overwrites: it is
the gravest of all that was said about it (SEVERITY), whatever came first. Anything else that an event does (EFFECTS) is
the same when it is done again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import getaddresses
from importlib import import_module
from typing import Any, Protocol

from digest.dispatch.header import clean
from digest.errors import Malformed, SettingError
from digest.settings import Settings
from digest.types import DeliveryState, Event, EventKind, Via

log = logging.getLogger(__name__)

SEVERITY: tuple[EventKind, ...] = tuple(EventKind)
"""From the least grave to the gravest (twenty#24473: a late `delivered` overwrote `complained`)."""

WEBHOOKS: dict[str, str] = {
    "brevo": "digest.dispatch.providers.brevo_hook",
    "mailgun": "digest.dispatch.providers.mailgun_hook",
    "postmark": "digest.dispatch.providers.postmark_hook",
    "resend": "digest.dispatch.providers.resend_hook",
    "sendgrid": "digest.dispatch.providers.sendgrid_hook",
    "ses": "digest.dispatch.providers.ses_hook",
}
"""Provider -> module with a function `open_webhook(settings)`; imported when the first call comes."""
LATER: Mapping[str, int] = {"brevo": 429}
"""The status that makes a provider try again, where 503 does not: Brevo gives an event up after any other error."""
MARK = "delivery"
"""The name of the tag, the variable or the metadata by which a mail names its delivery (`digest.types.delivery_mark`),
where the provider hands it back."""


class Webhook(Protocol):
    """One provider's way of telling us. Several threads may ask it at once."""

    def parse_webhook(self, headers: Mapping[str, str], body: bytes, now: datetime) -> list[Event]:
        """The events in a call; none for what does not concern us. `headers` have names in lower case; `body` is as it
        came.

        Raises NotSigned unless the call proves that it is the provider's, and Malformed for one that is and cannot be
        read. A bad item among several is left out, with a line in the log: the others must not be lost with it.
        """


class NoSecret(SettingError):
    """The secret of this webhook is not set, so nobody can prove to be the provider."""


def open_webhook(provider: str, settings: Settings) -> Webhook | None:
    """The webhook of a provider; None for one that we do not know. Raises NoSecret, naming the setting, while its
    secret is not set, and SettingError for a secret that cannot be one."""
    module = WEBHOOKS.get(provider)
    if module is None:
        return None
    factory: Callable[[Settings], Webhook] = import_module(module).open_webhook
    return factory(settings)


# --- what an event means ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """What an event does, each time the same."""

    settles: DeliveryState | None = None
    """What a delivery becomes of which nobody knew. Whatever came of a mail later, the provider had taken it."""
    suppress: str = ""
    """The reason for which its address gets no mail any more."""
    leaves: bool = False
    """The reader has left."""
    counts: bool = False
    """It suppresses the address once there were too many of its kind (`bounced_too_often`)."""


TAKEN = Effect(DeliveryState.ACCEPTED)
EFFECTS: Mapping[EventKind, Effect] = {
    EventKind.OTHER: Effect(),
    EventKind.DEFERRED: TAKEN,
    EventKind.DELIVERED: TAKEN,
    EventKind.OPENED: TAKEN,
    EventKind.CLICKED: TAKEN,
    EventKind.BOUNCED_SOFT: Effect(DeliveryState.ACCEPTED, counts=True),
    EventKind.REJECTED: Effect(DeliveryState.REJECTED),
    EventKind.BOUNCED_HARD: Effect(DeliveryState.ACCEPTED, suppress="bounced"),
    EventKind.UNSUBSCRIBED: Effect(DeliveryState.ACCEPTED, leaves=True),
    EventKind.COMPLAINED: Effect(DeliveryState.ACCEPTED, suppress="complained", leaves=True),
}


def gravest(kinds: Iterable[EventKind]) -> EventKind | None:
    """What became of a mail of which all this was said; None when nothing was."""
    return max(kinds, key=SEVERITY.index, default=None)


SOFT_DAYS = 5
"""On so many days a mail bounced softly, and none arrived in between: the mailbox is given up. Between the third in a
row (keila#181) and the seventh at which large services stop; by days, for one bad night may bounce three mails of a
reader who gets three a day, and a storm at a provider must not empty the list (listmonk#489)."""
SOFT_WINDOW = timedelta(days=60)
"""How far back is counted: a weekly reader's five bounces take five weeks."""


def bounced_too_often(soft: Iterable[datetime], delivered: Iterable[datetime], now: datetime) -> bool:
    """Whether an address that bounced softly at these instants, and where mails arrived at those, is to be given up."""
    since = max([now - SOFT_WINDOW, *delivered])
    days: set[date] = {each.astimezone(UTC).date() for each in soft if each > since}
    return len(days) >= SOFT_DAYS


# --- who opened and clicked -------------------------------------------------------------------------------------------

AT_ONCE = timedelta(seconds=5)
"""So soon after the provider was given the mail only a program on its way to the mailbox follows a link: gateways do it
before they hand the mail over (resend-node#901, mautic#16263)."""
_PROXY = re.compile(r"GoogleImageProxy|ggpht\.com|YahooMailProxy|^Mozilla/5\.0$")
"""Google's and Yahoo's say so. Apple's Mail Privacy Protection says nothing but `Mozilla/5.0`. They are opens of people
whose moment is not known, and none of our business to leave out (warmbly#412)."""
_SCANNER = re.compile(
    r"bot\b|crawl|spider|preview|scan|barracuda|mimecast|proofpoint|headless|phantom|python|curl/|wget|okhttp|java/"
    r"|go-http-client|libwww|axios|node-fetch",
    re.IGNORECASE,
)


def who_looked(user_agent: str, at: datetime, sent_at: datetime | None) -> Via:
    """Whether an open or a click was a person's. It changes nothing but the counting."""
    if sent_at is not None and at - sent_at < AT_ONCE:
        return Via.SCANNER
    if _PROXY.search(user_agent.strip()):
        return Via.PROXY
    return Via.SCANNER if _SCANNER.search(user_agent) else Via.PERSON


# --- reading what strangers may have written --------------------------------------------------------------------------

LONGEST_ID = 200
_CLEAR = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


def read_json(body: bytes) -> Any:
    """Raises Malformed for what is no JSON in UTF-8, or is nested so deep that nobody meant it."""
    try:
        return json.loads(body.decode())
    except (ValueError, RecursionError):
        raise Malformed("the body is no JSON") from None


def fields(value: Any, name: str) -> dict[str, Any]:
    """An object. Raises Malformed, naming it."""
    if not isinstance(value, dict):
        raise Malformed(f"{name} is no object")
    return value


def line(value: Any, name: str, longest: int = LONGEST_ID) -> str:
    """A text without anything that a database or a log could choke on; "" for null. Raises Malformed, naming it."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return _CLEAR.sub(" ", value[: longest * 2]).strip()[:longest]


def told(*parts: Any) -> str:
    """What a provider says in words, for people: those parts that are text, without addresses."""
    texts = [each for part in parts for each in (part if isinstance(part, list) else [part]) if isinstance(each, str)]
    return clean(_CLEAR.sub(" ", "; ".join(each[:400] for each in texts[:5] if each)), 300)


def moment(value: Any, name: str, now: datetime) -> datetime:
    """An instant in ISO 8601, or in seconds since 1970; `now` where there is none, and for one that lies ahead of us or
    before there were providers: some clock is wrong then. Raises Malformed for what is no instant at all."""
    if value is None:
        return now
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            at = datetime.fromtimestamp(value, UTC)
        else:
            at = datetime.fromisoformat(line(value, name, 40))
            at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError, OSError):
        raise Malformed(f"{name} is no time") from None
    return at if _FIRST < at <= now else now


_FIRST = datetime(2000, 1, 1, tzinfo=UTC)


def bare_address(value: Any, name: str) -> str:
    """The address in `Name <address>` or alone; "" when there is none. Raises Malformed for what is no text."""
    found = getaddresses([line(value, name, 1000)])
    return found[0][1] if len(found) == 1 else ""


def event_id(*parts: str) -> str:
    """An id that fits: a single one as it is, otherwise a hash of all parts, for providers that give none."""
    if len(parts) == 1 and 0 < len(parts[0]) <= LONGEST_ID:
        return parts[0]
    return hashlib.blake2b("\n".join(parts).encode(), digest_size=24).hexdigest()


def items(value: Any, name: str, read: Callable[[dict[str, Any]], Event | None]) -> list[Event]:
    """The events of a list; an item that cannot be read is left out with a line in the log. Raises Malformed for what
    is no list, and when there are items and none can be read."""
    if not isinstance(value, list):
        raise Malformed(f"{name} is no list")
    found: list[Event] = []
    problem: Malformed | None = None
    bad = 0
    for each in value:
        try:
            event = read(fields(each, f"an item of {name}"))
        except Malformed as error:
            problem, bad = error, bad + 1
            continue
        if event is not None:
            found.append(event)
    if problem is not None and bad == len(value):
        raise problem
    if problem is not None:
        log.warning("%d of %d items of a call to /webhooks were left out: %s", bad, len(value), problem)
    return found


def unique(events: Sequence[Event]) -> list[Event]:
    """Each event once: a provider may tell the same twice in one call (SendGrid; sendgrid/docs#2933)."""
    return list({each.event_id: each for each in reversed(events)}.values())[::-1]
