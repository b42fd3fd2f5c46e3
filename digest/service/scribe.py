"""Summaries by a language model, for the editions about to be frozen: bounded in time, in cost and in length.

It is here, and no room of its own, because it is an effect that only freezing needs, and needs the database for what it
costs: questions and answers are judged in `stories.machine`, spoken by `endpoint`, remembered in `store.machine`.

- *Time*: an edition waits LLM_SECONDS at most; what has not come by then is told with the article's own sentences. The
  clock's lease is kept meanwhile. No transaction is open while anybody waits.
- *Cost*: LLM_TOKENS_PER_DAY, counted in the database, reserved before each call.
- *Once*: an answer is kept under the hash of the endpoint, the model and the whole question, so the same article is not
  asked about again by the next edition, nor when a freeze is repeated after a crash; a text that has changed is. A
  useless answer is kept as such. What failed on the way is not kept: the next edition may ask again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from queue import Empty, SimpleQueue

from sqlalchemy import Engine

from digest.service.endpoint import LANES, Answer, Endpoint, NoAnswer
from digest.settings import Settings
from digest.store import machine
from digest.store.db import reading, writing
from digest.stories.machine import MOST_TOKENS, judged, question, worth_asking
from digest.types import Telling

log = logging.getLogger(__name__)

KEEP_SECONDS = 3.0
"""How often the clock's lease of ten seconds is renewed meanwhile (`store.clock`)."""
FAILURES = 3
"""Failures in a row after which an edition asks no more."""
ONE_SECONDS = 30.0
"""The longest that one question may take."""

Write = Callable[[Sequence[Telling]], Mapping[int, str]]
"""Leading tellings, the most important first -> story id -> its summary, where there is one."""


@dataclass(frozen=True, slots=True)
class _Ask:
    telling: Telling
    messages: list[dict[str, str]]
    key: str

    @property
    def tokens(self) -> int:
        """The most it can cost: no tokenizer makes more tokens than there are bytes."""
        return len(json.dumps(self.messages, ensure_ascii=False).encode()) + MOST_TOKENS


class Scribe:
    """Asks one model for summaries."""

    def __init__(self, engine: Engine, endpoint: Endpoint, *, tokens_per_day: int, seconds: float) -> None:
        self._engine, self._endpoint = engine, endpoint
        self._tokens_per_day, self._seconds = tokens_per_day, seconds

    def known(self, leads: Sequence[Telling]) -> dict[int, str]:
        """What was written before; nothing is asked."""
        return self._known(self._asks(leads))[0]

    def write(self, leads: Sequence[Telling], *, now: datetime, keep: Callable[[], None]) -> dict[int, str]:
        """The summaries of these, as many as time and cost allow, the first ones first. `keep` is called every few
        seconds; what it raises ends the writing and is raised. Raises StoreError besides; never for the model."""
        found, waiting = self._known(self._asks(leads))
        if not waiting:
            return found
        problem = ""
        with _Lanes(self._endpoint, self._seconds) as lanes:
            failures, kept_at = 0, time.monotonic()
            while (waiting or lanes.busy) and lanes.left > 0:
                while waiting and lanes.busy < LANES:
                    if not self._reserve(waiting[0], now):
                        problem = f"LLM_TOKENS_PER_DAY ({self._tokens_per_day}) are used up"
                        waiting.clear()
                        break
                    lanes.put(waiting.popleft())
                if told := lanes.get(KEEP_SECONDS):
                    ask, answer = told
                    if isinstance(answer, Answer):
                        failures = 0
                        found |= self._kept(ask, answer, now)
                    else:
                        failures, problem = failures + 1, str(answer)
                        self._failed(ask, answer, now)
                        if answer.over or failures == FAILURES:
                            waiting.clear()
                if time.monotonic() - kept_at >= KEEP_SECONDS:
                    keep()
                    kept_at = time.monotonic()
            late = len(waiting) + lanes.busy
        if problem or late:
            log.warning(
                "summaries by %s: %s; the articles' own sentences stand in for the rest",
                self._endpoint.model,
                problem or f"{late} not written after {self._seconds:.0f} s",
            )
        return found

    def close(self) -> None:
        self._endpoint.close()

    def _asks(self, leads: Sequence[Telling]) -> list[_Ask]:
        asks = []
        for telling in leads:
            if worth_asking(telling):
                messages = question(telling)
                whole = (self._endpoint.url, self._endpoint.model, MOST_TOKENS, str(telling.rights), messages)
                key = hashlib.blake2b(json.dumps(whole).encode(), digest_size=32).hexdigest()
                asks.append(_Ask(telling, messages, key))
        return asks

    def _known(self, asks: Sequence[_Ask]) -> tuple[dict[int, str], deque[_Ask]]:
        """What was answered before, and what was never asked."""
        with reading(self._engine) as session:
            answers = machine.known(session, [ask.key for ask in asks])
        found = {ask.telling.story_id or 0: answers[ask.key] for ask in asks if answers.get(ask.key)}
        return found, deque(ask for ask in asks if ask.key not in answers)

    def _reserve(self, ask: _Ask, now: datetime) -> bool:
        with writing(self._engine) as session:
            return machine.reserve(session, _day(now), ask.tokens, limit=self._tokens_per_day)

    def _kept(self, ask: _Ask, answer: Answer, now: datetime) -> dict[int, str]:
        verdict = judged(answer.text, ask.telling)
        with writing(self._engine) as session:
            machine.correct(session, _day(now), (answer.tokens or ask.tokens) - ask.tokens)
            machine.keep(session, ask.key, verdict.text, verdict.reason, now=now)
        if not verdict.text:
            log.info("summary of article %s not taken: %s", ask.telling.id, verdict.reason)
            return {}
        return {ask.telling.story_id or 0: verdict.text}

    def _failed(self, ask: _Ask, error: NoAnswer, now: datetime) -> None:
        if error.free:
            with writing(self._engine) as session:
                machine.correct(session, _day(now), -ask.tokens)


