"""`digest subscribers import` and `export`, as an operator runs them."""

from __future__ import annotations

import csv
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.conftest import Digest


@pytest.fixture
def town(digest: Digest) -> Digest:
    assert digest("topics", "add", "Town").code == 0
    return digest


def written(digest: Digest, text: str) -> str:
    (digest.folder / "readers.csv").write_text(text, encoding="utf-8")
    return "readers.csv"


def counts(digest: Digest) -> list[int]:
    with closing(sqlite3.connect(next(digest.folder.glob("digest-*.db")))) as connection:
        tables = ("subscriber", "subscription", "consent", "suppression", "import_run")
        return [connection.execute(f"SELECT count(*) FROM {each}").fetchone()[0] for each in tables]  # noqa: S608


def test_an_import_tells_what_became_of_every_row(town: Digest) -> None:
    rows = "email,status\nmina@example.org,active\nnobody,active\nomar@example.org,unsubscribed\n"
    done = town("subscribers", "import", written(town, rows), "--topic", "town", "--report", "report.csv")
    assert done.code == 1
    for part in ("a table of readers", "1  new reader\n", "1  kept out for good", "1  bad row\n", "nobody"):
        assert part in done.out
    report = list(csv.DictReader((town.folder / "report.csv").read_text("utf-8").splitlines()))
    assert [(row["line"], row["kind"], row["address"]) for row in report] == [
        ("3", "bad", "nobody"), ("4", "kept out", "omar@example.org"),
    ]  # fmt: skip
    assert "omar@example.org" not in done.out
    assert (town.folder / "report.csv").stat().st_mode & 0o777 == 0o600
    shown = town("subscribers", "show", "mina@example.org", "--json").rows
    assert (shown[0]["status"], shown[0]["topics"]) == ("active", ["town"])


def test_json_has_every_count(town: Digest) -> None:
    file = written(town, "email\nmina@example.org\nbad\n")
    done = town("subscribers", "import", file, "--topic", "town", "--json")
    (row,) = done.rows
    assert (row["format"], row["added"], row["bad"], row["dry_run"]) == ("csv", 1, 1, False)
    assert row["problems"][0]["line"] == 3


def test_a_dry_run_writes_nothing(town: Digest) -> None:
    before = counts(town)
    done = town("subscribers", "import", written(town, "email\nmina@example.org\n"), "--topic", "town", "--dry-run")
    assert done.code == 0
    assert "nothing was written" in done.out
    assert counts(town) == before


def test_a_finished_import_says_so_and_again_repeats_it(town: Digest) -> None:
    file = written(town, "email\nmina@example.org\n")
    assert town("subscribers", "import", file, "--topic", "town").code == 0
    second = town("subscribers", "import", file, "--topic", "town")
    assert second.code == 3
    assert "imported already" in second.out
    third = town("subscribers", "import", file, "--topic", "town", "--again")
    assert third.code == 0
    assert "reader as before" in third.out


def test_only_twenty_bad_rows_are_shown_and_the_report_has_all(town: Digest) -> None:
    file = written(town, "email\n" + "bad\n" * 50)
    done = town("subscribers", "import", file, "--topic", "town", "--report", "report.csv")
    assert "and 30 more; all are in report.csv" in done.out
    assert len((town.folder / "report.csv").read_text().splitlines()) == 51


def test_a_report_harms_no_file_that_is_there(town: Digest) -> None:
    file = written(town, "email\nmina@example.org\nbad\n")
    (town.folder / "notes.txt").write_text("mine")
    (town.folder / "notes.txt").chmod(0o644)
    os.mkfifo(town.folder / "pipe")
    os.link(file, town.folder / "same.csv")
    (town.folder / "link.csv").symlink_to(file)
    (town.folder / "nowhere.csv").symlink_to("missing/file")
    before = counts(town)
    said = [
        (file, "is the file to import"),
        ("same.csv", "is the file to import"),
        ("link.csv", "is the file to import"),
        ("notes.txt", "is there already"),
        ("pipe", "is no file"),
        (".", "is no file"),
        ("nowhere.csv", "cannot be written"),
    ]
    for name, told in said:
        for more in ([], ["--dry-run"]):
            town("subscribers", "import", file, "--topic", "town", "--report", name, *more).fails(told)
    assert counts(town) == before
    assert (town.folder / file).read_text() == "email\nmina@example.org\nbad\n"
    assert (town.folder / "notes.txt").read_text() == "mine"
    assert (town.folder / "notes.txt").stat().st_mode & 0o777 == 0o644
    assert (town.folder / "pipe").is_fifo()


