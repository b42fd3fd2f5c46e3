"""The mail that confirms a leaving: only where the operator wants it, once, and to nobody who did anything since."""

from __future__ import annotations

import email
import email.policy
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from digest.compose.fragments import Fragment
from digest.models import Delivery
from digest.service.intake import work_intake
from digest.service.steering import GOODBYE_AFTER
from digest.settings import Settings
from digest.store.db import reading, writing
from subscribers import asks, roster
from subscribers.suppressions import suppress
from tests.service.desk import ADA, asked, desk_of, kinds
from tests.service.town import Town

COMPILED: dict[tuple[str, str], Mapping[str, Fragment]] = {}
"""Every system mail, compiled by the first test for all: it takes longer than the rest of each."""


@pytest.fixture
def polite(database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Town]:
    """A town that says goodbye, with a topic and a reader in it, once on each kind of database."""
    made = Town(database, make_settings(goodbye_mail="true", site_name="Lanthorn"))
    made.topics("Harbour", "Sport")
    made.service.shop.letters.update(COMPILED)
    yield made
    COMPILED.update(made.service.shop.letters)
    made.service.close()


def wait(town: Town, after: timedelta = GOODBYE_AFTER) -> None:
    """Let time pass and the intake be worked off."""
    town.clock.at += after
    work_intake(town.service.readers)


def goodbyes(town: Town) -> list[Delivery]:
    slots = {edition.id: edition.slot for edition in town.editions()}
    return [row for row in town.deliveries() if slots[row.edition_id].startswith("system:goodbye:")]


def outcomes(town: Town) -> list[tuple[str, str | None]]:
    """State and reason of each, after the sender has run."""
    town.service.dispatch()
    return [(row.state, row.reason) for row in goodbyes(town)]


def mails(town: Town) -> list[str]:
    """The texts of what was sent."""
    sent = [email.message_from_bytes(each.read_bytes(), policy=email.policy.default) for each in town.mails()]
    return [part.get_content() for mail in sent if (part := mail.get_body(("plain",))) is not None]


@pytest.mark.parametrize("way", ["one-click", "page", "topics"])
def test_who_leaves_everything_is_told_once_how_to_come_back(polite: Town, way: str) -> None:
    ada, desk = polite.reader(ADA, "harbour", "sport"), desk_of(polite)
    mark = desk.leave_topics(ada, ["harbour", "sport"]) if way == "topics" else desk.leave(ada, reason=way)
    work_intake(desk)
    assert goodbyes(polite) == [], "who presses the undo of the page at once is not told"
    wait(polite)
    assert outcomes(polite) == [("accepted", None)]
    (text,) = mails(polite)
    assert "You have left" in text
    assert "Lanthorn sends you nothing any more." in text
    assert "/subscribe" in text
    assert "/fresh" in text
    found = re.search(r"/back/([\w-]{38})", text)
    assert found is not None
    claim = polite.service.keyring.unseal(found[1], "back")
    assert (claim.subscriber_id, claim.context) == (ada, mark)
    assert desk.leave(ada, reason=way) is None, "who has left cannot leave again"
    with writing(polite.engine) as session:
        asks.drop_in(session, asks.GoodbyeAsk(ada, mark or 0), now=polite.clock.at)
    wait(polite, timedelta(hours=1))
    assert outcomes(polite) == [("accepted", None)]
    assert len(polite.mails()) == 1


def test_nobody_is_mailed_after_leaving_unless_the_operator_wants_it(town: Town) -> None:
    town.topics("Harbour")
    desk_of(town).leave(town.reader(ADA, "harbour"), reason="one-click")
    assert kinds(town) == []
    wait(town)
    town.service.dispatch()
    assert town.editions() == []


def test_who_gives_up_a_topic_has_not_left(polite: Town) -> None:
    desk_of(polite).leave_topics(polite.reader(ADA, "harbour", "sport"), ["sport"])
    assert kinds(polite) == []


def test_who_never_was_a_reader_is_not_told(polite: Town) -> None:
    desk_of(polite).ask_sign_up(asked())
    ada = polite.service.readers.show(ADA).id
    assert desk_of(polite).leave(ada, reason="page") is not None
    wait(polite)
    assert goodbyes(polite) == []


def test_taken_back_in_time_nothing_is_planned(polite: Town) -> None:
    ada = polite.reader(ADA, "harbour")
    mark = desk_of(polite).leave(ada, reason="page") or 0
    assert desk_of(polite).undo_leave(ada, mark) is not None
    wait(polite)
    assert (kinds(polite), goodbyes(polite)) == ([], [])


