"""A sender with a real ledger, and the provider on loopback that it sends to."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from digest.dispatch.providers.resend import Resend
from digest.dispatch.sender import Sender
from tests.dispatch.ledger_rows import Kitchen, address_hashes
from tests.dispatch.resend_sink import Sink, Small, running


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "sink.log") as started:
        yield started


@pytest.fixture
def make(database: Engine, sink: Sink) -> Iterator[Callable[..., Sender]]:
    opened: list[Resend] = []

    def sender(kind: type[Resend] = Small, compose: object = None, **more: object) -> Sender:
        opened.append(kind(sink.url, "re_key", httpx.Timeout(2.0)))
        kitchen = compose or Kitchen(database)
        return Sender(database, opened[-1], kitchen, holder="w", address_hashes=address_hashes, **more)  # type: ignore[arg-type]

    yield sender
    for provider in opened:
        provider.close()
