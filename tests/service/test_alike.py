"""What an ask costs shows nobody whether a mail came of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine, select
from sqlmodel import SQLModel

from digest.service.asking import WAIT_SECONDS, a_while
from digest.service.intake import tend_intake, work_intake
from digest.settings import Settings
from digest.store.db import writing
from subscribers import asks, suppressions
from subscribers.errors import TooMany
from tests.service.asking import drop, sign_up, slots, waiting, work
from tests.service.desk import asked
from tests.service.test_readers import statements
from tests.service.town import NOW, Town

KNOWN, LEFT, BOUNCED, UNKNOWN = (f"{each}@example.org" for each in ("known", "left", "bounced", "unknown"))


@pytest.fixture
def people(town: Town) -> Town:
    """A reader, one who left, one whose address bounced; and letters that are compiled."""
    town.topics("Harbour", "Energy")
    for address in (KNOWN, LEFT, BOUNCED):
        town.reader(address, "harbour")
    desk = town.service.readers
    desk.leave(desk.show(LEFT).id, reason="page")
    town.clock.at += timedelta(minutes=1)
    with writing(town.engine) as session:
        hashed = desk.keyring.address_hashes(BOUNCED)[0]
        suppressions.suppress(session, hashed, reason="bounced", now=NOW, subscriber_id=desk.show(BOUNCED).id)
    drop(town, sign_up("first@example.org"))
    work(town)
    return town


def tables(town: Town) -> dict[str, list[str]]:
    """Every row of every table but the intake's."""
    with town.engine.connect() as connection:
        return {
            name: sorted(map(repr, connection.execute(select(table))))
            for name, table in SQLModel.metadata.tables.items()
            if name != "intake"
        }


def written(town: Town, ask: asks.Ask) -> list[str]:
    """The tables that working an ask off inserts into, in order."""
    drop(town, ask)
    with statements(town.engine) as told:
        assert work(town) == 1
    return [each.split()[2] for each in told if each.startswith("INSERT")]


MAIL = ["subscriber", "profile", "fresh_link", "edition", "chunk", "delivery", "blob", "tally"]
"""The first two are somebody who stands in for who is not there, and their choices."""


def test_a_fresh_link_is_the_same_work_for_everybody(people: Town) -> None:
    told = {}
    for address in (KNOWN, LEFT, BOUNCED, UNKNOWN):
        before = tables(people)
        told[address] = written(people, asks.FreshAsk("en", address=address))
        assert (tables(people) == before) == (address in (BOUNCED, UNKNOWN)), "what came of nothing leaves no trace"
    assert told[KNOWN] == MAIL
    assert told[LEFT] == told[BOUNCED] == told[UNKNOWN] == MAIL
    before = tables(people)
    people.clock.at += timedelta(minutes=1)
    assert written(people, asks.FreshAsk("en", address=KNOWN)) == MAIL, "over a cap"
    assert tables(people) == before
    assert waiting(people) == []


def test_a_sign_up_is_the_same_work_for_everybody(people: Town) -> None:
    mail = ["edition", "chunk", "delivery", "blob", "tally"]
    for address in (KNOWN, UNKNOWN):
        assert written(people, sign_up(address))[-5:] == mail
    before = tables(people)
    assert written(people, sign_up(BOUNCED))[-5:] == mail
    assert tables(people) == before, "nothing is written about who is suppressed for good"
    assert slots(people) == ["confirm", "known", "confirm"]


def test_a_move_is_the_same_work_whoever_reads_at_the_new_address(people: Town) -> None:
    reader = people.service.readers.show(KNOWN).id
    other = people.reader("ben@example.org", "harbour")
    told = [written(people, asks.MoveAsk(each, to)) for each, to in ((reader, UNKNOWN), (other, KNOWN))]
    assert told[0] == told[1]
    assert slots(people) == ["confirm", "moving", "move", "moving"]


def test_the_sender_is_woken_either_way(people: Town) -> None:
    woken: list[int] = []
    people.service.readers.on_mail_planned = lambda: woken.append(1)
    for address in (KNOWN, UNKNOWN, BOUNCED):
        drop(people, asks.FreshAsk("en", address=address))
        work(people)
    assert len(woken) == 3


# --- waiting a while --------------------------------------------------------------------------------------------------


def test_a_typed_address_is_not_looked_up_at_once(people: Town) -> None:
    desk = people.service.readers
    desk.on_asked = lambda: None
    waits = iter([timedelta(seconds=3), timedelta(seconds=9)])
    desk.patience = lambda: next(waits)
    for address in (KNOWN, UNKNOWN):
        desk.ask_fresh_link(address, locale="en", network=None)
    desk.ask_sign_up(asked(address="new@example.org"))
    assert tend_intake(desk) == 3
    assert waiting(people) == ["fresh", "fresh"], "whoever signs up need not wait"
    began = people.clock.at
    people.clock.at = began + timedelta(seconds=3)
    assert tend_intake(desk) == 6
    assert waiting(people) == ["fresh"]
    people.clock.at = began + timedelta(seconds=9)
    assert tend_intake(desk) is None
    assert waiting(people) == []


def test_what_failed_is_no_reason_to_run_in_a_circle(people: Town) -> None:
    with writing(people.engine) as session:
        session.connection().exec_driver_sql(
            "INSERT INTO intake (at, kind, data) VALUES ('2026-03-04 06:00:00', 'greet', '{}')"
        )
    assert tend_intake(people.service.readers) is None


def test_nobody_can_foretell_the_while() -> None:
    waits = {a_while() for _ in range(50)}
    assert len(waits) == 50
    first, last = (timedelta(seconds=each) for each in WAIT_SECONDS)
    assert first <= min(waits)
    assert max(waits) <= last
    assert max(waits) - min(waits) > timedelta(seconds=2)


# --- caps -------------------------------------------------------------------------------------------------------------


def test_a_flood_of_sign_ups_keeps_no_reader_from_a_link(
    database: Engine, make_settings: Callable[..., Settings]
) -> None:
    town = Town(database, make_settings(sign_ups_per_network=10, sign_ups_per_hour=50))
    town.topics("Harbour")
    desk = town.service.readers
    desk.on_asked = lambda: None
    networks = [desk.keyring.network_hash(f"2001:db8:{number:x}::1") for number in range(60)]
    refused = 0
    for number, network in enumerate(networks):
        try:
            desk.ask_sign_up(asked(address=f"s{number}@example.org", network=network))
        except TooMany:
            refused += 1
    assert refused == 10
    desk.ask_fresh_link(KNOWN, locale="en", network=networks[0])
    assert waiting(town)[-1] == "fresh"
    work_intake(desk)
    town.service.close()
