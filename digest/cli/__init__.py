"""The command line: thin commands over the service, one module for each family.

Nothing heavy is imported before a command runs: `digest --help` would otherwise take a second (docs/design.md,
section 6).
"""

from __future__ import annotations

import sys


def main() -> None:
    """The entry point. Exit codes: 0 done, 1 partly failed, 2 wrong input, 3 nothing to do, 130 interrupted."""
    from digest.cli.app import run

    sys.exit(run(sys.argv[1:]))
