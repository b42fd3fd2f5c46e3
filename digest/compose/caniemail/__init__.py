"""What mail programs make of HTML and CSS, as https://www.caniemail.com found by trying.

`features.json` is taken from its data (MIT, see LICENSE beside it) by `python -m digest.compose.caniemail FILE`: of
every mail program what the newest version tested does, without what it simply supports.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

SUPPORTED, PARTLY, UNSUPPORTED = "y", "a", "n"
"""The data's own letters; it also has "u" for what nobody has tried."""

FILE = "features.json"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one mail program does with a feature: PARTLY or UNSUPPORTED, and how that shows."""

    verdict: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Feature:
    """One page of the data. `answers`: mail program ("outlook/windows") -> what it does, where it lacks something."""

    slug: str
    title: str
    answers: Mapping[str, Answer]

    @property
    def url(self) -> str:
        return f"https://www.caniemail.com/features/{self.slug}/"


@dataclass(frozen=True, slots=True)
class Data:
    """All of it. `clients`: mail program -> its name for people ("Outlook (Windows)")."""

    tried: str
    """The date of the data, ISO."""
    clients: Mapping[str, str]
    features: Mapping[str, Feature]


@cache
def data() -> Data:
    """The data that is part of this package."""
    return read(json.loads(files(__package__).joinpath(FILE).read_text(encoding="utf-8")))


def read(kept: Mapping[str, Any]) -> Data:
    """What `compact` made, as values."""
    features = {
        slug: Feature(
            slug, raw["title"], {client: _answer(told, raw["notes"]) for client, told in raw["stats"].items()}
        )
        for slug, raw in kept["features"].items()
    }
    return Data(kept["date"], kept["clients"], features)


def _answer(told: str, notes: Mapping[str, str]) -> Answer:
    verdict, *numbers = told.split()
    return Answer(verdict, tuple(notes[number[1:]] for number in numbers if number[1:] in notes))


def compact(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The part of caniemail's api/data.json that is used: titles, what the newest version of each mail program lacks,
    and the notes on that."""
    features: dict[str, Any] = {}
    clients: dict[str, str] = {}
    families, platforms = raw["nicenames"]["family"], raw["nicenames"]["platform"]
    for feature in raw["data"]:
        stats = {}
        for family, by_platform in feature["stats"].items():
            for platform, versions in by_platform.items():
                clients[f"{family}/{platform}"] = _named(families[family], platforms[platform])
                told = list(versions.values())[-1] if versions else "u"  # oldest version first
                if told[0] in (PARTLY, UNSUPPORTED):
                    stats[f"{family}/{platform}"] = told
        # Some numbers have no note in the data; such an answer stands without one.
        numbers = {word[1:] for told in stats.values() for word in told.split()[1:]}
        notes = {number: text for number, text in (feature["notes_by_num"] or {}).items() if number in numbers}
        features[feature["slug"]] = {"title": feature["title"].strip(), "stats": stats, "notes": notes}
    return {"date": raw["last_update_date"][:10], "clients": dict(sorted(clients.items())), "features": features}


def packed(kept: Mapping[str, Any]) -> str:
    """As it is stored: a line for each feature, so that a later version can be compared by eye."""
    lines = [
        f"{json.dumps(slug)}:{json.dumps(feature, ensure_ascii=False, separators=(',', ':'))}"
        for slug, feature in kept["features"].items()
    ]
    clients = json.dumps(kept["clients"], ensure_ascii=False, separators=(",", ":"))
    return f'{{"date":{json.dumps(kept["date"])},\n"clients":{clients},\n"features":{{\n' + ",\n".join(lines) + "\n}}\n"


def _named(family: str, platform: str) -> str:
    return platform if platform.startswith(family) else f"{family} ({platform.removeprefix('Desktop ')})"
