"""The one place that speaks to a language model: POST {LLM_URL}/chat/completions, as OpenAI's API describes it and
vLLM, llama.cpp, Ollama, LiteLLM and most vendors understand it.

Source: https://platform.openai.com/docs/api-reference/chat/create. Nothing but `model`, `messages` and `max_tokens` is
sent: every server knows these. The address is the operator's own choice, like a provider's, so it may be private;
redirects are not followed. No exception and no log line holds the key or anything of an answer.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

from digest.errors import DigestError

MOST_BYTES = 64 * 1024
"""Of an answer: 300 tokens with everything around them are 3 kB."""
CONNECT_SECONDS = 5.0
LANES = 4
"""Questions under way at once: a model of one's own seldom works on more, and vendors allow it to the smallest
accounts."""

ENDS: Mapping[int, str] = {
    401: "does not know the key; set LLM_KEY",
    402: "wants to be paid",
    403: "refuses us; check LLM_KEY",
    404: "has no such address or model; check LLM_URL and LLM_MODEL",
    429: "wants to be asked less often, or the account is used up",
}
"""What a status means after which asking on is of no use for now. A 400 is not among them: vendors' filters give it for
one article about violence."""


class NoAnswer(DigestError):
    """The language model gave no answer."""

    def __init__(self, message: str | None = None, *, over: bool = False, free: bool = False) -> None:
        super().__init__(message)
        self.over = over
        """Whether the next question would fare no better."""
        self.free = free
        """Whether it surely cost nothing."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, as it is, and the tokens that the server counted; 0 when it did not say."""

    text: str
    tokens: int


class Endpoint:
    """A few kept connections; threads may share them."""

    def __init__(self, url: str, model: str, key: str) -> None:
        self.url, self.model = f"{url.rstrip('/')}/chat/completions", model
        headers = {"User-Agent": "digest-service", "Accept-Encoding": "identity"}
        headers |= {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(headers=headers, limits=httpx.Limits(max_connections=LANES))

    def ask(self, messages: Sequence[Mapping[str, str]], *, most_tokens: int, seconds: float) -> Answer:
        """The answer to one question. Raises NoAnswer.

        Each wait ends after `seconds`, and so does the reading; who must be done by then waits no longer than that
        (`scribe`), since a server that sends a byte now and then could draw it out to twice as long.
        """
        body = {"model": self.model, "messages": list(messages), "max_tokens": most_tokens, "stream": False}
        timeout = httpx.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS))
        ends = time.monotonic() + seconds
        read = bytearray()
        try:
            with self._client.stream("POST", self.url, json=body, timeout=timeout) as answer:
                if answer.status_code != 200:
                    raise _refusal(answer.status_code)
                for portion in answer.iter_raw():
                    read += portion
                    if len(read) > MOST_BYTES:
                        raise NoAnswer(f"it sent more than {MOST_BYTES // 1024} kB")
                    if time.monotonic() > ends:
                        raise NoAnswer(f"it was not done after {seconds:.0f} s")
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError, httpx.PoolTimeout) as error:
            raise NoAnswer(f"it cannot be reached ({type(error).__name__})", over=True, free=True) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise NoAnswer(f"it did not answer ({type(error).__name__})") from None
        return _answer(bytes(read))

    def close(self) -> None:
        self._client.close()


def _refusal(status: int) -> NoAnswer:
    over = status in ENDS or 300 <= status < 400
    told = f"it {ENDS[status]} ({status})" if status in ENDS else f"it answered {status}; check LLM_URL and LLM_MODEL"
    return NoAnswer(told, over=over, free=300 <= status < 500)


def _answer(body: bytes) -> Answer:
    try:
        told: Any = json.loads(body)
        text = told["choices"][0]["message"]["content"]
        usage = told.get("usage")
        tokens = usage.get("total_tokens") if isinstance(usage, dict) else None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise NoAnswer("what it sent is no answer of this API; check LLM_URL") from None
    if not isinstance(text, str):
        raise NoAnswer("what it sent holds no text")
    return Answer(text, tokens if isinstance(tokens, int) and 1 < tokens <= 10**9 else 0)
