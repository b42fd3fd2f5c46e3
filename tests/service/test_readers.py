"""The readers' desk: from the form to the first due time, through every choice, and out again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Engine, event

from digest.demo.play import confirmation_tokens
from digest.settings import Settings
from subscribers.errors import (
    BadAddress,
    NotConfirmable,
    OldLink,
    RosterError,
    TooMany,
    UnknownReader,
    UnknownTopic,
)
from subscribers.types import Change, Choices
from tests.service.desk import ADA, asked, desk_of, kinds
from tests.service.town import NOW, Town


def change_of(held: Choices) -> Change:
    return Change(
        held.topics, held.cadence, held.send_minute, held.timezone, held.locale, held.format, held.max_stories
    )


@pytest.fixture
def guarded_town(database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Town]:
    """A town where few are taken an hour, and not everybody."""
    made = Town(database, make_settings(sign_ups_per_network=3, sign_ups_per_hour=5, blocked_domains="blocked.example"))
    made.topics("Harbour")
    yield made
    made.service.close()


# --- asking and confirming --------------------------------------------------------------------------------------------


def test_from_sign_up_to_due(town: Town) -> None:
    town.topics("Harbour", "Energy")
    desk_of(town).ask_sign_up(asked("harbour", "energy"))
    assert desk_of(town).show(ADA).status == "pending"
    assert town.due_at(ADA) is None
    assert town.service.dispatch().accepted == 1
    (token,) = confirmation_tokens(town.outbox)
    claim = town.service.keyring.read(token, "confirm")
    assert [each.name for each in desk_of(town).pending(claim.subscriber_id)] == ["Harbour", "Energy"]
    desk_of(town).on_asked = lambda: None
    done = desk_of(town).confirm(claim.subscriber_id, network=None)
    assert done.next_due_at == town.due_at(ADA) == datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
    assert desk_of(town).pending(claim.subscriber_id) == []
    assert not desk_of(town).confirm(claim.subscriber_id, network=None).changed
    assert kinds(town) == ["welcome"], "one, however often the button is pressed"


def test_an_ask_is_durable_before_anybody_is_woken(town: Town) -> None:
    town.topics("Harbour")
    seen: list[list[str]] = []
    desk_of(town).on_asked = lambda: seen.append(kinds(town))
    desk_of(town).ask_sign_up(asked())
    desk_of(town).ask_fresh_link(ADA, locale="en", network=None)
    desk_of(town).ask_fresh_link_for(7, locale="en", network=None)
    desk_of(town).ask_confirmation(7, network=None)
    assert seen[-1] == ["sign_up", "fresh", "fresh", "confirm"]
    assert [len(each) for each in seen] == [1, 2, 3, 4]
    assert desk_of(town).list() == [], "nothing else happens before the answer"


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    """The SQL of a while."""
    told: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        told.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield told
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_known_and_unknown_addresses_are_the_same_work(town: Town) -> None:
    town.topics("Harbour")
    town.reader(ADA, "harbour")
    desk = desk_of(town)
    desk.on_asked = lambda: None
    told = []
    for address in (ADA, "nobody@example.org"):
        with statements(town.engine) as one:
            desk.ask_sign_up(asked(address=address))
            desk.ask_fresh_link(address, locale="en", network=b"n" * 32)
        told.append(one)
    assert told[0] == told[1]
    assert not [each for each in told[0] if "subscriber" in each], "nobody even looks"


def test_who_cannot_sign_up_leaves_no_trace(guarded_town: Town) -> None:
    desk = desk_of(guarded_town)
    desk.on_asked = lambda: None
    for wrong, error in (
        (asked(address="nonsense"), BadAddress),
        (asked(address="ada@mail.blocked.example"), BadAddress),
        (asked("nope"), UnknownTopic),
        (asked(cadence="hourly"), RosterError),
    ):
        with pytest.raises(error):
            desk.ask_sign_up(wrong)
    with pytest.raises(BadAddress):
        desk.ask_fresh_link("nonsense", locale="en", network=None)
    assert desk.takes(ADA)
    assert not desk.takes("ada@blocked.example")
    assert kinds(guarded_town) == []
    desk.ask_sign_up(asked())
    assert kinds(guarded_town) == ["sign_up"], "what was refused did not count"


def test_the_caps_are_shared_and_open_again(guarded_town: Town) -> None:
    desk = desk_of(guarded_town)
    desk.on_asked = lambda: None

    waits: list[int] = []

    def one(network: bytes) -> bool:
        try:
            desk.ask_sign_up(asked(network=network))
        except TooMany as error:
            waits.append(error.retry_after)
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(one, [b"n" * 32] * 12)) == 3
        assert sum(pool.map(one, [b"m" * 32] * 12)) == 2, "five an hour for everybody"
    assert len(kinds(guarded_town)) == 5
    assert set(waits) == {3600 - 20}, "until the hour is over"
    guarded_town.clock.at = NOW + timedelta(hours=1)
    assert one(b"n" * 32)


def test_a_crowd_that_asks_for_one_address_is_one_reader(
    database: Engine, make_settings: Callable[..., Settings]
) -> None:
    town = Town(database, make_settings(sign_ups_per_network=1000))
    town.topics("Harbour")
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(
                lambda number: desk_of(town).ask_sign_up(asked(address=ADA if number % 2 else ADA.upper())), range(60)
            )
        )
    assert len(desk_of(town).list()) == 1
    assert kinds(town) == []
    assert town.service.dispatch().accepted == 1
    town.service.close()


def test_confirming_after_leaving_is_refused(small_town: Town) -> None:
    small_town.topics("Harbour")
    desk_of(small_town).ask_sign_up(asked())
    desk_of(small_town).leave(1, reason="page")
    with pytest.raises(NotConfirmable):
        desk_of(small_town).confirm(1, network=None)


# --- steering ---------------------------------------------------------------------------------------------------------


def test_a_digests_link_steers_for_ninety_days(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    town.morning()
    (edition,) = town.editions()
    assert edition.id is not None
    desk = desk_of(town)
    assert desk.choices(ada, edition_id=edition.id).subscriber_id == ada
    for days, works in ((90, True), (91, False)):
        town.clock.at = NOW + timedelta(days=days)
        if works:
            assert desk.choices(ada, edition_id=edition.id).cadence == "daily"
        else:
            with pytest.raises(OldLink):
                desk.choices(ada, edition_id=edition.id)
    with pytest.raises(OldLink):
        desk.choices(ada, edition_id=edition.id + 1)
    with pytest.raises(UnknownReader):
        desk.choices(ada + 1, issued=town.clock.at)


def test_a_change_reaches_the_mail_that_is_planned(town: Town) -> None:
    town.topics("Harbour", "Energy")
    town.story("Ferry aground", "harbour")
    town.story("Power cut", "energy")
    ada, ben = town.reader(ADA, "harbour", "energy"), town.reader("ben@example.org", "harbour")
    town.service.plan()
    held = desk_of(town).choices(ada, issued=NOW)
    wanted = change_of(replace(held, topics=held.topics[1:], format="text"))
    assert [each.slug for each in desk_of(town).change(ada, wanted, network=None).topics] == ["energy"]
    desk_of(town).leave_topics(ben, ["harbour"], note="bye")
    report = town.service.dispatch()
    assert (report.accepted, report.skipped) == (1, 1)
    (edition,) = town.editions()
    assert len(town.told(edition.id or 0, ada)) == 1
    assert desk_of(town).consents("ben@example.org")[-1].note == "bye"


def test_a_change_that_is_refused_changes_nothing(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader(ADA, "harbour")
    before = desk_of(town).choices(ada, issued=NOW)
    with pytest.raises(RosterError):
        desk_of(town).change(ada, replace(change_of(before), max_stories=3, timezone="Mars/Base"), network=None)
    assert desk_of(town).choices(ada, issued=NOW) == before


def test_a_pause_holds_back_the_clock_and_the_hand(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    held = desk_of(town).pause(ada, date(2026, 3, 9))
    assert (held.paused_until, held.next_due_at) == (
        datetime(2026, 3, 8, 23, 0, tzinfo=UTC),
        datetime(2026, 3, 9, 6, 0, tzinfo=UTC),
    )
    assert town.service.plan() == []
    assert town.service.audience(None, None)[0] == 0
    assert desk_of(town).pause(ada, None).next_due_at == datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
    assert town.service.audience(None, None)[0] == 1


def test_weekly_instead(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader(ADA, "harbour")
    held = desk_of(town).less_often(ada, note="too much")
    assert held is not None
    assert (held.cadence, held.next_due_at) == ("weekly:wed", datetime(2026, 3, 11, 6, 0, tzinfo=UTC))
    desk_of(town).leave(ada, reason="page")
    assert desk_of(town).less_often(ada) is None


# --- leaving ----------------------------------------------------------------------------------------------------------


def test_who_leaves_before_the_call_gets_nothing(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada, ben = town.reader("ada@example.org", "harbour"), town.reader("ben@example.org", "harbour")
    town.service.plan()
    town.service.readers.leave(ada, reason="one-click")
    report = town.service.dispatch()
    assert (report.accepted, report.skipped) == (1, 1)
    states = {row.subscriber_id: (row.state, row.reason) for row in town.deliveries()}
    assert states == {ada: ("skipped", "left"), ben: ("accepted", None)}
    assert town.due_at("ada@example.org") is None


def test_who_was_erased_before_the_call_gets_nothing(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.reader("ada@example.org", "harbour")
    town.service.plan()
    town.service.readers.remove("ada@example.org")
    assert town.service.dispatch().skipped == 1
    assert [(row.state, row.reason) for row in town.deliveries()] == [("skipped", "left")]


def test_an_erased_readers_number_is_never_given_again(town: Town) -> None:
    """Links in old mails carry the number: they must not lead to somebody else's choices."""
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    town.service.readers.remove("ada@example.org")
    assert town.reader("ben@example.org", "harbour") > ada


