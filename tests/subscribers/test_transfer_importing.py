"""Imports on both databases: who becomes a reader, who never does, and going on where an import ended."""

from __future__ import annotations

import os
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from digest.errors import InputError, Interrupted
from digest.service.transfer import Imported, Wanted
from digest.store.db import reading, writing
from subscribers import consent, roster
from subscribers.cadence import next_due
from subscribers.errors import BadFile, UnknownTopic
from subscribers.models import Consent, ImportRun, Profile, Subscriber, Suppression
from subscribers.profiles import profiles
from subscribers.sql import table
from subscribers.suppressions import suppress
from subscribers.types import SignUp
from tests.subscribers.house import KEYS, NOW, House


@pytest.fixture
def house(database: Engine, tmp_path: Path) -> House:
    return House(database, tmp_path)


def test_a_new_address_is_a_reader_as_if_an_operator_had_added_it(house: House) -> None:
    text = "email,name,timezone,language\nMina@Example.org,Mina,Asia/Beirut,ar\nomar@example.org,,,\n"
    done = house.take(text, "harbour", "town", source="a fair")
    assert done.counts == {"added": 2, "bad": 0}
    mina, omar = house.show("mina@example.org"), house.show("omar@example.org")
    assert (mina.address, mina.name, mina.status, mina.locale) == ("Mina@Example.org", "Mina", "active", "ar")
    assert mina.topics == ("harbour", "town")
    assert mina.next_due_at == next_due("daily", 420, "Asia/Beirut", after=NOW)
    assert (mina.confirmed_at, mina.created_at) == (NOW, NOW)
    assert (omar.timezone, omar.next_due_at) == ("Europe/Berlin", next_due("daily", 420, "Europe/Berlin", after=NOW))
    with reading(house.engine) as session:
        (line,) = consent.consents(session, mina.id)
        row = (
            session.connection().execute(select(table(Consent)).where(table(Consent).c.subscriber_id == mina.id)).one()
        )
        profile_id = session.connection().execute(select(table(Subscriber).c.profile_id)).scalars().first()
        assert profile_id is not None
        choices = profiles(session, [profile_id])[profile_id]
    assert (line.action, line.topics, line.form) == ("imported", ("harbour", "town"), "import")
    assert (row.source, row.at) == ("a fair", NOW)
    assert choices["language"] == "ar"


def test_the_profile_is_the_one_that_the_roster_itself_would_make(house: House) -> None:
    with writing(house.engine) as session:
        asked = SignUp("ada@example.org", ("town",), timezone="Europe/Berlin")
        roster.add(session, asked, now=NOW, hashes=KEYS.address_hashes("ada@example.org"))
    house.take("email\n" + "".join(f"p{number}@example.org\n" for number in range(50)))
    assert house.count(Subscriber) == 51
    assert house.count(Profile) == 1


def test_an_active_reader_keeps_every_choice_and_gains_the_topics(house: House) -> None:
    house.sign_up("mina@example.org", confirm=True)
    before = house.show("mina@example.org")
    text = "email,name,timezone,language\nMINA@example.org,Other,Asia/Beirut,ar\n"
    assert house.take(text, "harbour", "town").counts["widened"] == 1
    after = house.show("mina@example.org")
    assert after.topics == ("town", "harbour")
    assert (after.name, after.timezone, after.locale) == (before.name, before.timezone, before.locale)
    assert after.next_due_at == before.next_due_at
    assert house.take(text, "harbour", "town", again=True).counts["unchanged"] == 1
    with reading(house.engine) as session:
        assert [line.action for line in consent.consents(session, after.id)] == ["asked", "confirmed", "imported"]


def test_who_never_confirmed_here_is_a_reader_by_the_import(house: House) -> None:
    house.sign_up("mina@example.org", confirm=False)
    assert house.take("email,timezone\nmina@example.org,Asia/Beirut\n", "harbour").counts["added"] == 1
    mina = house.show("mina@example.org")
    assert (mina.status, mina.timezone, mina.topics, mina.pending) == ("active", "Asia/Beirut", ("harbour",), ("town",))
    assert mina.next_due_at == next_due("daily", 420, "Asia/Beirut", after=NOW)


