"""The application over the real service and a SQLite database, under uvicorn on a free loopback port."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import Engine

from digest.settings import Settings
from digest.web.app import create_app
from tests.browser import ARGUMENTS
from tests.web.desk import TEMPLATES, WebDesk
from tests.web.reading import form

AUTHORITIES = ssl.create_default_context()
"""Read once: a client that reads them for itself takes longer than a page."""

SignUpForm = Callable[..., dict[str, str | list[str]]]


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


@contextmanager
def browsing(desk: WebDesk) -> Iterator[httpx.Client]:
    """A client of the application over this service; it follows no redirect and trusts no proxy."""
    app = create_app(desk.readers, TEMPLATES)
    with serving(app) as address, httpx.Client(base_url=address, trust_env=False, verify=AUTHORITIES) as client:
        yield client


@pytest.fixture
def make_desk(sqlite_database: Engine, make_settings: Callable[..., Settings]) -> Iterator[Callable[..., WebDesk]]:
    """A service on the one database of this test, any setting named otherwise."""
    made: list[WebDesk] = []

    def make(**values: Any) -> WebDesk:
        ours = {"site_name": "Morning Paper", "default_timezone": "Europe/Berlin", **values}
        made.append(WebDesk(sqlite_database, make_settings(**ours)))
        return made[-1]

    yield make
    for desk in made:
        desk.service.close()


@pytest.fixture
def desk(make_desk: Callable[..., WebDesk]) -> WebDesk:
    """The service, with four topics."""
    desk = make_desk()
    desk.furnish()
    return desk


@pytest.fixture
def served(desk: WebDesk) -> Iterator[str]:
    """The address of the application."""
    with serving(create_app(desk.readers, TEMPLATES)) as address:
        yield address


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    """A client that follows no redirect and trusts no proxy."""
    with httpx.Client(base_url=served, trust_env=False, verify=AUTHORITIES) as client:
        yield client


@pytest.fixture
def filled(client: httpx.Client, desk: WebDesk) -> SignUpForm:
    """A filled-in form as a browser would send it, any field named otherwise, after a minute of typing."""

    def fill(**fields: str | list[str]) -> dict[str, str | list[str]]:
        page = form(client.get("/subscribe"), "/subscribe")
        desk.later(minutes=1)
        return page.sent(**{"email": "ada@example.org", "topic": "harbour", **fields})

    return fill


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """Headless Chromium; mark the test with `browser`."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()
