"""Every family of commands: what it does, and how it refuses."""

from __future__ import annotations

import sqlite3
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.conftest import Digest
from tests.dispatch.resend_sink import running
from tests.gather.site import Site


def with_reader(digest: Digest, site: Site) -> None:
    """A topic with a gathered source, and a reader; the backlog is told as news."""
    assert digest("topics", "add", "Harbour", "--from", site["/wire.xml"]).code == 0
    assert digest("subscribers", "add", "ada@example.org", "--topic", "harbour").code == 0
    assert digest("gather").code == 0
    database = digest.folder / next(file.name for file in digest.folder.glob("digest-*.db"))
    with sqlite3.connect(database) as rows:
        rows.execute("UPDATE article SET news_at = seen_at")
        rows.execute("UPDATE story SET last_at = opened_at")
    rows.close()


# --- topics -----------------------------------------------------------------------------------------------------------


def test_a_dead_source_leaves_no_half_made_topic(digest: Digest, site: Site) -> None:
    digest("topics", "add", "Harbour", "--from", site["/wire.xml"], "--from", site["/gone"]).fails("404")
    digest("topics", "add", "Harbour", "--from", site["/plain"]).fails("no feed found")
    assert digest("topics", "list", "--json").rows == []
    assert digest("sources", "list", "--json").rows == []
    assert digest("topics", "add", "Harbour", "--from", site["/"]).code == 0
    assert [row["url"] for row in digest("sources", "list", "--json").rows] == [site["/wire.xml"]]
    digest("topics", "add", "Harbour", "--from", site["/wire.xml"]).fails("there is a topic harbour already")
    assert [row["topics"] for row in digest("sources", "list", "--json").rows] == [["harbour"]]


# --- sources ----------------------------------------------------------------------------------------------------------


def test_sources(digest: Digest, site: Site) -> None:
    digest("topics", "add", "Harbour")
    digest("topics", "add", "Energy")
    assert "added source 1" in digest("sources", "add", site["/"], "--topic", "harbour", "--name", "The Wire").out
    assert digest("sources", "edit", "1", "--name", "The Quay").code == 0
    (row,) = digest("sources", "list", "--json").rows
    assert (row["name"], row["topics"], row["url"]) == ("The Quay", ["harbour"], site["/wire.xml"]), "topics are kept"
    assert digest("sources", "edit", "1", "--topic", "energy").code == 0
    assert digest("sources", "list", "--json").rows[0]["topics"] == ["energy"]
    assert digest("sources", "remove", "1", "--yes").code == 0
    assert digest("sources", "list", "--json").rows == []


def test_sources_refuse(digest: Digest, site: Site) -> None:
    digest("topics", "add", "Harbour")
    digest("sources", "add", site["/wire.xml"], "--topic", "nix").fails("no topic 'nix'", "harbour")
    digest("sources", "add", "ftp://paper.example/feed", "--topic", "harbour").fails("ftp")
    digest("sources", "add", site["/gone"], "--topic", "harbour").fails("404")
    digest("sources", "edit", "7", "--name", "X").fails("7")
    digest("sources", "remove", "7", "--yes").fails("7")
    assert digest("sources", "list", "--json").rows == []


