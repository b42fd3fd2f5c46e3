"""An operator, a webhook and three workers at one delivery at the same moment, on both databases; and an operator's
process that dies."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from digest.dispatch.sender import Sender
from digest.service.deliveries import DeliveryDesk
from digest.store.byhand import ByThen
from digest.types import delivery_mark
from subscribers.tokens import Keyring
from tests.crash.children import nursery_of
from tests.dispatch.ledger_rows import NOW, Kitchen, add_readers, address_hashes, plan, states, value
from tests.dispatch.ledger_rows import run as sql
from tests.dispatch.resend_sink import Sink, Small, running
from tests.dispatch.sending import rest_is_over
from tests.service.telling import ADA, Teller, run

KILLED = -9
ROUNDS = 12


def at_once(*deeds: Callable[[], object]) -> list[BaseException | None]:
    """Do all of it in threads that start together; what each raised."""
    start = threading.Barrier(len(deeds))
    ended: list[BaseException | None] = [None] * len(deeds)

    def work(number: int) -> None:
        start.wait()
        try:
            deeds[number]()
        except BaseException as error:
            ended[number] = error

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(deeds))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    return ended


def lines(engine: Engine) -> int:
    return int(str(value(engine, "SELECT count(*) FROM delivery_change")))


def test_of_an_operator_and_a_webhook_one_settles_a_mail(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    news: dict[str, Any] = {"tags": {"delivery": delivery_mark(edition, told.ada)}, "email_id": "m-1"}
    for _ in range(ROUNDS):
        told.doubt(edition, told.ada)
        run(told.town, "DELETE FROM delivery_change")
        mail = desk.one(edition, ADA)
        operator, webhook = at_once(
            partial(desk.settle, mail, verdict="rejected", why="not in their log"),
            partial(told.tell, "email.delivered", **news),
        )
        assert webhook is None
        assert operator is None or isinstance(operator, ByThen)
        first = lines(told.town.engine)
        assert first == (operator is None)
        assert str(desk.one(edition, ADA).state) == ("rejected" if first else "accepted")


def test_a_mail_that_arrives_as_it_is_sent_again_is_not_sent_twice(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    news: dict[str, Any] = {"tags": {"delivery": delivery_mark(edition, told.ada)}, "email_id": "m-1"}
    calls = value(told.town.engine, "SELECT count(*) FROM attempt")
    for _ in range(ROUNDS):
        told.doubt(edition, told.ada)
        mail = desk.one(edition, ADA)
        operator, webhook = at_once(
            partial(desk.send_again, mail, why="it never came"), partial(told.tell, "email.delivered", **news)
        )
        assert webhook is None
        assert operator is None or isinstance(operator, ByThen)
        assert told.town.service.dispatch().accepted == 0
        assert str(desk.one(edition, ADA).state) == "accepted"
        assert value(told.town.engine, "SELECT state FROM edition WHERE id = :e", e=edition) == "done"
    assert value(told.town.engine, "SELECT count(*) FROM attempt") == calls


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "sink.log") as started:
        yield started


def test_a_mail_is_sent_again_while_three_workers_end_its_edition(database: Engine, sink: Sink) -> None:
    """Whoever closes the last chunk and whoever opens it again see each other: every mail that is sent again arrives
    once more, and the edition ends."""
    keyring = Keyring(["a-key-that-only-the-tests-know-about-0001"])
    desk = DeliveryDesk(database, keyring, {}, now=lambda: NOW)
    readers, providers = add_readers(database, 6), [Small(sink.url, "re_key") for _ in range(3)]
    sql(database, "INSERT INTO blob (key, data) VALUES ('b', '')")
    for number in range(ROUNDS // 2):
        edition = plan(database, readers, kind="system", slot=f"system:word:{number}", chunk_size=2)
        sql(database, "UPDATE edition SET blob = 'b' WHERE id = :e", e=edition)
        sql(
            database,
            "UPDATE delivery SET state = 'unknown' WHERE edition_id = :e AND subscriber_id IN (1, 4)",
            e=edition,
        )
        workers = [
            Sender(database, provider, Kitchen(database), holder=str(name), address_hashes=address_hashes).drain
            for name, provider in enumerate(providers)
        ]

        def resend(edition: int = edition) -> None:
            for reader in readers:
                mail = desk.one(edition, str(reader))
                if mail.state == "unknown":
                    desk.send_again(mail, why="it never came")

        assert at_once(*workers, resend) == [None] * 4
        rest_is_over(database)
        workers[0]()
        assert set(states(database, edition).values()) <= {"accepted", "skipped"}
        assert value(database, "SELECT state FROM edition WHERE id = :e", e=edition) == "done"
        for reader in (1, 4):
            assert states(database, edition)[reader] == "accepted"
        # The next round tells the same story to the same readers.
        sql(database, "UPDATE delivery SET picks = NULL")
    for provider in providers:
        provider.close()
    arrived = [mail["headers"]["Feedback-ID"] for mail in sink.mails()]
    assert len(arrived) == len(set(arrived)) == 6 * (ROUNDS // 2)


POINTS = ["chunk", "edition", "delivery", "line", "commit"]


def test_an_operator_s_process_that_dies_has_done_all_of_it_or_nothing(told: Teller) -> None:
    edition = told.morning()
    job = {
        "database": told.town.engine.url.render_as_string(hide_password=False),
        "key": told.town.service.settings.secret_keys[0],
        "now": told.town.clock.at.isoformat(),
        "edition": edition,
        "reader": told.ada,
    }

    def stand() -> tuple[str, str, int]:
        mail = told.town.deliveries(edition)[0]
        whole = str(value(told.town.engine, "SELECT state FROM edition WHERE id = :e", e=edition))
        return mail.state, whole, lines(told.town.engine)

    with nursery_of("tests.crash.deliveries") as process:
        for verb, points in (("send_again", [*POINTS, "done"]), ("settle", ["delivery", "line", "commit", "done"])):
            for kill_at, point in enumerate(points):
                told.doubt(edition, told.ada)
                run(told.town, "DELETE FROM delivery_change")
                ended = process({**job, "verb": verb, "kill_at": kill_at})
                assert ended["code"] == KILLED
                after = {"send_again": ("retry", "frozen", 1), "settle": ("accepted", "done", 1)}[verb]
                assert stand() == (after if point == "done" else ("unknown", "done", 0)), (verb, point)
                sent = told.town.service.dispatch().accepted
                assert sent == (verb == "send_again" and point == "done")
            told.doubt(edition, told.ada)
            assert process({**job, "verb": verb}) == {"code": 0, "points": points}
            told.town.service.dispatch()
