"""The OpenAPI description is true: it names every route, and every answer that comes is in it.

schemathesis makes up what the description allows, and what it does not; half of it with links that are real.
"""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import content_type_conformance, not_a_server_error, status_code_conformance
from starlette.routing import Route

from digest.settings import Settings
from digest.store.db import open_database, writing
from digest.web import views
from digest.web.app import create_app
from subscribers import account
from subscribers.pages import STATIC, Pages
from subscribers.routes.common import form_token
from subscribers.routes.describe import PATHS, URLENCODED, describe
from subscribers.web import router
from tests.databases import sqlite_file
from tests.web.conftest import serving
from tests.web.desk import TEMPLATES, WebDesk, token_of

EXAMPLES = 16
"""For each method of each path: about 800 requests in all, in half a minute."""
WHO = ("a person", "somebody", "a stranger", "chance")
"""Valid fields and a good link; a good, old or used link and any fields; a link for another purpose; anything."""
SCHEMA = schemathesis.openapi.from_dict(describe("Paper", "http://127.0.0.1"))
DIRECT = {"http": "", "https": ""}
"""No proxy, whatever the environment says."""
OPERATIONS = [
    (path, method) for path, methods in PATHS.items() for method in (*methods, *(["head"] * ("get" in methods)))
]


def test_every_route_is_described_and_no_other(desk: WebDesk) -> None:
    pages = Pages(TEMPLATES, site_name="Paper", public_url="https://paper.example")
    app = create_app(desk.readers, TEMPLATES)
    routers = (router(desk.readers, pages), views.router(desk.readers, pages), app)
    routes = [route for each in routers for route in each.routes if isinstance(route, Route)]
    there = {(route.path, method.lower()) for route in routes for method in route.methods or ()}
    assert there == set(OPERATIONS)


def test_the_description_is_a_valid_one() -> None:
    told = describe("Paper", "https://paper.example")
    assert told["openapi"] == "3.1.0"
    assert told["servers"] == [{"url": "https://paper.example"}]
    schema = schemathesis.openapi.from_dict(told)
    schema.validate()
    assert len(list(schema.get_all_operations())) == len(OPERATIONS)


VALUES: dict[str, list[Any]] = {
    "topic": [["harbour"], ["sport", "harbour"], ["nix"], []],
    "website": ["", "a machine's"],
    "email": ["new@example.org", "ada@example.org", "nobody", "\u202e@\u200b", ""],
    "name": ["Ada", "\u202eadA\x00" * 1000, "style.css", ""],
    "cadence": ["daily", "days:mon,thu", "several:12:00", "hourly", "days", "weekly"],
    "day": [["mon", "thu"], [], ["someday"]],
    "weekday": ["fri", "x"],
    "also": [["12:00"], ["12:10"], []],
    "time": ["07:00", "18:45", "07:10", "25:00"],
    "timezone": ["Europe/Berlin", "Mars", "../../etc/passwd"],
    "locale": ["de", "ar", "xx"],
    "lang": ["de", "ar", "xx"],
    "format": ["text", "html", "fax"],
    "most": ["5", "0", "\u0665", "1e9"],
    "for": ["week", "month", "none", ""],
    "until": ["2026-12-24", "9999-12-31", "0000-00-00", "soon"],
    "choice": ["all", "topics", "week", "month", "weekly", "x"],
    "from": ["page"],
    "reason": ["often", "x"],
    "note": ["\x00" * 600, "Too many."],
    "form": ["json", "csv", "exe"],
    "yes": ["yes", "no"],
    "source": ["poster", "\u2066" * 100],
}
"""For each field what a person would send, then what somebody else would."""
PURPOSES = {
    "confirm": ("confirm",),
    "preferences": ("manage", "steer"),
    "account": ("fresh",),
    "move": ("move",),
    "stop-move": ("stop",),
    "leave": ("leave",),
    "back": ("back",),
    "view": ("view",),
    "why": ("tune",),
}


