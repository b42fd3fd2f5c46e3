"""A batch of which the provider took a part: the sender, a real ledger, and a mail server that breaks off (SMTP)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.dispatch.providers import HalfSent
from digest.dispatch.providers.smtp import Smtp
from digest.dispatch.sender import Sender
from digest.dispatch.smtpline import Server
from digest.dispatch.verdict import DEFERRALS, FIRST_DEFERRAL, LONGEST_DEFERRAL, Verdict, weigh
from digest.errors import BadBatch, NotSent, Refused, Unclear
from digest.store.attempts import Outcome, Retry, Unknown
from digest.types import Accepted, DispatchReport, ItemResult, NotSentItem, RejectedItem, UnknownItem
from tests.dispatch.ledger_rows import Kitchen, add_readers, address_hashes, deliveries, plan, states, value
from tests.dispatch.sending import rest_is_over
from tests.dispatch.smtp_sink import CUT, LOSE, Sink, running


class Small(Smtp):
    """In batches of three."""

    batch = 3


@pytest.fixture
def mail_server(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "sink.log") as started:
        yield started


@pytest.fixture
def by_smtp(database: Engine, mail_server: Sink) -> Iterator[Callable[[], Sender]]:
    there = Server("127.0.0.1", mail_server.port, "none", ssl.create_default_context(), "", "", "x.example", 5.0)
    provider = Small(there)
    yield lambda: Sender(database, provider, Kitchen(database), holder="w", address_hashes=address_hashes)
    provider.close()


def arrived(sink: Sink) -> list[int]:
    return [int(mail["headers"]["Feedback-ID"].split(":")[1]) for mail in sink.mails()]


@pytest.mark.parametrize(("fault", "took"), [(CUT, [1]), (LOSE, [1, 2])])
def test_only_the_mail_under_way_is_unknown_when_a_connection_dies(
    database: Engine, mail_server: Sink, by_smtp: Callable[[], Sender], fault: str, took: list[int]
) -> None:
    edition = plan(database, add_readers(database, 4))
    mail_server.script["data"].extend(["", fault])
    assert by_smtp().drain() == DispatchReport(accepted=1, unknown=1, retry=1)
    assert states(database, edition) == {1: "accepted", 2: "unknown", 3: "retry", 4: "planned"}
    assert "before the SMTP server confirmed" in (deliveries(database, edition)[2].reason or "")
    assert arrived(mail_server) == took
    rest_is_over(database)
    assert by_smtp().drain() == DispatchReport(accepted=2)
    assert arrived(mail_server) == [*took, 3, 4]
    assert value(database, "SELECT state FROM edition") == "done"
    assert value(database, "SELECT COUNT(*) FROM attempt WHERE state = 'open'") == 0


def test_a_refusal_half_way_stops_everything_and_keeps_what_was_accepted(
    database: Engine, mail_server: Sink, by_smtp: Callable[[], Sender]
) -> None:
    edition = plan(database, add_readers(database, 3))
    mail_server.script["mail"].extend(["", "550 5.4.5 Daily user sending limit exceeded"])
    report = by_smtp().drain()
    assert (report.accepted, report.retry) == (1, 2)
    assert "in a day" in report.problem
    assert states(database, edition) == {1: "accepted", 2: "retry", 3: "retry"}
    rest_is_over(database)
    assert by_smtp().drain() == DispatchReport(accepted=2)
    assert arrived(mail_server) == [1, 2, 3]


def test_a_server_that_is_down_often_uses_up_no_mailbox_s_patience(
    database: Engine, mail_server: Sink, by_smtp: Callable[[], Sender]
) -> None:
    edition = plan(database, add_readers(database, 1))
    mail_server.script["mail"].extend(["451 4.3.0 Overloaded"] * DEFERRALS)
    for _ in range(DEFERRALS):
        assert by_smtp().drain().retry == 1
        rest_is_over(database)
    mail_server.refused["Reader1@example.org"] = "450 4.2.0 Greylisted"
    for _ in range(DEFERRALS - 1):
        assert by_smtp().drain() == DispatchReport(retry=1)
        assert states(database, edition) == {1: "retry"}
        assert by_smtp().drain() == DispatchReport(), "it is not asked again before its time"
        rest_is_over(database)
    assert by_smtp().drain() == DispatchReport(rejected=1)
    assert f"Greylisted); given up after {DEFERRALS} tries" in (deliveries(database, edition)[1].reason or "")
    assert value(database, "SELECT state FROM edition") == "done"


def test_a_mailbox_that_asked_for_patience_gets_its_mail(
    database: Engine, mail_server: Sink, by_smtp: Callable[[], Sender]
) -> None:
    edition = plan(database, add_readers(database, 3))
    mail_server.script["rcpt"].extend(["", "450 4.2.0 Greylisted"])
    assert by_smtp().drain() == DispatchReport(accepted=2, retry=1)
    assert deliveries(database, edition)[2].picks is None, "what was not sent was not read"
    rest_is_over(database)
    assert by_smtp().drain() == DispatchReport(accepted=1)
    assert arrived(mail_server) == [1, 3, 2]


# --- the decision -----------------------------------------------------------------------------------------------------


def weighed(
    results: Sequence[ItemResult | None], cause: Exception | None = None, *, key_usable: bool = False, tries: int = 1
) -> tuple[list[Outcome], Verdict | None]:
    assert cause is None or isinstance(cause, NotSent | Unclear | BadBatch | Refused)
    return weigh(results, cause, [0] * len(results), key_usable=key_usable, tries=tries, key="k")


def test_results_are_outcomes_and_the_rest_is_judged_by_the_cause() -> None:
    accepted, rejected = Accepted("1"), RejectedItem("no")
    assert weighed([accepted, rejected]) == ([accepted, rejected], None)
    outcomes, verdict = weighed([accepted, UnknownItem("broke"), None, None], NotSent("broke", 60.0))
    assert outcomes == [accepted, Unknown("broke"), *[Retry(60.0, "broke")] * 2]
    assert verdict is not None
    assert (verdict.pause, verdict.nap) == (60.0, 60.0)
    outcomes, verdict = weighed([None, accepted], BadBatch("odd"))
    assert outcomes == [rejected.__class__("odd"), accepted], "one mail that is refused by itself is rejected"
    assert weighed([accepted, None], Unclear("?"))[0] == [accepted, Unknown("?")]


def test_with_a_key_doubt_about_some_leaves_the_whole_call_to_be_repeated() -> None:
    outcomes, verdict = weighed([Accepted("1"), None], Unclear("?"), key_usable=True)
    assert outcomes == []
    assert verdict is not None
    assert verdict.pause > 0


def test_deferrals_grow_end_and_count_only_their_own() -> None:
    later = NotSentItem("later")
    waits = []
    for tries in range(DEFERRALS - 1):
        ((outcome,), verdict) = weigh([later], None, [tries], key_usable=False, tries=1, key="k")
        assert isinstance(outcome, Retry)
        assert (outcome.own, verdict) == (True, None)
        waits.append(outcome.delay)
    assert waits[0] == FIRST_DEFERRAL
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_DEFERRAL
    assert 8 * 3600 < sum(waits) < 12 * 3600
    ((outcome,), _) = weigh([later], None, [DEFERRALS - 1], key_usable=False, tries=1, key="k")
    assert outcome == RejectedItem(f"later; given up after {DEFERRALS} tries")


def test_an_error_about_half_a_batch_says_what_its_cause_says() -> None:
    assert str(HalfSent([None], NotSent("the line broke"))) == "the line broke"
