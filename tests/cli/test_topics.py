"""Topics from the operator's side: private ones, their rules, and links to the form with their QR codes."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import segno

from digest.settings import Settings
from digest.store.db import open_database
from tests import parts
from tests.cli.conftest import Digest, environment, on_a_terminal
from tests.gather.site import Site
from tests.service.town import Town

QUIET = {"breaking_publishers": 0, "breaking_minutes": 60, "breaking_a_day": 3}


def test_topics(digest: Digest) -> None:
    assert "added topic energie-climat" in digest("topics", "add", "Énergie & climat").out
    assert digest("topics", "add", "Sea", "--slug", "the-sea", "--description", "Of it", "--language", "de").code == 0
    assert digest("topics", "edit", "the-sea", "--name", "Ocean").code == 0
    assert digest("topics", "list", "--json").rows == [
        {
            "slug": "the-sea",
            "name": "Ocean",
            "language": "de",
            "public": True,
            "archived": False,
            "readers": 0,
            **QUIET,
            "description": "Of it",
            "rule": "",
        },
        {
            "slug": "energie-climat",
            "name": "Énergie & climat",
            "language": "en",
            "public": True,
            "archived": False,
            "readers": 0,
            **QUIET,
            "description": "",
            "rule": "",
        },
    ]
    assert digest("topics", "remove", "the-sea", "--yes").code == 0
    assert "Ocean" not in digest("topics", "list").out


def test_topics_refuse(digest: Digest) -> None:
    digest("topics", "edit", "nix", "--name", "X").fails("no topic 'nix'", "digest topics add")
    digest("topics", "add", "Sea")
    digest("topics", "add", "Sea").fails("there is a topic sea already")
    digest("topics", "add", "???").fails("--slug")
    digest("topics", "add", "Wind", "--slug", "Not A Slug").fails("'Not A Slug'")
    digest("topics", "add", "Wind", "--language", "klingonisch").fails("no language")
    digest("topics", "remove", "nix", "--yes").fails("no topic 'nix'")
    assert [row["slug"] for row in digest("topics", "list", "--json").rows] == ["sea"]


def test_breaking_news_is_switched_on_and_off(digest: Digest) -> None:
    def terms() -> list[object]:
        (row,) = digest("topics", "list", "--json").rows
        return [row[name] for name in QUIET]

    assert digest("topics", "add", "Sea", "--breaking-publishers", "4", "--breaking-minutes", "30").code == 0
    assert terms() == [4, 30, 3]
    assert re.search(r"^sea +Sea +en +public +0 +4 in 30 min", digest("topics", "list").out, re.MULTILINE)
    assert digest("topics", "edit", "sea", "--breaking-a-day", "1").code == 0
    assert terms() == [4, 30, 1], "what is not given stays"
    assert digest("topics", "edit", "sea", "--name", "Ocean").code == 0
    assert terms() == [4, 30, 1]
    assert digest("topics", "edit", "sea", "--breaking-publishers", "0").code == 0
    assert terms() == [0, 30, 1]
    assert re.search(r"^sea +Ocean +en +public +0 +off", digest("topics", "list").out, re.MULTILINE)


@pytest.mark.parametrize(
    ("option", "number", "told"),
    [
        ("--breaking-publishers", "1", "breaking publishers go from 2 to 20, or 0 for never; 1 does not"),
        ("--breaking-publishers", "21", "from 2 to 20"),
        ("--breaking-minutes", "4", "breaking minutes go from 5 to 1440; 4 does not"),
        ("--breaking-minutes", "1441", "from 5 to 1440"),
        ("--breaking-a-day", "0", "breaking mails a day go from 1 to 24; 0 does not"),
        ("--breaking-a-day", "25", "from 1 to 24"),
    ],
)
def test_terms_that_make_no_sense(digest: Digest, option: str, number: str, told: str) -> None:
    digest("topics", "add", "Sea", option, number).fails(told)
    assert digest("topics", "list", "--json").rows == []
    digest("topics", "add", "Sea")
    digest("topics", "edit", "sea", "--name", "Ocean", option, number).fails(told)
    (row,) = digest("topics", "list", "--json").rows
    assert (row["name"], [row[name] for name in QUIET]) == ("Sea", [0, 60, 3]), "nothing half-done"


def test_private_topics(digest: Digest) -> None:
    assert digest("topics", "add", "Harbour").code == 0
    assert digest("topics", "add", "Board", "--private").code == 0
    told = {row["slug"]: row["public"] for row in digest("topics", "list", "--json").rows}
    assert told == {"harbour": True, "board": False}
    assert re.search(r"^board +Board +en +private +0", digest("topics", "list").out, re.MULTILINE)
    assert digest("subscribers", "add", "ada@example.org", "--topic", "board").code == 0, "an operator may add readers"
    assert digest("topics", "edit", "board", "--name", "The Board").code == 0
    assert [row["public"] for row in digest("topics", "list", "--json").rows] == [True, False], "an edit keeps it"
    assert digest("topics", "edit", "board", "--public").code == 0
    assert digest("topics", "edit", "harbour", "--private").code == 0
    told = {row["slug"]: row["public"] for row in digest("topics", "list", "--json").rows}
    assert told == {"harbour": False, "board": True}


def test_a_public_archive_is_switched_on_and_off(digest: Digest) -> None:
    def archived() -> list[object]:
        return [row["archived"] for row in digest("topics", "list", "--json").rows]

    done = digest("topics", "add", "Harbour", "--archive")
    where = "its archive, from the next digest on: http://127.0.0.1:8080/archive/harbour/"
    assert done.out.splitlines() == ["added topic harbour", where, "next: digest sources add URL --topic harbour"]
    assert archived() == [True]
    assert re.search(r"^harbour +Harbour +en +archived +0", digest("topics", "list").out, re.MULTILINE)
    assert digest("topics", "edit", "harbour", "--name", "The Harbour").code == 0
    assert archived() == [True], "what is not given stays"
    assert digest("topics", "edit", "harbour", "--no-archive").out == "changed topic harbour\n"
    assert archived() == [False]
    assert digest("topics", "edit", "harbour", "--archive").out.splitlines() == ["changed topic harbour", where]
    assert digest("topics", "edit", "harbour", "--private").code == 0
    assert digest("topics", "edit", "harbour", "--public").code == 0
    assert archived() == [False], "private takes it away, and public does not bring it back"


def test_a_private_topic_has_no_archive(digest: Digest) -> None:
    told = "topic board is private, and only a public one has an archive; give --public and --archive"
    digest("topics", "add", "Board", "--private", "--archive").fails(told)
    assert digest("topics", "list", "--json").rows == []
    digest("topics", "add", "Board", "--private")
    digest("topics", "edit", "board", "--archive", "--name", "The Board").fails(told)
    (row,) = digest("topics", "list", "--json").rows
    assert (row["name"], row["archived"]) == ("Board", False), "nothing half-done"
    assert digest("topics", "edit", "board", "--public", "--archive").code == 0


# --- rules ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def paper(digest: Digest, make_settings: Callable[..., Settings]) -> None:
    """Three articles of today and one of ten days ago, each of a source of its own."""
    engine = open_database(os.environ["DATABASE_URL"])
    town = Town(engine, make_settings())
    now = datetime.now(UTC)
    town.story("Harbour opens", at=now - timedelta(hours=1), text="All of it.")
    town.story("Ferry [late]", at=now - timedelta(hours=2), text="It left the harbour at noon.")
    town.story("Town hall", at=now - timedelta(hours=3), text="The council met.")
    town.story("Harbour planned", at=now - timedelta(days=10), text="One day.")
    town.service.close()
    engine.dispose()


@pytest.mark.usefixtures("paper")
def test_a_topic_has_a_rule(digest: Digest) -> None:
    done = digest("topics", "add", "Harbour", "--match", 'title:(harbour  "late ferry") OR council')
    assert done.out.splitlines() == [
        "added topic harbour",
        'it takes: title:harbour AND title:"late ferry" OR council',
        "next: digest topics test harbour",
    ]
    assert [row["rule"] for row in digest("topics", "list", "--json").rows] == [
        'title:(harbour "late ferry") OR council'
    ]
    assert digest("topics", "list").out.endswith('title:(harbour "late ferry") OR council\n')
    assert digest("topics", "edit", "harbour", "--match", "harbour").out.splitlines() == [
        "changed topic harbour",
        "it takes: harbour",
        "of the last 14 days, 3 articles entered and 1 left",
    ]
    assert digest("topics", "edit", "harbour", "--name", "Docks").out == "changed topic harbour\n"
    assert digest("topics", "edit", "harbour", "--match", "").out.splitlines() == [
        "changed topic harbour",
        "of the last 14 days, 0 articles entered and 3 left",
    ]
    assert [(row["name"], row["rule"]) for row in digest("topics", "list", "--json").rows] == [("Docks", "")]


@pytest.mark.usefixtures("paper")
def test_a_rule_can_be_tried(digest: Digest) -> None:
    digest("topics", "add", "Harbour", "--match", "title:harbour OR left*")
    done = digest("topics", "test", "harbour")
    head, first, second, summary = done.out.splitlines()
    assert head.split() == ["headline", "publisher", "published", "matched"]
    assert re.fullmatch(r"Harbour opens +Quayside Wire +[-\d]{10} \d\d:\d\d UTC +title:harbour \(title\)", first)
    assert re.fullmatch(r"Ferry \[late\] +Quayside Wire +[-\d]{10} \d\d:\d\d UTC +left\* \(text\)", second)
    assert summary == "matched 2 of 3 articles of the last 7 days"
    done = digest("topics", "test", "harbour", "--match", "harbour OR NOT (noon OR one)", "--days", "14", "--json")
    assert done.err == "matched 4 of 4 articles of the last 14 days\n"
    assert [(row["headline"], row["matched"]) for row in done.rows] == [
        ("Harbour opens", [{"term": "harbour", "fields": ["title"]}]),
        ("Ferry [late]", [{"term": "harbour", "fields": ["text"]}]),
        ("Town hall", []),
        ("Harbour planned", [{"term": "harbour", "fields": ["title"]}]),
    ]
    assert {"article", "url", "headline", "publisher", "published", "matched"} == done.rows[0].keys()
    told = digest("topics", "test", "harbour", "--match", "NOT harbour", "--days", "1").out
    assert "nothing that the rule excludes" in told
    assert told.endswith("matched 1 of 3 articles of the last 1 day\n")
    done = digest("topics", "test", "harbour", "--match", "nowhere", "--json")
    assert (done.code, done.rows) == (0, [])
    assert [row["rule"] for row in digest("topics", "list", "--json").rows] == ["title:harbour OR left*"]


@pytest.mark.usefixtures("paper")
def test_rules_refuse(digest: Digest) -> None:
    digest("topics", "add", "Harbour", "--match", "(harbour").fails("character 1", "this ( is not closed")
    digest("topics", "add", "Harbour", "--from", "http://127.0.0.1:9/", "--match", "or").fails("write OR")
    assert digest("topics", "list", "--json").rows == []
    digest("topics", "add", "Harbour")
    digest("topics", "edit", "harbour", "--name", "Docks", "--match", "pier:x1").fails("no field 'pier'")
    digest("topics", "test", "harbour").fails("topic harbour has no rule", "--match RULE")
    digest("topics", "test", "harbour", "--match", "a1 -b2").fails("character 4", "write NOT")
    digest("topics", "test", "nix", "--match", "harbour").fails("no topic 'nix'")
    digest("topics", "test", "harbour", "--match", "harbour", "--days", "0").fails("0 days", "--days from 1")
    assert [(row["name"], row["rule"]) for row in digest("topics", "list", "--json").rows] == [("Harbour", "")]


def test_a_topic_has_sources_and_a_rule(digest: Digest, site: Site) -> None:
    done = digest("topics", "add", "Harbour", "--from", site.origin + "/wire.xml", "--match", "harbour")
    assert (done.code, done.out.splitlines()[-2:]) == (0, ["it takes: harbour", "next: digest gather"])
    (row,) = digest("topics", "list", "--json").rows
    assert row["rule"] == "harbour"


# --- links ------------------------------------------------------------------------------------------------------------


def test_the_link_opens_the_form_as_asked(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    digest("topics", "add", "Harbour")
    assert digest("topics", "link", "harbour").out == "http://127.0.0.1:8080/subscribe?topic=harbour\n"
    monkeypatch.setenv("PUBLIC_URL", "https://paper.example/news")
    options = ["--source", "Poster & flyer, pier 2", "--email", "ada+sea@example.org", "--lang", "de"]
    done = digest("topics", "link", "harbour", *options, "--json")
    (row,) = done.rows
    parts_of_it = urlsplit(row["link"])
    assert parts_of_it[:3] == ("https", "paper.example", "/news/subscribe")
    assert parse_qsl(parts_of_it.query, strict_parsing=True) == [
        ("topic", "harbour"), ("email", "ada+sea@example.org"), ("source", "Poster & flyer, pier 2"), ("lang", "de"),
    ]  # fmt: skip
    assert (row["topic"], row["qr"], done.err) == ("harbour", None, "")


def test_the_link_can_be_had_as_a_picture(digest: Digest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://paper.example")
    digest("topics", "add", "Harbour")
    for name in ("pier.svg", "pier.PNG"):
        done = digest("topics", "link", "harbour", "--qr", str(tmp_path / name))
        assert (done.code, done.out.splitlines()[1]) == (0, f"its QR code is in {tmp_path / name}")
    wanted = BytesIO()
    segno.make_qr("https://paper.example/subscribe?topic=harbour", error="m").save(wanted, "svg", border=4, scale=8)
    assert (tmp_path / "pier.svg").read_bytes() == wanted.getvalue()
    assert (tmp_path / "pier.PNG").read_bytes().startswith(b"\x89PNG\r\n")


def test_a_terminal_shows_the_code_itself(tmp_path: Path) -> None:
    """On a real terminal of its own."""
    variables = {**environment(tmp_path), "PYTHONPATH": str(parts.ROOT), "TERM": "xterm", "COLUMNS": "100"}
    assert on_a_terminal(["topics", "add", "Harbour"], variables, tmp_path)[0] == 0
    code, shown = on_a_terminal(["topics", "link", "harbour"], variables, tmp_path)
    assert code == 0
    assert "http://127.0.0.1:8080/subscribe?topic=harbour" in shown
    assert "to this machine only" in shown
    modules = segno.make_qr("http://127.0.0.1:8080/subscribe?topic=harbour", error="m").symbol_size(border=4)[0]
    drawn = [line for line in re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines() if set(line) & set("█▀▄")]
    assert {len(line) for line in drawn} == {modules}
    assert len(drawn) == (modules + 1) // 2
    code, shown = on_a_terminal(["topics", "link", "harbour"], {**variables, "COLUMNS": "30"}, tmp_path)
    assert (code, "too narrow" in shown, "█" in shown) == (0, True, False)


def test_links_refuse(digest: Digest, tmp_path: Path) -> None:
    digest("topics", "add", "Harbour")
    digest("topics", "add", "Board", "--private")
    digest("topics", "link", "nix").fails("no topic 'nix'", "harbour")
    digest("topics", "link", "board").fails("board is private", "--public")
    digest("topics", "link", "harbour", "--email", "nobody").fails("'nobody' is no address")
    digest("topics", "link", "harbour", "--lang", "xx").fails("'xx' is no language", "there are en, ar, de")
    digest("topics", "link", "harbour", "--source", "x" * 65).fails("is no source", "64 characters")
    digest("topics", "link", "harbour", "--source", "two\nlines").fails("is no source")
    digest("topics", "link", "harbour", "--qr", str(tmp_path / "code.gif")).fails("neither .svg nor .png")
    digest("topics", "link", "harbour", "--qr", str(tmp_path / "no" / "code.svg")).fails("cannot be written")
    assert not list(tmp_path.glob("code.*"))