class _Lanes:
    """Threads that ask, and an end to the waiting for them: who is not done by then is left behind and drops what it
    is told. They are daemons, so none holds up the end of the process."""

    def __init__(self, endpoint: Endpoint, seconds: float) -> None:
        self._endpoint = endpoint
        self._ends = time.monotonic() + seconds
        self._asked: SimpleQueue[_Ask | None] = SimpleQueue()
        self._told: SimpleQueue[tuple[_Ask, Answer | NoAnswer]] = SimpleQueue()
        self.busy = 0

    def __enter__(self) -> _Lanes:
        for _ in range(LANES):
            threading.Thread(target=self._work, name="summary", daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        for _ in range(LANES):
            self._asked.put(None)

    @property
    def left(self) -> float:
        """Seconds until the end."""
        return self._ends - time.monotonic()

    def put(self, ask: _Ask) -> None:
        self.busy += 1
        self._asked.put(ask)

    def get(self, seconds: float) -> tuple[_Ask, Answer | NoAnswer] | None:
        """What comes next; None when nothing has within `seconds` or until the end."""
        with suppress(Empty):
            told = self._told.get(timeout=max(0.0, min(seconds, self.left)))
            self.busy -= 1
            return told
        return None

    def _work(self) -> None:
        while (ask := self._asked.get()) is not None:
            try:
                seconds = max(0.1, min(ONE_SECONDS, self.left))
                answer: Answer | NoAnswer = self._endpoint.ask(ask.messages, most_tokens=MOST_TOKENS, seconds=seconds)
            except NoAnswer as error:
                answer = error
            except Exception as error:  # raised nowhere else: without an answer, `write` would wait for it to the end
                log.exception("a question could not be asked")
                answer = NoAnswer(f"it could not be asked ({type(error).__name__})", over=True)
            self._told.put((ask, answer))


def open_scribe(settings: Settings, engine: Engine) -> Scribe | None:
    """A scribe at LLM_URL, or None where that is empty."""
    if not settings.llm_url:
        return None
    endpoint = Endpoint(settings.llm_url, settings.llm_model, settings.llm_key)
    return Scribe(engine, endpoint, tokens_per_day=settings.llm_tokens_per_day, seconds=settings.llm_seconds)


def _day(now: datetime) -> str:
    """In UTC, as everything that is stored."""
    return f"{now:%Y-%m-%d}"
