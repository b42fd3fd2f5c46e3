"""Where the package's own files are, in a checkout and in an installed wheel alike."""

from __future__ import annotations

from pathlib import Path

import digest


def templates_folder() -> Path:
    """The folder of templates: `digest/_templates` in a wheel, `templates/` beside the package in a checkout."""
    package = Path(digest.__file__).parent
    inside = package / "_templates"
    return inside if inside.is_dir() else package.parent / "templates"
