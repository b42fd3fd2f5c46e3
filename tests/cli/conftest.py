"""The command line on a database of its own, in this process."""

from __future__ import annotations

import json
import logging
import os
import pty
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from digest.cli.app import run
from tests.databases import sqlite_file
from tests.gather.site import FEEDS, Reply, Site, serving

KEY = "a-key-that-only-the-cli-tests-know-00001"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, Any]]:
        """What `--json` printed."""
        found = json.loads(self.out)
        assert isinstance(found, list)
        return found

    def fails(self, *told: str, code: int = 2) -> None:
        """It was refused in one line that names these things."""
        assert self.code == code, self
        assert "Traceback" not in self.err
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        for part in told:
            assert part in lines[0]


class Digest:
    """`digest ARGUMENTS` with its environment and folder."""

    def __init__(self, capsys: pytest.CaptureFixture[str], folder: Path) -> None:
        self._capsys = capsys
        self.folder = folder

    def __call__(self, *arguments: str) -> Done:
        self._capsys.readouterr()
        code = run(list(arguments))
        told = self._capsys.readouterr()
        return Done(code, told.out, told.err)

    @property
    def outbox(self) -> list[Path]:
        return sorted((self.folder / "data" / "outbox" / "new").glob("*.eml"))


def environment(folder: Path) -> dict[str, str]:
    """The variables of a service whose everything lies in one folder."""
    return {
        "DATABASE_URL": sqlite_file(folder),
        "DATA_DIR": str(folder / "data"),
        "SECRET_KEYS": KEY,
        "ALLOW_PRIVATE_NETWORKS": "true",
        "PORT": "0",
    }


def on_a_terminal(arguments: list[str], variables: dict[str, str], folder: Path) -> tuple[int, str]:
    """Run `digest ARGUMENTS` on a terminal of its own, as wide as COLUMNS; its exit code and what was shown."""
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


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Digest]:
    """The command line, its settings in the environment, no `.env` in its folder."""
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", StringIO())
    handlers = logging.root.handlers[:]
    yield Digest(capsys, tmp_path)
    logging.root.handlers[:] = handlers  # `digest run` logs its own way


@pytest.fixture
def site() -> Iterator[Site]:
    """A site on loopback with a feed, a page that names it, and a page that names none."""
    with serving() as served:
        feed = (FEEDS / "rss2.xml").read_bytes()
        html = {"Content-Type": "text/html"}
        served.pages["/wire.xml"] = Reply(feed, headers={"Content-Type": "application/rss+xml"})
        link = b'<html><head><link rel="alternate" type="application/rss+xml" href="/wire.xml"></head></html>'
        served.pages["/"] = Reply(link, headers=html)
        served.pages["/plain"] = Reply(b"<html><body>No feed.</body></html>", headers=html)
        yield served
