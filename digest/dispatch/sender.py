"""Mail -> provider: leases chunks, composes, writes attempts down, calls, records.

Crash semantics. The sender keeps nothing that the ledger does not know: whenever it dies, another one goes on from the
committed rows (`digest.store.ledger` says what each crash leaves behind). No transaction is open while mails are
composed or the provider is called. The points between commits have names (TRACE); a test kills a real process at each.

    leased     the chunk is ours                        repeated   an open attempt was adopted, its call not yet made
    composed   bytes exist, nothing is written          settled    every reader's outcome is durable
    opened     the attempt is durable, no call made     given up   an open attempt became unknown
    sent       the call has ended, nothing recorded     closed     the chunk is given back or done

Retries: a delivery that was certainly not accepted is composed anew later, under a new key; a call in doubt is repeated
under its key, byte for byte, or becomes unknown. `digest.dispatch.verdict` decides which.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence

from sqlalchemy import Engine

from digest.dispatch.batch import Compose, Mail, write_batch
from digest.dispatch.flow import FAILURES, LONGEST_NAP, NO_LIMITS, Limits
from digest.dispatch.gate import Gate
from digest.dispatch.proof import Proofs
from digest.dispatch.providers import HalfSent, Provider
from digest.dispatch.run import Call, Run, call_of, counts
from digest.dispatch.verdict import OPERATOR_WAIT, Verdict, weigh
from digest.dispatch.watch import Watch
from digest.errors import DigestError, ProviderError, StaleFence, StoreError, Unknowable
from digest.store.attempts import (
    OpenAttempt,
    Outcome,
    Unknown,
    adopt,
    attempted,
    find_attempts,
    leave_open,
    open_attempt,
    repeat_attempt,
    request_hash,
    settle,
)
from digest.store.db import reading, writing
from digest.store.flow import is_stopped
from digest.store.ledger import LEASE_SECONDS, close_chunk, due, lease_chunk, overtaken
from digest.store.sendable import AddressHashes
from digest.store.staff import NOBODY, Staff
from digest.types import Accepted, Alert, DispatchReport, Due, ItemResult, Lease, LeftOut

TRACE = ("leased", "composed", "opened", "sent", "repeated", "settled", "given up", "closed")

IDLE = 3
"""Batches composed in vain before a chunk rests. Once is normal: another edition reached the same readers meanwhile."""

_log = logging.getLogger(__name__)


class Sender:
    """One worker, one chunk at a time. Any number of them may share a ledger, and threads may share one of them.

    `holder` names the worker in the ledger. `address_hashes` gives the keyed hashes under which an address may be
    suppressed, `staff` the people of the house by their numbers. `sleep` waits for some seconds (by default: until the
    drain's stop request at the latest). `trace` is told each point of TRACE as it is passed, `alert` what an operator
    should learn at once; it neither raises nor takes long. `limits` are the operator's.
    """

    def __init__(
        self,
        engine: Engine,
        provider: Provider,
        compose: Compose,
        *,
        holder: str,
        address_hashes: AddressHashes,
        lease_seconds: float = LEASE_SECONDS,
        sleep: Callable[[float], object] | None = None,
        trace: Callable[[str], None] | None = None,
        staff: Staff = NOBODY,
        limits: Limits = NO_LIMITS,
        alert: Callable[[Alert], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._gate = Gate(engine, provider, limits.rate)
        self._watch = Watch(engine, limits)
        self._redirect_to = limits.redirect_to
        self._alert = alert
        self._provider = provider
        self._proofs = Proofs(provider.encoding, provider.read)
        self._compose = compose
        self._holder = holder
        self._hashes = address_hashes
        self._staff = staff
        self._seconds = lease_seconds
        self._sleep = sleep
        self._trace = trace or (lambda point: None)

    def drain(
        self,
        stop: threading.Event | None = None,
        on_progress: Callable[[DispatchReport], None] | None = None,
        edition_id: int | None = None,
    ) -> DispatchReport:
        """Send until no chunk is ready, the provider fails us, or `stop` is set; what was done, in deliveries.

        After a stop request the batch under way is finished and the chunk given back. `report.retry` counts deliveries
        put off to a later drain. `on_progress` gets the report so far after each batch. Raises StoreError when the
        database cannot be used; whatever was committed until then holds.
        """
        run = Run(stop or threading.Event(), on_progress, edition_id is None)
        while not run.ending:
            with writing(self._engine) as session:
                lease = lease_chunk(session, self._holder, self._seconds, edition_id)
            if lease is None:
                break
            self._trace("leased")
            try:
                nap = self._work(lease, run)
            except StaleFence as stale:
                _log.warning("%s", stale)
                continue
            self._judge(lease.edition_id, run)
            if nap > 0 and not run.ending:
                (self._sleep or run.stop.wait)(nap)
        return run.report

    # --- one chunk ----------------------------------------------------------------------------------------------------

    def _work(self, lease: Lease, run: Run) -> float:
        """What is ready in one chunk, batch by batch until something more urgent is, then give it back. Seconds to call
        nobody afterwards."""
        try:
            verdict = self._recover(lease, run)
            while verdict is None and not run.ending:
                with reading(self._engine) as session:
                    readers = due(session, lease, self._gate.batch)
                    if not readers or is_stopped(session, lease.edition_id):
                        break
                    if run.any_edition and overtaken(session, lease):
                        break
                verdict = self._batch(lease, readers, run)
        except StoreError:
            raise
        except DigestError as error:
            # A bulkhead: an edition that cannot be composed, for whatever reason, must not hold up the others.
            _log.error("edition %d cannot be composed: %s", lease.edition_id, error)
            run.add(problem=str(error))
            verdict = Verdict(None, OPERATOR_WAIT)
        except Exception as error:
            # The same for a defect of ours: the chunk rests, is seen in the log, and does not come first for ever.
            _log.exception("edition %d, chunk %d failed", lease.edition_id, lease.chunk_id)
            run.add(problem=f"{type(error).__name__} in edition {lease.edition_id}; the log has the details")
            verdict = Verdict(None, OPERATOR_WAIT)
        with writing(self._engine) as session:
            close_chunk(session, lease, verdict.pause if verdict else 0.0)
        self._trace("closed")
        return verdict.nap if verdict else 0.0

    def _batch(self, lease: Lease, readers: Sequence[Due], run: Run) -> Verdict | None:
        """Compose, open, call and settle for one batch. A verdict when the chunk must rest, else None."""
        mails, left_out = self._write(lease.edition_id, readers)
        self._trace("composed")
        # Now, not before composing: what takes long must not come between our turn and the call.
        if mails and (not_now := self._turn(len(mails), run)) is not None:
            return not_now
        before = time.monotonic() + self._seconds
        with writing(self._engine) as session:
            opened = open_attempt(
                session,
                lease,
                [mail.composed for mail in mails],
                left_out,
                provider=self._provider.name,
                address_hashes=self._hashes,
                seconds=self._seconds,
                staff=self._staff,
            )
        self._trace("opened")
        if opened.skipped or opened.rejected:
            run.add(skipped=opened.skipped, rejected=opened.rejected)
        if opened.attempt_id is None:
            moved = opened.skipped + opened.rejected > 0
            run.idle = 0 if moved else run.idle + 1
            return None if run.idle < IDLE else self._rest(lease, run)
        by_reader = {mail.due.subscriber_id: mail for mail in mails}
        batch = [by_reader[reader] for reader in opened.readers]
        return self._call(lease, call_of(opened.attempt_id, opened.key, batch, 1, before), run)

    def _write(self, edition_id: int, readers: Sequence[Due]) -> tuple[list[Mail], list[LeftOut]]:
        return write_batch(self._compose, self._provider, self._proofs, edition_id, readers, self._redirect_to)

    def _rest(self, lease: Lease, run: Run) -> Verdict:
        run.idle = 0
        _log.error("edition %d, chunk %d: composed in vain, the readers keep changing; it rests", *_where(lease))
        return Verdict(None, OPERATOR_WAIT)

    # --- whether to call ----------------------------------------------------------------------------------------------

    def _turn(self, mails: int, run: Run) -> Verdict | None:
        """Wait until a call with so many mails may begin. A verdict when it may not for now: the chunk rests, and this
        drain ends."""
        permit = self._gate.ask(mails)
        if permit.granted:
            if permit.wait > 0:
                (self._sleep or run.stop.wait)(permit.wait)
            return Verdict(None) if run.stop.is_set() and permit.wait > 0 else None
        run.over = True
        told = (
            f"{self._provider.name} is not to be called for {permit.wait:.0f} s; the mails wait and will be tried again"
        )
        run.report += DispatchReport(problem=run.report.problem or told)
        return Verdict(None, permit.wait)

    def _judge(self, edition_id: int, run: Run) -> None:
        """Stop an edition of which too many mails are rejected or bounce."""
        why = self._watch.judge(edition_id)
        if why:
            _log.error("edition %d is stopped: %s", edition_id, why)
            run.report += DispatchReport(problem=f"edition {edition_id} is stopped: {why}")
            resume = f"`digest editions resume {edition_id}` goes on"
            self._alert(Alert("stopped", f"edition {edition_id}", f"edition {edition_id} is stopped: {why}; {resume}"))

    def _tell(self, edition_id: int, outcomes: Collection[Outcome]) -> None:
        """Tell of mails that have become unknown."""
        unknown = [each for each in outcomes if isinstance(each, Unknown)]
        if unknown:
            told = f"edition {edition_id}: {len(unknown)} mails are unknown; see `digest deliveries stuck`"
            self._alert(Alert("unknown", f"edition {edition_id}", told))

    # --- one call -----------------------------------------------------------------------------------------------------

    def _call(self, lease: Lease, call: Call, run: Run) -> Verdict | None:
        """Call the provider and record what it said."""
        if time.monotonic() > call.before:
            # Somebody else may have found this attempt and decided about it; the call is theirs now.
            raise StaleFence(f"chunk {lease.chunk_id}: the lease ran out before the call; it was not made")
        results, cause = self._hand_over(call)
        settled, verdict = weigh(
            results,
            cause,
            call.tries_of,
            key_usable=self._provider.key_lifetime is not None,
            tries=call.tries,
            key=call.key,
        )
        outcomes: dict[int, Outcome] = dict(zip(call.readers, settled, strict=True)) if settled else {}
        took_some = any(isinstance(each, Accepted) for each in settled)
        if cause is not None and verdict is not None:
            if took_some:
                run.failures = 0
            self._note(lease, cause, verdict, run)
        self._trace("sent")
        problem = run.report.problem if verdict and verdict.stop else ""
        with writing(self._engine) as session:
            if outcomes:
                settle(session, lease, call.attempt_id, outcomes, self._seconds, problem)
            else:
                leave_open(session, lease, call.attempt_id, "in doubt; the call will be repeated", self._seconds)
            opened = self._gate.ended(session, cause, took_some=took_some)
        self._trace("settled")
        if opened:
            told = f"{self._provider.name} is left alone for a while after {FAILURES} failed calls in a row: {cause}"
            self._alert(Alert("breaker", self._provider.name, told))
        self._tell(lease.edition_id, outcomes.values())
        run.add(**counts(outcomes, len(call.readers)))
        if verdict is None or verdict.pause == 0:
            run.failures = 0
            return None
        return verdict

    def _hand_over(self, call: Call) -> tuple[Sequence[ItemResult | None], ProviderError | None]:
        """The provider's results, and what went wrong with the mails that have none."""
        nobody = [None] * len(call.readers)
        try:
            results: Sequence[ItemResult | None] = self._provider.send(call.payloads, call.key)
            cause: ProviderError | None = None
        except HalfSent as half:
            results, cause = half.results, half.cause
        except ProviderError as error:
            return nobody, error
        if len(results) != len(nobody) or (cause is None and None in results):
            return nobody, Unknowable(f"{len(results)} results came back for {len(nobody)} mails")
        return results, cause

    def _note(self, lease: Lease, error: ProviderError, verdict: Verdict, run: Run) -> None:
        _log.warning("edition %d, chunk %d: %s", lease.edition_id, lease.chunk_id, error)
        if verdict.pause == 0:
            return
        run.failures += 1
        if verdict.stop or run.failures >= FAILURES or verdict.nap > LONGEST_NAP:
            run.over = True
            again = "" if verdict.stop else "; the mails wait and will be tried again"
            run.report += DispatchReport(problem=f"{error}{again}")

    # --- recovery -----------------------------------------------------------------------------------------------------

    def _recover(self, lease: Lease, run: Run) -> Verdict | None:
        """Decide about attempts that nobody settled, before anything new is sent from the chunk."""
        with reading(self._engine) as session:
            found = find_attempts(session, lease)
        for attempt in found:
            if run.ending:
                return Verdict(None, 0.0)
            verdict = self._again(lease, attempt, run)
            if verdict is not None:
                return verdict
        return None

    def _again(self, lease: Lease, attempt: OpenAttempt, run: Run) -> Verdict | None:
        """Repeat an open attempt under its key when that is safe; otherwise its readers become unknown."""
        reason = self._unrepeatable(attempt)
        mails: list[Mail] = []
        if not reason:
            with reading(self._engine) as session:
                readers = attempted(session, lease, attempt)
            mails, _ = self._write(lease.edition_id, readers)
            same = tuple(mail.due.subscriber_id for mail in mails) == attempt.readers
            if not same or request_hash(mail.composed.payload_hash for mail in mails) != attempt.request_hash:
                reason = "a call was in doubt and the very same batch could not be composed again"
        if not reason and (not_now := self._turn(len(mails), run)) is not None:
            return not_now
        before = time.monotonic() + self._seconds
        if not reason:
            self._trace("composed")
            addresses = {mail.due.subscriber_id: mail.address for mail in mails}
            with writing(self._engine) as session:
                if not repeat_attempt(
                    session,
                    lease,
                    attempt,
                    addresses,
                    address_hashes=self._hashes,
                    seconds=self._seconds,
                    staff=self._staff,
                ):
                    reason = "a call was in doubt and a reader of its batch has left since, so it was not repeated"
        if reason:
            self._give_up(lease, attempt, reason, run)
            return None
        self._trace("repeated")
        return self._call(lease, call_of(attempt.id, attempt.key, mails, attempt.tries + 1, before), run)

    def _unrepeatable(self, attempt: OpenAttempt) -> str:
        lifetime = self._provider.key_lifetime
        if attempt.provider != self._provider.name:
            return f"a call to {attempt.provider} was in doubt when the provider was changed"
        if lifetime is None:
            return f"a call was in doubt and {attempt.provider} has no idempotency keys"
        if attempt.age > usable_seconds(lifetime.total_seconds()):
            return "a call was in doubt for longer than its idempotency key lives"
        return ""

    def _give_up(self, lease: Lease, attempt: OpenAttempt, reason: str, run: Run) -> None:
        outcomes: dict[int, Outcome] = dict.fromkeys(attempt.readers, Unknown(reason))
        with writing(self._engine) as session:
            adopt(session, lease, attempt.id)
            settle(session, lease, attempt.id, outcomes, self._seconds, reason)
        self._trace("given up")
        _log.warning("edition %d, chunk %d: %d mails are unknown: %s", *_where(lease), len(outcomes), reason)
        self._tell(lease.edition_id, outcomes.values())
        run.add(unknown=len(outcomes))


def usable_seconds(lifetime: float) -> float:
    """For how much of a key's lifetime we trust it: a tenth, at most an hour, is left for slow calls and clocks."""
    return lifetime - min(3600.0, lifetime / 10)


def _where(lease: Lease) -> tuple[int, int]:
    return lease.edition_id, lease.chunk_id
