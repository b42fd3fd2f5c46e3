"""A town whose mails went through Resend, and what Resend tells of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import text

from digest.dispatch.events import SEVERITY
from digest.store import events
from digest.store.db import reading, writing
from digest.types import EventKind
from subscribers.suppressions import Suppressed
from tests.dispatch.ledger_rows import value
from tests.dispatch.resend_calls import event, signed
from tests.service.town import Town

ADA, BOB = "Ada@example.org", "bob@example.org"
_numbers = count(1)


class Teller:
    """Speaks as Resend does, of the mails of one town."""

    def __init__(self, town: Town) -> None:
        self.town = town
        town.topics("Harbour")
        town.story("Ferry aground", "harbour")
        self.ada, self.bob = town.reader(ADA, "harbour"), town.reader(BOB, "harbour")

    def morning(self) -> int:
        """A digest to both readers, as if Resend had taken it under the ids m-READER; the edition's number."""
        assert self.town.morning() == 2
        edition = self.town.editions()[-1].id or 0
        run(self.town, "UPDATE attempt SET provider = 'resend'")
        run(
            self.town,
            "UPDATE delivery SET provider_message_id = 'm-' || subscriber_id WHERE edition_id = :e",
            e=edition,
        )
        return edition

    def doubt(self, edition: int, *readers: int) -> None:
        """As if the answer of the call had never come: nobody knows what became of these readers' mails."""
        for reader in readers:
            run(
                self.town,
                "UPDATE delivery SET state = 'unknown', provider_message_id = NULL, reason = 'no answer' "
                "WHERE edition_id = :e AND subscriber_id = :r",
                e=edition,
                r=reader,
            )
        # Attempts are dated by the database's clock, which is not the town's.
        run(self.town, "UPDATE attempt SET opened_at = :at", at=self.town.clock.at.timestamp() - 90)

    def call(
        self, kind: str, reader: int = 0, *, to: str = ADA, message: str = "", ago: timedelta = timedelta(), **data: Any
    ) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a call about a mail, by default the one to Ada."""
        now = self.town.clock.at
        told = {"to": [to], "email_id": f"m-{reader or self.ada}", **data}
        body = event(kind, now - ago, **told)
        return signed(body, now, message=message or f"msg_{next(_numbers)}")

    def tell(self, kind: str, reader: int = 0, **more: Any) -> int:
        """Make that call; how many events were new."""
        return self.town.service.events.receive("resend", *self.call(kind, reader, **more))

    def why(self, address: str) -> tuple[str, str] | None:
        """Why and by whom an address is kept from mail."""
        found: Sequence[Suppressed] = [each.held for each in self.town.service.suppressions.find(address)]
        return (found[0].reason, found[0].source) if found else None

    def fates(self) -> dict[EventKind, int]:
        with reading(self.town.engine) as session:
            return events.fates(session, SEVERITY, since=self.town.clock.at - timedelta(days=7))

    def states(self, edition: int) -> list[tuple[str, str | None]]:
        """State and message id of Ada's mail and of Bob's."""
        return [(str(row.state), row.provider_message_id) for row in self.town.deliveries(edition)]

    def count(self, where: str = "1 = 1", **named: Any) -> int:
        return int(str(value(self.town.engine, f"SELECT count(*) FROM event WHERE {where}", **named)))  # noqa: S608


def run(town: Town, statement: str, **values: Any) -> None:
    with writing(town.engine) as session:
        session.connection().execute(text(statement), values)


def at(moment: datetime) -> str:
    return moment.isoformat()
