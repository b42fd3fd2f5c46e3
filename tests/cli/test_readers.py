"""Readers from the operator's side."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.cli.conftest import Digest


def test_subscribers(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    added = digest(
        "subscribers", "add", "Ada@Example.org", "--topic", "harbour", "--name", "Ada", "--timezone", "Europe/Berlin",
        "--language", "de", "--cadence", "weekly:mon", "--at", "18:45",
    )  # fmt: skip
    assert "added Ada@" in added.out
    (row,) = digest("subscribers", "list", "--json").rows
    assert row["status"] == "active"
    assert (row["cadence"], row["at"], row["timezone"], row["language"]) == (
        "weekly:mon",
        "18:45",
        "Europe/Berlin",
        "de",
    )
    assert digest("subscribers", "show", "ADA@example.org", "--json").rows == [row]
    assert digest("subscribers", "list", "--topic", "harbour", "--after", str(row["id"]), "--json").rows == []
    assert "Ada" in digest("subscribers", "show", "ada@example.org").out
    assert digest("subscribers", "remove", "ada@example.org", "--yes").code == 0
    assert digest("subscribers", "list", "--json").rows == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["not-an-address", "--topic", "harbour"], "not-an-address"),
        (["ada@example.org", "--topic", "nix"], "no topic 'nix'"),
        (["ada@example.org", "--topic", "harbour", "--at", "07:10"], "quarter hour"),
        (["ada@example.org", "--topic", "harbour", "--timezone", "Mars"], "time zone"),
        (["ada@example.org", "--topic", "harbour", "--cadence", "hourly"], "cadence"),
    ],
)
def test_subscribers_refuse(digest: Digest, arguments: list[str], told: str) -> None:
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", *arguments).fails(told)
    assert digest("subscribers", "list", "--json").rows == []


@pytest.mark.parametrize("command", ["subscribers list --after", "sources edit --name x", "gather --source"])
def test_a_number_beyond_64_bits_is_one_line(digest: Digest, command: str) -> None:
    done = digest(*command.split(), "9" * 20)
    assert done.code == 2
    assert "Traceback" not in done.err
    assert done.err.startswith("error: ")


def test_unknown_readers(digest: Digest) -> None:
    digest("subscribers", "show", "nobody@example.org").fails("nobody@example.org")
    digest("subscribers", "remove", "nobody@example.org", "--yes").fails("nobody@example.org")


def test_adding_a_reader_again_says_what_stays(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("topics", "add", "Science")
    who = ("subscribers", "add", "ada@example.org", "--timezone", "Europe/Berlin")
    assert "first digest" in digest(*who, "--topic", "harbour").out
    again = digest(*who, "--topic", "science", "--at", "18:00")
    assert "is a reader already" in again.out
    assert "harbour, science" in again.out
    assert digest("subscribers", "list", "--json").rows[0]["at"] == "07:00"


def test_edit_changes_what_is_named_and_nothing_else(digest: Digest) -> None:
    for name in ("Harbour", "Science", "Sport"):
        digest("topics", "add", name)
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour", "--topic", "science", "--name", "Ada")
    (before,) = digest("subscribers", "show", "ada@example.org", "--json").rows
    assert (before["format"], before["stories"], before["paused"]) == ("html", 12, None)
    assert before["all_quiet"] is False
    changed = digest(
        "subscribers", "edit", "ADA@example.org", "--topic", "sport", "--topic", "harbour", "--cadence", "days:mon,thu",
        "--at", "18:45", "--timezone", "Asia/Tokyo", "--language", "de", "--format", "text", "--max-stories", "5",
        "--all-quiet",
    )  # fmt: skip
    assert changed.code == 0, changed.err
    assert changed.out.startswith("changed ada@example.org; next digest ")
    assert "18:45 Asia/Tokyo" in changed.out
    (after,) = digest("subscribers", "show", "ada@example.org", "--json").rows
    assert {key: after[key] for key in after if after[key] != before[key]} == {
        "topics": ["sport", "harbour"],
        "cadence": "days:mon,thu",
        "at": "18:45",
        "timezone": "Asia/Tokyo",
        "language": "de",
        "format": "text",
        "stories": 5,
        "all_quiet": True,
        "next": after["next"],
    }
    assert digest("subscribers", "edit", "ada@example.org", "--name", "").code == 0
    assert digest("subscribers", "show", "ada@example.org", "--json").rows == [{**after, "name": ""}]
    assert "all_quiet  yes" in digest("subscribers", "show", "ada@example.org").out
    assert digest("subscribers", "edit", "ada@example.org", "--no-all-quiet").code == 0
    assert digest("subscribers", "show", "ada@example.org", "--json").rows == [
        {**after, "name": "", "all_quiet": False}
    ]


def test_a_pause_and_its_end(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour", "--timezone", "Europe/Berlin")
    (before,) = digest("subscribers", "show", "ada@example.org", "--json").rows
    day = date.today() + timedelta(days=30)  # noqa: DTZ011 - any day to come will do
    paused = digest("subscribers", "edit", "ada@example.org", "--pause-until", str(day))
    assert f"next digest {day} 07:00 Europe/Berlin" in paused.out
    assert f"until {day} 00:00 Europe/Berlin" in digest("subscribers", "show", "ada@example.org").out
    assert digest("subscribers", "edit", "ada@example.org", "--go-on").code == 0
    assert digest("subscribers", "show", "ada@example.org", "--json").rows == [before]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--topic", "nix"], "no topic 'nix'"),
        (["--cadence", "hourly"], "cadence"),
        (["--at", "07:10"], "quarter hour"),
        (["--timezone", "Mars"], "time zone"),
        (["--language", "klingonisch"], "language"),
        (["--format", "fax"], "html or text"),
        (["--max-stories", "41"], "1 to 40"),
        (["--pause-until", "soon"], "is no day"),
        (["--pause-until", "2020-01-01"], "2020-01-01 has begun"),
        (["--pause-until", "9999-12-31"], "more than a year"),
        (["--pause-until", "2099-01-01", "--go-on"], "exclude each other"),
        ([], "nothing to change"),
    ],
)
def test_edit_refuses(digest: Digest, options: list[str], told: str) -> None:
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour")
    (before,) = digest("subscribers", "show", "ada@example.org", "--json").rows
    valid = ["--name", "Somebody"] if options else []
    digest("subscribers", "edit", "ada@example.org", *valid, *options).fails(told)
    assert digest("subscribers", "show", "ada@example.org", "--json").rows == [before], "nothing half-done"
    digest("subscribers", "edit", "nobody@example.org", "--name", "X").fails("nobody@example.org")


def test_consents(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("topics", "add", "Sport")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour")
    digest("subscribers", "edit", "ada@example.org", "--topic", "harbour", "--topic", "sport")
    first, *later = digest("subscribers", "consents", "ADA@example.org", "--json").rows
    assert (first["action"], first["topics"], first["form"], first["network"]) == ("added", ["harbour"], "operator", "")
    assert [row["action"] for row in later] == ["changed"]
    assert "sport" in later[0]["topics"]
    assert "added" in digest("subscribers", "consents", "ada@example.org").out
    digest("subscribers", "consents", "nobody@example.org").fails("nobody@example.org")


def test_who_was_erased_is_not_brought_back_by_an_operator(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour")
    removed = digest("subscribers", "remove", "Ada@example.org", "--yes")
    assert (removed.code, "only the reader can bring the address back" in removed.out) == (0, True)
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour").fails("ada@example.org")
    for command in ("show", "consents", "remove"):
        digest("subscribers", command, "ada@example.org").fails("nobody on the roster", "kept out (erased)")
    digest("subscribers", "edit", "ada@example.org", "--name", "A").fails("nobody on the roster", "kept out (erased)")


def test_who_is_kept_out_by_an_import_is_told_alike_everywhere(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    (digest.folder / "gone.csv").write_text("email,status\nada@example.org,unsubscribed\n")
    assert digest("subscribers", "import", "gone.csv", "--topic", "harbour").code == 0
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour").fails("kept out (left)")
    digest("subscribers", "consents", "Ada@example.org").fails("kept out (left)")
    digest("subscribers", "consents", "zoe@example.org").fails("nobody on the roster has the address zoe@example.org")


# --- a form for other sites -------------------------------------------------------------------------------------------


def test_embed(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://paper.example")
    digest("topics", "add", "Harbour & Sea", "--slug", "harbour")
    digest("topics", "add", "Sport")
    digest("topics", "add", "Board", "--private")
    whole = digest("subscribers", "embed")
    assert (whole.code, whole.err) == (0, "")
    assert whole.out.startswith('<form action="https://paper.example/subscribe" method="post"')
    assert "Harbour &amp; Sea" in whole.out
    assert whole.out.count('type="checkbox"') == 2
    assert "checked" not in whole.out, "consent is never ticked beforehand"
    assert 'name="lang" value="en">' in whole.out
    named = digest("subscribers", "embed", "--topic", "sport", "--topic", "harbour", "--lang", "en").out
    assert named.count(" checked") == 2
    assert 'name="lang" value="en" data-fixed>' in named
    assert "Board" not in whole.out
    assert '<script src="https://paper.example/embed.js" defer></script>' in whole.out
    plain = digest("subscribers", "embed", "--topic", "sport", "--lang", "ar", "--source", 'a "b"', "--plain")
    assert "<script" not in plain.out
    assert "harbour" not in plain.out
    assert 'dir="rtl"' in plain.out
    assert 'name="topic" value="sport"' in plain.out
    assert 'name="source" value="a &#34;b&#34;"' in plain.out


def test_embed_refuses(digest: Digest) -> None:
    digest("subscribers", "embed").fails("no public topic", "digest topics add")
    digest("topics", "add", "Board", "--private")
    digest("subscribers", "embed").fails("no public topic")
    digest("subscribers", "embed", "--topic", "board").fails("board is private", "--public")
    digest("subscribers", "embed", "--topic", "nix").fails("no topic 'nix'")
    digest("topics", "edit", "board", "--public")
    digest("subscribers", "embed", "--lang", "xx").fails("'xx' is no language")
    digest("subscribers", "embed", "--source", "x" * 65).fails("is no source")
    assert "this machine only" in digest("subscribers", "embed").err
