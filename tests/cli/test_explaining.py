"""`digest explain` and `digest topics explain`: plain lines, JSON, a terminal of eighty columns, and refusals."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from digest.settings import Settings
from digest.store.db import open_database
from tests import parts
from tests.cli.conftest import Digest, on_a_terminal
from tests.service.town import Clock, Town

HEADLINE = "Ferry [runs] aground, and three hundred passengers wait for the morning tide on deck"


@pytest.fixture
def sent(digest: Digest, make_settings: Callable[..., Settings]) -> Digest:
    """A service whose one reader was just sent a digest: the command line's clock is the machine's own."""
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    town = Town(open_database(os.environ["DATABASE_URL"]), make_settings(), Clock(now))
    town.topics("Harbour", "Sport")
    town.reader("ada@example.org", "harbour", signed_up=now - timedelta(days=2))
    story = town.story(HEADLINE, "harbour", at=now - timedelta(hours=2))
    town.story("The ferry is afloat again", "harbour", at=now - timedelta(hours=1), into=story, publisher="Herald")
    town.story("A match", "sport", at=now - timedelta(hours=1))
    town.service.send_by_hand(None, None)
    town.service.dispatch()
    town.service.close()
    return digest


def test_a_mail_is_explained_in_plain_lines(sent: Digest) -> None:
    told = sent("explain", "ada@example.org")
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[0].startswith("edition 1 for ada@example.org, planned ")
    assert "told: 1 story" in lines
    assert f"  lead: {HEADLINE}" in lines
    assert any(line.startswith("    rank: 0.") and "coverage" in line for line in lines)
    assert any(line.startswith("    opened it: Quayside Wire") for line in lines)
    assert any(line.startswith("    joined with 0.00: Herald") for line in lines)


def test_a_mail_without_stories_is_explained(sent: Digest, make_settings: Callable[..., Settings]) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    town = Town(open_database(os.environ["DATABASE_URL"]), make_settings(), Clock(now + timedelta(days=2)))
    town.service.readers.edit("ada@example.org", all_quiet=True)
    assert town.morning() == 1
    town.service.close()
    lines = sent("explain", "ada@example.org").out.splitlines()
    assert lines[1:3] == ["outcome: accepted", "a mail without stories, which says that there is nothing new"]
    assert "told: 1 story" not in lines
    assert (
        "a mail without stories, which says that there is nothing new"
        not in sent("explain", "ada@example.org", "--edition", "1").out
    )


def test_a_mail_is_explained_to_scripts(sent: Digest) -> None:
    (row,) = sent("explain", "ada@example.org", "--edition", "1", "--story", "1", "--json").rows
    assert (row["edition"], row["state"], row["story"], row["headline"]) == (1, "accepted", 1, HEADLINE)
    assert (row["verdict"], row["told"], row["update"], row["topic"]) == ("lead", True, False, "Harbour")
    assert row["score"] == pytest.approx(sum(row["parts"].values()), abs=1e-3)
    assert [(each["publisher"], each["opened"]) for each in row["articles"]] == [
        ("Quayside Wire", True),
        ("Herald", False),
    ]
    (match,) = sent("explain", "ada@example.org", "--story", "2", "--json").rows
    assert (match["verdict"], match["told"]) == ("no candidate", False)
    assert "Harbour" in match["why"]


def test_refusals_are_one_line(sent: Digest) -> None:
    sent("explain", "nobody@example.org").fails("nobody@example.org", "digest subscribers list")
    sent("explain", "ada@example.org", "--edition", "7").fails("no edition 7", "edition 1")
    sent("explain", "ada@example.org", "--story", "7").fails("no story 7", "--story")
    sent("subscribers", "add", "late@example.org", "--topic", "harbour")
    sent("explain", "late@example.org").fails("no digest was planned for late@example.org", code=3)
    sent("explain", "late@example.org", "--edition", "1").fails("was no digest for late@example.org")
    sent("topics", "explain", "nix").fails("no topic 'nix'")
    sent("topics", "explain", "harbour", "--days", "9").fails("--days from 1 to 8")


def test_a_topic_is_explained(sent: Digest) -> None:
    told = sent("topics", "explain", "harbour")
    assert told.code == 0
    assert told.out.splitlines()[0] == "the next digest of harbour"
    assert f"  lead: {HEADLINE}" in told.out
    assert "breaking news: off; every story waits for the digest" in told.out
    assert sent("topics", "edit", "harbour", "--breaking-publishers", "3").code == 0
    assert "3 independent publishers tell within 60 minutes" in sent("topics", "explain", "harbour").out
    (row,) = sent("topics", "explain", "sport", "--json").rows
    assert (row["topic"], row["headline"], row["verdict"]) == ("Sport", "A match", "lead")
    sent("topics", "add", "Quiet")
    quiet = sent("topics", "explain", "quiet")
    assert quiet.out.splitlines()[-1].endswith("digest topics explain quiet --days 7")
    assert sent("topics", "explain", "quiet", "--json").rows == []


def test_a_terminal_of_eighty_columns_folds_between_words(sent: Digest) -> None:
    variables = {"PYTHONPATH": str(parts.ROOT), "TERM": "xterm", "COLUMNS": "80"}
    code, shown = on_a_terminal(["explain", "ada@example.org"], variables, sent.folder)
    assert code == 0
    lines = re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines()
    assert any("Ferry [runs] aground" in line for line in lines), "brackets in a headline are no markup"
    assert not any(HEADLINE in line for line in lines)
    assert max(len(line) for line in lines) <= 80
