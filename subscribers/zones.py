"""The menu of time zones, in every language: by region and city, as the tz database lists them for people to choose.

Names of places are CLDR's. The menu is made once for each language: it is most of a form's bytes.
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib.resources import files
from itertools import groupby

from babel import Locale
from babel.core import get_global
from markupsafe import Markup, escape

TERRITORIES = {
    "Africa": "002", "America": "019", "Antarctica": "AQ", "Asia": "142", "Australia": "AU", "Europe": "150",
    "Pacific": "009",
}  # fmt: skip
"""Regions of zone names and the UN M49 or ISO 3166 codes under which CLDR has a name for them. The Arctic (one town),
the Atlantic and the Indian Ocean have none and keep the name of the tz database."""


@cache
def listed() -> tuple[str, ...]:
    """The zones of zone.tab, the tz database's own list for menus, by name."""
    table = files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    return tuple(sorted(line.split("\t")[2] for line in table.splitlines() if line and not line.startswith("#")))


@cache
def _menu(language: str) -> tuple[str, dict[str, int]]:
    """All options as HTML, and zone -> where the attributes of its option end in it."""
    locale = _locale(language)
    html = ""
    ends: dict[str, int] = {}
    for region, names in groupby(listed(), key=lambda name: name.partition("/")[0]):
        label = locale.territories.get(TERRITORIES.get(region, ""), region)
        html += f'<optgroup label="{escape(label)}">\n'
        for city, name in sorted((city_of(name, locale), name) for name in names):
            html += f'<option value="{name}"'
            ends[name] = len(html)
            html += f">{escape(city)}</option>\n"
        html += "</optgroup>\n"
    html += '<option value="UTC"'
    ends["UTC"] = len(html)
    return html + ">UTC</option>\n", ends


def city_of(name: str, locale: Locale) -> str:
    """The city of a zone as the menu shows it: in CLDR's words or else in those of its name ("Argentina, Salta")."""
    return _known(name, locale) or name.partition("/")[2].replace("_", " ").replace("/", ", ") or name


@lru_cache(4096)
def place_of(name: str, language: str) -> str:
    """The city of a zone within a sentence ("Berlin", "Salta"), or the zone's own name when it has none ("UTC")."""
    if "/" not in name or name.startswith("Etc/"):
        return name
    return _known(name, _locale(language)) or name.rpartition("/")[2].replace("_", " ")


def _known(name: str, locale: Locale) -> str:
    told = (locale.time_zones.get(each, {}).get("city") for each in _names(name))
    return str(next(filter(None, told), ""))


def _locale(language: str) -> Locale:
    return Locale.parse(language, sep="-" if "-" in language else "_")


@cache
def _names(name: str) -> tuple[str, ...]:
    """A zone's name and its former ones: CLDR never renames, so that it still files Kolkata under Calcutta."""
    return (name, *(old for old, new in get_global("zone_aliases").items() if new == name))


def options(language: str, chosen: str) -> Markup:
    """The `<option>` elements of the menu, the chosen zone selected; one that is not listed (an old name, or something
    that was sent to us) comes first under its own name."""
    html, ends = _menu(language)
    if chosen not in ends:
        first = Markup('<option value="{}" selected>{}</option>\n').format(chosen, chosen.replace("_", " "))
        return first + Markup(html)  # noqa: S704  (made above, of names from two databases, escaped)
    end = ends[chosen]
    return Markup(html[:end] + " selected" + html[end:])  # noqa: S704  (as above)