@pytest.mark.parametrize(
    ("since", "outcome"),
    [
        ("back", ("skipped", "cancelled")),
        ("back and left again", ("skipped", "cancelled")),
        ("asked", ("accepted", None)),
        ("bounced", ("skipped", "suppressed")),
        ("bounced elsewhere", ("skipped", "suppressed")),
        ("erased", ("skipped", "left")),
    ],
)
def test_what_happened_since_it_was_planned_counts(polite: Town, since: str, outcome: tuple[str, str | None]) -> None:
    """As the attempt opens. "asked": anybody may have typed the address into the form."""
    ada, desk = polite.reader(ADA, "harbour"), desk_of(polite)
    mark = desk.leave(ada, reason="page") or 0
    wait(polite)
    assert [row.state for row in goodbyes(polite)] == ["planned"]
    if since.startswith("back"):
        desk.undo_leave(ada, mark)
    if since.endswith("again"):
        desk.leave(ada, reason="page")
    if since == "asked":
        desk.ask_sign_up(asked("sport"))
    if since.startswith("bounced"):
        whose = ada if since == "bounced" else None
        with writing(polite.engine) as session:
            (hashed, *_) = polite.service.keyring.address_hashes(ADA)
            suppress(session, hashed, reason="bounced", now=polite.clock.at, subscriber_id=whose)
    if since == "erased":
        desk.erase(ada)
    polite.service.dispatch()
    assert [(row.state, row.reason) for row in goodbyes(polite)] == [outcome]


@pytest.mark.parametrize("since", ["bounced", "erased"])
def test_nothing_is_planned_for_who_may_not_be_mailed(polite: Town, since: str) -> None:
    ada, desk = polite.reader(ADA, "harbour"), desk_of(polite)
    desk.leave(ada, reason="page")
    if since == "erased":
        desk.erase(ada)
    else:
        with writing(polite.engine) as session:
            (hashed, *_) = polite.service.keyring.address_hashes(ADA)
            suppress(session, hashed, reason="complained", now=polite.clock.at)
    wait(polite)
    assert (kinds(polite), goodbyes(polite)) == ([], [])


def test_a_bounce_is_no_leaving(polite: Town) -> None:
    ada = polite.reader(ADA, "harbour")
    with writing(polite.engine) as session:
        (hashed, *_) = polite.service.keyring.address_hashes(ADA)
        suppress(session, hashed, reason="bounced", now=polite.clock.at, subscriber_id=ada)
    assert kinds(polite) == []


def test_only_this_mail_starts_after_an_unsubscribe(polite: Town) -> None:
    """The digest that was planned before, and the link that was asked for before, are kept back beside it."""
    polite.story("Ferry aground", "harbour")
    ada = polite.reader(ADA, "harbour")
    assert [each.deliveries for each in polite.service.plan()] == [1]
    desk_of(polite).ask_fresh_link(ADA, locale="en", network=None)
    desk_of(polite).leave(ada, reason="one-click")
    wait(polite)
    polite.service.dispatch()
    slots = {edition.id: edition.slot.rpartition(":")[0] for edition in polite.editions()}
    found = {slots[row.edition_id]: (row.state, row.reason) for row in polite.deliveries()}
    assert found.pop("system:goodbye") == ("accepted", None)
    assert set(found.values()) == {("skipped", "left")}
    assert len(found) == 2
    assert len(polite.mails()) == 1


def test_each_leaving_has_its_own_but_they_are_few(polite: Town) -> None:
    """Who holds a forwarded digest cannot fill a mailbox by leaving and undoing."""
    ada, desk = polite.reader(ADA, "harbour"), desk_of(polite)
    for _ in range(5):
        mark = desk.leave(ada, reason="page") or 0
        wait(polite)
        polite.service.dispatch()
        desk.undo_leave(ada, mark)
    assert len(polite.mails()) == 1, "ten minutes lie between two"
    for _ in range(5):
        mark = desk.leave(ada, reason="page") or 0
        wait(polite, timedelta(minutes=11))
        polite.service.dispatch()
        desk.undo_leave(ada, mark)
    assert len(polite.mails()) == 3, "three in a day"
    assert len({row.edition_id for row in goodbyes(polite)}) == 3


def test_a_day_late_it_is_not_sent(polite: Town) -> None:
    """After an outage nobody would know what it is about."""
    desk_of(polite).leave(polite.reader(ADA, "harbour"), reason="page")
    wait(polite, timedelta(days=1, minutes=1))
    assert goodbyes(polite) == []


def test_it_takes_nothing_from_the_mails_that_may_be_asked_for(polite: Town) -> None:
    ada, desk = polite.reader(ADA, "harbour"), desk_of(polite)
    desk.leave(ada, reason="page")
    wait(polite)
    with reading(polite.engine) as session:
        counted = asks.recent(
            session,
            polite.service.keyring.mailbox_key(ADA),
            since=polite.clock.at - timedelta(hours=1),
            span=asks.TEN_MINUTES,
        )
        assert counted == 0
        assert roster.standing(session, ada).state == "gone"


def test_it_speaks_the_readers_language(polite: Town) -> None:
    desk_of(polite).leave(polite.reader(ADA, "harbour", locale="de"), reason="page")
    wait(polite)
    polite.service.dispatch()
    (text,) = mails(polite)
    assert "Lanthorn schickt Ihnen von nun an nichts mehr." in text
