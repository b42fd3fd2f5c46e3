"""What is kept about people who were erased or never confirmed: nothing that names or describes them."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest
from sqlalchemy import event, select
from sqlmodel import SQLModel

from digest.service.history import MOST
from digest.service.intake import tidy, work_intake
from digest.service.tidying import UNCONFIRMED_KEPT
from digest.store.db import reading
from subscribers import account, asks
from tests.service.asking import drop, sent, sign_up, waiting, work
from tests.service.desk import ADA, asked, desk_of, last_link
from tests.service.town import NOW, Town

SECRET = "Beekeeping"
"""The name of a topic that only the reader of these tests has."""


def everything(town: Town) -> str:
    """All that the database holds but for the topics themselves, as one text."""
    with town.engine.connect() as connection:
        rows = [
            repr(tuple(row))
            for name, table in SQLModel.metadata.tables.items()
            if name not in ("topic", "article", "source", "story", "article_topic", "topic_source")
            for row in connection.execute(select(table))
        ]
    return "\n".join(rows)


@pytest.fixture
def reader(town: Town) -> int:
    """Ada: signed up, confirmed, was welcomed and got a digest; a stranger asked for her link besides."""
    town.topics(SECRET)
    town.story("Ferry aground", "beekeeping", at=NOW - timedelta(hours=3))
    desk = desk_of(town)
    desk.ask_sign_up(asked("beekeeping", name="Ada Lovelace"))
    sent(town)
    who = desk.show(ADA).id
    desk.confirm(who, network=None)
    desk.ask_fresh_link(ADA, locale="en", network=None)
    sent(town)
    town.story("Bridge open", "beekeeping", at=NOW + timedelta(hours=20))
    assert town.morning(NOW + timedelta(days=1)) == 1
    return who


def test_an_erased_reader_leaves_numbers_and_a_hash(town: Town, reader: int) -> None:
    assert SECRET in everything(town)
    digest = town.editions()[-1]
    desk_of(town).erase(reader)
    told = everything(town)
    assert not re.search(r"\bada\b", told.lower()), (
        "a hash may hold the three letters, their name as a word may nothing"
    )
    (tick,) = [each for each in town.editions() if each.kind != "system"]
    assert tick.blob, "what others were sent as well stays"
    assert [each.blob for each in town.editions() if each.kind == "system"] == [None] * 3
    assert len({row.profile_id for row in town.deliveries()}) == 1
    assert all(row.picks is None and row.reason is None and row.due_at is None for row in town.deliveries())
    for edition in town.editions():
        assert desk_of(town).view(reader, edition.id or 0) is None
        assert town.service.press.told(edition.id or 0, reader) is None
    assert waiting(town) == []
    assert digest.id == tick.id


def test_what_two_readers_share_is_not_taken_from_the_other(town: Town) -> None:
    """Two who ask in one instant for the same have the very same frozen content."""
    town.topics("Harbour")
    drop(town, sign_up(ADA), sign_up("ben@example.org"))
    work(town)
    assert len({each.blob for each in town.editions()}) == 1
    sent(town)
    desk_of(town).erase(desk_of(town).show(ADA).id)
    assert [each.blob is None for each in town.editions()] == [True, False]
    with reading(town.engine) as session:
        blob = SQLModel.metadata.tables["blob"]
        kept = set(session.connection().execute(select(blob.c.key)).scalars())
    assert town.editions()[1].blob in kept
    desk_of(town).erase(desk_of(town).show("ben@example.org").id)
    assert [each.blob for each in town.editions()] == [None, None]


def test_a_planned_mail_of_who_was_erased_is_forgotten_once_it_is_skipped(town: Town) -> None:
    town.topics(SECRET)
    drop(town, sign_up(ADA, "beekeeping"))
    work(town)
    desk_of(town).erase(desk_of(town).show(ADA).id)
    assert waiting(town) == ["forget"], "its words are needed until the sender has seen that nobody is there"
    assert town.service.dispatch().skipped == 1
    assert work(town) == 1
    assert [each.blob for each in town.editions()] == [None]
    assert [row.reason for row in town.deliveries()] == [None]


# --- taking everything out --------------------------------------------------------------------------------------------


def test_the_export_holds_the_whole_history(town: Town, reader: int) -> None:
    for day in range(2, 56):
        town.clock.at = NOW + timedelta(days=day)
        town.story(f"Bell {day} rings", "beekeeping", at=town.clock.at - timedelta(hours=1))
        town.morning()
    told = json.loads(desk_of(town).export(reader, "json")[1])
    mails = told["mails"]
    kinds = [each["kind"] for each in mails]
    assert (kinds.count("digest"), sorted(kinds[-3:])) == (55, ["confirm", "fresh", "welcome"])
    told_of = [bool(each["subject"]) for each in mails if each["kind"] in ("digest", "welcome")]
    assert told_of == [True] * MOST + [False] * (56 - MOST)
    digests = [each for each in mails if each["kind"] == "digest"]
    assert all(each["link"] and each["state"] == "accepted" and each["message_id"] for each in digests)
    assert [story["title"] for story in digests[-1]["stories"]] == ["Bridge open"]
    assert all(each["stories"][0]["number"] for each in digests)


# --- tidying ----------------------------------------------------------------------------------------------------------


def test_who_never_confirms_is_forgotten(town: Town) -> None:
    town.topics(SECRET)
    drop(town, sign_up(ADA, "beekeeping"), sign_up("ben@example.org", "beekeeping"))
    work(town)
    sent(town)
    at = town.clock.at
    town.clock.at = at + timedelta(days=20)
    drop(town, sign_up("ben@example.org", "beekeeping"))
    work(town)
    sent(town)
    town.clock.at = at + UNCONFIRMED_KEPT
    tidy(desk_of(town))
    assert len(desk_of(town).list()) == 2
    town.clock.at += timedelta(minutes=1)
    tidy(desk_of(town))
    assert [row.address for row in desk_of(town).list()] == ["ben@example.org"], "he was asked again"
    assert ADA not in everything(town)
    assert '"suppression"' not in everything(town)
    town.clock.at = at + timedelta(days=20) + UNCONFIRMED_KEPT + timedelta(minutes=1)
    tidy(desk_of(town))
    assert desk_of(town).list() == []
    assert SECRET not in everything(town), "nor the words of the confirmations"
    assert desk_of(town).add(ADA, topics=["beekeeping"]).status == "active", "nothing keeps the address out"


def test_readers_keep_all_but_what_they_did_not_confirm(town: Town) -> None:
    town.topics("Harbour", "Energy")
    ada, ben = town.reader(ADA, "harbour"), town.reader("ben@example.org", "harbour")
    desk_of(town).leave(ben, reason="page")
    drop(town, sign_up(ADA, "energy"))
    work(town)
    town.clock.at += UNCONFIRMED_KEPT
    tidy(desk_of(town))
    assert desk_of(town).show(ADA).pending == ("energy",)
    town.clock.at += timedelta(minutes=1)
    tidy(desk_of(town))
    row = desk_of(town).show(ADA)
    assert (row.id, row.topics, row.pending) == (ada, ("harbour",), ())
    assert desk_of(town).show("ben@example.org").status == "left"


def test_a_crowd_that_never_confirmed_goes_in_slices(town: Town) -> None:
    town.topics("Harbour")
    for number in range(230):
        drop(town, sign_up(f"r{number}@example.org"))
    work_intake(desk_of(town))
    town.clock.at += UNCONFIRMED_KEPT + timedelta(minutes=1)
    commits: list[int] = []
    event.listen(town.engine, "commit", lambda _: commits.append(1))
    tidy(desk_of(town))
    assert desk_of(town).list() == []
    assert len(commits) >= 3


def test_fresh_links_go_after_thirty_days(town: Town, reader: int) -> None:
    assert last_link(town, reader)
    desk = desk_of(town)
    town.clock.at = NOW + account.LINKS_KEPT + timedelta(minutes=1)
    tidy(desk)
    table = SQLModel.metadata.tables["fresh_link"]
    with reading(town.engine) as session:
        assert session.connection().execute(select(table.c.id)).all() == []
    assert desk.show(ADA).id == reader
    drop(town, asks.FreshAsk("en", address=ADA))
    assert work(town) == 1
