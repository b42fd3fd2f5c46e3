"""A language model's endpoint on loopback that speaks OpenAI's chat completions API, and misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Callable[["Handler"], None]
"""How one call is answered."""


class Model(ThreadingHTTPServer):
    """By default it answers with the second and third sentence of the article, and counts 50 tokens."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.calls: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.script: deque[Step] = deque()
        self.always: Step | None = None
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.during: Callable[[], None] = lambda: None
        """Called while a question is being answered."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that did not wait is this server's ordinary life."""


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Model

    def log_message(self, *_: Any) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        model = self.server
        with model.lock:
            model.calls.append(({name.lower(): value for name, value in self.headers.items()}, body))
            step = model.script.popleft() if model.script else model.always
        model.during()
        if self.path != "/v1/chat/completions":
            self.reply(404, b"{}")
        elif step is not None:
            step(self)
        else:
            article = json.loads(body["messages"][1]["content"])
            self.say(". ".join(article["text"].split(". ")[1:3]) + ".")

    def say(self, text: object, usage: object = None) -> None:
        usage = {"total_tokens": 50} if usage is None else usage
        told = {"choices": [{"message": {"role": "assistant", "content": text}}], "usage": usage}
        self.reply(200, json.dumps(told).encode())

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def saying(text: object, usage: object = None) -> Step:
    return lambda handler: handler.say(text, usage)


def answering(status: int, body: bytes = b"{}", **headers: str) -> Step:
    return lambda handler: handler.reply(status, body, **headers)


def hanging(handler: Handler) -> None:
    """No answer before the test is over."""
    handler.server.released.wait()
    handler.close_connection = True


def dripping(handler: Handler) -> None:
    """A byte of the head now and then, for ever: no single wait is long."""
    while not handler.server.released.wait(0.05):
        handler.wfile.write(b"H")
        handler.wfile.flush()
    handler.close_connection = True


@contextmanager
def running() -> Iterator[Model]:
    model = Model()
    thread = threading.Thread(target=model.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield model
    finally:
        model.released.set()
        model.shutdown()
        model.server_close()
        thread.join(5)
