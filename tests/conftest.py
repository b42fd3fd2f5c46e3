"""Fixtures for every test, and the rule for parts that a machine may lack (`tests/parts.py`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from digest.gather.fetch import Door
from digest.settings import Settings
from digest.store.db import open_database
from tests import databases, parts
from tests.gather.site import Site, serving

LEFT_OUT = "left out: "

# --- parts ------------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """In a full run an absent part ends everything here, before the first test."""
    if not parts.nothing_may_be_absent() or hasattr(config, "workerinput"):
        return
    absent = [f"{part.name} ({part.added_by})" for part in parts.missing(parts.PARTS)]
    if absent:
        raise pytest.UsageError(f"nothing may be left out of this run, but these are absent: {'; '.join(absent)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what this machine cannot run."""
    wanted = {mark.name for item in items for mark in item.iter_markers()}
    absent = {part.marker: part for part in parts.PARTS if part.marker in wanted and not part.here()}
    for item in items:
        for mark in item.iter_markers():
            if part := absent.get(mark.name):
                item.add_marker(pytest.mark.skip(reason=LEFT_OUT + part.name))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say what was left out and what adds it."""
    skipped = Counter(_reason(report).removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", []))
    if not skipped:
        return
    cures = {LEFT_OUT + part.name: f"without {part.name}; add it: {part.added_by}" for part in parts.PARTS}
    terminalreporter.section("left out on this machine")
    for reason, tests in skipped.most_common():
        terminalreporter.line(f"{tests} test{'s' if tests > 1 else ''} {cures.get(reason, f'because {reason}')}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A full run in which any test was skipped has failed, unless its part cannot be had on this platform at all."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    excused = {LEFT_OUT + part.name for part in parts.PARTS if not part.offered()}
    skipped = [
        report
        for report in (reporter.stats.get("skipped", []) if reporter else [])
        if _reason(report).removeprefix("Skipped: ") not in excused
    ]
    if reporter and parts.nothing_may_be_absent() and skipped and session.exitstatus == pytest.ExitCode.OK:
        reporter.line(f"\nnothing may be left out of this run, but a test was skipped: {_reason(skipped[0])}", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _reason(report: Any) -> str:
    told = report.longrepr
    return str(told[2] if isinstance(told, tuple) else told)


# --- databases --------------------------------------------------------------------------------------------------------


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """The address of a new SQLite database with tables."""
    return databases.sqlite_file(tmp_path)


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """The address of a new PostgreSQL database with tables; mark the test with `postgres`."""
    url = databases.postgres_database()
    yield url
    databases.drop_postgres_database(url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The address of a new database with tables, once on each kind; for tests with several processes."""
    return str(request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url"))


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """A new database with tables, once on each kind."""
    yield from _opened(database_url)


@pytest.fixture
def sqlite_database(sqlite_url: str) -> Iterator[Engine]:
    """A new SQLite database with tables."""
    yield from _opened(sqlite_url)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table, once on each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    url = databases.empty_postgres_database()
    yield url
    databases.drop_postgres_database(url)


def _opened(url: str) -> Iterator[Engine]:
    engine = open_database(url)
    yield engine
    engine.dispose()


# --- everything else --------------------------------------------------------------------------------------------------


@pytest.fixture
def make_settings(tmp_path: Path) -> Callable[..., Settings]:
    """Settings for a test, any of them named otherwise: `make_settings(provider="resend", ...)`."""

    def make(**values: Any) -> Settings:
        ours = {
            "data_dir": tmp_path / "data",
            "database_url": f"sqlite:///{tmp_path / 'data' / 'digest.db'}",
            "secret_keys": "a-key-that-only-the-tests-know-about-0001",
            "allow_private_networks": True,
        }
        return Settings.model_validate({**ours, **values})

    return make


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    """Settings that touch only the test's own folder; feeds may be served from loopback."""
    return make_settings()


@pytest.fixture
def shared() -> Path:
    """The folder of shared test data; mark the test with `shared`."""
    return parts.shared_folder()


@pytest.fixture
def site() -> Iterator[Site]:
    """An empty site on loopback that can be scripted."""
    with serving() as served:
        yield served


@pytest.fixture
def door() -> Iterator[Door]:
    """The one outbound door, which may also lead to loopback."""
    with Door(user_agent="digest-tests", allow_private=True) as opened:
        yield opened


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; mark the test with `browser`."""
    program = parts.chromium_program()
    assert program, "the test lacks its marker: browser"
    return program


@pytest.fixture(scope="session")
def artifacts() -> Path:
    """Where screenshots are kept to be looked at: an ignored folder of the checkout."""
    folder = parts.ROOT / "artifacts"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def tracked_files() -> list[Path]:
    """The files of the repository, tracked or about to be."""
    files = parts.tracked_files()
    if not files:
        pytest.skip("this is no git checkout, so nobody can tell which files belong to the repository")
    return files


@pytest.fixture(scope="session")
def python_files(tracked_files: list[Path]) -> list[Path]:
    """The Python files of the repository."""
    return [file for file in tracked_files if file.suffix == ".py"]
