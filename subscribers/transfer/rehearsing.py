"""What an import would do, without doing it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from subscribers.transfer.looking import confirmed, left_everything, portions, readers, suppressed, topics_held
from subscribers.transfer.outcomes import LEFT, SUPPRESSED, TAKEN_OUT, Outcome
from subscribers.transfer.rows import Incoming


def _scratch() -> sqlite3.Connection:
    """A database without a name: when it grows, SQLite keeps it in a temporary file and not in memory."""
    connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    connection.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, status TEXT NOT NULL) WITHOUT ROWID")
    return connection


@dataclass
class Rehearsal:
    """Takes the batches of one file in order and remembers what became of each address."""

    hashes: Callable[[str], Sequence[bytes]]
    _seen: sqlite3.Connection = field(default_factory=_scratch)

    def look(self, session: Session, rows: Sequence[Incoming]) -> Outcome:
        """What `Importer.write` would do with this batch. An address that comes again with other topics than before
        counts as unchanged."""
        outcome = Outcome()
        connection = session.connection()
        known = readers(connection, [row.key for row in rows])
        held = topics_held(connection, [row.id for row in known.values()])
        own = confirmed(connection, [row.id for row in known.values() if row.status == "active"])
        quit_ids = left_everything(connection, [row.id for row in known.values() if row.status == "pending"])
        out = suppressed(connection, rows, self.hashes)
        before = self._before([row.key for row in rows])
        news: dict[str, str] = {}
        for row in rows:
            reader = known.get(row.key)
            seen = news.get(row.key) or before.get(row.key, "")
            status = seen or (reader.status if reader else "")
            if row.fate == "unconfirmed":
                outcome.unconfirmed([row])
            elif row.fate != "active" and status == "active" and reader and reader.id in own:
                outcome.keeps(row)
            elif row.fate != "active":
                news[row.key] = row.fate
                if status == "active":
                    outcome.tell(row, "taken_out", TAKEN_OUT[row.fate])
                else:
                    outcome.keeps_out(row)
            elif row.key in out or seen in ("left", "bounced"):
                outcome.tell(row, "refused", SUPPRESSED)
            elif status not in ("", "active", "pending") or (reader and reader.id in quit_ids):
                outcome.tell(row, "refused", LEFT)
            else:
                has = held.get(reader.id, set()) if reader else set()
                all_there = status == "active" and (seen or has.issuperset(topic for topic, _, _ in row.choice.topics))
                if status == "active":
                    outcome.counts["unchanged" if all_there else "widened"] += 1
                else:
                    outcome.adds(row)
                news[row.key] = "active"
        self._seen.executemany("INSERT OR REPLACE INTO seen VALUES (?, ?)", list(news.items()))
        return outcome

    def close(self) -> None:
        """Forget everything."""
        self._seen.close()

    def _before(self, keys: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for portion in portions(keys):
            marks = ", ".join("?" * len(portion))
            found.update(self._seen.execute(f"SELECT key, status FROM seen WHERE key IN ({marks})", portion))  # noqa: S608
        return found
