"""Web, clock and dispatch in one process, stopped cleanly."""

from __future__ import annotations

import logging
import socket

import uvicorn

from digest.cli.common import on_interrupt, say
from digest.engine.inline import InlineEngine
from digest.errors import InputError
from digest.service.core import DigestService
from digest.service.places import templates_folder
from digest.web.app import create_app

log = logging.getLogger(__name__)


def serve(service: DigestService, host: str, port: int) -> None:
    """Pages, clock and dispatch until SIGTERM or SIGINT. What is being sent then is finished, what is leased is
    released.

    Raises SettingError before anything starts when a network provider lacks what it needs, InputError for a taken port.
    """
    service.sender()
    listener = listen(host, port)
    shown = f"[{host}]" if ":" in host else host
    at = f"http://{shown}:{listener.getsockname()[1]}"
    say(f"sign-up  {at}/subscribe")
    if service.settings.provider == "outbox":
        say(f"mails    {at}/outbox (written to {service.settings.data_dir / 'outbox'}, nothing leaves this machine)")
    say("Ctrl-C stops")
    try:
        serve_on(service, listener)
    finally:
        listener.close()


def serve_on(service: DigestService, listener: socket.socket, *, with_clock: bool = True) -> None:
    """Serve on a socket that listens already; the demo plays its own clock."""
    engine = InlineEngine({"dispatch": lambda stop: service.dispatch(stop=stop)})
    service.readers.on_mail_planned = lambda: engine.wake("dispatch")
    clock = None
    if with_clock:
        from scheduler import make_clock

        clock = make_clock(service, lambda: engine.wake("dispatch"))
    app = create_app(service.readers, templates_folder())
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off"))

    def end() -> None:
        server.should_exit = True
        service.stopping.set()

    try:
        # From the first mail on: a signal may come before uvicorn listens for it. And uvicorn, when it ends on one,
        # raises it once more, which would kill us before the drain.
        with on_interrupt(end):
            engine.start()
            if clock is not None:
                clock.start()
            server.run(sockets=[listener])
    finally:
        # First the sending, for a gather under way may keep the clock waiting for a slow source.
        service.stopping.set()
        if clock is not None and clock.running:
            clock.pause()
        stopped = engine.stop()
        if clock is not None and clock.running:
            clock.shutdown(wait=True)
        if stopped:
            log.info("stopped; nothing is half-done")
        else:
            log.warning("stopped while a batch was waiting for the provider; the next start settles it")


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises InputError, one line, for a port that is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)  # at once: two processes may both bind to a port, but only one can listen
    except OSError as error:
        listener.close()
        raise InputError(f"cannot listen on {host}:{port} ({error.strerror}); set PORT or give --port 0") from None
    return listener


def listen_near(host: str, port: int) -> socket.socket:
    """This port, or any free one when it is taken: a newcomer's demo should not fail over a number."""
    try:
        return listen(host, port)
    except InputError:
        return listen(host, 0)
