"""The gate before a provider: asked before each call, told after each (`digest.dispatch.flow` decides).

Crash semantics. `ask` is one short transaction, before anything of the call is written down: who dies after it has
taken up time that nobody uses, or let one batch through a breaker that nobody sent; others wait that long, and the
ledger knows of nothing. `ended` belongs to the transaction that settles the attempt: an outcome and what it says about
the provider are durable together. While there is nothing to mind, asking writes nothing.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from sqlalchemy import Engine
from sqlmodel import Session

from digest.dispatch import flow
from digest.dispatch.flow import Permit
from digest.dispatch.providers import Provider
from digest.errors import BadBatch, NotSent, ProviderError
from digest.store import flow as store
from digest.store.db import reading, writing
from digest.types import Flow, ProviderPace


@runtime_checkable
class Paced(Protocol):
    """What a provider may have besides `Provider`, where its answers say how fast it may be called."""

    def pace(self) -> ProviderPace | None:
        """What the last answer to the calling thread said; None when it said nothing."""


class Gate:
    """All workers' way to one provider. `rate` is SEND_RATE, mails a second, 0 for none."""

    def __init__(self, engine: Engine, provider: Provider, rate: float = 0.0) -> None:
        self._engine = engine
        self._provider = provider
        self._rate = rate

    @property
    def batch(self) -> int:
        """How many mails one call may carry."""
        return flow.batch(self._provider.batch, self._rate)

    def ask(self, mails: int) -> Permit:
        """Whether and when a call with so many mails may begin. A granted wait is taken up: call after it."""
        with reading(self._engine) as session:
            found, now = store.look(session, self._provider.name)
        if flow.free(found, now, self._rate):
            return Permit(0.0, granted=True)
        with writing(self._engine) as session:
            return store.change(session, self._provider.name, lambda row, at: flow.ask(row, at, mails, self._rate))

    def ended(self, session: Session, error: ProviderError | None, *, took_some: bool = False) -> bool:
        """A call has ended, in the caller's transaction; whether that has opened the breaker, which was closed.
        `took_some`: mails of it were accepted, whatever became of the others."""
        name = self._provider.name
        told = self._provider.pace() if isinstance(self._provider, Paced) else None
        before, now = store.look(session, name)
        pace = store.pace(session, name) if isinstance(error, NotSent) and error.retry_after is not None else 0.0

        def decide(row: Flow, at: float) -> tuple[Flow, bool]:
            after, opened = _after(row, at, error, pace, took_some=took_some)
            return (after if told is None else flow.told(after, at, told)), opened

        if decide(before, now)[0] == before:
            return False  # nothing to write down, as after nearly every call
        return store.change(session, name, decide)


def _after(row: Flow, now: float, error: ProviderError | None, pace: float, *, took_some: bool) -> tuple[Flow, bool]:
    """Whose fault a failed call was: a batch's own, our haste, or the provider's. What cannot be known counts against
    the provider: without keys mail after mail would become unknown while it answers nothing that helps."""
    if isinstance(error, NotSent) and error.retry_after is not None:
        return flow.too_fast(row, now, error.retry_after, pace), False
    if error is None or took_some or isinstance(error, BadBatch):
        return flow.worked(row), False
    return flow.failed(row, now)