def test_nobody_who_left_or_was_suppressed_here_comes_back(house: House) -> None:
    left = house.sign_up("left@example.org", confirm=True)
    gone = house.sign_up("bounced@example.org", confirm=True)
    with writing(house.engine) as session:
        roster.unsubscribe(session.connection(), left, now=NOW)
        mark = KEYS.address_hashes("bounced@example.org")[0]
        suppress(session, mark, reason="bounced", now=NOW, subscriber_id=gone)
        erased = KEYS.address_hashes("erased@example.org")[0]
        suppress(session, erased, reason="erased", now=NOW)
    text = "email\nLeft@example.org\nbounced@example.org\nErased@Example.org\nnew@example.org\n"
    done = house.take(text)
    assert done.counts == {"added": 1, "refused": 3, "bad": 0}
    assert [each.line for each in house.problems] == [2, 3, 4]
    assert house.show("left@example.org").status == "left"
    assert house.show("bounced@example.org").status == "suppressed"
    assert house.count(Subscriber) == 3


def test_a_dry_run_tells_the_same_and_writes_nothing(house: House) -> None:
    left = house.sign_up("left@example.org", confirm=True)
    house.sign_up("reader@example.org", confirm=True)
    back = house.sign_up("back@example.org", confirm=True)
    with writing(house.engine) as session:
        roster.unsubscribe(session.connection(), left, now=NOW)
        asked = SignUp("added@example.org", ("town",))
        roster.add(session, asked, now=NOW, hashes=KEYS.address_hashes("added@example.org"))
        roster.unsubscribe(session.connection(), back, now=NOW)
    house.sign_up("back@example.org", confirm=False)
    models = (Subscriber, Consent, Suppression, Profile)
    before = [house.count(each) for each in models]
    text = "email,status\nnew@example.org,active\nNEW@example.org,active\nleft@example.org,active\nnone,active\n"
    text += "reader@example.org,active\nkept@example.org,bounced\nkept@example.org,active\nwaits@example.org,pending\n"
    text += (
        "reader@example.org,unsubscribed\nNEW@example.org,bounced\nnew@example.org,active\nback@example.org,active\n"
    )
    text += "added@example.org,cleaned\nadded@example.org,left\n"
    dry = house.take(text, "town", dry_run=True)
    told = house.problems
    assert [house.count(each) for each in models] == before
    assert house.take(text, "town").counts == dry.counts
    assert [(each.line, each.kind) for each in house.problems] == [(each.line, each.kind) for each in told]


def test_going_on_behind_the_last_durable_line(house: House) -> None:
    text = 'email,note\nbad,\n"m@example.org","two\nlines"\n'
    text += "".join(f"p{number}@example.org,\n" for number in range(35))
    with pytest.raises(Interrupted, match="after line 12;"):
        house.take(text, stopping=lambda: True)
    assert house.count(Subscriber) == 9
    done = house.take(text)
    assert (done.resumed_after, done.counts) == (12, {"added": 36, "bad": 1})
    assert house.problems == []
    again = house.take(text)
    assert again.done_before == NOW
    assert house.take(text, again=True).counts == {"unchanged": 36, "bad": 1}
    assert house.take(text, source="elsewhere").done_before is None


def test_a_crash_between_batches_loses_and_doubles_nobody(house: House) -> None:
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(35))
    wanted = Wanted(house.file(text), ("town",))

    def breaks(line: int) -> None:
        if line > 20:
            raise ConnectionError("the power went")

    with pytest.raises(ConnectionError):
        house.desk.import_readers(wanted, on_progress=breaks)
    assert house.desk.import_readers(wanted).counts["added"] == 35
    assert (house.count(Subscriber), house.count(Consent)) == (35, 35)


