"""Who left or bounced there: kept out here, and taken out when they came by an import or an operator.

Only a reader's own confirmation outweighs what a file says of them. It does so for a bounce as well, which the file
dates to a time before theirs or not at all; their mailbox will tell us itself when mail bounces.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, update

from subscribers.models import Consent, Subscriber, Suppression
from subscribers.sql import table
from subscribers.transfer.bulk import bind_time, many
from subscribers.transfer.looking import confirmed, portions, readers
from subscribers.transfer.outcomes import TAKEN_OUT, Outcome
from subscribers.transfer.rows import Incoming

SUBSCRIBER, CONSENT, SUPPRESSION = table(Subscriber), table(Consent), table(Suppression)

STATUS = {"left": "left", "bounced": "suppressed"}
"""What a reader is then, as if they had left here, or their mail had bounced here."""
_SUPPRESSION = ("address_hash", "reason", "source", "at")
_CONSENT = ("subscriber_id", "at", "action", "topics", "form", "source", "note", "profile_id")
_FINAL_WINS = (
    "(address_hash) DO UPDATE SET reason = excluded.reason, source = excluded.source, at = excluded.at "
    "WHERE suppression.reason NOT IN ('bounced', 'complained', 'operator') "
    "AND excluded.reason IN ('bounced', 'complained', 'operator')"
)
"""As `suppressions.suppress`: a final reason replaces another, and nothing else does."""


def keep_out(
    connection: Connection,
    rows: Sequence[Incoming],
    hashes: Callable[[str], Sequence[bytes]],
    source: str,
    now: datetime,
    outcome: Outcome,
) -> None:
    """Suppress the addresses of these rows, all of them gone there and each another one. The readers among them are
    locked (`looking.readers`)."""
    known = readers(connection, [row.key for row in rows], lock=True)
    reading = {row.key: known[row.key] for row in rows if row.key in known and known[row.key].status == "active"}
    own = confirmed(connection, [reader.id for reader in reading.values()])
    at = bind_time(connection)(now)
    values = []
    gone: list[tuple[Incoming, Row[Any]]] = []
    for row in rows:
        reader = reading.get(row.key)
        if reader is not None and reader.id in own:
            outcome.keeps(row)
            continue
        values.append((hashes(row.address)[0], row.fate, "import", at))
        if reader is None:
            outcome.keeps_out(row)
        else:
            gone.append((row, reader))
            outcome.tell(row, "taken_out", TAKEN_OUT[row.fate])
    if values:
        many(connection, SUPPRESSION, _SUPPRESSION, values, _FINAL_WINS)
    if gone:
        _take_out(connection, gone, source, at)


def _take_out(connection: Connection, gone: Sequence[tuple[Incoming, Row[Any]]], source: str, at: Any) -> None:
    for fate, status in STATUS.items():
        for ids in portions(reader.id for row, reader in gone if row.fate == fate):
            values = {"status": status, "next_due_at": None}
            connection.execute(update(SUBSCRIBER).where(SUBSCRIBER.c.id.in_(ids)).values(values))
    lines = [
        (reader.id, at, "left", "", "import", source, f"{row.fate} there, as the imported file says", reader.profile_id)
        for row, reader in gone
    ]
    many(connection, CONSENT, _CONSENT, lines)
