"""`digest preview`: the next digest as a file, and nothing else."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.settings import Settings
from digest.store.db import open_database
from tests.cli.conftest import Digest, environment
from tests.service.test_previewing import rows
from tests.service.town import Clock, Town


@pytest.fixture
def engine(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_settings: Callable[..., Settings]
) -> Iterator[Engine]:
    """The database of a town with news, once on each kind; the command line's settings lead to it."""
    for name, value in {**environment(tmp_path), "DATABASE_URL": database_url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())
    engine = open_database(database_url)
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    town = Town(engine, make_settings(), Clock(now))
    town.topics("Harbour", "Sport")
    joined = now - timedelta(days=2)
    town.reader("ada@example.org", "harbour", signed_up=joined, cadence="several:12:00,18:00")
    town.reader("ben@example.org", "harbour", signed_up=joined, format="text", cadence="several:12:00,18:00")
    town.reader("cleo@example.org", "sport", signed_up=joined)
    town.story("Ferry aground", "harbour", at=now - timedelta(hours=2))
    yield engine
    engine.dispose()


@pytest.fixture
def digest(engine: Engine, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Digest:
    return Digest(capsys, tmp_path)


def test_a_readers_and_a_topics_digest_leave_only_a_page(digest: Digest, engine: Engine) -> None:
    before = rows(engine)
    done = digest("preview", "--to", "ada@example.org")
    assert (done.code, done.err) == (0, "")
    file = digest.folder / "data" / "preview-reader-1.html"
    lines = done.out.splitlines()
    assert lines[0] == "subject: Ferry aground"
    assert lines[1].startswith("1 story, ")
    assert " KB of HTML; news from " in lines[1]
    assert lines[2:] == [f"it is in {file}", "next: digest explain ada@example.org, which explains their last digest"]
    assert "Ferry aground" in file.read_text()
    done = digest("preview", "--topic", "harbour", "--lang", "ar")
    assert done.out.splitlines()[-1] == "next: digest topics explain harbour"
    assert 'dir="rtl"' in (digest.folder / "data" / "preview-topic-harbour.html").read_text()
    assert rows(engine) == before
    assert not digest.outbox


def test_in_another_theme(digest: Digest) -> None:
    pages = {}
    for theme in ("paper", "compact", "letter"):
        (row,) = digest("preview", "--topic", "harbour", "--theme", theme, "--json").rows
        pages[theme] = Path(row["file"]).read_text()
    assert len(set(pages.values())) == 3
    digest("preview", "--topic", "harbour", "--theme", "neon").fails("'neon'", "paper, compact, letter")


def test_the_text_part_alone_goes_to_standard_output(digest: Digest) -> None:
    done = digest("preview", "--to", "ada@example.org", "--text")
    assert "Ferry aground" in done.out
    assert "KB of" not in done.out
    assert done.err.startswith("subject: Ferry aground\n")
    plain = digest("preview", "--to", "ben@example.org", "--output", "ben.txt")
    assert "KB of plain text, as this reader wants it" in plain.out
    assert "<table" not in (digest.folder / "ben.txt").read_text()


def test_for_scripts(digest: Digest) -> None:
    (row,) = digest("preview", "--topic", "harbour", "--json", "--text").rows
    assert set(row) == {"subject", "stories", "bytes", "format", "windows", "until", "file", "text"}
    assert (row["subject"], row["stories"], row["format"]) == ("Ferry aground", 1, "html")
    assert row["bytes"] == len(Path(row["file"]).read_bytes())


def test_it_is_opened_in_the_browser(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    """BROWSER is what Python's webbrowser asks; here it is a program that notes what it is given."""
    note = digest.folder / "opened"
    program = digest.folder / "browser"
    program.write_text(f'#!/bin/sh\necho "$1" > {note}\n')
    program.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{program} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)  # it reads BROWSER once a process
    assert digest("preview", "--topic", "harbour", "--open").code == 0
    assert note.read_text().strip() == (digest.folder / "data" / "preview-topic-harbour.html").as_uri()


def test_nothing_to_tell_is_one_line(digest: Digest) -> None:
    digest("preview", "--to", "cleo@example.org").fails("nothing new for cleo@example.org", code=3)
    digest("preview", "--topic", "sport").fails("sport has had no news in the last week", code=3)
    assert not list((digest.folder / "data").glob("preview-*"))
    assert digest("subscribers", "edit", "cleo@example.org", "--all-quiet").code == 0
    shown = digest("preview", "--to", "cleo@example.org")
    assert shown.code == 0, "who wants a mail even then is shown it"
    assert "subject: All quiet on " in shown.out
    assert "\n0 stories, " in shown.out


def test_refusals_are_one_line(digest: Digest) -> None:
    digest("preview").fails("--to EMAIL", "--topic SLUG")
    digest("preview", "--to", "ada@example.org", "--topic", "harbour").fails("--to EMAIL")
    digest("preview", "--to", "eve@example.org").fails("eve@example.org")
    digest("preview", "--topic", "nowhere").fails("nowhere")
    digest("preview", "--topic", "harbour", "--lang", "xx").fails("'xx'", "en, ar, de")
    (digest.folder / "there.html").write_text("mine")
    digest("preview", "--topic", "harbour", "--output", "there.html").fails("there.html is there already", "--force")
    assert digest("preview", "--topic", "harbour", "--output", "there.html", "--force").code == 0
    digest("preview", "--topic", "harbour", "--output", str(Path(os.devnull) / "x.html")).fails("--output")
