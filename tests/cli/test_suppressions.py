"""`digest suppressions` and `digest status`."""

from __future__ import annotations

import json
import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Digest, Done, on_a_terminal


@pytest.fixture
def readers(digest: Digest) -> Digest:
    """With two readers of one topic."""
    assert digest("topics", "add", "Harbour").code == 0
    for name in ("Ada", "bob"):
        assert digest("subscribers", "add", f"{name}@example.org", "--topic", "harbour").code == 0
    return digest


def statuses(digest: Digest) -> dict[str, str]:
    return {row["address"]: row["status"] for row in digest("subscribers", "list", "--json").rows}


def sql(digest: Digest, statement: str, *values: Any) -> list[Any]:
    (file,) = digest.folder.glob("digest-*.db")
    with sqlite3.connect(file) as connection:
        return connection.execute(statement, values).fetchall()


def test_an_address_is_kept_out_by_hand_and_let_in_again_for_a_reason(readers: Digest) -> None:
    done = readers("suppressions", "add", "ADA@example.org", "--why", "asked on the phone")
    assert (done.code, done.out) == (0, "ADA@example.org is kept from mail\n")
    assert statuses(readers) == {"Ada@example.org": "suppressed", "bob@example.org": "active"}
    assert readers("suppressions", "add", "ada@example.org").code == 3
    readers("subscribers", "add", "ada@example.org", "--topic", "harbour").fails("suppressed (operator)")

    (row,) = readers("suppressions", "list", "--json").rows
    assert (row["reason"], row["source"], row["note"]) == ("operator", "operator", "asked on the phone")
    assert "address" not in row
    assert len(row["hash"]) == 64
    (named,) = readers("suppressions", "list", "--addresses", "--json").rows
    assert named["address"] == "Ada@example.org"
    (asked,) = readers("suppressions", "list", "--address", "ada@EXAMPLE.org", "--json").rows
    assert asked["hash"] == row["hash"]

    assert readers("suppressions", "remove", "ada@example.org").code == 2, "without a reason"
    readers("suppressions", "remove", "ada@example.org", "--why", " ").fails("--why")
    done = readers("suppressions", "remove", "ada@example.org", "--why", "called again")
    assert done.out == "ada@example.org may be mailed again (it was kept out: operator); its reader gets mail again\n"
    assert statuses(readers)["Ada@example.org"] == "active"
    assert readers("suppressions", "remove", "ada@example.org", "--why", "again").code == 3
    log = sql(readers, "SELECT action, reason, note FROM suppression_change ORDER BY id")
    assert log == [("added", "operator", "asked on the phone"), ("removed", "operator", "called again")]
    last = readers("subscribers", "consents", "ada@example.org", "--json").rows[-1]
    assert (last["action"], last["form"], last["note"]) == ("let in", "operator", "called again")
    assert readers("suppressions", "list", "--json").rows == []
    assert "nothing keeps" in readers("suppressions", "list", "--address", "ada@example.org").out


def test_who_called_it_spam_comes_back_by_themselves_only(readers: Digest) -> None:
    file = readers.folder / "spam.csv"
    file.write_text("email,reason\nada@example.org,complaint\n")
    assert readers("suppressions", "import", str(file)).code == 0
    sql(readers, "UPDATE consent SET action = 'left', topics = '' WHERE subscriber_id = 1")
    refused = readers("suppressions", "remove", "ada@example.org", "--why", "mistake")
    assert refused.code == 3, "nobody there to ask"
    done = readers("suppressions", "remove", "ada@example.org", "--why", "mistake", "--yes")
    assert done.out.endswith("its reader has left and may sign up again\n")
    assert statuses(readers)["Ada@example.org"] == "left"


FILES = {
    "postmark": (
        "EmailAddress,SuppressionReason,CreatedAt\nada@example.org,HardBounce,2026\ncy@example.org,SpamComplaint,2026\n",
        {"ada@example.org": "bounced", "cy@example.org": "complained"},
    ),
    "sendgrid": (
        "status,reason,email,created\n5.1.1,550 5.1.1 no such user,ada@example.org,1699999999\n",
        {"ada@example.org": "bounced"},
    ),
    "mailgun": (
        "address,code,error,created_at\nada@example.org,550,No such mailbox,2026-01-01\n",
        {"ada@example.org": "bounced"},
    ),
    "amazon": (
        "EmailAddress;Reason;LastUpdateTime\nada@example.org;BOUNCE;2026\ncy@example.org;COMPLAINT;2026\n",
        {"ada@example.org": "bounced", "cy@example.org": "complained"},
    ),
    "resend": ("email,origin\nada@example.org,complaint\n", {"ada@example.org": "complained"}),
}


