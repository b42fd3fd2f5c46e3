"""`digest templates preview`: a process that serves the gallery until it is told to end."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import httpx
import pytest

from tests.cli.conftest import Digest
from tests.cli.test_running import PATIENCE, process


@pytest.mark.parametrize(("options", "elsewhere"), [((), 404), (("--host", "0.0.0.0"), 200)])  # noqa: S104
def test_it_serves_until_it_is_ended_and_needs_no_database(
    tmp_path: Path, options: tuple[str, ...], elsewhere: int
) -> None:
    started = process(tmp_path, "templates", "preview", "--port", "0", *options)
    try:
        assert started.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:\d+/", started.stdout.readline())
        assert found
        assert started.stdout.readline() == "it follows what you change in templates; Ctrl-C stops\n"
        page = httpx.get(found[0], timeout=PATIENCE, trust_env=False)
        assert page.status_code == 200
        assert page.text.count("<iframe") == 2
        foreign = httpx.get(found[0], headers={"Host": "desk.example"}, timeout=PATIENCE, trust_env=False)
        assert foreign.status_code == elsewhere
        started.send_signal(signal.SIGTERM)
        _, err = started.communicate(timeout=PATIENCE)
    finally:
        if started.poll() is None:
            started.kill()
    assert (started.returncode, err) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_refusals_are_one_line(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    digest("templates", "preview", "--host", "203.0.113.7", "--port", "0").fails("cannot listen on 203.0.113.7:0")
    monkeypatch.setenv("TEMPLATES_DIR", str(digest.folder / "nowhere"))
    digest("templates", "preview", "--port", "0").fails("no such folder")
