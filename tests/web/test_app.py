"""What every answer of the application has in common."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from digest.service.readers import ReaderDesk
from digest.types import ViewedMail
from digest.web.app import create_app
from subscribers.colour import DARK_PAPER, LIGHT_PAPER, readable
from tests.web.conftest import serving
from tests.web.desk import TEMPLATES, WebDesk


@pytest.mark.parametrize(
    "path", ["/", "/subscribe", "/subscribe/sent", "/confirm/x", "/leave/x", "/nowhere", "/view/x"]
)
def test_the_headers_of_every_page(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    assert "strict-transport-security" not in answer.headers
    assert "<script>" not in answer.text
    assert "style=" not in answer.text
    head = client.head(path)
    assert (head.status_code, head.content) == (answer.status_code, b"")


def test_https_is_remembered(make_desk: Callable[..., WebDesk]) -> None:
    desk = make_desk(public_url="https://paper.example.org")
    with serving(create_app(desk.readers, TEMPLATES)) as address:
        answer = httpx.get(f"{address}/subscribe", trust_env=False)
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize(
    ("header", "query", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "", "de"),
        ("fr,ar;q=0.5", "", "ar"),
        ("fr", "", "en"),
        ("en;q=0.1,de;q=0.9", "", "de"),
        ("de", "?lang=ar", "ar"),
        ("de", "?lang=xx", "de"),
        (";;;q=,=;*;q=0", "?lang=%00<", "en"),
        ("*", "", "en"),
    ],
)
def test_the_page_speaks_the_readers_language(client: httpx.Client, header: str, query: str, language: str) -> None:
    answer = client.get(f"/subscribe{query}", headers={"accept-language": header})
    assert answer.headers["content-language"] == language
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in answer.text


def test_a_language_chosen_by_hand_stays(client: httpx.Client) -> None:
    page = client.get("/subscribe?topic=sport&lang=de").text
    assert 'action="/subscribe?lang=de"' in page
    assert 'href="?topic=sport&amp;lang=ar"' in page


def test_nothing_is_described_and_nothing_is_listed(client: httpx.Client) -> None:
    for path in ("/openapi.json", "/docs", "/redoc", "/static/", "/static/base.html", "/static/..%2fbase.html"):
        assert client.get(path).status_code == 404
    assert client.get("/sample/nowhere").status_code == 404
    assert client.get("/robots.txt").text == "User-agent: *\nDisallow: /\n"


def test_static_files_are_kept_for_a_year_under_an_address_that_changes(client: httpx.Client) -> None:
    style = client.get("/static/style.css")
    assert style.headers["content-type"] == "text/css; charset=utf-8"
    assert "immutable" in style.headers["cache-control"]
    assert "ACCENT" not in style.text
    assert client.get("/static/page.js").headers["content-type"].startswith("text/javascript")
    assert "/static/style.css?v=" in client.get("/").text


def test_wrong_methods(client: httpx.Client) -> None:
    answer = client.delete("/subscribe")
    assert answer.status_code == 405
    assert "<h1>" in answer.text
    assert client.get("/healthz").text == "ok"


class Broken(ReaderDesk):
    """A service with a bug in it."""

    def view(self, subscriber_id: int, edition_id: int) -> ViewedMail | None:
        raise ZeroDivisionError("a secret detail")


def test_a_bug_is_a_calm_page_without_its_traceback(desk: WebDesk) -> None:
    service = desk.service
    broken = Broken(service.shop, service.press, service.keyring, service.settings, now=desk.now)
    with serving(create_app(broken, TEMPLATES)) as address:
        answer = httpx.get(f"{address}/view/{desk.keyring.tokens(1, 1).view}", trust_env=False)
    assert answer.status_code == 500
    assert "Please try again in a minute" in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("colour", ["#8a3324", "#ffffff", "#000000", "#ffff00", "#0000ff", "#777777"])
@pytest.mark.parametrize("paper", [LIGHT_PAPER, DARK_PAPER, "#ffffff"])
def test_any_accent_can_be_read(colour: str, paper: str) -> None:
    def light(each: str) -> float:
        parts = [int(each[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05

    told = [light(readable(colour, paper)), light(paper)]
    assert max(told) / min(told) >= 4.5
    assert readable("#8a3324", LIGHT_PAPER) == "#8a3324", "the default needs no change on light paper"
