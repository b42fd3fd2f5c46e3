"""What an edition tells, before it is rendered, and what is left of it once frozen."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from digest.compose.fragments import Fragment
from digest.errors import StoreError
from digest.types import Ruling

DAMAGED = "a frozen edition in the database is damaged; restore a backup"

WELCOME = "welcome"
"""The value of a manifest whose digest is a reader's first: it greets, and there is a mail even without a story."""
ALL_QUIET = "all-quiet"
"""The value of a manifest that has something to say to readers for whom there is nothing new, if they wish it."""
BREAKING = "breaking"
"""The value of a manifest that tells one story at once: the story's number."""


@dataclass(frozen=True, slots=True)
class Card:
    """One telling of a story as a template sees it. Every text is plain; templates escape."""

    story_id: int
    version: int
    from_version: int
    """0 for the full telling, else the version whose readers get this as an update."""
    article_id: int
    title: str
    summary: str
    url: str
    publisher: str
    language: str
    direction: str
    also: tuple[str, ...] = ()
    """Further publishers by name, at most three."""
    others: int = 0
    """How many more publishers there are."""
    image_url: str = ""
    image_alt: str = ""
    machine: bool = False
    """Whether a language model wrote the summary."""
    page: str = ""
    """The path of the story's own page; empty for a story that is not public."""
    led_by: int = 0
    """The article that speaks here instead of the usual one (`Variant`); 0 for the usual one, and in updates."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A story's full telling as another publisher than the usual one leads it, for readers who wish that."""

    publisher: str
    """As votes know it (`subscribers.votes.name_key`)."""
    article_id: int
    title: str
    words: int
    tellers: tuple[str, ...]
    """As in `FrozenStory`: its own publisher first."""
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FrozenStory:
    """What selection and layout need to know of a frozen story."""

    version: int
    topics: tuple[int, ...]
    title: str
    words: int
    publishers: int
    updates: Mapping[int, str] = field(default_factory=dict)
    """Version sent before -> headline of the update for its readers."""
    tellers: tuple[str, ...] = ()
    """Names of the independent publishers, the one whose telling is shown first. Empty in editions of before votes."""
    terms: tuple[str, ...] = ()
    """Words of the headline, normalised: by these votes compare stories."""
    variants: tuple[Variant, ...] = ()
    """Other ways to lead it, the best first; none where no reader of the edition wishes one."""
    was: tuple[int, ...] = ()
    """Stories that have become part of it: what readers asked for about these, they asked for about it."""
    led_by: int = 0
    """The article of the variant that one reader sees (`compose.seen`); 0 for the usual telling. Never frozen."""
    size: int = 0
    """Bytes of its HTML at most, in full; 0 in editions of before there was a limit."""
    brief_size: int = 0
    """The same in one line."""


@dataclass(frozen=True, slots=True)
class Site:
    """The settings that reach a mail's bytes; frozen with the edition."""

    name: str
    public_url: str
    sender: str
    reply_to: str
    postal_address: str
    accent: str
    accent_dark: str
    """The one colour, each tuned to be readable on its paper."""
    list_domain: str
    logo_url: str = ""
    logo_width: int = 0
    """CSS pixels."""
    fonts: str = "serif"
    """Of headings: a name of `digest.compose.theme.STACKS`."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything an edition froze, except the fragments themselves, which are named by content address.

    `html` and `text` map a block key such as "card/de/17/2/0" to the address of its fragment.
    """

    kind: str
    """"digest", or the name of a system mail such as "confirm"."""
    frozen_at: datetime
    site: Site
    topics: Mapping[int, str]
    stories: Mapping[int, FrozenStory]
    orders: Mapping[str, tuple[int, ...]]
    """Window start (ISO) -> story ids, best first: only stories with news in that window."""
    parts: Mapping[str, Mapping[int, Mapping[str, float]]]
    """Window start -> story id -> what each scorer gave to its rank; together they are the score, in 0..1."""
    times: Mapping[int, datetime]
    """Article id -> when it was published, shown as clock time."""
    html: Mapping[str, str]
    text: Mapping[str, str]
    values: Mapping[str, str] = field(default_factory=dict)
    """A system mail's own values (its subject, its topics); WELCOME in a welcome mail, BREAKING in a breaking one,
    ALL_QUIET where a reader of a digest wishes to hear that there is nothing new."""
    rulings: tuple[Ruling, ...] = ()
    """What editors ruled about stories that had news for this edition, in the order in which they did."""


def pack_manifest(manifest: Manifest) -> bytes:
    """Canonical JSON: the same manifest gives the same bytes, and one without variants, rulings, merged stories and
    sizes those that it had before there were any."""
    plain = asdict(manifest)
    if not plain["rulings"]:
        del plain["rulings"]
    for name in ("logo_url", "logo_width", "fonts"):  # they are in the fragments; no mail is composed from them
        del plain["site"][name]
    for story in plain["stories"].values():
        del story["led_by"]
        for name in ("variants", "was", "size", "brief_size"):
            if not story[name]:
                del story[name]
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=_plain).encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"cannot freeze {value!r}")


def unpack_manifest(data: bytes) -> Manifest:
    """What `pack_manifest` packed."""
    raw = json.loads(data)
    return Manifest(
        kind=raw["kind"],
        frozen_at=datetime.fromisoformat(raw["frozen_at"]),
        site=Site(**raw["site"]),
        topics={int(key): value for key, value in raw["topics"].items()},
        stories={int(key): _facts(value) for key, value in raw["stories"].items()},
        orders={key: tuple(value) for key, value in raw["orders"].items()},
        # An edition frozen before there were parts has none to tell.
        parts={key: {int(k): v for k, v in value.items()} for key, value in raw.get("parts", {}).items()},
        times={int(key): datetime.fromisoformat(value) for key, value in raw["times"].items()},
        html=raw["html"],
        text=raw["text"],
        values=raw["values"],
        rulings=tuple(Ruling(**each) for each in raw.get("rulings", ())),
    )


def _facts(raw: dict[str, object]) -> FrozenStory:
    updates = raw["updates"]
    topics = raw["topics"]
    if not isinstance(updates, dict) or not isinstance(topics, list):
        raise StoreError(DAMAGED)
    return FrozenStory(
        version=int(str(raw["version"])),
        topics=tuple(int(topic) for topic in topics),
        title=str(raw["title"]),
        words=int(str(raw["words"])),
        publishers=int(str(raw["publishers"])),
        updates={int(key): str(value) for key, value in updates.items()},
        tellers=_words(raw.get("tellers", [])),
        terms=_words(raw.get("terms", [])),
        variants=tuple(_variant(each) for each in _list(raw.get("variants", []))),
        was=tuple(int(str(each)) for each in _list(raw.get("was", []))),
        size=int(str(raw.get("size", 0))),
        brief_size=int(str(raw.get("brief_size", 0))),
    )


def _variant(raw: object) -> Variant:
    if not isinstance(raw, dict):
        raise StoreError(DAMAGED)
    told = {**raw, "tellers": _words(raw["tellers"]), "terms": _words(raw["terms"])}
    return Variant(**told)


def _words(raw: object) -> tuple[str, ...]:
    return tuple(str(each) for each in _list(raw))


def _list(raw: object) -> list[object]:
    if not isinstance(raw, list):
        raise StoreError(DAMAGED)
    return raw


@dataclass(frozen=True, slots=True)
class Frozen:
    """A manifest with its fragments at hand: all that composing reads."""

    manifest: Manifest
    html: Mapping[str, Fragment]
    text: Mapping[str, Fragment]
