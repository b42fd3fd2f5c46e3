"""`digest sources` and `digest gather`: what an operator sees of sources."""

from __future__ import annotations

import os
import pty
import re
import select
import sqlite3
import sys
import time
from pathlib import Path

import pytest

from digest.cli.sources import closing
from digest.types import GatherRow
from tests.cli.conftest import Digest
from tests.gather.site import FEEDS, Reply, Site

TEXT = """Ferry late for the third time this week
The Harbour Lantern • 2 hours ago

The ferry was late again this morning, and nobody at the quay could say why it had to wait for so long outside the bar.
The harbour master promised an answer by the end of the week, and a second boat in the meantime.

Council argues over the new lamp posts
Tide & Tower • an hour ago

Eleven members spoke for and eleven against. The mayor, who has the casting vote, has gone to bed with a cold.
The debate goes on when she is well again, the clerk said late on Monday evening.
"""
"""A page of several articles, as somebody copied it into a file."""

PAGE = """<!doctype html><html lang="en"><head><title>The Quay</title></head><body><ul>
<li><h2><a href="/2026/ferry-late">Ferry late for the third time this week</a></h2></li>
<li><h2><a href="/2026/lamp-posts">Council argues over the new lamp posts</a></h2></li>
<li><h2><a href="/2026/rowers-win">Rowers win by a length in heavy rain</a></h2></li>
<li><h2><a href="/2026/chess-club">Chess club loses its last three games</a></h2></li></ul>
<a class="more" href="/2026/storm">Storm warning lifted on the east side</a></body></html>"""


@pytest.fixture
def several(digest: Digest, site: Site) -> Site:
    """A site with three feeds, and a topic to put them into."""
    digest("topics", "add", "Harbour")
    feed = site.pages["/wire.xml"]
    assert isinstance(feed, Reply)
    links = "".join(
        f'<link rel=alternate type="application/rss+xml" href="/{n}.xml">' for n in ("wire", "sport", "comments")
    )
    site.pages["/"] = Reply(f"<!doctype html>{links}".encode(), headers={"Content-Type": "text/html"})
    for name in ("sport", "comments"):
        site.pages[f"/{name}.xml"] = Reply(feed.body.replace(b"lantern.example/", f"lantern.example/{name}/".encode()))
    return site


def urls(digest: Digest) -> list[str]:
    return [row["url"] for row in digest("sources", "list", "--json").rows]


def store(digest: Digest, statement: str) -> None:
    (file,) = digest.folder.glob("digest-*.db")
    with sqlite3.connect(file) as rows:
        rows.execute(statement)
    rows.close()


# --- find and add -----------------------------------------------------------------------------------------------------


def test_find_shows_the_feeds_and_stores_nothing(digest: Digest, several: Site) -> None:
    found = digest("sources", "find", several["/"], "--json").rows
    assert [(row["pick"], row["url"], row["found"]) for row in found] == [
        (1, several["/wire.xml"], "declared"),
        (2, several["/sport.xml"], "declared"),
        (3, several["/comments.xml"], "declared"),
    ]
    assert (found[0]["format"], found[0]["articles"]) == ("RSS", 3)
    assert found[0]["latest"][0]["published"] == "2026-03-02 12:05:00+00:00"
    told = digest("sources", "find", several["/"]).out
    assert "RSS, 3 articles; declared by the page" in told
    assert "2026-03-02 12:05 UTC  Ferry Petrel returns" in told
    assert max(map(len, told.splitlines())) <= 80
    assert urls(digest) == []
    digest("sources", "find", several["/plain"]).fails("no feed found", "--kind page")


def test_without_a_terminal_the_first_is_taken_and_the_others_named(digest: Digest, several: Site) -> None:
    done = digest("sources", "add", several["/"], "--topic", "harbour")
    assert (done.code, urls(digest)) == (0, [several["/wire.xml"]])
    assert "3 feeds found, the first is taken; --pick NUMBER takes another:" in done.err
    assert several["/comments.xml"] in done.err
    assert digest("sources", "add", several["/sport.xml"], "--topic", "harbour").err.count("feeds found") == 0
    assert "there already" in digest("sources", "add", several["/sport.xml"], "--topic", "harbour").out


def test_pick_takes_another(digest: Digest, several: Site) -> None:
    done = digest("sources", "add", several["/"], "--topic", "harbour", "--pick", "2")
    assert (done.code, urls(digest)) == (0, [several["/sport.xml"]])
    assert "feeds found" not in done.err
    digest("sources", "add", several["/"], "--topic", "harbour", "--pick", "4").fails("no feed 4", "3 feeds found")
    assert urls(digest) == [several["/sport.xml"]]