def began(digest: Digest) -> None:
    """As if the last import had been interrupted before its end."""
    with closing(sqlite3.connect(next(digest.folder.glob("digest-*.db")))) as connection:
        connection.execute("UPDATE import_run SET done_at = NULL, line = 3")
        connection.commit()


def test_an_import_that_goes_on_goes_on_with_its_own_report_only(town: Digest) -> None:
    file = written(town, "email\nbad\nworse\n")
    command = ("subscribers", "import", file, "--topic", "town", "--report")
    assert town(*command, "report.csv").code == 1
    report = town.folder / "report.csv"
    report.chmod(0o640)
    whole = report.read_bytes()
    report.write_bytes(whole[:-1])  # a crash cut its last line off
    began(town)
    again = town(*command, "report.csv")
    assert "going on after line 3" in again.err
    assert report.read_bytes() == whole[:-1] + b"\r\n"
    assert report.stat().st_mode & 0o777 == 0o640
    (town.folder / "notes.csv").write_text("line,kind\n")
    os.mkfifo(town.folder / "pipe")
    for name, told in (("notes.csv", "is no report"), (file, "is no report"), ("pipe", "is no file")):
        began(town)
        town(*command, name).fails(told)
    assert (town.folder / "notes.csv").read_text() == "line,kind\n"
    assert town(*command, "report.csv").code == 1
    finished = town(*command, "fresh.csv")
    assert (finished.code, (town.folder / "fresh.csv").exists()) == (3, False)


def test_a_file_of_listmonk_needs_the_operators_word(town: Digest) -> None:
    columns = "uuid,email,name,attributes,status,created_at,updated_at\n"
    file = written(town, columns + "u-1,mina@example.org,Mina,{},enabled,2020-01-01,2021-01-01\n")
    command = ("subscribers", "import", file, "--topic", "town")
    town(*command).fails("listmonk", "unsubscribed", "subscription_status=confirmed", "--enabled-are-subscribed")
    dry = town(*command, "--enabled-are-subscribed", "--dry-run")
    assert dry.err.startswith("note: listmonk writes 'enabled'")
    (row,) = town(*command, "--enabled-are-subscribed", "--json").rows
    assert row["added"] == 1
    assert "has unsubscribed" in row["notes"][0]


def test_who_is_taken_out_is_counted_and_named(town: Digest) -> None:
    rows = "email,status\nmina@example.org,active\nmina@example.org,cleaned\n"
    done = town("subscribers", "import", written(town, rows), "--topic", "town", "--report", "report.csv")
    assert done.code == 0
    assert "1  reader here no more: left or bounced there" in done.out
    assert "reads no more" in (town.folder / "report.csv").read_text()


def test_a_default_in_place_of_what_a_row_says_is_told(town: Digest) -> None:
    lines = ["email,timezone,language,status", "mina@example.org,Mars/Olympus,xx,active", "omar@example.org,,de,active"]
    rows = "\n".join([*lines, "zoe@example.org,Europe/Paris,de,"]) + "\n"
    command = ("subscribers", "import", written(town, rows), "--topic", "town", "--report")
    for more in (["dry.csv", "--dry-run"], ["report.csv"]):
        done = town(*command, *more)
        assert done.code == 1
        for part in ("2  new readers", "1  of them with a default", "'Mars/Olympus' is no time zone; UTC instead"):
            assert part in done.out
        report = list(csv.DictReader((town.folder / more[0]).read_text("utf-8").splitlines()))
        assert [(row["line"], row["kind"], row["address"], row["reason"]) for row in report] == [
            ("2", "adjusted", "mina@example.org",
             "'xx' is no language; en instead; 'Mars/Olympus' is no time zone; UTC instead"),
            ("4", "bad", "zoe@example.org", "it has no status; write active or left there"),
        ]  # fmt: skip
    (row,) = town("subscribers", "show", "mina@example.org", "--json").rows
    assert (row["status"], row["timezone"], row["language"]) == ("active", "UTC", "en")
    again = town("subscribers", "import", "readers.csv", "--topic", "town", "--again")
    assert "default" not in again.out, "who reads already keeps every choice"


