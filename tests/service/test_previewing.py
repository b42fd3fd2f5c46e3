"""A preview is the mail that would go out, and leaves no trace."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from email import message_from_bytes, policy

import pytest
from sqlalchemy import Engine, func, select
from sqlmodel import SQLModel

from digest.errors import InputError, NothingToDo
from digest.service.previewing import Preview
from digest.service.specimens import LEADS_NOWHERE
from digest.store.db import reading, writing
from subscribers.errors import UnknownReader, UnknownTopic
from subscribers.profiles import settle
from subscribers.votes import Wish, put
from tests.service.test_hours import WEEKLY, own
from tests.service.town import NOW, Town

TOKEN = re.compile(r"(?<=/)[A-Za-z0-9_-]{30,}")
"""A link's own part: no other address of these mails has one so long."""


def rows(engine: Engine) -> dict[str, int]:
    """How many rows each table has."""
    with reading(engine) as session:
        return {
            name: session.connection().execute(select(func.count()).select_from(table)).scalar_one()
            for name, table in SQLModel.metadata.tables.items()
        }


def sent(town: Town, at: datetime) -> tuple[str, str, str]:
    """Subject, HTML and text of the one mail that a tick at that time sends, without its personal links."""
    before = set(town.mails())
    assert town.morning(at) == 1
    (file,) = set(town.mails()) - before
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    return (str(mail["Subject"]), html.get_content() if html else "", text.get_content() if text else "")


def plain(text: str) -> str:
    """Without tokens, and with line ends as they travel."""
    return TOKEN.sub("", text.replace("\r\n", "\n")).rstrip("\n")


def same(made: Preview, mail: tuple[str, str, str]) -> None:
    subject, html, text = mail
    assert made.subject == subject
    assert plain(made.html) == plain(html)
    assert plain(made.text) == plain(text)


def furnish(town: Town) -> int:
    """Three topics with news; the number of a story of the harbour."""
    town.topics("Harbour", "Energy", "Sport")
    first = town.story("Ferry runs aground", "harbour", at=NOW - timedelta(hours=3))
    for place in range(3):
        town.story(f"Quay number {place} is flooded", "harbour", at=NOW - timedelta(hours=2 + place))
    town.story("Turbine stands still", "energy", "harbour", at=NOW - timedelta(hours=5), publisher="Herald")
    town.story("A match", "sport")
    return first


def test_what_is_shown_is_what_is_then_sent(town: Town) -> None:
    furnish(town)
    town.reader("ada@example.org", "harbour", "energy", locale="de")
    made = town.service.previewer.reader("ADA@example.org")
    assert made.stories == 5
    assert made.windows == (NOW - timedelta(days=1),)
    same(made, sent(town, NOW))


def test_memory_votes_and_rulings_count(town: Town) -> None:
    first_story = furnish(town)
    who = town.reader("ada@example.org", "harbour", "energy")
    assert town.morning() == 1
    with pytest.raises(NothingToDo, match=r"nothing new for ada@example\.org since 2026"):
        town.service.previewer.reader("ada@example.org")
    at = NOW + timedelta(hours=2)
    hidden, muted = town.story("The tide is late", "harbour", at=at), town.story("A gale", "harbour", at=at)
    town.story("The tide is early", "energy", at=at, publisher="Herald")
    news = "Three tugs pulled her into deep water at noon, and all 300 passengers are safe ashore."
    town.story("The ferry floats", "harbour", at=at, into=first_story, publisher="Evening Mail", text=news)
    town.clock.at = NOW + timedelta(hours=4)
    town.service.stories.hide(hidden)
    with writing(town.engine) as session:
        put(session, who, Wish("story", str(muted), -1, "A gale"), now=town.clock.at)
        settle(session, who, now=town.clock.at)
    made = town.service.previewer.reader("ada@example.org")
    assert (made.subject, made.stories) == ("The tide is early", 2), "and an update"
    assert "Update" in made.text
    same(made, sent(town, NOW + timedelta(days=1) - timedelta(seconds=20)))


def test_a_coming_slot_is_looked_at_as_of_then(town: Town) -> None:
    """The date, the windows and the ranks are those of the hour at which the reader is due."""
    furnish(town)
    town.reader("ada@example.org", "energy", "harbour", cadence="weekly:fri")
    made = town.service.previewer.reader("ada@example.org")
    due = town.due_at("ada@example.org")
    assert due is not None
    assert made.until == due
    assert due > NOW + timedelta(days=1)
    same(made, sent(town, due))


@pytest.mark.parametrize("format_", ["html", "text"])
def test_topics_of_other_hours_wait_for_theirs(town: Town, format_: str) -> None:
    furnish(town)
    own(town, town.reader("ada@example.org", "harbour", "sport", format=format_), "sport", WEEKLY)
    made = town.service.previewer.reader("ada@example.org")
    assert "A match" not in made.text
    assert bool(made.html) == (format_ == "html")
    same(made, sent(town, NOW))


def test_nothing_is_stored_and_no_link_opens_anything(town: Town) -> None:
    furnish(town)
    town.reader("ada@example.org", "harbour", "sport")
    before = rows(town.engine)
    made = town.service.previewer.reader("ada@example.org", "ar")
    town.service.previewer.topic("energy", "de")
    assert rows(town.engine) == before
    assert 'dir="rtl"' in made.html
    tokens = set(TOKEN.findall(made.html + made.text))
    assert tokens == {LEADS_NOWHERE}
    assert town.editions() == []


def test_a_topic_is_shown_as_to_who_takes_it_now(town: Town) -> None:
    furnish(town)
    made = town.service.previewer.topic("harbour")
    assert made.stories == 5
    assert made.windows == (NOW - timedelta(days=1),)
    town.topics("Quiet")
    with pytest.raises(NothingToDo, match="quiet has had no news in the last week"):
        town.service.previewer.topic("quiet")
    town.story("Old news", "quiet", at=NOW - timedelta(days=3))
    assert town.service.previewer.topic("quiet").windows == (NOW - timedelta(days=7),)


def test_whose_digest_is_not_coming(small_town: Town) -> None:
    small_town.topics("Harbour")
    who = small_town.reader("ada@example.org", "harbour")
    with pytest.raises(UnknownReader):
        small_town.service.previewer.reader("eve@example.org")
    with pytest.raises(UnknownTopic):
        small_town.service.previewer.topic("nowhere")
    small_town.service.readers.leave(who, reason="link")
    with pytest.raises(InputError, match=r"no digest is coming for ada@example\.org, whose status is left"):
        small_town.service.previewer.reader("ada@example.org")
