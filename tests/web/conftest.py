"""The application over a real SQLite database, under uvicorn on a free loopback port."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine

from digest.settings import Settings
from digest.web.app import create_app
from tests.web.desk import TEMPLATES, RosterDesk

SignUpForm = Callable[..., dict[str, str]]


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """The address at which the application answers meanwhile."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        while not server.started:
            time.sleep(0.005)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def desk(sqlite_database: Engine, make_settings: Callable[..., Settings]) -> RosterDesk:
    desk = RosterDesk(sqlite_database, make_settings(site_name="Morning Paper", default_timezone="Europe/Berlin"))
    desk.furnish()
    return desk


@pytest.fixture
def served(desk: RosterDesk) -> Iterator[str]:
    """The address of the application."""
    with serving(create_app(desk, TEMPLATES)) as address:
        yield address


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    """A client that follows no redirect and trusts no proxy."""
    with httpx.Client(base_url=served, trust_env=False) as client:
        yield client


@pytest.fixture
def filled(client: httpx.Client) -> SignUpForm:
    """A filled-in form as a browser would send it, any field named otherwise."""

    def fill(**fields: str) -> dict[str, str]:
        page = client.get("/subscribe").text
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token
        ours = {"token": token[1], "email": "ada@example.org", "topic": "harbour", "cadence": "daily", "time": "07:00"}
        return {**ours, "timezone": "Europe/Berlin", "name": "", "website": "", **fields}

    return fill
