"""The real program as real processes: started, looked at, stopped in the middle of a send, and continued."""

from __future__ import annotations

import email
import email.policy
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest

from digest.cli.common import load_settings, service
from digest.cli.serving import listen, settings_at
from digest.settings import load, with_keys
from digest.store.db import open_database
from subscribers.routes.common import FORM_AFTER
from tests import parts
from tests.cli.conftest import Digest, environment
from tests.dispatch.resend_sink import Handler, Sink, running
from tests.service.town import NOW, Clock, Town

PATIENCE = 60
"""Seconds for whatever takes one or two on a machine of its own; here other tests run beside."""
DIGEST = [sys.executable, "-m", "digest"]


def process(folder: Path, *arguments: str, **variables: str) -> subprocess.Popen[str]:
    """`digest ARGUMENTS` in that folder."""
    clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV")}
    return subprocess.Popen(
        [*DIGEST, *arguments],
        cwd=folder,
        env={**clean, "PYTHONPATH": str(parts.ROOT), "PYTHONUNBUFFERED": "1", **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def serving(folder: Path, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`digest run` and its address, once it answers."""
    with started_as(folder, "--port", "0", **variables) as told:
        yield told


@contextmanager
def started_as(folder: Path, *options: str, **variables: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`digest run` with these options."""
    started = process(folder, "run", *options, **variables)
    try:
        assert started.stdout is not None
        line = started.stdout.readline()
        found = re.search(r"http://\S+?:\d+", line)
        if not found:
            raise AssertionError(started.communicate(timeout=PATIENCE))
        yield started, found[0]
    finally:
        if started.poll() is None:
            started.kill()
        started.communicate(timeout=PATIENCE)


def crowd(variables: dict[str, str], count: int) -> Town:
    """That many readers with a story, a send to them planned and frozen."""
    settings = with_keys(load({**variables}, Path("none"))).settings
    town = Town(open_database(settings.database_url), settings, Clock(NOW))
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.crowd(count, "harbour", NOW.replace(year=2099))
    planned = town.service.send_by_hand(None, None, key="big")
    assert planned is not None
    assert planned.deliveries == count
    return town


def through(sink: Sink, folder: Path) -> dict[str, str]:
    """The variables of a service that sends through this email API."""
    return {
        **environment(folder),
        "PROVIDER": "resend",
        "RESEND_API_KEY": "re_test",
        "RESEND_BASE_URL": sink.url,
        "FROM": "The Tide <tide@news.example.com>",
        "REPLY_TO": "desk@news.example.com",
        "POSTAL_ADDRESS": "4 Tallow Hill",
        "PUBLIC_URL": "https://news.example.com",
    }


def slow(_: Handler) -> bool:
    """A step of the email API: it takes its time, then answers as documented."""
    time.sleep(0.7)
    return False


def states(town: Town) -> dict[str, int]:
    counted: dict[str, int] = {}
    for row in town.deliveries():
        counted[row.state] = counted.get(row.state, 0) + 1
    return counted


def test_an_error_is_one_line_and_no_traceback(tmp_path: Path) -> None:
    done = process(tmp_path, "topics", "edit", "nix", "--name", "X", **environment(tmp_path))
    out, err = done.communicate(timeout=PATIENCE)
    assert (done.returncode, out) == (2, "")
    assert err.splitlines() == ["error: there is no topic 'nix', nor any other; `digest topics add` makes one"]


def test_a_first_look_warns_in_lines_that_say_so(tmp_path: Path) -> None:
    done = process(tmp_path, "try", "http://127.0.0.1:9/", "--no-open", **environment(tmp_path))
    _, err = done.communicate(timeout=PATIENCE)
    warned, failed = err.splitlines()
    assert warned.startswith("warning: ALLOW_PRIVATE_NETWORKS is on")
    assert (done.returncode, failed.startswith("error: ")) == (2, True)


def test_a_first_start_needs_nothing(tmp_path: Path) -> None:
    done = process(tmp_path, "topics", "add", "Harbour")
    out, err = done.communicate(timeout=PATIENCE)
    assert (done.returncode, out.splitlines()[0]) == (0, "added topic harbour")
    assert len(err.splitlines()) == 1, "only the note about the new key"
    assert "secret.key" in err
    assert (tmp_path / "data" / "digest.db").exists()


def test_run_answers_and_ends_in_order(tmp_path: Path) -> None:
    with serving(tmp_path, **environment(tmp_path)) as (program, url):
        assert httpx.get(f"{url}/healthz", timeout=PATIENCE).status_code == 200
        assert httpx.get(f"{url}/subscribe", timeout=PATIENCE).status_code == 200
        program.send_signal(signal.SIGTERM)
        _, err = program.communicate(timeout=PATIENCE)
        assert program.returncode == 0, err
        assert "Traceback" not in err
        assert "nothing is half-done" in err


def test_sigterm_in_the_middle_of_a_send_loses_nothing(tmp_path: Path) -> None:
    """A batch is at the provider when the signal comes: it is finished, the rest is left, the next start sends it."""
    count = 450

    with running(tmp_path / "accepted.log") as sink:
        variables = through(sink, tmp_path)
        town = crowd(variables, count)
        sink.script.extend([slow] * 2)
        with serving(tmp_path, **variables) as (program, _):
            _wait_for_a_call(sink)
            program.send_signal(signal.SIGTERM)
            _, err = program.communicate(timeout=PATIENCE)
            assert program.returncode == 0, err
            assert "nothing is half-done" in err, "the engine was given up with something still running"
        left = states(town)
        assert left["accepted"] == len(sink.mails())
        assert 0 < left["accepted"] < count
        assert left.keys() == {"accepted", "planned"}
        with serving(tmp_path, **variables) as (program, _):
            until = time.monotonic() + PATIENCE
            while states(town) != {"accepted": count} and time.monotonic() < until:
                time.sleep(0.2)
            program.send_signal(signal.SIGTERM)
            program.communicate(timeout=PATIENCE)
        sent = [mail["to"][0] for mail in sink.mails()]
        assert states(town) == {"accepted": count}
        assert len(sent) == len(set(sent)) == count
        town.service.close()


def test_ctrl_c_in_a_send_by_hand_is_continued_by_the_same_command(tmp_path: Path) -> None:
    with running(tmp_path / "accepted.log") as sink:
        variables = through(sink, tmp_path)
        town = crowd(variables, 250)
        sink.script.extend([slow] * 2)
        first = process(tmp_path, "send", "--yes", "--key", "big", **variables)
        _wait_for_a_call(sink)
        first.send_signal(signal.SIGINT)
        _, err = first.communicate(timeout=PATIENCE)
        assert first.returncode == 130, err
        assert "interrupted after 100 mails" in err
        assert "Traceback" not in err
        second = process(tmp_path, "send", "--yes", "--key", "big", **variables)
        out, err = second.communicate(timeout=PATIENCE)
        assert second.returncode == 0, err
        assert "sent 150 mails of 150" in out
        assert states(town) == {"accepted": 250}
        assert len({mail["to"][0] for mail in sink.mails()}) == len(sink.mails()) == 250
        town.service.close()


def _wait_for_a_call(sink: Sink) -> None:
    until = time.monotonic() + PATIENCE
    while not sink.calls:
        assert time.monotonic() < until, "no call reached the provider"
        time.sleep(0.02)


def test_another_host_counts_for_what_the_pages_may_show(digest: Digest) -> None:
    """/outbox is decided by HOST (tests/web/test_outbox.py): `digest run --host` must change what is decided by."""
    everywhere = "0.0.0.0"  # noqa: S104  (that is the point)
    with (
        closing(listen(everywhere, 0)) as listener,
        service(settings_at(load_settings(), everywhere, listener)) as opened,
    ):
        assert opened.readers.settings.host == everywhere
    with service() as opened:
        assert opened.readers.settings.host == "127.0.0.1"


@pytest.mark.parametrize(("options", "port"), [(["--port", "0"], "8080"), ([], "0")])
def test_without_a_public_url_mails_link_to_where_the_pages_listen(
    tmp_path: Path, options: list[str], port: str
) -> None:
    """The address that a newcomer's mails lead to is the one that `digest run` printed, whatever the port."""
    ours = {**environment(tmp_path), "PORT": port}
    added = process(tmp_path, "topics", "add", "Harbour", **ours)
    assert (added.communicate(timeout=PATIENCE)[1], added.returncode) == ("", 0)
    with started_as(tmp_path, *options, **ours) as (program, url):
        form = {"topic": "harbour", "email": "mina@example.org", "token": ""}
        page = httpx.post(f"{url}/subscribe", data=form, timeout=PATIENCE)
        token = re.search(r'name="token" value="([^"]+)"', page.text)
        assert token is not None
        time.sleep(FORM_AFTER + 1)  # tokens count whole seconds
        sent = httpx.post(f"{url}/subscribe", data={**form, "token": token[1]}, timeout=PATIENCE)
        assert sent.status_code == 202
        outbox = Path(ours["DATA_DIR"]) / "outbox" / "new"
        until = time.monotonic() + PATIENCE
        while not list(outbox.glob("*.eml")) and time.monotonic() < until:
            time.sleep(0.1)
        (file,) = outbox.glob("*.eml")
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        text = mail.get_body(("plain",))
        assert text is not None
        links = re.findall(r"http://[^\s>]+", text.get_content())
        assert any(link.startswith(f"{url}/confirm/") for link in links)
        assert all(link.startswith(f"{url}/") for link in links)
        confirmed = next(link for link in links if "/confirm/" in link)
        assert httpx.get(confirmed, timeout=PATIENCE).status_code == 200
        program.send_signal(signal.SIGTERM)
        program.communicate(timeout=PATIENCE)


def test_a_public_url_of_the_operators_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(tmp_path).items():
        monkeypatch.setenv(name, value)
    with closing(listen("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        monkeypatch.delenv("PUBLIC_URL", raising=False)
        for host, shown in (("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]")):  # noqa: S104
            assert settings_at(load(env_file=tmp_path / "none"), host, listener).public_url == f"http://{shown}:{port}"
        monkeypatch.setenv("PUBLIC_URL", "https://news.example.com")
        loaded = load(env_file=tmp_path / "none")
        assert settings_at(loaded, "127.0.0.1", listener).public_url == "https://news.example.com"
