"""Web, clock and dispatch in one process, stopped cleanly."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Sequence
from ipaddress import ip_network

import uvicorn
from fastapi import FastAPI

from digest.cli.common import on_interrupt, say
from digest.engine.inline import Again, InlineEngine
from digest.errors import InputError
from digest.service.asking import a_while
from digest.service.core import DigestService
from digest.service.gallery import Gallery
from digest.service.intake import tend_intake
from digest.service.owntemplates import own_folder
from digest.service.places import templates_folder
from digest.settings import Loaded, Settings
from digest.web.app import create_app
from digest.web.gallery import create_gallery
from digest.web.outbox import LOOPBACK

log = logging.getLogger(__name__)


ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the addresses that mean every one of this machine
"""Where this machine reaches a socket that listens on all of its addresses (RFC 1122, 3.2.1.3; RFC 4291, 2.5.2): no
link may lead to one of these themselves."""


def settings_at(loaded: Loaded, host: str, listener: socket.socket) -> Settings:
    """The settings of pages that listen on `host`. Without a PUBLIC_URL of the operator's, links lead to where they
    really listen: the default can only be right for the default port."""
    at: dict[str, str] = {"host": host}
    if loaded.origins["public_url"] == "default":
        at["public_url"] = _address(ANYWHERE.get(host, host), listener)
    return loaded.settings.model_copy(update=at)


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"


def serve(service: DigestService, listener: socket.socket) -> None:
    """Pages, clock and dispatch until SIGTERM or SIGINT, on a socket that listens already. What is being sent then is
    finished, what is leased is released.

    Raises SettingError before anything starts when a network provider lacks what it needs.
    """
    service.sender()
    at = _address(service.settings.host, listener)
    say(f"sign-up  {at}/subscribe")
    if service.settings.provider == "outbox":
        say(f"mails    {at}/outbox (written to {service.settings.data_dir / 'outbox'}, nothing leaves this machine)")
    say("Ctrl-C stops")
    serve_on(service, listener)


def serve_on(service: DigestService, listener: socket.socket, *, with_clock: bool = True) -> None:
    """Serve on a socket that listens already; the demo plays its own clock."""
    engine = make_engine(service)
    clock = None
    if with_clock:
        from scheduler import make_clock

        clock = make_clock(service, engine.wake)
    app = create_app(service.readers, templates_folder(), service.push, service.events)
    server = make_server(app, service.settings.trusted_proxies)

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


def serve_gallery(settings: Settings, host: str, listener: socket.socket) -> None:
    """The gallery of mails until SIGTERM or SIGINT. On loopback it answers to loopback's names only.
    Raises SettingError for a TEMPLATES_DIR that is not there."""
    own_folder(settings)  # one that is not there is said here; what is wrong in it, in the browser
    gallery = Gallery(settings)
    hosts = LOOPBACK if host in LOOPBACK else frozenset[str]()
    server = make_server(create_gallery(gallery, templates_folder(), hosts), ())
    say(f"gallery  {_address(ANYWHERE.get(host, host), listener)}/")
    say("it follows what you change in templates; Ctrl-C stops")

    def end() -> None:
        server.should_exit = True

    with on_interrupt(end):
        server.run(sockets=[listener])


def make_engine(service: DigestService) -> InlineEngine:
    """An engine, not yet started, that works off what pages ask for and sends. The service wakes it from now on."""

    def intake(stop: threading.Event) -> Again | None:
        seconds = tend_intake(service.readers, stop)
        return None if seconds is None else Again(seconds)

    engine = InlineEngine({"intake": intake, "dispatch": lambda stop: service.dispatch(stop=stop)})
    service.readers.on_asked = lambda: engine.wake("intake")
    service.readers.on_mail_planned = lambda: engine.wake("dispatch")
    service.readers.patience = a_while
    return engine


def make_server(app: FastAPI, trusted_proxies: Sequence[str]) -> uvicorn.Server:
    """A server that believes X-Forwarded-For and X-Forwarded-Proto from these networks, and from nobody by default.

    uvicorn's own default is to believe every process of this machine. It reads X-Forwarded-For from the right, where
    the nearest proxy writes, and takes the first address that is no trusted proxy's. A socket on "::" shows IPv4 peers
    as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2), so each IPv4 network is trusted in that form as well.
    """
    networks = [ip_network(each) for each in trusted_proxies]
    mapped = [f"::ffff:{each.network_address}/{each.prefixlen + 96}" for each in networks if each.version == 4]
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=bool(networks),
        forwarded_allow_ips=[*map(str, networks), *mapped],
    )
    return uvicorn.Server(config)


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises InputError, one line, for a port that is taken or not allowed."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # With the protocol named: asyncio turns Nagle's algorithm off only for sockets that say they are TCP, and with it
    # an answer in two writes waits 40 ms for the client's delayed ACK (seen: 70 requests a second instead of 500).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
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
