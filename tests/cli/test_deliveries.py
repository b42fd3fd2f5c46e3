"""`digest deliveries`."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

import pytest

from tests.cli.conftest import Digest, on_a_terminal
from tests.gather.site import Site


def sql(digest: Digest, statement: str, *values: Any) -> list[Any]:
    (file,) = digest.folder.glob("digest-*.db")
    with sqlite3.connect(file) as connection:
        return connection.execute(statement, values).fetchall()


@pytest.fixture
def sent(digest: Digest, site: Site) -> Digest:
    """With two readers who have had a digest."""
    assert digest("topics", "add", "Harbour", "--from", site["/wire.xml"]).code == 0
    for name in ("ada", "bob"):
        assert digest("subscribers", "add", f"{name}@example.org", "--topic", "harbour").code == 0
    assert digest("gather").code == 0
    sql(digest, "UPDATE article SET news_at = seen_at")
    assert digest("send", "--yes").code == 0
    return digest


def doubt(digest: Digest, *readers: int) -> None:
    for reader in readers or (1, 2):
        sql(
            digest,
            "UPDATE delivery SET state = 'unknown', provider_message_id = NULL, "
            "reason = 'no answer for ada@example.org' WHERE subscriber_id = ?",
            reader,
        )


def states(digest: Digest) -> list[str]:
    return [row["state"] for row in digest("deliveries", "list", "--json").rows]


def test_deliveries_are_listed_without_addresses_unless_asked_for(sent: Digest) -> None:
    rows = sent("deliveries", "list", "--json").rows
    assert [(row["edition"], row["reader"], row["state"], row["provider"]) for row in rows] == [
        (1, 1, "accepted", "outbox"),
        (1, 2, "accepted", "outbox"),
    ]
    assert "address" not in rows[0]
    doubt(sent, 1)
    plain = sent("deliveries", "list", "--state", "unknown")
    assert "no answer for …@…" in plain.out
    assert "ada@example.org" not in plain.out
    (named,) = sent("deliveries", "list", "--state", "unknown", "--addresses", "--json").rows
    assert (named["address"], named["reason"]) == ("ada@example.org", "no answer for ada@example.org")
    assert len(sent("deliveries", "list", "--reader", "bob@example.org", "--edition", "1", "--json").rows) == 1
    assert sent("deliveries", "list", "--reason", "answer", "--json").rows[0]["reader"] == 1
    assert "the newest 1 only" in sent("deliveries", "list", "--limit", "1").err
    sent("deliveries", "list", "--state", "lost").fails("'lost'", "planned, attempting")
    sent("deliveries", "list", "--reader", "eve@example.org").fails("eve@example.org")


def test_the_list_on_a_terminal(sent: Digest) -> None:
    doubt(sent)
    code, shown = on_a_terminal(["deliveries", "list"], {"COLUMNS": "100"}, sent.folder)
    assert code == 0
    assert "unknown" in shown
    assert max(len(line) for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()) <= 100


def test_what_is_stuck_is_told_with_a_way_out(sent: Digest) -> None:
    assert (sent("deliveries", "stuck").code, sent("deliveries", "stuck").out) == (0, "nothing is stuck\n")
    doubt(sent)
    done = sent("deliveries", "stuck")
    assert done.code == 1
    assert done.err == ("unknown: `digest deliveries settle` or `resend`; they are never sent again by themselves\n")
    (row,) = sent("deliveries", "stuck", "--json").rows
    assert (row["what"], row["edition"], row["mails"], row["reason"]) == ("unknown", 1, 2, "no answer for …@…")


def test_an_operator_settles_one_or_all_in_doubt(sent: Digest) -> None:
    doubt(sent)
    done = sent("deliveries", "settle", "1", "ada@example.org", "--as", "rejected", "--why", "not in their log")
    assert (done.code, done.out) == (0, "1 mail settled as rejected; what they told counts as not told\n")
    assert states(sent) == ["rejected", "unknown"]
    sent("deliveries", "settle", "1", "1", "--as", "accepted", "--why", "x").fails("is rejected")
    sent("deliveries", "settle", "1", "2", "--as", "lost", "--why", "x").fails("'lost'", "accepted, rejected")
    sent("deliveries", "settle", "1", "2", "--as", "accepted", "--why", " ").fails("--why")
    sent("deliveries", "settle", "x", "2", "--as", "accepted", "--why", "x").fails("'x' is no edition's number")
    sent("deliveries", "settle", "m-1", "--as", "accepted", "--why", "x").fails("'m-1' is about no mail")
    sent("deliveries", "settle", "1", "2", "--unknown", "--as", "accepted", "--why", "x").fails("--unknown")
    doubt(sent)
    assert sent("deliveries", "settle", "1", "--unknown", "--as", "accepted", "--why", "x").code == 3, "nobody to ask"
    done = sent("deliveries", "settle", "1", "--unknown", "--as", "accepted", "--why", "their log", "--yes")
    assert (done.code, done.out) == (0, "2 mails settled as accepted\n")
    assert states(sent) == ["accepted", "accepted"]
    assert sent("deliveries", "settle", "1", "--unknown", "--as", "accepted", "--why", "x").code == 3
    assert sql(sent, "SELECT subscriber_id, action, was, became, note FROM delivery_change ORDER BY id") == [
        (1, "settled", "unknown", "rejected", "not in their log"),
        (1, "settled", "unknown", "accepted", "their log"),
        (2, "settled", "unknown", "accepted", "their log"),
    ]


def test_an_operator_settles_by_the_provider_s_message_id(sent: Digest) -> None:
    doubt(sent, 1)
    sql(
        sent,
        "INSERT INTO event (provider, event_id, kind, via, message_id, subscriber_id, at, received_at, applied_at, "
        "detail) VALUES ('resend', 'e', 'delivered', '', 'm-lost', 1, '2026-01-01', '2026-01-01', '2026-01-01', '')",
    )
    done = sent("deliveries", "settle", "m-lost", "--as", "accepted", "--why", "their event says so")
    assert (done.code, done.out) == (0, "1 mail settled as accepted\n")
    assert sent("deliveries", "list", "--json").rows[0]["message_id"] == "m-lost"


def test_mails_are_sent_again_when_that_is_confirmed(sent: Digest) -> None:
    doubt(sent)
    assert sent("deliveries", "resend", "1", "--unknown").code == 3, "nobody there to ask"
    assert states(sent) == ["unknown", "unknown"]
    assert sent("suppressions", "add", "bob@example.org").code == 0
    done = sent("deliveries", "resend", "1", "--unknown", "--yes", "--why", "never came")
    assert done.code == 1
    assert done.out.startswith("1 mail to be sent again: ")
    assert "the mail to reader 2 in edition 1 is not sent again: the reader is kept from mail" in done.err
    assert states(sent) == ["retry", "unknown"]
    assert sent("deliveries", "list", "--json").rows[0]["by_hand"] == "sent again (unknown): never came"
    sent("deliveries", "resend", "1", "1", "--yes").fails("is retry")
    sent("deliveries", "resend", "1", "2", "--yes").fails("is kept from mail")
    (row,) = sent("editions", "list", "--unfinished", "--json").rows
    assert (row["mails"], row["unknown"], row["retry"], row["finished"]) == (2, 1, 1, "1 of 2 wait")
    done = sent("editions", "resume", "1")
    assert (done.code, done.out) == (0, "sent 1 mail; 0 wait\n")
    assert states(sent) == ["accepted", "unknown"]
    assert sent("editions", "list", "--unfinished", "--json").rows == []
    assert sent("editions", "resume", "1").code == 3
    sent("deliveries", "resend", "9", "1", "--yes").fails("edition 9 has no mail for reader 1")


def test_editions_are_shown_with_what_they_lack(sent: Digest) -> None:
    (row,) = sent("editions", "list", "--json").rows
    assert (row["edition"], row["state"], row["mails"], row["accepted"], row["finished"]) == (
        1,
        "done",
        2,
        2,
        "finished",
    )
    head, line = sent("editions", "list").out.splitlines()
    assert head.split() == ["edition", "slot", "planned_at", "state", "mails", "accepted", "finished"]
    assert "2 accepted" not in line
    sql(sent, "UPDATE delivery SET state = 'planned' WHERE subscriber_id = 1")
    (row,) = sent("editions", "list", "--json").rows
    assert (row["planned"], row["accepted"], row["planned_at"][:2]) == (1, 1, "20"), "how many wait, and since when"
    sql(sent, "UPDATE delivery SET state = 'accepted'")
    assert sent("editions", "show", "1", "--json").rows[0]["open_chunks"] == 0
    sql(sent, "UPDATE edition SET state = 'frozen', frozen_count = 3")
    assert "never: 3 were frozen, 2 are there" in sent("editions", "show", "1").out
    assert "edition 1 is never finished: it was frozen with 3 mails, and 2 are there" in sent("status").err
    sent("editions", "show", "9").fails("there is no edition 9")
    sent("editions", "resume", "9").fails("there is no edition 9")


def test_an_edition_that_was_stopped_goes_on_when_the_operator_says_so(sent: Digest) -> None:
    sql(sent, "UPDATE edition SET state = 'frozen', stopped_at = '2026-01-01', stopped_why = '9 of 100 bounced'")
    sql(sent, "UPDATE delivery SET state = 'planned', picks = NULL WHERE subscriber_id = 1")
    sql(sent, "UPDATE chunk SET state = 'planned'")
    sql(sent, "INSERT INTO provider_flow (provider, failures, open_until) VALUES ('outbox', 5, 4e9)")
    assert "stopped: 9 of 100 bounced" in sent("editions", "show", "1").out
    told = sent("status").err
    assert "edition 1 is stopped: 9 of 100 bounced; `digest editions resume 1` goes on" in told
    assert "outbox failed 5 times in a row" in told
    done = sent("send", "--resume")
    assert done.code == 1
    assert "edition 1 is stopped: 9 of 100 bounced; next: `digest editions resume 1`" in done.err
    assert states(sent) == ["planned", "accepted"]
    done = sent("editions", "resume", "1")
    assert (done.code, done.out) == (0, "sent 1 mail; 0 wait\n")
    assert sent("editions", "show", "1", "--json").rows[0]["finished"] == "finished"
    assert sent("status").err == ""
