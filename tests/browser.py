"""Headless Chromium for the tests that look: how it is started, and how a picture is kept."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Error, Page

ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-gpu", "--disable-dev-shm-usage"]
"""No sandbox because CI runs as root; nothing outside is asked; neither a GPU nor a large /dev/shm is needed."""

BUSY = "Unable to capture screenshot"
"""What Chromium says when its compositor made no frame in time. Seen about once in two hundred pictures with both cores
busy, never twice in a row; the page itself is fine then."""


def follow(page: Page, selector: str) -> None:
    """Click what leads to another page and wait until that is loaded: what the click did is durable then. Whoever asks
    the page or the database earlier asks while Chromium still changes pages."""
    with page.expect_navigation():
        page.click(selector)


def keep_picture(page: Page, file: Path) -> None:
    """A screenshot of the whole page, for people to look at."""
    file.write_bytes(picture_of(page))


def picture_of(page: Page) -> bytes:
    """A screenshot of the whole page, as PNG. Whatever else goes wrong than BUSY is raised at once."""
    for _ in range(3):
        try:
            return page.screenshot(full_page=True)
        except Error as error:
            if BUSY not in str(error):
                raise
            page.wait_for_timeout(500)
    return page.screenshot(full_page=True)
