"""A town in which news breaks: five papers, a reader as it happens and one who reads daily."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from email import message_from_bytes, policy

from digest.service import breaking
from digest.store import breaking as store
from digest.store import editions
from digest.store.db import writing
from tests.gather.site import Reply, Site
from tests.service.town import NOW, Town

MINUTE = timedelta(minutes=1)
QUARTER = timedelta(minutes=15)
LATER = NOW + 4 * MINUTE
"""Within a quarter hour, at which no reader of these tests is due."""
PAPERS = ("Quayside Wire", "Harbour Echo", "Evening Tide", "Pier Post", "Gull Gazette")
TEXTS = (
    "The ferry Margarethe ran onto the sandbank at the mouth of the harbour. All passengers were taken off by boat.",
    "Tugs will try to free the stranded ship at high water tonight. Her captain spoke of a failure of the rudder.",
    "Commuters were told to take the bus over the bridge. The line expects no sailing before Thursday morning.",
    "Divers found a dent in the hull below the bow. The insurer has sent two surveyors from the capital.",
    "Fishermen watched the accident from the quay. One of them had warned of the shifting sand in spring.",
)
"""Five reports of one event, none a copy of another."""


def tell(
    town: Town,
    papers: Sequence[int],
    *topics: str,
    into: int | None = None,
    at: datetime = LATER - 3 * MINUTE,
    apart: timedelta = MINUTE,
    about: str = "Ferry aground",
) -> int:
    """A story told by these of PAPERS in this order; its number."""
    for place, paper in enumerate(papers):
        title, text = f"{about} ({PAPERS[paper]})", f"{about}. {TEXTS[paper]}"
        moment = at + place * apart
        into = town.story(title, *topics, at=moment, into=into, text=text, publisher=PAPERS[paper])
    assert into is not None
    return into


def terms(town: Town, slug: str, publishers: int = 3, minutes: int = 60, a_day: int = 3) -> None:
    town.service.topics.edit(
        slug, breaking=lambda known: known.with_(publishers=publishers, minutes=minutes, a_day=a_day)
    )


def harbour(town: Town) -> int:
    """A topic that breaks, read by Ada as it happens and by Ben every morning; Ada's number. It is 07:04 in Berlin."""
    town.topics("Harbour", "Garden")
    terms(town, "harbour")
    town.clock.at = LATER
    ada = town.reader("ada@example.org", "harbour", "garden", cadence="as-it-happens", signed_up=LATER - 3 * MINUTE)
    town.reader("ben@example.org", "harbour", signed_up=LATER - 3 * MINUTE)
    return ada


def slots(town: Town) -> list[str]:
    return [edition.slot for edition in town.editions()]


def subjects(town: Town) -> list[str]:
    return [str(message_from_bytes(m.read_bytes(), policy=policy.default)["Subject"]) for m in town.mails()]


def opened(town: Town, story: int, at: datetime) -> int:
    """An edition as a process left it that was killed right after opening it."""
    (topic,) = town.service.topics.get(["harbour"])
    with writing(town.engine) as session:
        edition_id, _, made = editions.open_edition(
            session,
            store.KIND,
            store.slot(story, 1),
            planned_at=at,
            key_id=town.service.keyring.key_id,
            priority=breaking.NEXT,
            topic_id=topic.id,
        )
    assert made
    return edition_id


def feed(site: Site, paper: int, at: datetime) -> str:
    """The address of a feed in which this paper tells of a ferry."""
    path = f"/{paper}.xml"
    site.pages[path] = Reply(
        f"""<?xml version="1.0"?><rss version="2.0"><channel><title>{PAPERS[paper]}</title>
        <link>https://paper{paper}.example/</link><item><title>Ferry Margarethe aground on sandbank at harbour</title>
        <link>https://paper{paper}.example/ferry</link><pubDate>{at:%a, %d %b %Y %H:%M:%S} +0000</pubDate>
        <description>The ferry Margarethe ran aground on the sandbank at the harbour mouth. {TEXTS[paper]}</description>
        </item></channel></rss>""".encode(),
        headers={"Content-Type": "application/rss+xml"},
    )
    return site[path]
