"""Imports and who left: what a file says of somebody outweighs everything but their own confirmation here."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, select

from digest.errors import InputError
from digest.service.transfer import Transfer, Wanted
from digest.store.db import open_database, reading, writing
from subscribers import account, consent, roster
from subscribers.errors import NotConfirmable
from subscribers.models import Consent, Subscriber, Subscription, Suppression
from subscribers.sql import table
from subscribers.suppressions import suppress
from subscribers.types import SignUp
from tests.subscribers.house import KEYS, NOW, House

LISTMONK = "uuid,email,name,attributes,status,created_at,updated_at\n"


@pytest.fixture
def house(database: Engine, tmp_path: Path) -> House:
    return House(database, tmp_path)


@pytest.fixture
def shared(postgres_url: str, tmp_path: Path) -> Iterator[tuple[House, Engine]]:
    """A house on PostgreSQL, and a second way to its database."""
    engine, other = open_database(postgres_url), open_database(postgres_url)
    yield House(engine, tmp_path), other
    engine.dispose()
    other.dispose()


def added_by_operator(house: House, address: str) -> None:
    with writing(house.engine) as session:
        roster.add(session, SignUp(address, ("town",)), now=NOW, hashes=KEYS.address_hashes(address))


def log(house: House, address: str) -> list[tuple[str, str, str, str]]:
    reader = house.show(address)
    with reading(house.engine) as session:
        return [(each.action, each.form, each.source, each.note) for each in consent.consents(session, reader.id)]


def test_who_left_or_bounced_there_is_kept_as_a_hash_and_never_a_reader(house: House) -> None:
    reader = house.sign_up("reader@example.org", confirm=True)
    text = "email,status\nleft@example.org,unsubscribed\nbounced@example.org,bounced\nreader@example.org,unsubscribed\n"
    done = house.take(text + "waits@example.org,pending\nx@example.org,what\n")
    assert done.counts == {"kept_out": 2, "unchanged": 1, "unconfirmed": 1, "bad": 1}
    assert (house.reasons("left@example.org"), house.reasons("bounced@example.org")) == ({"left"}, {"bounced"})
    assert house.reasons("reader@example.org") == set()
    assert house.show("reader@example.org").id == reader
    assert house.count(Subscriber) == 1
    later = house.take("email\nleft@example.org\nbounced@example.org\n")
    assert later.counts == {"refused": 2, "bad": 0}


@pytest.mark.parametrize(
    ("word", "status", "reason"), [("unsubscribed", "left", "left"), ("cleaned", "suppressed", "bounced")]
)
def test_a_later_row_takes_out_whom_an_earlier_one_brought(house: House, word: str, status: str, reason: str) -> None:
    text = f"email,status\na@example.org,active\nA@example.org,{word}\nb@example.org,{word}\nb@example.org,active\n"
    done = house.take(text + "c@example.org,active\nc@example.org,active\n")
    assert done.counts == {"added": 2, "taken_out": 1, "unchanged": 1, "kept_out": 1, "refused": 1, "bad": 0}
    assert (house.show("a@example.org").status, house.show("a@example.org").next_due_at) == (status, None)
    assert house.reasons("a@example.org") == {reason}
    assert log(house, "a@example.org") == [
        ("imported", "import", "csv", ""),
        ("left", "import", "csv", f"{reason} there, as the imported file says"),
    ]
    assert [(each.line, each.kind) for each in house.problems] == [(3, "left out"), (4, "kept out"), (5, "left out")]
    assert house.take("email\na@example.org\n").counts == {"refused": 1, "bad": 0}


def test_a_later_file_takes_out_whom_an_import_or_an_operator_brought(house: House) -> None:
    columns = "Email Address,First Name,MEMBER_RATING,OPTIN_TIME"
    house.take(f"{columns}\nmia@example.org,Mia,2,2020\nbo@example.org,Bo,2,2020\n")
    added_by_operator(house, "ada@example.org")
    gone = f"{columns},UNSUB_TIME\nmia@example.org,Mia,2,2020,2021\nada@example.org,Ada,2,2020,2021\n"
    assert house.take(gone).counts == {"taken_out": 2, "bad": 0}
    assert house.take(f"{columns},CLEAN_TIME\nbo@example.org,Bo,2,2020,2021\n").counts == {"taken_out": 1, "bad": 0}
    assert [house.show(f"{name}@example.org").status for name in ("mia", "ada", "bo")] == ["left", "left", "suppressed"]
    assert house.take(gone, again=True).counts == {"kept_out": 2, "bad": 0}
    assert house.reasons("bo@example.org") == {"bounced"}


def test_only_an_own_confirmation_outweighs_the_file(house: House) -> None:
    house.sign_up("own@example.org", confirm=True)
    house.take("email\nwidened@example.org\nown@example.org\n", "town", "harbour")
    house.sign_up("widened@example.org", confirm=False)  # reads by the import; what they asked for is there already
    text = "email,status\nown@example.org,bounced\nown@example.org,left\nwidened@example.org,left\n"
    assert house.take(text).counts == {"unchanged": 2, "taken_out": 1, "bad": 0}
    assert house.show("own@example.org").status == "active"
    assert house.reasons("own@example.org") == set()
    assert "bounced there" in house.problems[0].reason
    assert house.show("widened@example.org").status == "left"


def test_whoever_was_taken_out_comes_back_by_their_own_confirmation_only(house: House) -> None:
    house.take("email,status\nleft@example.org,active\nhard@example.org,active\n")
    house.take("email,status\nleft@example.org,left\nhard@example.org,bounced\n")
    house.sign_up("left@example.org", confirm=True)
    assert (house.show("left@example.org").status, house.reasons("left@example.org")) == ("active", set())
    with writing(house.engine) as session, pytest.raises(NotConfirmable):
        roster.confirm(session, house.show("hard@example.org").id, now=NOW, address_hashes=KEYS.address_hashes)


def test_an_address_typed_into_a_form_does_not_bring_back_who_left(house: House) -> None:
    reader = house.sign_up("left@example.org", confirm=True)
    with writing(house.engine) as session:
        roster.unsubscribe(session.connection(), reader, now=NOW)
    house.sign_up("left@example.org", confirm=False)
    assert house.show("left@example.org").status == "pending"
    assert house.take("email\nleft@example.org\n").counts == {"refused": 1, "bad": 0}
    assert house.show("left@example.org").status == "pending"


def test_enabled_in_a_file_of_listmonk_is_no_subscription(house: House) -> None:
    text = LISTMONK + "u-1,mina@example.org,Mina,{},enabled,2020-01-01,2021-01-01\n"
    for dry_run in (True, False):
        with pytest.raises(InputError, match=r"subscription_status=confirmed.*--enabled-are-subscribed"):
            house.take(text, dry_run=dry_run)
    assert house.count(Subscriber) == 0
    done = house.take(text, enabled_are_subscribed=True)
    assert done.counts["added"] == 1
    assert "unsubscribed from the list" in done.notes[0]


def test_enabled_in_any_other_table_makes_a_bad_row(house: House) -> None:
    text = "email,status\nmina@example.org,enabled\nomar@example.org,disabled\n"
    assert house.take(text).counts == {"kept_out": 1, "bad": 1}
    assert "--enabled-are-subscribed" in house.problems[0].reason
    assert house.take(text, enabled_are_subscribed=True).counts == {"added": 1, "kept_out": 1, "bad": 0}


# --- at the same time (PostgreSQL; SQLite has one writer) -------------------------------------------------------------


@pytest.mark.postgres
def test_an_import_during_an_erasure_does_not_bring_the_reader_back(shared: tuple[House, Engine]) -> None:
    house, other = shared
    reader = house.sign_up("erased@example.org", confirm=True)
    erased = threading.Event()
    done: list[Mapping[str, int]] = []

    def take() -> None:
        assert erased.wait(10)
        done.append(house.take("email\nerased@example.org\nnew@example.org\n").counts)

    importing = threading.Thread(target=take)
    importing.start()
    with writing(other) as session:
        account.erase(session, reader, now=NOW, address_hashes=KEYS.address_hashes)
        erased.set()
        importing.join(1)  # it waits for this transaction
    importing.join(20)
    assert done == [{"added": 1, "refused": 1, "bad": 0}]
    assert house.count(Subscriber) == 1
    assert house.reasons("erased@example.org") == {"erased"}


@pytest.mark.postgres
@pytest.mark.parametrize("known", [False, True])
def test_a_suppression_between_the_look_and_the_insert_counts(shared: tuple[House, Engine], known: bool) -> None:
    house, other = shared
    if known:
        added_by_operator(house, "late@example.org")
    done: list[int] = []

    @event.listens_for(house.engine, "before_cursor_execute")
    def insert(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO subscriber (") and not done:
            done.append(1)
            with writing(other) as session:
                suppress(session, KEYS.address_hashes("late@example.org")[0], reason="bounced", now=NOW)

    counts = house.take("email\nlate@example.org\nnew@example.org\n", "harbour").counts
    assert (counts, done) == ({"added": 1, "refused": 1, "bad": 0}, [1])
    assert house.count(Subscriber) == 1 + known
    assert house.count(Subscription) == 1 + known
    assert house.count(Consent) == 1 + known


@pytest.mark.postgres
def test_a_reader_who_is_erased_between_the_insert_and_the_look_stays_away(shared: tuple[House, Engine]) -> None:
    house, other = shared
    reader = house.sign_up("erased@example.org", confirm=True)
    done: list[int] = []
    people = table(Subscriber)
    keys = people.c.address_key

    # Not there at the first look, so not locked; back for the insert, and gone again before it is looked at.
    with writing(other) as session:
        session.connection().execute(
            table(Subscriber).update().where(keys == "erased@example.org").values(address_key="x")
        )

    @event.listens_for(house.engine, "before_cursor_execute")
    def insert(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO subscriber (") and not done:
            done.append(1)
            with writing(other) as session:
                back = people.update().where(keys == "x").values(address_key="erased@example.org")
                session.connection().execute(back)

    @event.listens_for(house.engine, "after_cursor_execute")
    def inserted(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO subscriber (") and len(done) == 1:
            done.append(2)
            with writing(other) as session:
                account.erase(session, reader, now=NOW, address_hashes=KEYS.address_hashes)

    counts = house.take("email\nerased@example.org\nnew@example.org\n").counts
    assert (counts, done) == ({"added": 1, "refused": 1, "bad": 0}, [1, 2])
    assert house.count(Subscriber) == 1


@pytest.mark.postgres
def test_two_imports_at_once_agree_on_who_left(shared: tuple[House, Engine], tmp_path: Path) -> None:
    house, other = shared
    names = [f"p{number}@example.org" for number in range(400)]
    coming, going = tmp_path / "coming.csv", tmp_path / "going.csv"
    coming.write_text("email\n" + "".join(f"{name}\n" for name in names))
    going.write_text("email,status\n" + "".join(f"{name},unsubscribed\n" for name in reversed(names)))
    desk = Transfer(other, KEYS.address_hashes, now=lambda: NOW, default_timezone="UTC", batch=20)
    threads = [
        threading.Thread(target=house.desk.import_readers, args=(Wanted(coming, ("town",)),)),
        threading.Thread(target=desk.import_readers, args=(Wanted(going, ("town",)),)),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert house.count(Suppression) == 400
    with reading(house.engine) as session:
        active = select(table(Subscriber).c.id).where(table(Subscriber).c.status == "active")
        assert session.connection().execute(active).all() == []
