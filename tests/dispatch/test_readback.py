"""The first mail of an edition is read back before anything of it is sent."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Engine

from digest.dispatch.sender import Sender
from digest.types import Envelope
from tests.dispatch.contract import changed
from tests.dispatch.ledger_rows import add_readers, deliveries, plan
from tests.dispatch.resend_sink import Sink, Small
from tests.dispatch.sending import rest_is_over, sent_to


class Forgetful(Small):
    """A provider whose file has a mistake: it leaves the text of a mail behind."""

    def payload(self, envelope: Envelope) -> bytes:
        return super().payload(changed(envelope, text=b""))


def test_an_edition_whose_first_mail_does_not_read_back_stays_where_it_is(
    database: Engine, sink: Sink, make: Callable[..., Sender]
) -> None:
    edition = plan(database, add_readers(database, 5))
    before = deliveries(database, edition)
    report = make(Forgetful).drain()
    assert (
        f"the first mail of edition {edition} does not read back as it was written: its text differs" in report.problem
    )
    assert sent_to(sink) == []
    assert deliveries(database, edition) == before, "nothing is settled: a mended version sends them all"
    rest_is_over(database)
    assert make().drain().accepted == 5