class Reader:
    """A reader of their own for each operation, with a link of every kind and forms that were served to them."""

    def __init__(self, desk: WebDesk, number: int) -> None:
        self.desk = desk
        desk.later(days=2)  # beyond every cap of the one before, whose last mails go out now
        desk.mail()
        address = f"r{number}@example.org"
        self.id = desk.join(address)
        # In this order: opening a link voids those that were mailed before it.
        self.links = {"opened": self._mailed(address)}
        with writing(desk.engine) as session:
            self.links["account"] = account.make_fresh(session, self.id, now=desk.time)
        desk.readers.open_account(self.id, self.links["opened"])
        desk.readers.ask_move(self.id, self.links["opened"], f"to-{address}", network=None)
        self.links["move"] = next(found for mail in desk.mail() if (found := self._number(mail, "move")))
        self.minute = desk.minute()

    def _mailed(self, address: str) -> int:
        self.desk.later(minutes=11)
        self.desk.readers.ask_fresh_link(address, locale="en", network=None)
        (mail,) = self.desk.mail()
        found = self._number(mail, "account")
        assert found
        return found

    def _number(self, mail: EmailMessage, path: str) -> int:
        plain = mail.get_body(("plain",))
        assert plain is not None
        if f"/{path}/" not in plain.get_content():
            return 0
        return self.desk.keyring.unseal(token_of(mail, path), "fresh").context

    def tokens(self, purpose: str) -> list[str]:
        """Links of this purpose: good, old, used, and of nobody."""
        ring, old = self.desk.keyring, self.minute - 60 * 24 * 120
        if purpose in ("fresh", "move", "stop"):
            sealed = "fresh" if purpose == "move" else purpose
            wanted = ("account", "opened") if purpose == "fresh" else ("move", "opened")
            return [ring.seal(sealed, self.id, self.links[each]) for each in wanted] + [ring.seal(sealed, 10**6, 1)]
        if purpose == "steer":
            return [ring.seal("steer", who, when) for who in (self.id, 10**6) for when in (self.minute, old)]
        if purpose == "back":
            return [ring.seal("back", who, mark) for who, mark in self.marks()]
        if purpose == "tune":
            return [ring.seal("tune", who, each) for who in (self.id, 10**6) for each in (1, 2, 0, 10**6)]
        contexts = [self.minute, old] if purpose == "confirm" else [1, 2, 0, 10**6]
        return [getattr(ring.tokens(who, each), purpose) for who in (self.id, 10**6) for each in contexts]

    def desks(self) -> list[str]:
        """Hidden fields of account pages: one that is open, one that never was, one of nobody."""
        seal = self.desk.keyring.seal
        opened = seal("desk", self.id, self.links["opened"])
        return [opened, opened, seal("desk", self.id, self.links["account"]), seal("desk", 10**6, 1)]

    def undoes(self) -> list[str]:
        """Hidden fields of the page after leaving: the right one, another leaving's, another reader's."""
        return [self.desk.keyring.seal("undo", who, each) for who, each in self.marks()]

    def marks(self) -> list[tuple[int, int]]:
        """Of a leaving just now: reader and mark, right and wrong."""
        mark = self.desk.readers.leave(self.id, reason="page") or 0
        return [(self.id, mark), (self.id, mark), (self.id, mark + 1), (10**6, mark)]

    def forms(self, *, public: bool) -> list[str]:
        """Hidden fields of forms: the right one, another one's, one that was served this very second."""
        right, other = (form_token(self.desk.readers, who) for who in (0 if public else self.id, self.id + 1))
        self.desk.later(minutes=1)
        return [right, right, other, form_token(self.desk.readers)]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, WebDesk]]:
    """One application for all operations: what one example leaves behind is there for the next."""
    folder = tmp_path_factory.mktemp("openapi")
    told: dict[str, Any] = {
        "data_dir": folder / "data",
        "database_url": sqlite_file(folder),
        "secret_keys": "a-key-that-only-the-tests-know-about-0001",
        "sign_ups_per_network": 1_000_000,
    }
    engine = open_database(told["database_url"])
    desk = WebDesk(engine, Settings.model_validate(told))
    desk.furnish()
    with serving(create_app(desk.readers, TEMPLATES)) as url:
        yield url, desk
    desk.service.close()
    engine.dispose()


@pytest.mark.xdist_group("openapi")
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_only_described_answers_come(path: str, method: str, town: tuple[str, WebDesk]) -> None:
    url, desk = town
    operation = SCHEMA[path][method.upper()]
    fields = PATHS[path][method].form if method == "post" else None
    reader = Reader(desk, OPERATIONS.index((path, method)))
    good = [token for purpose in PURPOSES.get(path.split("/")[1], ()) for token in reader.tokens(purpose)]
    foreign = [token for purpose in ("leave", "confirm", "steer", "fresh", "stop") for token in reader.tokens(purpose)]
    hidden = {"token": reader.forms(public=path in ("/subscribe", "/fresh")), "desk": reader.desks()}
    if path == "/leave/{token}/undo":
        hidden["undo"] = reader.undoes()
    seen: set[int] = set()

    @seed(20260302)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(), who=st.sampled_from(WHO), data=st.data())
    def ask(case: schemathesis.Case[Any], who: str, data: st.DataObject) -> None:
        def one_of(pool: list[Any]) -> Any:
            return pool[0] if who == "a person" else data.draw(st.sampled_from(pool))

        if who != "chance" and fields is not None:
            case.media_type = case.media_type or URLENCODED
            case.body = {name: one_of(pool) for name, pool in {**VALUES, **hidden}.items() if name in fields}
        if who != "chance" and "token" in case.path_parameters:
            case.path_parameters["token"] = one_of(foreign if who == "a stranger" else good)
        if who != "chance" and "name" in case.path_parameters:
            case.path_parameters["name"] = one_of([*STATIC, "nix.css"])
        response = case.call(base_url=url, allow_redirects=False, proxies=DIRECT)
        seen.add(response.status_code)
        case.validate_response(response, checks=[not_a_server_error, status_code_conformance, content_type_conformance])
        assert not response.headers.get("set-cookie")

    ask()
    if not path.startswith(("/sample", "/view", "/why/{token}/{story}")):  # there is no story yet, and no digest
        assert seen & {200, 202, 303}, "nothing went as a person would have it"


BODIES = {
    413: (URLENCODED, b"note=" + b"x" * 5_000_000),
    415: ("application/json", b'{"email": "ada@example.org"}'),
    400: ("multipart/form-data", b"no boundary"),
}


@pytest.mark.parametrize("path", [path for path, methods in PATHS.items() if "post" in methods])
def test_bodies_that_are_none(client: httpx.Client, path: str) -> None:
    """Leaving takes whatever it is wrapped in; every other form says what it does not take."""
    for status, (kind, content) in BODIES.items():
        address = path.replace("{token}", "x")
        answer = client.post(address, content=content, headers={"Content-Type": kind})
        expected = 404 if path.startswith("/leave/") else status
        assert answer.status_code == expected, (path, kind)
        assert answer.status_code in PATHS[path]["post"].answers
        assert answer.headers["content-type"].startswith("text/html")
