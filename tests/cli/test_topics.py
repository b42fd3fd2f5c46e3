"""Topics from the operator's side: private ones, and links to the form with their QR codes."""

from __future__ import annotations

import os
import pty
import re
import sys
from io import BytesIO
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
import segno

from tests import parts
from tests.cli.conftest import Digest, environment


def test_topics(digest: Digest) -> None:
    assert "added topic energie-climat" in digest("topics", "add", "Énergie & climat").out
    assert digest("topics", "add", "Sea", "--slug", "the-sea", "--description", "Of it", "--language", "de").code == 0
    assert digest("topics", "edit", "the-sea", "--name", "Ocean").code == 0
    assert digest("topics", "list", "--json").rows == [
        {"slug": "the-sea", "name": "Ocean", "language": "de", "public": True, "readers": 0, "description": "Of it"},
        {
            "slug": "energie-climat",
            "name": "Énergie & climat",
            "language": "en",
            "public": True,
            "readers": 0,
            "description": "",
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
    assert _on_a_terminal(["topics", "add", "Harbour"], variables, tmp_path)[0] == 0
    code, shown = _on_a_terminal(["topics", "link", "harbour"], variables, tmp_path)
    assert code == 0
    assert "http://127.0.0.1:8080/subscribe?topic=harbour" in shown
    assert "to this machine only" in shown
    modules = segno.make_qr("http://127.0.0.1:8080/subscribe?topic=harbour", error="m").symbol_size(border=4)[0]
    drawn = [line for line in re.sub(r"\x1b\[[\d;]*m", "", shown).splitlines() if set(line) & set("█▀▄")]
    assert {len(line) for line in drawn} == {modules}
    assert len(drawn) == (modules + 1) // 2
    code, shown = _on_a_terminal(["topics", "link", "harbour"], {**variables, "COLUMNS": "30"}, tmp_path)
    assert (code, "too narrow" in shown, "█" in shown) == (0, True, False)


def _on_a_terminal(arguments: list[str], variables: dict[str, str], folder: Path) -> tuple[int, str]:
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(sys.executable, [sys.executable, "-m", "digest", *arguments], {**os.environ, **variables})  # noqa: S606
    told = b""
    try:
        while portion := os.read(terminal, 4096):
            told += portion
    except OSError:  # Linux answers EIO once the other end has closed
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), told.decode()


def test_links_refuse(digest: Digest, tmp_path: Path) -> None:
    digest("topics", "add", "Harbour")
    digest("topics", "add", "Board", "--private")
    digest("topics", "link", "nix").fails("no topic 'nix'", "harbour")
    digest("topics", "link", "board").fails("board is private", "--public")
    digest("topics", "link", "harbour", "--email", "nobody").fails("'nobody' is no address")
    digest("topics", "link", "harbour", "--lang", "xx").fails("'xx' is no language", "en, ar, de")
    digest("topics", "link", "harbour", "--source", "x" * 65).fails("is no source", "64 characters")
    digest("topics", "link", "harbour", "--source", "two\nlines").fails("is no source")
    digest("topics", "link", "harbour", "--qr", str(tmp_path / "code.gif")).fails("neither .svg nor .png")
    digest("topics", "link", "harbour", "--qr", str(tmp_path / "no" / "code.svg")).fails("cannot be written")
    assert not list(tmp_path.glob("code.*"))
