"""The local outbox in the browser."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

from digest.web.app import create_app
from tests.web.conftest import serving
from tests.web.desk import TEMPLATES, WebDesk


def mail(folder: Path, name: str, subject: str, *, age: int, html: bool = True) -> bytes:
    message = EmailMessage()
    message["From"] = "Morning Paper <paper@example.org>"
    message["To"] = "Ada Lövelace <ada@example.org>"
    message["Subject"] = subject
    message["Date"] = "Mon, 02 Mar 2026 07:00:00 +0100"
    message.set_content("Die Fähre fährt.\n", cte="quoted-printable")
    if html:
        message.add_alternative("<html><head></head><body><a href='/x'>Fähre</a></body></html>", subtype="html")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(message.as_bytes())
    os.utime(folder / name, (2_000_000_000 - age, 2_000_000_000 - age))
    return message.as_bytes()


@pytest.fixture
def box(desk: WebDesk) -> Path:
    return desk.settings.data_dir / "outbox"


def test_an_empty_outbox_says_what_to_do(client: httpx.Client) -> None:
    answer = client.get("/outbox")
    assert answer.status_code == 200
    assert "Nothing here yet" in answer.text


def test_mails_are_listed_newest_first(client: httpx.Client, box: Path) -> None:
    mail(box / "new", "1.a.eml", "Fähre <b>ahoi</b>", age=30)
    mail(box / "cur", "2.a@x.eml:2,RS", "Second", age=10)
    page = client.get("/outbox").text
    assert page.index("Second") < page.index("Fähre &lt;b&gt;ahoi&lt;/b&gt;")
    assert "Ada Lövelace &lt;ada@example.org&gt;" in page
    assert "2 mails that were written" in page
    assert "Second" in client.get("/outbox/2.a@x.eml:2,RS").text
    assert "رسالتان" in client.get("/outbox?lang=ar").text


def test_a_mail_is_shown_whole(client: httpx.Client, box: Path) -> None:
    raw = mail(box / "new", "1.a.eml", "Fähre", age=1)
    page = client.get("/outbox/1.a.eml")
    assert "frame-src 'self'" in page.headers["content-security-policy"]
    assert "Die Fähre fährt." in page.text
    assert "Ada Lövelace" in page.text
    html = client.get("/outbox/1.a.eml/html")
    assert html.headers["content-security-policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in html.headers["content-security-policy"]
    assert '<head><base target="_blank">' in html.text
    source = client.get("/outbox/1.a.eml/source")
    assert source.content == raw
    assert source.headers["content-disposition"] == 'attachment; filename="1.a.eml"'


def test_mails_that_are_not_as_expected(client: httpx.Client, box: Path) -> None:
    mail(box / "new", "plain.eml", "Plain", age=1, html=False)
    (box / "new" / "empty.eml").write_bytes(b"")
    (box / "new" / "noise.eml").write_bytes(bytes(range(256)) * 20)
    (box / "new" / "odd.eml").write_bytes(b"Content-Type: text/html; charset=klingon\r\nDate: soon\r\n\r\n<p>\xff")
    assert client.get("/outbox").status_code == 200
    for name in ("plain", "empty", "noise", "odd"):
        assert client.get(f"/outbox/{name}.eml").status_code == 200
    assert client.get("/outbox/plain.eml/html").status_code == 404


@pytest.mark.parametrize("name", ["..%2f..%2fsecret.key", "x.eml", ".eml", "secret.key", "%2e%2e", "a%00.eml", "ä.eml"])
def test_nothing_else_can_be_read(client: httpx.Client, desk: WebDesk, name: str) -> None:
    desk.settings.data_dir.mkdir(parents=True, exist_ok=True)
    (desk.settings.data_dir / "secret.key").write_text("very private")
    for tail in ("", "/html", "/source"):
        answer = client.get(f"/outbox/{name}{tail}")
        assert answer.status_code == 404
        assert "very private" not in answer.text


def test_other_names_for_this_machine_see_nothing(client: httpx.Client, box: Path) -> None:
    mail(box / "new", "1.eml", "Private", age=1)
    for path in ("/outbox", "/outbox/1.eml", "/outbox/1.eml/html", "/outbox/1.eml/source"):
        assert client.get(path, headers={"host": "rebound.example"}).status_code == 404
        assert client.get(path, headers={"host": "localhost"}).status_code == 200


@pytest.fixture(params=[{"provider": "resend"}, {"host": "0.0.0.0"}, {"public_url": "https://paper.example.org"}])  # noqa: S104  (that is the point)
def elsewhere(request: pytest.FixtureRequest, make_desk: Callable[..., WebDesk]) -> Iterator[str]:
    desk = make_desk(**request.param)
    with serving(create_app(desk.readers, TEMPLATES)) as address:
        yield address


def test_there_is_no_outbox_in_production(elsewhere: str) -> None:
    assert httpx.get(f"{elsewhere}/outbox", trust_env=False).status_code == 404
    assert "outbox" not in httpx.get(elsewhere, trust_env=False).text
