"""What somebody waits for overtakes a long digest between two of its batches, and nothing else does."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from digest.dispatch.sender import Sender
from digest.engine.inline import InlineEngine
from digest.service.intake import work_intake
from digest.settings import Settings
from digest.types import DispatchReport, Due
from subscribers.types import SignUp
from tests.dispatch.ledger_rows import Kitchen, add_readers, address_hashes, plan, value
from tests.dispatch.resend_sink import Sink, Small, running
from tests.service.town import NOW, Town


def sent(sink: Sink) -> list[tuple[int, int]]:
    """(edition, reader) of every mail, in the order in which they were accepted."""
    told = [mail["headers"]["Feedback-ID"].split(":") for mail in sink.mails()]
    return [(int(edition), int(reader)) for edition, reader in told]


@pytest.mark.parametrize(
    ("priority", "only", "overtakes"), [(0, False, True), (4, False, True), (5, False, False), (0, True, False)]
)
def test_between_batches(database: Engine, tmp_path: Path, priority: int, only: bool, overtakes: bool) -> None:
    """Seven readers in one chunk, batches of three; the urgent mail is planned while the first batch is written."""
    readers = add_readers(database, 8)
    digest = plan(database, readers[:7])
    urgent: list[int] = []

    def meanwhile(_: Sequence[Due]) -> None:
        if not urgent:
            urgent.append(plan(database, readers[7:], slot="system:confirm:8", kind="system", priority=priority))

    with running(tmp_path / "sink.log") as sink:
        provider = Small(sink.url, "re_key", httpx.Timeout(2.0))
        kitchen = Kitchen(database, before=meanwhile)
        report = Sender(database, provider, kitchen, holder="w", address_hashes=address_hashes).drain(
            edition_id=digest if only else None
        )
        provider.close()
        order = [edition for edition, _ in sent(sink)]
    confirmed = [] if only else [urgent[0]]
    assert order == ([digest] * 3 + confirmed + [digest] * 4 if overtakes else [digest] * 7 + confirmed)
    assert report == DispatchReport(accepted=7 + len(confirmed)), "the interrupted chunk was gone on with"
    assert value(database, "SELECT state FROM edition WHERE id = :id", id=digest) == "done"


def test_one_who_rests_overtakes_nobody(database: Engine, tmp_path: Path) -> None:
    """An urgent mail that waits for its retry must not make the sender give its chunk back again and again."""
    readers = add_readers(database, 8)
    plan(database, readers[:7])
    plan(database, readers[7:], slot="system:confirm:8", kind="system", priority=0)
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE chunk SET ready_at = 1e12 WHERE id = 2")
    points: list[str] = []
    with running(tmp_path / "sink.log") as sink:
        provider = Small(sink.url, "re_key", httpx.Timeout(2.0))
        sender = Sender(
            database, provider, Kitchen(database), holder="w", address_hashes=address_hashes, trace=points.append
        )
        assert sender.drain().accepted == 7
        provider.close()
    assert points.count("leased") == 1


def test_a_confirmation_leaves_while_a_long_digest_is_being_sent(
    sqlite_database: Engine, make_settings: Callable[..., Settings]
) -> None:
    """With the threads that serve: somebody signs up in the middle, and is answered before the next batch but one."""
    town = Town(sqlite_database, make_settings())
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.crowd(600, "harbour", NOW - timedelta(seconds=20))
    town.service.plan()
    readers = town.service.readers
    asked = threading.Event()

    def dispatch(stop: threading.Event) -> None:
        def progress(report: DispatchReport) -> None:
            if not asked.is_set() and report.accepted >= 100:
                asked.set()
                readers.ask_sign_up(SignUp("late@example.org", ("harbour",)))
                planned.wait(60)

        town.service.dispatch(stop=stop, on_progress=progress)

    def intake(stop: threading.Event) -> None:
        work_intake(readers, stop)

    planned = threading.Event()
    engine = InlineEngine({"intake": intake, "dispatch": dispatch})
    readers.on_asked = lambda: engine.wake("intake")

    def mail_planned() -> None:
        planned.set()
        engine.wake("dispatch")

    readers.on_mail_planned = mail_planned
    engine.start()
    engine.wake("dispatch")
    assert planned.wait(60)
    done = threading.Event()
    while not done.wait(0.02):
        if all(edition.state == "done" for edition in town.editions()):
            done.set()
    assert engine.stop()
    files = sorted(town.mails(), key=lambda file: file.stat().st_mtime_ns)
    places = [place for place, file in enumerate(files) if b"late@example.org" in file.read_bytes()]
    assert len(files) == 601
    assert len(places) == 1
    assert 100 <= places[0] <= 300, "after the batch under way, not after the chunk of five hundred"
    town.service.close()