def test_undo_brings_the_due_time_back(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    mark = town.service.readers.leave(ada, reason="page")
    assert mark is not None
    assert town.service.readers.undo_leave(ada, mark) is not None
    assert town.due_at("ada@example.org") == datetime(2026, 3, 5, 6, 0, tzinfo=UTC)


# --- the operator's side ----------------------------------------------------------------------------------------------


def test_an_operator_edits_what_is_given(town: Town) -> None:
    town.topics("Harbour", "Energy")
    town.service.topics.add("Staff", public=False)
    town.reader(ADA, "harbour")
    edit = desk_of(town).edit
    row = edit(
        "ADA@example.org",
        topics=["energy", "staff"],
        cadence="weekly:fri",
        at="18:30",
        timezone="UTC",
        locale="de",
        format="text",
        max_stories=3,
        name="Ada",
    )
    assert (row.topics, row.cadence, row.send_minute, row.timezone) == (("energy", "staff"), "weekly:fri", 1110, "UTC")
    assert (row.locale, row.format, row.max_stories, row.name) == ("de", "text", 3, "Ada")
    assert row.next_due_at == datetime(2026, 3, 6, 18, 30, tzinfo=UTC)
    assert edit(ADA, pause=date(2026, 3, 9)).paused_until == datetime(2026, 3, 9, tzinfo=UTC)
    assert edit(ADA, name="A").paused_until is not None, "what is not given stays"
    assert edit(ADA, pause=None).paused_until is None
    lines = desk_of(town).consents(ADA)
    assert [(line.action, line.form, line.topics) for line in lines] == [
        ("added", "operator", ("harbour",)),
        ("changed", "operator", ("energy", "staff")),
    ]
    with pytest.raises(RosterError):
        edit(ADA, name="B", max_stories=99)
    assert desk_of(town).show(ADA).name == "A"
    for verb in (edit, desk_of(town).consents, desk_of(town).remove):
        with pytest.raises(UnknownReader):
            verb("eda@example.org")


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "07:10"},
        {"at": "24:00"},
        {"at": "noon"},
        {"timezone": "Mars/Olympus"},
        {"cadence": "hourly"},
    ],
)
def test_bad_choices_add_nobody(small_town: Town, wrong: dict[str, str]) -> None:
    small_town.topics("Harbour")
    with pytest.raises(RosterError) as caught:
        small_town.service.readers.add("ada@example.org", topics=["harbour"], **wrong)
    assert "\n" not in str(caught.value)
    assert small_town.service.readers.list() == []
