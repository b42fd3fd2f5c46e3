"""Alerts to a server on loopback: JSON without addresses, once an hour, and never in the way."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from digest.service.alerting import AGAIN, Alerter
from digest.types import Alert

STOPPED = Alert("stopped", "edition 7", "edition 7 is stopped: ada@example.org and 4 others bounced")


class Desk(ThreadingHTTPServer):
    """Takes alerts, and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, Any]] = []
        self.status = 204

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Desk

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, json.loads(body)))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with Desk() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join(5)


def test_an_alert_is_told_without_addresses_and_once_an_hour(desk: Desk) -> None:
    now = [0.0]
    alerter = Alerter(desk.url, "https://paper.example", clock=lambda: now[0])
    alerter.tell(STOPPED)
    alerter.tell(STOPPED)
    alerter.tell(Alert("stopped", "edition 8", "another"))
    alerter.close()
    told = sorted((body for _, body in desk.got), key=lambda body: str(body["about"]))
    assert told == [
        {
            "kind": "stopped",
            "about": "edition 7",
            "text": "edition 7 is stopped: …@… and 4 others bounced",
            "service": "https://paper.example",
        },
        {"kind": "stopped", "about": "edition 8", "text": "another", "service": "https://paper.example"},
    ]
    now[0] = AGAIN
    alerter.tell(STOPPED)
    alerter.close()
    assert len(desk.got) == 3


@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_address_that_does_not_take_it_is_a_line_in_the_log(
    desk: Desk, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    desk.status = status
    alerter = Alerter(desk.url, "x")
    alerter.tell(STOPPED)
    alerter.close()
    assert f"ALERT_URL answered {status}" in caplog.text
    assert [path for path, _ in desk.got] == ["/hook"], "no redirect is followed"


def test_nobody_there_is_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    alerter = Alerter("http://127.0.0.1:1/", "x")
    alerter.tell(STOPPED)
    alerter.close()
    assert "ALERT_URL could not be told (ConnectError)" in caplog.text


def test_without_an_address_it_is_only_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        Alerter("", "x").tell(STOPPED)
    assert "alert: edition 7 is stopped" in caplog.text
    assert "ada@example.org" not in caplog.text