def test_a_record_that_cannot_be_read_ends_the_import_and_a_mended_file_goes_on(house: House) -> None:
    people = [f"p{number}@example.org," for number in range(15)]
    hidden = "\nhidden@example.net,inside a note\n"
    note = f'"{"x" * 140_000}{hidden}"'
    broken = "\n".join(["email,note", *people, f"q@example.org,{note}", "r@example.org,", ""])
    for dry_run in (True, False):
        with pytest.raises(BadFile, match=r"line 17 of .*field limit"):
            house.take(broken, dry_run=dry_run)
    assert house.count(Subscriber) == 10  # the first batch
    with reading(house.engine) as session:
        assert session.connection().execute(select(table(ImportRun).c.line, table(ImportRun).c.done_at)).all() == [
            (11, None)
        ]
    done = house.take(broken.replace(note, f'"short{hidden}"'))
    assert done.counts == {"added": 7, "unchanged": 10, "bad": 0}
    with reading(house.engine) as session:
        assert roster.look_up(session, "hidden@example.net") is None


@pytest.mark.parametrize("way", ["written over", "put in its place", "removed"])
@pytest.mark.parametrize("at", [11, 31])
def test_a_file_that_changes_meanwhile_is_not_mixed_with_what_it_was(house: House, way: str, at: int) -> None:
    file = house.file("email\n" + "".join(f"p{number}@example.org\n" for number in range(30)))
    other = "email\n" + "".join(f"h{number}@example.net\n" for number in range(90))
    changes: list[int] = []

    def change(line: int) -> None:
        if line == at:
            changes.append(line)
            if way == "written over":
                file.write_text(other)
            elif way == "put in its place":
                fresh = file.with_name("fresh.csv")
                fresh.write_text(other)
                fresh.replace(file)
            else:
                file.unlink()

    with pytest.raises(BadFile, match="changed while it was read"):
        house.desk.import_readers(Wanted(file, ("town",)), on_progress=change)
    assert changes == [at]
    with reading(house.engine) as session:
        assert session.connection().execute(select(table(ImportRun).c.done_at)).scalars().all() == [None]
        addresses = session.connection().execute(select(table(Subscriber).c.address_key)).scalars().all()
    assert len(addresses) == at - 1
    assert all(each.endswith("@example.org") for each in addresses)


def test_a_report_that_cannot_be_begun_leaves_no_trace(house: House) -> None:
    def refuse(_: Imported) -> None:
        raise InputError("no report")

    with pytest.raises(InputError, match="no report"):
        house.desk.import_readers(Wanted(house.file("email\na@example.org\n"), ("town",)), on_start=refuse)
    assert (house.count(Subscriber), house.count(ImportRun)) == (0, 0)


def test_a_second_process_on_the_same_file_ends_in_one_line(house: House) -> None:
    text = "email\n" + "".join(f"p{number}@example.org\n" for number in range(35))
    wanted = Wanted(house.file(text), ("town",))
    rival: list[Imported] = []

    def rivals(_: int) -> None:
        if not rival:
            rival.append(Imported("csv", 0, Counter()))
            rival[0] = house.desk.import_readers(wanted)

    with pytest.raises(InputError, match="another process"):
        house.desk.import_readers(wanted, on_progress=rivals)
    assert rival[0].counts["added"] == 35
    assert house.count(Subscriber) == 35


def test_numbers_of_erased_readers_are_not_given_again(house: House) -> None:
    house.take("email\na@example.org\nb@example.org\n")
    last = house.show("b@example.org").id
    house.forget("b@example.org")
    house.take("email\nc@example.org\n")
    house.sign_up("d@example.org", confirm=True)
    assert last < house.show("c@example.org").id < house.show("d@example.org").id


def test_an_unknown_topic_or_none_writes_nothing(house: House) -> None:
    with pytest.raises(UnknownTopic, match="no topic 'sea'"):
        house.take("email\na@example.org\n", "sea")
    with pytest.raises(InputError, match="--topic"):
        house.desk.import_readers(Wanted(house.file("email\na@example.org\n")))
    assert house.count(Subscriber) == 0


