"""What tests of the sender ask of the ledger and of the sink."""

from __future__ import annotations

from sqlalchemy import Engine

from tests.dispatch.ledger_rows import run
from tests.dispatch.resend_sink import Sink


def rest_is_over(engine: Engine) -> None:
    """Time passes: leases run out, retries are due, what a provider asked for is over, breakers let a batch through."""
    run(engine, "UPDATE provider_flow SET until = 0, probe_until = 0")
    run(engine, "UPDATE provider_flow SET open_until = 1 WHERE open_until > 0")
    chunks_rested(engine)


def chunks_rested(engine: Engine) -> None:
    """Leases run out and retries are due; the provider is as it was."""
    run(engine, "UPDATE chunk SET ready_at = 0, until = 0")
    run(engine, "UPDATE delivery SET retry_at = 0 WHERE retry_at IS NOT NULL")


def sent_to(sink: Sink) -> list[int]:
    return sorted(int(mail["headers"]["Feedback-ID"].split(":")[1]) for mail in sink.mails())
