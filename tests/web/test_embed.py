"""The form on other sites: a snippet of plain HTML, with and without its small script, in real Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from subscribers.embed import snippet
from subscribers.types import TopicRow
from tests.browser import follow
from tests.web.desk import WebDesk
from tests.web.looking import looked_at

TOPICS = (
    TopicRow(1, "harbour", 'Harbour & "Quay" <script>', "", "en"),
    TopicRow(2, "madina", "أخبار المدينة", "", "ar"),
)


def test_the_snippet_is_plain_and_escaped() -> None:
    told = snippet(
        "https://paper.example.org", TOPICS, "de", lambda text: {"Sign up": "Anmelden <jetzt>"}.get(text, text)
    )
    assert '<form action="https://paper.example.org/subscribe" method="post" lang="de" dir="ltr" data-digest>' in told
    assert "Harbour &amp; &#34;Quay&#34; &lt;script&gt;" in told
    assert "Anmelden &lt;jetzt&gt;" in told
    assert told.count("<script") == 1
    assert '<script src="https://paper.example.org/embed.js" defer></script>' in told
    assert "style" not in told
    assert 'dir="rtl"' in snippet("https://paper.example.org", TOPICS, "ar", str)


def test_only_what_the_site_named_is_ticked() -> None:
    assert "checked" not in snippet("https://paper.example.org", TOPICS, "en", str)
    named = snippet("https://paper.example.org", TOPICS, "en", str, ticked=["madina"])
    assert 'value="madina" checked>' in named
    assert named.count("checked") == 1


def test_one_topic_needs_no_choice() -> None:
    told = snippet("https://paper.example.org", TOPICS[:1], "en", str)
    assert '<input type="hidden" name="topic" value="harbour">' in told
    assert "checkbox" not in told


def test_the_script_is_small_and_may_be_used_anywhere(client: httpx.Client) -> None:
    script = client.get("/embed.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["cache-control"] == "public, max-age=3600"
    assert script.headers["cross-origin-resource-policy"] == "cross-origin"
    assert "set-cookie" not in script.headers
    assert len(script.content) < 1200
    for word in ("cookie", "localStorage", "fetch", "XMLHttpRequest", "sendBeacon", "eval"):
        assert word not in script.text
    assert client.head("/embed.js").content == b""


@pytest.fixture
def said() -> bool:
    """Whether the operator named the form's language."""
    return False


@pytest.fixture
def elsewhere(served: str, desk: WebDesk, said: bool) -> Iterator[str]:
    """Another site with a page that holds the snippet."""
    topics = [topic for topic in desk.readers.topics() if topic.slug in ("harbour", "madina")]
    form = snippet(served, topics, "en", str, ticked=["harbour"], keep_language=said)
    page = f"<!doctype html><html lang=en><title>Elsewhere</title><h1>Elsewhere</h1>{form}</html>".encode()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Tests are quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def sign_up_from(elsewhere: str, served: str, context: BrowserContext) -> Page:
    page = context.new_page()
    page.goto(elsewhere)
    page.wait_for_load_state("load")
    page.fill("input[type=email]", "ada@example.org")
    assert not page.is_checked("input[value=madina]"), "what the site did not name is not ticked"
    follow(page, "button")
    assert page.url.startswith(f"{served}/subscribe")
    return page


@pytest.mark.browser
@pytest.mark.parametrize("script", [True, False])
def test_from_another_site_to_the_inbox(
    desk: WebDesk, served: str, elsewhere: str, browser: Browser, artifacts: Path, script: bool
) -> None:
    context = browser.new_context(
        java_script_enabled=script, locale="ar-EG", timezone_id="Africa/Cairo", viewport={"width": 360, "height": 740}
    )
    page = sign_up_from(elsewhere, served, context)
    # With script the reader's own language and zone, without it those of the page and of the service.
    assert page.locator("html").get_attribute("lang") == ("ar" if script else "en")
    assert desk.waiting() == 0
    assert "ada@example.org" in page.inner_text("main")
    looked_at(page, artifacts / f"web-press-{'ar' if script else 'en'}-phone.png", script=script)
    desk.later(seconds=4)
    follow(page, "button")
    assert "ada@example.org" in page.inner_text(".lead")
    assert context.cookies() == []
    assert len(desk.mail()) == 1
    row = desk.reader("ada@example.org")
    assert (row.pending, row.timezone) == (("harbour",), "Africa/Cairo" if script else "Europe/Berlin")
    context.close()


@pytest.mark.browser
@pytest.mark.parametrize("said", [True])
def test_a_language_that_the_site_named_wins_over_the_browser(served: str, elsewhere: str, browser: Browser) -> None:
    context = browser.new_context(locale="ar-EG", timezone_id="Africa/Cairo")
    page = sign_up_from(elsewhere, served, context)
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.input_value("input[name=timezone]") == "Africa/Cairo"
    context.close()
