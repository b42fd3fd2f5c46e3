"""Pictures of mails: taken by Chromium, kept as WebP at half their size, and read again by Chromium.

No image library is needed for it, and what was accepted and what is seen now go the same way.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, Playwright, Route

from tests.browser import ARGUMENTS, picture_of
from tests.compose import morning
from tests.looks.compare import CELL, ROW, Means

SCRIPT = Path(__file__).with_name("studio.js")
WEBP = "data:image/webp;base64,"


class Studio:
    """Takes and reads pictures with a browser that belongs to somebody else."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._bench = browser.new_page()
        self._bench.add_script_tag(path=SCRIPT)

    def take(self, mail: str, width: int, scheme: str) -> bytes:
        """The picture of a mail's HTML in a window of so many CSS pixels; the pictures in it are the demo's."""
        context = self._browser.new_context(
            viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
        )
        page: Page = context.new_page()
        page.route("**/*", _serve)
        page.set_content(mail, wait_until="load")
        png = base64.b64encode(picture_of(page)).decode()
        context.close()
        return self._drawn("smaller", f"data:image/png;base64,{png}")

    def means(self, webp: bytes) -> Means:
        """What is compared of a picture."""
        rows: Means = self._bench.evaluate("given => means(given)", [_url(webp), CELL // 2, ROW // 2])
        return rows

    def marked(self, webp: bytes, cells: Sequence[tuple[int, int]]) -> bytes:
        """A picture with these cells in red."""
        return self._drawn("marked", [_url(webp), [list(cell) for cell in cells], CELL // 2])

    def _drawn(self, what: str, given: object) -> bytes:
        url: str = self._bench.evaluate(f"given => {what}(given)", given)
        assert url.startswith(WEBP), "this Chromium writes no WebP"
        return base64.b64decode(url.removeprefix(WEBP))


@contextmanager
def studio(playwright: Playwright, chromium: str, *more: str) -> Iterator[Studio]:
    """A studio with a browser of its own, started with these arguments besides the usual."""
    browser = playwright.chromium.launch(executable_path=chromium, args=[*ARGUMENTS, *more])
    try:
        yield Studio(browser)
    finally:
        browser.close()


def _serve(route: Route) -> None:
    route.fulfill(path=morning.PICTURES / route.request.url.rsplit("/", 1)[1])


def _url(webp: bytes) -> str:
    return WEBP + base64.b64encode(webp).decode()