def test_an_export_comes_back_without_loss(house: House, tmp_path: Path) -> None:
    columns = "address,name,status,topics,pending,cadence,send_at,timezone,language,format,max_stories,"
    columns += "all_quiet,paused_until,created_at,confirmed_at\n"
    until = (NOW + timedelta(days=9)).replace(hour=5)
    text = columns + (
        f"'=mina@example.org,'=SUM(1),active,harbour town=weekly:fri@18:15,,weekdays,06:45,Asia/Beirut,ar,text,7,yes,"
        f"{until.isoformat()},2020-01-01T00:00:00+00:00,2020-01-02T00:00:00+00:00\n"
        "omar@example.org,Ömar,active,town,,daily,07:00,UTC,de,html,12,no,,2020-01-01T00:00:00+00:00,\n"
        "gone@example.org,,left,town,,daily,07:00,UTC,de,html,12,no,,2020-01-01T00:00:00+00:00,\n"
    )
    house.take(text, "town")
    mina = house.show("=mina@example.org")
    assert (mina.name, mina.cadence, mina.send_minute, mina.format, mina.max_stories) == (
        *("=SUM(1)", "weekdays", 405, "text", 7),
    )
    assert (mina.all_quiet, house.show("omar@example.org").all_quiet) == (True, False)
    assert (mina.paused_until, mina.confirmed_at) == (until, datetime(2020, 1, 2, tzinfo=UTC))
    assert mina.next_due_at is not None
    assert mina.next_due_at >= until
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    assert house.desk.export_readers(one, status="active") == 2
    assert one.stat().st_mode & 0o777 == 0o600
    for address in ("=mina@example.org", "omar@example.org"):
        house.forget(address)
    house.desk.import_readers(Wanted(one))
    house.desk.export_readers(two, status="active")

    def without_times(file: Path) -> list[list[str]]:
        return [line.split(",")[:13] for line in file.read_text().splitlines()]

    assert without_times(two) == without_times(one)
    assert "'=mina@example.org,'=SUM(1),active,town=weekly:fri@18:15 harbour" in one.read_text()


@pytest.mark.parametrize(("cell", "wished"), [("yes", True), ("no", False), ("", False)])
def test_the_wish_for_a_mail_without_news(house: House, cell: str, wished: bool) -> None:
    """Who is pending takes the file's word, as for every other choice; a file of before the column wishes nothing."""
    house.sign_up("mina@example.org", confirm=False)
    for column, told in ((",all_quiet", f",{cell}"), ("", "")):
        head = f"address,status,topics,cadence,send_at,max_stories{column}\n"
        address = "mina@example.org" if column else "old@example.org"
        house.take(f"{head}{address},active,town,daily,07:00,12{told}\n", "town")
    assert house.show("mina@example.org").all_quiet is wished
    assert house.show("old@example.org").all_quiet is False
    with reading(house.engine) as session:
        held = profiles(session, session.connection().execute(select(table(Subscriber).c.profile_id)).scalars().all())
    assert any(each.get("all_quiet", False) for each in held.values()) is wished


def test_a_wish_that_is_none_is_a_bad_row(house: House) -> None:
    head = "address,status,topics,cadence,send_at,max_stories,all_quiet\n"
    assert house.take(f"{head}mina@example.org,active,town,daily,07:00,12,perhaps\n", "town").counts["bad"] == 1
    (problem,) = house.problems
    assert problem.reason == "'perhaps' says nothing of all_quiet; it is yes or no"


def test_an_export_of_many_is_complete_and_as_asked(house: House, tmp_path: Path) -> None:
    house.take("email\n" + "".join(f"p{number}@example.org\n" for number in range(2300)))
    house.take("email\nh@example.org\n", "harbour")
    file = tmp_path / "all.csv"
    assert house.desk.export_readers(file) == 2301
    assert len(set(file.read_text().splitlines())) == 2302
    assert house.desk.export_readers(file, topic="harbour") == 1
    assert "h@example.org" in file.read_text()
    with pytest.raises(InputError, match="is no status"):
        house.desk.export_readers(file, status="happy")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="is no file"):
        house.desk.export_readers(pipe)
    assert pipe.is_fifo()
    with pytest.raises(InputError, match="cannot be written"):
        house.desk.export_readers(tmp_path / "nowhere" / "all.csv")
    assert [each.name for each in tmp_path.iterdir() if each.name.startswith(".")] == []
