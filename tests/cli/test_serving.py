"""Whose word counts for where a request comes from: nobody's but the configured proxies'."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI, Request

from digest.cli.serving import listen, make_server
from digest.settings import Settings


@contextmanager
def seen_by(trusted: Sequence[str], host: str = "127.0.0.1") -> Iterator[httpx.Client]:
    """A client of a server that tells what it takes its client's address and scheme for."""
    app = FastAPI()

    @app.get("/")
    def who(request: Request) -> list[str]:
        return [request.client.host if request.client else "", request.url.scheme]

    settings = Settings.model_validate({"trusted_proxies": ",".join(trusted)})
    server = make_server(app, settings.trusted_proxies)
    with listen(host, 0) as listener:
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            here = f"http://127.0.0.1:{listener.getsockname()[1]}"
            with httpx.Client(base_url=here, trust_env=False) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()


def told(client: httpx.Client, *forwarded: str, scheme: str = "https") -> list[str]:
    headers = [("X-Forwarded-For", each) for each in forwarded] + [("X-Forwarded-Proto", scheme)]
    answer: list[str] = client.get("/", headers=headers).json()
    return answer


def test_by_default_nobody_is_believed_not_even_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "*")  # uvicorn's own variable must not open the door either
    with seen_by([]) as client:
        assert told(client, "203.0.113.7") == ["127.0.0.1", "http"]


def test_another_proxy_than_the_named_ones_is_not_believed() -> None:
    with seen_by(["10.0.0.0/8", "::1"]) as client:
        assert told(client, "203.0.113.7") == ["127.0.0.1", "http"]


@pytest.mark.parametrize("trusted", ["127.0.0.1", "127.0.0.0/8"])
def test_a_named_proxy_tells_address_and_scheme(trusted: str) -> None:
    with seen_by([trusted]) as client:
        assert told(client, "203.0.113.7") == ["203.0.113.7", "https"]
        assert told(client, "2001:db8::7") == ["2001:db8::7", "https"]
        assert told(client) == ["127.0.0.1", "https"]


def test_of_several_hops_the_last_that_is_no_proxy_of_ours_counts() -> None:
    """A client may write what it likes at the left; only what our proxies appended at the right is known."""
    with seen_by(["127.0.0.1", "10.0.0.0/24"]) as client:
        assert told(client, "1.1.1.1, 203.0.113.7, 10.0.0.5")[0] == "203.0.113.7"
        assert told(client, "1.1.1.1, 10.0.0.9, 203.0.113.7")[0] == "203.0.113.7", "a forged proxy in the middle"
        assert told(client, "1.1.1.1", "203.0.113.7, 10.0.0.5")[0] == "203.0.113.7", "several headers are one list"
        assert told(client, "unknown, 203.0.113.7")[0] == "203.0.113.7"


def test_a_socket_for_both_kinds_of_addresses_knows_its_ipv4_proxies() -> None:
    with seen_by(["127.0.0.1"], host="::") as client:
        assert told(client, "203.0.113.7")[0] == "203.0.113.7"
    with seen_by([], host="::") as client:
        assert told(client, "203.0.113.7")[0] == "::ffff:127.0.0.1"