def test_no_file_is_written_over_unless_asked(town: Digest) -> None:
    file = written(town, "email\nmina@example.org\nbad\n")
    link = ("topics", "link", "town", "--qr")
    commands = {
        "readers.out": ("subscribers", "export", "readers.out"),
        "feeds.opml": ("sources", "export", "feeds.opml"),
        "code.svg": (*link, "code.svg"),
        "report.out": ("subscribers", "import", file, "--topic", "town", "--again", "--report", "report.out"),
    }
    for name, command in commands.items():
        (town.folder / name).write_text("mine")
        (town.folder / name).chmod(0o644)
        town(*command).fails(f"{name} is there already", "--force")
        assert (town.folder / name).read_text() == "mine"
        done = town(*command, "--force")
        assert (done.code, done.err.startswith("error")) == (1 if "import" in command else 0, False)
        assert (town.folder / name).read_text() != "mine"
    for name in ("readers.out", "report.out"):
        assert (town.folder / name).stat().st_mode & 0o777 == 0o600
    town(*commands["report.out"][:-1], file, "--force").fails("is the file to import")
    assert (town.folder / file).read_text().startswith("email\n")


def test_a_record_that_cannot_be_read_is_one_line(town: Digest) -> None:
    file = written(town, 'email,name\nmina@example.org,"Mina\n')
    town("subscribers", "import", file, "--topic", "town").fails("line 2", "quotation mark")


def test_an_export_is_private_and_comes_back(town: Digest) -> None:
    town("subscribers", "import", written(town, "email,name\nmina@example.org,=1+1\n"), "--topic", "town")
    assert town("subscribers", "export", "out.csv").code == 0
    out = town.folder / "out.csv"
    assert out.stat().st_mode & 0o777 == 0o600
    assert "'=1+1" in out.read_text()
    back = town("subscribers", "import", "out.csv")
    assert "an export of this service" in back.out
    assert "1  reader as before" in back.out
    as_json = town("subscribers", "export", "--format", "json")
    assert as_json.rows[0]["name"] == "=1+1"
    assert as_json.rows[0]["topics"] == ["town"]
    nobody = town("subscribers", "export", "--format", "json", "--status", "left")
    assert nobody.rows == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("import", "nowhere.csv", "--topic", "town"), ["nowhere.csv", "is no file"]),
        (("import", ".", "--topic", "town"), [". is a folder"]),
        (("import", "readers.csv"), ["--topic"]),
        (("import", "readers.csv", "--topic", "sea"), ["no topic 'sea'"]),
        (("import", "readers.csv", "--topic", "town", "--map", "email"), ["WHAT=COLUMN"]),
        (("import", "readers.csv", "--topic", "town", "--map", "email=mail"), ["no column 'mail'"]),
        (
            ("import", "readers.csv", "--topic", "town", "--report", "no/where.csv"),
            ["no/where.csv", "cannot be written"],
        ),
        (("export", "no/where.csv"), ["no/where.csv", "cannot be written"]),
        (("export", "--status", "happy"), ["'happy'"]),
        (("export", "--format", "xml"), ["'xml'"]),
        (("export", "--topic", "sea"), ["no topic 'sea'"]),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(town: Digest, arguments: tuple[str, ...], told: list[str]) -> None:
    written(town, "email\nmina@example.org\n")
    before = counts(town)
    town("subscribers", *arguments).fails(*told)
    assert counts(town) == before


def test_a_file_in_a_foreign_encoding_names_line_and_way_out(town: Digest) -> None:
    Path("latin.csv").write_bytes("email,name\nmina@example.org,Jürgen\n".encode("latin-1"))
    town("subscribers", "import", "latin.csv", "--topic", "town").fails("line 2", "save it as UTF-8")
