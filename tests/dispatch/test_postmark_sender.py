"""Postmark with a real ledger: an API without keys that answers for each mail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine

from digest.dispatch.providers.postmark import Postmark
from digest.dispatch.sender import Sender
from digest.types import DispatchReport
from tests.dispatch.ledger_rows import Kitchen, add_readers, address_hashes, deliveries, plan, states, value
from tests.dispatch.postmark_sink import TOKEN, PostmarkSink, items
from tests.dispatch.resend_sink import answering, lost, serving
from tests.dispatch.sending import rest_is_over, sent_to


@pytest.fixture
def pm(tmp_path: Path) -> Iterator[PostmarkSink]:
    with serving(PostmarkSink(tmp_path / "sink.log")) as started:
        yield started


@pytest.fixture
def drain(database: Engine, pm: PostmarkSink) -> Iterator[Callable[[], DispatchReport]]:
    provider = Postmark(pm.url, TOKEN, ("broadcast", "outbound"), httpx.Timeout(2.0))
    yield Sender(database, provider, Kitchen(database), holder="w", address_hashes=address_hashes).drain
    provider.close()


def test_a_bad_address_and_a_lost_answer_in_the_ledger(
    database: Engine, pm: PostmarkSink, drain: Callable[[], DispatchReport]
) -> None:
    readers = add_readers(database, 3)
    first = plan(database, readers, slot="tick:1")
    pm.script.append(answering(200, items((0, "OK"), (406, "inactive"), (0, "OK"))))
    assert drain() == DispatchReport(accepted=2, rejected=1)
    assert states(database, first) == {1: "accepted", 2: "rejected", 3: "accepted"}
    assert "inactive" in (deliveries(database, first)[2].reason or "")


def test_a_lost_answer_is_unknown_and_never_sent_again(
    database: Engine, pm: PostmarkSink, drain: Callable[[], DispatchReport]
) -> None:
    plan(database, add_readers(database, 3))
    pm.script.append(lost)
    assert drain() == DispatchReport(unknown=3)
    rest_is_over(database)
    assert drain() == DispatchReport()
    assert sent_to(pm) == [1, 2, 3]
    assert value(database, "SELECT state FROM edition") == "done"


def test_credits_that_run_out_half_way_stop_everything_and_blame_nobody(
    database: Engine, pm: PostmarkSink, drain: Callable[[], DispatchReport]
) -> None:
    edition = plan(database, add_readers(database, 3))
    pm.script.append(answering(200, items((0, "OK"), (405, "Not allowed to send"), (405, "Not allowed to send"))))
    report = drain()
    assert (report.accepted, report.retry) == (1, 2)
    assert "raise the plan" in report.problem
    assert states(database, edition) == {1: "accepted", 2: "retry", 3: "retry"}
    rest_is_over(database)
    assert drain() == DispatchReport(accepted=2)
