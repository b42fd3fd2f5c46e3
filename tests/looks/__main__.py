"""`make accept`: what mails look like now is what they shall look like. Look at the pictures before you commit them."""

from __future__ import annotations

import sys

from playwright.sync_api import sync_playwright

from tests import parts
from tests.looks.studio import studio
from tests.looks.views import FOLDER, VIEWS


def main() -> int:
    """Write every accepted picture anew, and take away those of views that are no more."""
    chromium = parts.chromium_program()
    if chromium is None:
        sys.stderr.write("error: there is no Chromium here; .ci/debian installs it\n")
        return 2
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright, studio(playwright, chromium) as taking:
        taken = {view.accepted: taking.take(view.html(), view.width, view.scheme) for view in VIEWS}
    for old in FOLDER.glob("*.webp"):
        if old not in taken:
            old.unlink()
    for file, picture in taken.items():
        file.write_bytes(picture)
    size = sum(map(len, taken.values())) // 1024
    sys.stdout.write(f"accepted {len(taken)} pictures, {size} KB, in {FOLDER.relative_to(parts.ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