def test_private_addresses_are_refused_unless_allowed(
    digest: Digest, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest("topics", "add", "Harbour")
    monkeypatch.setenv("ALLOW_PRIVATE_NETWORKS", "false")
    digest("sources", "add", site["/wire.xml"], "--topic", "harbour").fails("127.0.0.1")
    assert site.seen == []


def test_check_stores_nothing(digest: Digest, site: Site, tmp_path: Path) -> None:
    rows = digest("sources", "check", site["/"], "--json").rows
    assert len(rows) > 1
    assert all(row["title"] and row["url"] for row in rows)
    file = tmp_path / "a feed.xml"
    file.write_bytes(site.pages["/wire.xml"].body)  # type: ignore[union-attr]
    assert [row["title"] for row in digest("sources", "check", str(file), "--json").rows] == [r["title"] for r in rows]
    assert f"{len(rows)} articles" in digest("sources", "check", str(file)).out
    digest("sources", "check", str(tmp_path)).fails("cannot be read")
    digest("sources", "check", "a" * 300).fails("cannot be read")
    digest("sources", "check", site["/plain"]).fails("no feed found")
    assert digest("sources", "list", "--json").rows == []


def test_gather(digest: Digest, site: Site) -> None:
    assert digest("gather", "--json").rows == []
    assert digest("gather").code == 3
    digest("topics", "add", "Harbour", "--from", site["/wire.xml"])
    done = digest("gather", "--json")
    assert (done.code, done.rows[0]["status"]) == (0, "ok")
    assert done.rows[0]["new"] > 1
    assert digest("gather", "--json").rows[0]["status"] == "unchanged"
    assert digest("gather", "--due").code == 3
    site.pages.clear()
    failed = digest("gather", "--json")
    assert (failed.code, failed.rows[0]["status"]) == (1, "failed")
    assert "404" in failed.rows[0]["reason"]
    digest("gather", "--source", "99").fails("99")


# --- send -------------------------------------------------------------------------------------------------------------


def test_send(digest: Digest, site: Site) -> None:
    with_reader(digest, site)
    assert "would look at 1 reader" in digest("send", "--dry-run").out
    assert digest.outbox == []
    assert "sent 1 mail of 1" in digest("send", "--yes", "--key", "one").out
    assert len(digest.outbox) == 1
    again = digest("send", "--yes", "--key", "one")
    assert (again.code, "was sent before" in again.out) == (3, True)
    assert digest("send", "--yes").code == 3, "there is nothing new for anybody"
    assert len(digest.outbox) == 1


def test_send_asks_and_takes_no_for_an_answer(digest: Digest, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    with_reader(digest, site)
    refused = digest("send")  # nobody there to answer
    assert refused.code == 3
    assert "nothing was done" in refused.err
    assert digest.outbox == []
    assert digest("topics", "remove", "harbour").code == 3
    assert digest("subscribers", "remove", "ada@example.org").code == 3
    assert digest("sources", "remove", "1").code == 3
    assert len(digest("subscribers", "list", "--json").rows) == 1
    monkeypatch.setattr("sys.stdin", StringIO("n\n"))
    assert digest("send").code == 3
    assert digest.outbox == []
    monkeypatch.setattr("sys.stdin", StringIO("y\n"))
    assert digest("send").code == 0
    assert len(digest.outbox) == 1


def test_a_send_that_failed_goes_on_instead_of_making_a_second_mail(
    digest: Digest, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_reader(digest, site)
    for name, value in RESEND.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("RESEND_BASE_URL", "http://127.0.0.1:9")  # nobody listens there
    failed = digest("send", "--yes")
    assert failed.code == 1
    assert "to be tried again" in failed.out
    digest("send", "--yes").fails("1 mail of an earlier send", "--resume", "--new")
    with running(digest.folder / "sink.log") as sink:
        monkeypatch.setenv("RESEND_BASE_URL", sink.url)
        assert "sent 1 mail of 1" in digest("send", "--resume").out
        assert len(sink.mails()) == 1
        nothing = digest("send", "--resume")
        assert (nothing.code, "no earlier send is waiting" in nothing.out) == (3, True)
        assert digest("send", "--yes").code == 3, "there is nothing new for anybody"
        assert len(sink.mails()) == 1


RESEND = {
    "PROVIDER": "resend",
    "RESEND_API_KEY": "re_key",
    "FROM": "Paper <paper@news.example.org>",
    "REPLY_TO": "editor@example.org",
    "POSTAL_ADDRESS": "4 Tallow Hill",
    "PUBLIC_URL": "https://digest.example.org",
}


def test_send_refuses(digest: Digest) -> None:
    digest("send", "--topic", "nix", "--yes").fails("no topic 'nix'")
    digest("send", "--to", "nobody@example.org", "--yes").fails("nobody@example.org")
    nobody = digest("send", "--yes")
    assert (nobody.code, "nobody to send to" in nobody.out) == (3, True)
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour")
    digest("send", "--yes", "--key", "x" * 101).fails("1 to 100")


def test_a_provider_that_lacks_settings_is_refused_by_name(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour")
    monkeypatch.setenv("PROVIDER", "resend")
    wanted = ("FROM", "REPLY_TO", "POSTAL_ADDRESS", "PUBLIC_URL", "RESEND_API_KEY", ".env.example")
    for command in (["send", "--yes"], ["send", "--dry-run"], ["run"]):
        digest(*command).fails(*wanted)
    monkeypatch.setenv("RESEND_API_KEY", "re_123")
    monkeypatch.setenv("REPLY_TO", "desk@news.example.com")
    done = digest("send", "--yes")
    done.fails("FROM", "PUBLIC_URL")
    assert "RESEND_API_KEY" not in done.err
    assert "REPLY_TO" not in done.err


# --- the rest ---------------------------------------------------------------------------------------------------------


def test_try_keeps_nothing_but_the_mail(
    digest: Digest, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    tried = digest("try", site["/"], "--no-open")
    assert tried.code == 0, tried.err
    assert "digest topics add" in tried.out
    (page,) = scratch.glob("*/digest.html")
    assert "<html" in page.read_text()
    assert not list(scratch.glob("*/*.db*"))
    assert digest("topics", "list", "--json").rows == []
    failed = digest("try", site["/gone"], "--no-open")
    assert failed.code == 2
    assert "404" in failed.err
    assert "Traceback" not in failed.err
    assert len(list(scratch.iterdir())) == 1, "a failed try leaves no folder"


def test_try_can_mail(digest: Digest, site: Site) -> None:
    tried = digest("try", site["/"], "--no-open", "--to", "ada@example.org")
    assert (tried.code, "mailed to ada@example.org through outbox" in tried.out) == (0, True)
    assert len(digest.outbox) == 1


def test_config_hides_secrets(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESEND_API_KEY", "re_secret")
    done = digest("config", "--json")
    rows = {row["setting"]: row for row in done.rows}
    assert rows["DATA_DIR"]["from"] == "environment"
    assert rows["SITE_NAME"]["from"] == "default"
    assert rows["RESEND_API_KEY"]["value"] == rows["SECRET_KEYS"]["value"] == "(set)"
    assert "re_secret" not in done.out


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DEFAULT_TIMEZONE", "Mars", "tz database"),
        ("PORT", "many", "0 to 65535"),
        ("PROVIDER", "pigeon", "outbox, console, memory, brevo, mailgun"),
        ("DATABASE_URL", "mysql://x", "sqlite:///"),
        ("SECRET_KEYS", "short", "32 characters"),
    ],
)
def test_a_bad_setting(digest: Digest, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    digest("topics", "list").fails(name, "environment", told)


def test_databases_that_cannot_be_used(digest: Digest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("these are notes, not a database, and long enough to have a header")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}")
    digest("topics", "list").fails("notes.txt", "another kind")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}")
    digest("topics", "list").fails(str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}/digest.db")
    digest("topics", "list").fails("notes.txt")
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody@127.0.0.1:1/none")
    digest("topics", "list").fails("none")


def test_a_locked_database(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    digest("topics", "list")
    monkeypatch.setattr("digest.store.db.BUSY_SECONDS", 0.2)  # a constant for patience, not behaviour
    (file,) = digest.folder.glob("digest-*.db")
    holder = sqlite3.connect(file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        digest("topics", "add", "Harbour").fails(file.name, "another process holds it")
    finally:
        holder.rollback()
        holder.close()
    assert digest("topics", "list", "--json").rows == []


def test_an_upgrade_makes_the_database_current(digest: Digest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'deep' / 'new.db'}")
    assert digest("db", "upgrade").out == "the database is current\n"
    assert digest("topics", "add", "Harbour").code == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["nonsense"], "nonsense"),
        (["send", "--nope"], "--nope"),
        (["topics", "add"], "name"),
        (["subscribers", "list", "--limit", "0"], "--limit"),
        (["sources", "edit", "one"], "source"),
    ],
)
def test_wrong_usage_names_what_is_wrong(digest: Digest, arguments: list[str], told: str) -> None:
    done = digest(*arguments)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert told in done.err.lower()


@pytest.mark.parametrize("family", [[], ["topics"], ["sources"], ["subscribers"], ["db"]])
def test_help(digest: Digest, family: list[str]) -> None:
    done = digest(*family, "--help")
    assert done.code == 0
    assert "Usage: digest" in done.out


def test_a_port_that_is_taken(digest: Digest, site: Site) -> None:
    port = site.origin.rsplit(":", 1)[1]
    digest("run", "--port", port).fails(port, "--port 0")
    assert digest("topics", "list").code == 0
