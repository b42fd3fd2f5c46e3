"""A mail server (aiosmtpd) on loopback that keeps a log of its own, forced to disk before it confirms a mail.

`script` makes it misbehave: what it replies next in a phase ("mail", "rcpt", "data", "noop"), where "" is the ordinary
reply, CUT breaks the connection before anything was taken, LOSE takes the mail and breaks the connection, and HANG says
nothing. `refused` has replies for single recipients.

    python -m tests.dispatch.smtp_sink LOG    runs it alone and prints its port
"""

from __future__ import annotations

import asyncio
import email
import json
import os
import ssl
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

CUT, LOSE, HANG = "cut", "lose", "hang"
TLS = Path(__file__).parent / "tls"
USER, PASSWORD = "paper@news.example", "a pass%word:/@"


class Sink:
    """The handler of every connection, and what was seen."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.log.touch()
        self.script: dict[str, deque[str]] = defaultdict(deque)
        self.refused: dict[str, str] = {}
        self.connections = 0
        self.commands: list[str] = []
        self.port = 0

    def mails(self) -> list[dict[str, Any]]:
        """What was accepted, in order: from, to, headers, raw."""
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    async def _scripted(self, phase: str, server: Any) -> str:
        self.commands.append(phase)
        told = self.script[phase].popleft() if self.script[phase] else ""
        if told == CUT:
            server.transport.abort()
        if told == HANG:
            await asyncio.sleep(3600)
        return told

    async def handle_EHLO(self, server: Any, session: Any, envelope: Any, name: str, replies: list[str]) -> list[str]:
        self.connections += 1
        session.host_name = name
        return replies

    async def handle_NOOP(self, server: Any, session: Any, envelope: Any, arg: str) -> str:
        return await self._scripted("noop", server) or "250 OK"

    async def handle_RSET(self, server: Any, session: Any, envelope: Any) -> str:
        return await self._scripted("rset", server) or "250 OK"

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if told := await self._scripted("mail", server):
            return told
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if told := await self._scripted("rcpt", server) or self.refused.get(address, ""):
            return told
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        told = await self._scripted("data", server)
        if told and told != LOSE:
            return told
        head = email.message_from_bytes(envelope.content)
        row = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "options": envelope.mail_options,
            "user": str(session.auth_data or ""),
            "tls": server.transport.get_extra_info("sslcontext") is not None,
            "headers": {name: str(value) for name, value in head.items()},
            "raw": envelope.original_content.decode("ascii"),
        }
        with self.log.open("a") as log:
            log.write(json.dumps(row) + "\n")
            log.flush()
            os.fsync(log.fileno())
        if told == LOSE:
            server.transport.abort()
        return f"250 2.0.0 Ok: queued as {len(envelope.content):X}"

    def login(self, server: Any, session: Any, envelope: Any, mechanism: str, data: LoginPassword) -> AuthResult:
        good = (data.login.decode(), data.password.decode()) == (USER, PASSWORD)
        return AuthResult(success=good, handled=False, auth_data=data.login.decode() if good else None)


async def serve(sink: Sink, security: str, auth: bool) -> asyncio.Server:
    """Listen on a free port of loopback, with TLS as `security` says."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(TLS / "cert.pem", TLS / "key.pem")
    loop = asyncio.get_running_loop()

    def session() -> SMTP:
        return SMTP(
            sink,
            hostname="sink.test",
            loop=loop,
            tls_context=context if security == "starttls" else None,
            authenticator=sink.login if auth else None,
            # aiosmtpd counts only STARTTLS as TLS, and warns where a password is required without.
            auth_required=auth and security == "starttls",
            auth_require_tls=security != "tls",
        )

    server = await loop.create_server(session, "127.0.0.1", 0, ssl=context if security == "tls" else None)
    sink.port = server.sockets[0].getsockname()[1]
    return server


@contextmanager
def running(log: Path, security: str = "none", *, auth: bool = False) -> Iterator[Sink]:
    sink = Sink(log)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(serve(sink, security, auth))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield sink
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)


async def _alone(log: Path) -> None:
    sink = Sink(log)
    server = await serve(sink, "none", auth=False)
    sys.stdout.write(f"{sink.port}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_alone(Path(sys.argv[1])))