@pytest.mark.parametrize("service", FILES)
def test_lists_of_other_services_are_kept_out_as_they_were_there(readers: Digest, service: str) -> None:
    text, wanted = FILES[service]
    file = readers.folder / f"{service}.csv"
    file.write_text(text)
    (done,) = readers("suppressions", "import", str(file), "--json").rows
    assert done == {"kept_out": len(wanted), "readers": 1, "known": 0, "reading": 0, "bad": 0}
    for address, reason in wanted.items():
        (row,) = readers("suppressions", "list", "--address", address, "--json").rows
        assert (row["reason"], row["source"]) == (reason, "import")
    assert statuses(readers)["Ada@example.org"] == "suppressed"
    (again,) = readers("suppressions", "import", str(file), "--json").rows
    assert again == {"kept_out": 0, "readers": 0, "known": len(wanted), "reading": 0, "bad": 0}


def test_who_left_there_and_reads_here_goes_on_reading(readers: Digest) -> None:
    file = readers.folder / "left.csv"
    file.write_text("email\nada@example.org\ncy@example.org\nnobody\nCY@example.org\n\n")
    done = readers("suppressions", "import", str(file), "--reason", "left")
    assert done.code == 1
    assert "line 4: 'nobody' is no address" in done.err
    assert done.out.splitlines() == [
        "1 address kept from mail, 1 were before",
        "1 address left there and read here on: they asked for it here",
    ]
    assert statuses(readers)["Ada@example.org"] == "active"
    (row,) = readers("suppressions", "list", "--reason", "left", "--json").rows
    assert row["reason"] == "left"


def test_files_and_reasons_that_are_none(readers: Digest, tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    readers("suppressions", "import", str(file)).fails("x.csv")
    file.write_text("name,town\nAda,Harbour\n")
    readers("suppressions", "import", str(file)).fails("no column is known to hold addresses", "town")
    readers("suppressions", "import", str(file), "--reason", "bored").fails("bored", "complained")
    readers("suppressions", "add", "nobody").fails("nobody")
    assert readers("suppressions", "list").out == ""


def test_the_list_on_a_terminal(readers: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    readers("suppressions", "add", "ada@example.org", "--why", "asked on the phone, " * 9)
    monkeypatch.setenv("COLUMNS", "80")
    code, shown = on_a_terminal(["suppressions", "list", "--addresses"], {"COLUMNS": "80"}, readers.folder)
    assert code == 0
    assert "Ada@example.org" in shown
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()) <= 80
    only = readers("suppressions", "list", "--limit", "1")
    assert "the newest 1 only; --limit shows more" in only.err


def warnings(done: Done) -> list[str]:
    return [row["value"] for row in done.rows if row["what"] == "warning"]


def test_status_says_when_nothing_is_heard_of_what_became_of_mails(
    readers: Digest, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "PROVIDER": "resend",
        "RESEND_API_KEY": "re_x",
        "PUBLIC_URL": "https://paper.example",
    }.items():
        monkeypatch.setenv(name, value)
    assert warnings(readers("status", "--json")) == [], "nothing was sent yet"
    for statement in SENT:
        sql(readers, statement)
    assert warnings(readers("status", "--json")) == [], "a moment ago"
    sql(readers, "UPDATE attempt SET opened_at = opened_at - 7200")
    (line,) = warnings(readers("status", "--json"))
    assert "no webhook ever came" in line
    assert "https://paper.example/webhooks/resend" in line
    event = (
        "INSERT INTO event (provider, event_id, kind, via, message_id, at, received_at, detail) "
        "VALUES ('resend', 'e', 'delivered', '', '', '2026-01-01', datetime('now', '-1 hours'), '')"
    )
    sql(readers, event)
    done = readers("status", "--json")
    assert warnings(done) == []
    assert {row["what"]: row["value"] for row in done.rows}["events waiting"] == 1
    sql(readers, "UPDATE event SET received_at = datetime('now', '-9 days')")
    sql(readers, "UPDATE attempt SET opened_at = opened_at - 3 * 86400")
    done = readers("status")
    assert done.code == 0
    assert "and no webhook came since" in done.err
    monkeypatch.setenv("PROVIDER", "outbox")
    assert warnings(readers("status", "--json")) == [], "the outbox tells nothing, and nobody expects it to"


NOW = "((julianday('now') - 2440587.5) * 86400.0)"
SENT = f"""
    INSERT INTO edition (id, kind, slot, state, priority, planned_at, key_id, frozen_count)
        VALUES (1, 'tick', 'tick:1', 'done', 5, '2026-01-01', 0, 1);
    INSERT INTO chunk (id, edition_id, state, fence, holder, until, ready_at) VALUES (1, 1, 'done', 1, '', 0, 0);
    INSERT INTO attempt (edition_id, chunk_id, fence, provider, idempotency_key, request_hash, recipients, opened_at,
        state, tries) VALUES (1, 1, 1, 'resend', 'k', 'h', x'01', {NOW}, 'settled', 1)
""".split(";")  # noqa: S608 - made of constants
"""One call to Resend, made just now."""


def test_status_tells_what_is_in_doubt(readers: Digest) -> None:
    done = readers("status", "--json")
    assert json.loads(done.out)[0] == {"what": "provider", "value": "outbox"}
    assert {row["what"] for row in done.rows} == {"provider", "last webhook", "events waiting", "addresses suppressed"}
