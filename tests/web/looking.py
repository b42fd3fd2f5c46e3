"""A page that is looked at: a picture to keep, nothing that scrolls sideways, and no word from axe-core."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import keep_picture

SIZES = {"phone": (360, 740), "desktop": (1100, 900)}


def looked_at(page: Page, file: Path) -> None:
    """Keep a screenshot; no sideways scrolling, and axe-core has nothing to say."""
    keep_picture(page, file)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{file.stem} scrolls sideways"
    # axe is injected, which our Content-Security-Policy refuses to pages but not to the test's own evaluate().
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
