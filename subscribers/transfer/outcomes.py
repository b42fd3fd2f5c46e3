"""What can become of a row, and how it is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from subscribers.transfer.rows import Incoming, Problem

OUTCOMES = ("added", "widened", "unchanged", "kept_out", "taken_out", "refused", "unconfirmed", "bad", "adjusted")
"""A new reader; a reader with more topics; a reader as before; kept out here because they left or bounced there; taken
out here for the same reason, having come by an import or an operator; refused because they left here; never confirmed
there; not understood. And, counted as added already, a new reader who got the default for a language or a zone that was
not understood."""

LEFT = "left here; only the reader can come back, by signing up again"
SUPPRESSED = "suppressed here; only the reader can come back"
READS_HERE = "gone there, but reads here by their own wish: nothing was changed"
BOUNCED_THERE = "bounced there, but confirmed and reads here: nothing was changed"
TAKEN_OUT = {
    "left": "left there, and came here by an import or an operator: reads no more",
    "bounced": "bounced there, and came here by an import or an operator: reads no more",
}
KEPT_OUT = {
    "left": "left there: kept out here",
    "bounced": "bounced there: kept out here",
}
UNCONFIRMED = "never confirmed there; they can sign up here"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a batch."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[Problem] = field(default_factory=list)

    def tell(self, row: Incoming, count: str, reason: str) -> None:
        """Count and tell of a row that is right but makes nobody a reader."""
        self.counts[count] += 1
        self.problems.append(Problem(row.line, row.address, reason, "left out"))

    def keeps_out(self, row: Incoming) -> None:
        """Who left or bounced there and does not read here."""
        self.counts["kept_out"] += 1
        self.problems.append(Problem(row.line, row.address, KEPT_OUT[row.fate], "kept out"))

    def adds(self, row: Incoming) -> None:
        """A new reader, perhaps not with everything that the row says."""
        self.counts["added"] += 1
        if row.choice.adjusted:
            self.counts["adjusted"] += 1
            self.problems.append(Problem(row.line, row.address, row.choice.adjusted, "adjusted"))

    def keeps(self, row: Incoming) -> None:
        """A reader of ours who left or bounced there, and confirmed here."""
        self.tell(row, "unchanged", BOUNCED_THERE if row.fate == "bounced" else READS_HERE)

    def unconfirmed(self, rows: Sequence[Incoming]) -> None:
        """Those of the rows who never confirmed there."""
        for row in rows:
            if row.fate == "unconfirmed":
                self.tell(row, "unconfirmed", UNCONFIRMED)
