"""Take newer data: `python -m digest.compose.caniemail FILE`, FILE being https://www.caniemail.com/api/data.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from digest.compose.caniemail import FILE, compact, packed


def main(source: str) -> None:
    """Write `features.json` beside this module."""
    kept = compact(json.loads(Path(source).read_text(encoding="utf-8")))
    Path(__file__).with_name(FILE).write_text(packed(kept), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("which file? download https://www.caniemail.com/api/data.json and name it")
    main(sys.argv[1])
