"""A page that is looked at: a picture to keep, nothing that scrolls sideways, and no word from axe-core."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser import keep_picture

SIZES = {"phone": (360, 740), "desktop": (1100, 900)}


NO_TIMERS = "window.setTimeout = (call, wait, ...given) => { if (!wait) Promise.resolve().then(() => call(...given)) }"
"""Without script, Chromium still answers evaluate() but no timer ever ends, and axe-core puts off its work with
setTimeout(call, 0). The others are how long it waits at most."""


def looked_at(page: Page, file: Path, *, script: bool = True, frames: bool = True) -> None:
    """Keep a screenshot; no sideways scrolling, and axe-core has nothing to say. `script` is whether the page's own
    scripts may run, `frames` whether axe-core looks into frames too, for whose answers it waits by timers."""
    keep_picture(page, file)
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{file.stem} scrolls sideways"
    # axe is injected, which our Content-Security-Policy refuses to pages but not to the test's own evaluate().
    if not script:
        page.evaluate(NO_TIMERS)
    results = Axe().run(page, options={"iframes": frames})
    assert results.violations_count == 0, results.generate_report()
