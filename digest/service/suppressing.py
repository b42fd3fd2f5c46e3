"""Addresses kept from mail, from the operator's side. Each verb is one transaction, durable on return; an import is one
for each slice of its rows, and may be begun again at any time: a row that is kept out already changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from sqlalchemy import Engine, Row
from sqlmodel import Session

from digest.errors import InputError
from digest.store.db import reading, writing
from subscribers import roster, suppressions
from subscribers.errors import BadAddress
from subscribers.suppressions import Suppressed
from subscribers.tokens import Keyring
from subscribers.transfer import shutout
from subscribers.transfer.reading import Record, inspect, records
from subscribers.types import FINAL, address_key, check_address

SLICE = 500
"""Rows in one transaction: less than a tenth of a second of the write lock."""
SHOWN_BAD = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """A suppression, and its address where that is known and was asked for."""

    held: Suppressed
    address: str


@dataclass(slots=True)
class Imported:
    """How an import ended."""

    kept_out: int = 0
    """New ones."""
    known: int = 0
    """Kept out before, for the same or a weightier reason."""
    readers: int = 0
    """Of the new ones: readers here, who get no mail any more."""
    reading: int = 0
    """Left there and read here: they go on reading, for they asked for that here."""
    bad: int = 0
    problems: list[str] = field(default_factory=list)
    """The first bad rows, a line for each."""


class SuppressionDesk:
    """What `digest suppressions` does."""

    def __init__(self, engine: Engine, keyring: Keyring, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._hashes = keyring.address_hashes
        self._now = now

    def list(self, *, reason: str | None = None, with_addresses: bool = False, limit: int = 100) -> Sequence[Shown]:
        """The newest first. An address is known only of who is on the roster still; finding it out hashes all of them
        who get no mail."""
        with reading(self._engine) as session:
            found = suppressions.listed(session, reason=reason, limit=limit)
            known = suppressions.addresses(session, self._hashes) if with_addresses and found else {}
        return [Shown(each, known.get(each.address_hash, "")) for each in found]

    def find(self, address: str) -> Sequence[Shown]:
        """What keeps this address out; nothing when it is not. Raises BadAddress."""
        address = check_address(address)
        with reading(self._engine) as session:
            return [Shown(each, address) for each in suppressions.find(session, self._hashes(address))]

    def add(self, address: str, *, why: str) -> bool:
        """Keep an address out for good; False when it is already. Raises BadAddress."""
        address = check_address(address)
        with writing(self._engine) as session:
            row = self._locked(session, address)
            return suppressions.add_by_hand(
                session, self._hashes(address), row, reason="operator", note=why, now=self._now()
            )

    def remove(self, address: str, *, why: str) -> tuple[Sequence[Suppressed], str]:
        """Let an address in again: what was there, and what its reader is now ("" when there is none). Raises
        BadAddress, and InputError without a reason in words."""
        if not why.strip():
            raise InputError("say why this address may be mailed again: --why 'the mailbox works again'")
        address = check_address(address)
        with writing(self._engine) as session:
            row = self._locked(session, address)
            gone = suppressions.remove_by_hand(session, self._hashes(address), row, note=why, now=self._now())
            known = roster.look_up(session, address)
        return gone, known.status if known else ""

    def import_file(
        self, file: Path, *, reason: str, on_progress: Callable[[int], None], stopping: Callable[[], bool]
    ) -> Imported:
        """Keep out every address of a CSV file, for what it says or else for `reason`; `on_progress` is told lines.
        Raises BadFile; what was read before holds then."""
        if reason not in shutout.REASONS:
            raise InputError(f"{reason[:20]!r} is no reason; there is {', '.join(shutout.REASONS)}")
        sheet = inspect(file)
        address_at, why_at = shutout.columns(sheet.columns)
        done = Imported()
        rows = records(sheet)
        while (portion := list(islice(rows, SLICE))) and not stopping():
            wanted = dict(_read(portion, address_at, why_at, reason, done))
            with writing(self._engine) as session:
                self._keep_out(session, wanted, done)
            on_progress(portion[-1].until)
        return done

    def _keep_out(self, session: Session, wanted: dict[str, str], done: Imported) -> None:
        """Suppress these addresses (address -> reason)."""
        now = self._now()
        readers = suppressions.readers_by_key(session, [address_key(each) for each in wanted])
        for address, reason in wanted.items():
            hashes = self._hashes(address)
            who = readers.get(address_key(address))
            row = roster.locked(session, who) if who is not None else None
            there = suppressions.why_suppressed(session, hashes)
            if there in FINAL or (there is not None and reason not in FINAL):
                done.known += 1
                continue
            if reason not in FINAL and row is not None and row.status == "active":
                done.reading += 1
                continue
            subscriber_id = row.id if row is not None and reason in FINAL else None
            suppressions.suppress(
                session, hashes[0], reason=reason, now=now, subscriber_id=subscriber_id, source="import"
            )
            done.kept_out += 1
            done.readers += row is not None and row.status == "active"

    def _locked(self, session: Session, address: str) -> Row[tuple[object, ...]] | None:
        known = roster.look_up(session, address)
        return roster.locked(session, known.subscriber_id) if known is not None else None


def _read(
    portion: Sequence[Record], address_at: int, why_at: Sequence[int], default: str, done: Imported
) -> Iterator[tuple[str, str]]:
    """(address, reason) of each row that has an address; of one that stands in several, the weightiest last."""
    found: list[tuple[str, str]] = []
    for record in portion:
        try:
            address = check_address(record.cells[address_at] if address_at < len(record.cells) else "")
        except BadAddress as error:
            done.bad += 1
            if len(done.problems) < SHOWN_BAD:
                done.problems.append(f"line {record.line}: {error}")
            continue
        found.append((address, shutout.reason_of(record.cells, why_at, default)))
    yield from sorted(found, key=lambda each: each[1] in FINAL)