@pytest.mark.parametrize(
    ("keys", "code", "taken"),
    [("\r", 0, "/wire.xml"), ("9\r2\r", 0, "/sport.xml"), ("\x03", 3, None)],
)
def test_on_a_terminal_a_person_chooses(digest: Digest, several: Site, keys: str, code: int, taken: str | None) -> None:
    arguments = ["sources", "add", several["/"], "--topic", "harbour"]
    ended, told = _on_a_terminal(arguments, "Which one?", keys)
    assert ended == code, told
    assert "Traceback" not in told
    assert "Ferry Petrel returns" in told
    assert ("'9' is none of them" in told) == ("9" in keys)
    assert urls(digest) == ([several[taken]] if taken else [])


def _on_a_terminal(arguments: list[str], question: str, keys: str) -> tuple[int, str]:
    """The exit code, and what was shown; a line of `keys` is typed each time that the question is asked."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "digest", *arguments])  # noqa: S606
    lines = re.findall(r"[^\r]*\r|.", keys)
    told, typed, until = "", 0, time.monotonic() + 60
    try:
        while time.monotonic() < until:
            if select.select([terminal], [], [], 0.2)[0]:
                told += os.read(terminal, 4096).decode()
            elif typed < min(len(lines), told.count(question)):
                os.write(terminal, lines[typed].encode())
                typed += 1
    except OSError:  # Linux answers EIO once the other end has closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told


def test_how_a_source_is_read(digest: Digest, several: Site) -> None:
    add = ("sources", "add", several["/wire.xml"], "--topic", "harbour")
    digest(*add, "--rights", "all").fails("'all'", "title, excerpt, full")
    digest(*add, "--kind", "push").fails("'push'", "feed and page")
    digest(*add, "--selector", "a").fails("only a page has a selector")
    assert digest(*add, "--rights", "title", "--full-text").code == 0
    (row,) = digest("sources", "list", "--json").rows
    assert (row["kind"], row["rights"], row["full_text"]) == ("feed", "title", True)
    assert digest("sources", "edit", "1", "--rights", "full", "--no-full-text").code == 0
    (row,) = digest("sources", "list", "--json").rows
    assert (row["rights"], row["full_text"]) == ("full", False)
    digest("sources", "edit", "1", "--selector", "a").fails("only a page")
    digest("sources", "edit", "1", "--rights", "some").fails("'some'")
    assert digest("sources", "edit", "1", "--weight", "2.5").code == 0
    digest("sources", "edit", "1", "--weight", "11").fails("from 0.1 to 10")


# --- pages ------------------------------------------------------------------------------------------------------------


def test_a_page_is_watched(digest: Digest, several: Site) -> None:
    several.pages["/page"] = Reply(PAGE.encode(), headers={"Content-Type": "text/html"})
    several.pages["/robots.txt"] = Reply(b"User-agent: *\nDisallow: /secret")
    several.pages["/secret"] = several.pages["/page"]
    add = ("sources", "add", several["/page"], "--topic", "harbour", "--kind", "page")
    digest("sources", "add", several["/secret"], "--topic", "harbour", "--kind", "page").fails("robots.txt", "/secret")
    digest(*add, "--selector", "a[").fails("a[")
    digest(*add, "--selector", "h6 a").fails("h6 a")
    assert digest(*add, "--selector", "h2 a").code == 0
    (row,) = digest("sources", "list", "--json").rows
    assert (row["kind"], row["url"], row["selector"]) == ("page", several["/page"], "h2 a")
    digest("sources", "edit", "1", "--selector", "h6 a").fails("h6 a")
    assert digest("sources", "edit", "1", "--selector", "a.more").code == 0
    check = ("sources", "check", several["/page"], "--kind", "page", "--json")
    assert [each["title"] for each in digest(*check, "--selector", "a.more").rows] == [
        "Storm warning lifted on the east side"
    ]
    assert len(digest(*check).rows) >= 2
    digest("sources", "add", several["/page"], "--topic", "harbour").fails("no feed found")


def test_a_file_is_a_page(digest: Digest, tmp_path: Path) -> None:
    digest("topics", "add", "Harbour")
    file = tmp_path / "saved.txt"
    odd = tmp_path / "100% #1?.txt"
    for each in (file, odd):
        each.write_text(TEXT)
    written = time.time() - 86_400
    os.utime(file, (written, written))
    digest("sources", "add", "saved.txt", "--topic", "harbour").fails("saved.txt", "--kind page")
    digest("sources", "check", "saved.txt").fails("plain text", "--kind page")
    assert digest("sources", "add", "saved.txt", "--topic", "harbour", "--kind", "page").code == 0
    (row,) = digest("sources", "list", "--json").rows
    assert (row["url"], row["name"], row["kind"]) == (f"file:{file}", "saved", "page")
    found = digest("sources", "check", str(file), "--kind", "page", "--json").rows
    assert [each["publisher"] for each in found] == ["The Harbour Lantern", "Tide & Tower"]
    asked = time.strftime("%Y-%m-%d %H:%M", time.gmtime(written - 7200))
    assert found[0]["published"].startswith(asked), "an age counts from when the file was saved"
    assert digest("sources", "add", odd.name, "--topic", "harbour", "--kind", "page").code == 0
    assert digest("sources", "list", "--json").rows[1]["url"] == f"file:{tmp_path}/100%25%20%231%3F.txt"
    assert [(row["status"], row["new"]) for row in digest("gather", "--json").rows] == [("ok", 2), ("ok", 2)]
    digest("sources", "add", "gone.txt", "--topic", "harbour", "--kind", "page").fails("gone.txt")
    digest("sources", "add", str(tmp_path), "--topic", "harbour", "--kind", "page").fails("cannot be read")


# --- check ------------------------------------------------------------------------------------------------------------


def test_check_shows_every_field(digest: Digest, site: Site) -> None:
    row = digest("sources", "check", site["/wire.xml"], "--json").rows[0]
    assert list(row) == [
        *("title", "url", "guid", "published", "updated", "author", "publisher", "credit", "language", "image"),
        *("image_alt", "words", "minutes", "summary", "text", "html"),
    ]
    assert (row["guid"], row["published"], row["author"], row["image_alt"]) == (
        "lantern-1",
        "2026-03-02 12:05:00+00:00",
        "Ines Okafor",
        "The ferry & its crew",
    )
    assert (row["words"], row["summary"]) == (6, "Short version.")
    told = digest("sources", "check", site["/wire.xml"]).out
    for part in ("published  2026-03-02 12:05 UTC", "author     Ines Okafor", "none       updated, credit"):
        assert part in told
    assert "The Harbour Lantern & Tide: RSS, en, 3 articles, 1 unusable" in told
    assert max(len(line) for line in told.splitlines() if "://" not in line) <= 80


def test_check_cuts_what_is_long(digest: Digest, site: Site) -> None:
    item = f"<item><title>{'long ' * 60}</title><description>{'word ' * 900}</description></item>"
    pace = "<ttl>90</ttl><skipHours><hour>3</hour></skipHours><skipDays><day>Sunday</day></skipDays>"
    site.pages["/long"] = Reply(f"<rss><channel><title>{'風' * 90}</title>{pace}{item}</channel></rss>".encode())
    told = digest("sources", "check", site["/long"]).out
    assert told.count("word") < 60
    assert "…" in told
    assert "words      900" in told
    assert "it asks to be read every 90 min at most, not at 03 h UTC, not on Sundays" in told


# --- list and gather --------------------------------------------------------------------------------------------------


def test_the_list_tells_the_state(digest: Digest, several: Site) -> None:
    for name in ("wire", "sport", "comments"):
        digest("sources", "add", several[f"/{name}.xml"], "--topic", "harbour", "--name", name)
    assert [row["state"] for row in digest("sources", "list", "--json").rows] == ["new"] * 3
    digest("gather")
    assert [row["state"] for row in digest("sources", "list", "--json").rows] == ["ok"] * 3
    del several.pages["/sport.xml"]
    assert digest("gather").code == 1
    store(digest, "UPDATE source SET failing_since = '2026-03-01 07:00:00' WHERE name = 'sport'")
    store(digest, "UPDATE source SET retired_at = '2026-03-05 07:00:00' WHERE name = 'comments'")
    rows = digest("sources", "list", "--json").rows
    assert [row["state"] for row in rows] == ["ok", "failing", "retired"]
    assert [row["next"] is None for row in rows] == [False, False, True]
    assert "404" in rows[1]["problem"]
    assert [row["name"] for row in digest("sources", "list", "--failing", "--json").rows] == ["sport"]
    told = digest("sources", "list")
    assert "failing since 03-01" in told.out
    assert re.search(r"^2: has failed for \d+ days: .*404", told.err, re.MULTILINE)
    assert "retired 2026-03-05" in told.out
    done = digest("gather")
    assert "1 source has failed for 3 days or more: `digest sources list --failing`" in done.err
    assert re.search(r"gathered 0 articles from \d sources, 1 failed$", done.out.strip())
    assert "3 days" not in digest("gather", "--json").err


def test_gather_says_how_often_feedparser_was_needed() -> None:
    rows = [GatherRow(1, "A", "ok", new=2), GatherRow(2, "B", "ok", new=1, fallback=True), GatherRow(3, "C", "failed")]
    assert closing(rows) == "gathered 3 articles from 3 sources, 1 failed; feedparser was needed for 1"
    assert closing(rows[:1]) == "gathered 2 articles from 1 source"


# --- lists of feeds ---------------------------------------------------------------------------------------------------


def opml(site: Site, *outlines: str) -> str:
    inside = "\n".join(outlines).replace("SITE", site.origin)
    return (
        f'<?xml version="1.0"?>\n<opml version="2.0"><head><title>Mine</title></head><body>\n{inside}\n</body></opml>'
    )


def test_a_list_is_imported_and_exported(digest: Digest, several: Site, tmp_path: Path) -> None:
    listed = tmp_path / "list.opml"
    listed.write_text(
        opml(
            several,
            '<outline text="Sea &amp; sky"><outline type="rss" text="Wire" xmlUrl="SITE/wire.xml"/>',
            '<outline type="rss" text="Gone" xmlUrl="SITE/gone"/></outline>',
            '<outline text="Script" xmlUrl="javascript:1"/>',
            '<outline text="Sport" xmlUrl="SITE/sport.xml"/>',
        )
    )
    planned = digest("sources", "import", str(listed), "--dry-run")
    assert (planned.code, urls(digest), several.seen) == (0, [], [])
    assert "3 feeds, new topics: sea-sky; nothing was written" in planned.out
    assert [row["topics"] for row in digest("sources", "import", str(listed), "--dry-run", "--json").rows] == [
        ["sea-sky"],
        ["sea-sky"],
        [],
    ]
    done = digest("sources", "import", str(listed))
    assert (done.code, done.out) == (1, "added 2 sources, 0 gained topics, 0 there already, 2 failed\n")
    assert re.search(r"^line 4: Gone: .*404", done.err, re.MULTILINE)
    assert "line 5: Script: 'javascript:1' is no web address" in done.err
    assert "1 source in no folder feed no topic yet" in done.err
    several.pages["/gone"] = several.pages["/comments.xml"]
    again = digest("sources", "import", str(listed), "--json")
    assert [(row["line"], row["became"]) for row in again.rows] == [
        (3, "known"),
        (4, "added"),
        (5, "failed"),
        (6, "known"),
    ]
    out = tmp_path / "out.opml"
    digest("gather")
    exported = digest("sources", "export", str(out))
    assert (exported.code, exported.err) == (0, f"3 feeds in {out}\n")
    assert 'htmlUrl="https://lantern.example/"' in out.read_text()
    undated = re.compile("<dateCreated>.*</dateCreated>")
    assert undated.sub("", digest("sources", "export").out) == undated.sub("", out.read_text())
    unchanged = digest("sources", "import", str(out))
    assert (unchanged.code, "0 failed" in unchanged.out) == (3, True)


def test_one_topic_for_a_whole_list(digest: Digest, several: Site, tmp_path: Path) -> None:
    listed = tmp_path / "list.opml"
    listed.write_text(opml(several, '<outline text="A"><outline type="rss" xmlUrl="SITE/none"/></outline>'))
    assert digest("sources", "import", str(listed), "--topic", "harbour", "--no-fetch").code == 0
    (row,) = digest("sources", "list", "--json").rows
    assert (row["topics"], row["url"], several.seen) == (["harbour"], several["/none"], [])


def test_lists_that_cannot_be_used(digest: Digest, tmp_path: Path) -> None:
    digest("sources", "import", "none.opml").fails("none.opml", "cannot be read")
    digest("sources", "import", str(FEEDS / "rss2.xml")).fails("no list of feeds", "<rss>")
    (tmp_path / "empty.opml").write_text("<opml><body/></opml>")
    digest("sources", "import", "empty.opml").fails("no feeds")
    (tmp_path / "one.opml").write_text('<opml><body><outline xmlUrl="https://a.example/"/></body></opml>')
    digest("sources", "import", "one.opml", "--topic", "nix").fails("'nix'")
    digest("sources", "export", str(tmp_path / "no" / "out.opml")).fails("cannot be written")
    assert urls(digest) == []
