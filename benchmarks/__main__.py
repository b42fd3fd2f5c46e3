"""`python -m benchmarks NAME [--quick]`: a table, then a JSON line for each figure. Exit code 1 when a goal is missed.

A benchmark is a module of this package with `run(quick: bool) -> list[Figure]`, and one entry here. One that takes more
options has `options(parser)` as well, and is given what was chosen by name.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from benchmarks.report import json_lines, table

BENCHMARKS = {
    "stories": "articles put together: quality on labelled headlines, texts and corrections; time and memory",
    "web": "one-click POST and preferences GET, import of readers",
    "pages": "the pages of `web` alone",
    "transfer": "the import of `web` alone",
    "compose": "finished mails: as JSON for an API, as MIME, and the memory of very many readers",
    "dispatch": "from planned rows to accepted rows, through an API in another process",
    "gather": "reading and polling feeds, a thousand topic rules",
    "reading": "the reading of `gather` alone",
    "polling": "the polling of `gather` alone",
    "rules": "the topic rules of `gather` alone",
}


def main(arguments: list[str]) -> int:
    """Run one benchmark."""
    told = "\n".join(f"  {name}: {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        "python -m benchmarks", epilog=told, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=BENCHMARKS)
    parser.add_argument("--quick", action="store_true", help="smaller inputs; within 50 seconds")
    known, _ = parser.parse_known_args(arguments)
    module = import_module(f"benchmarks.{known.name}")
    if hasattr(module, "options"):
        module.options(parser)
    wanted = vars(parser.parse_args(arguments))
    wanted.pop("name")
    figures = module.run(**wanted)
    print(table(figures))
    print(json_lines(figures))
    return 0 if all(each.ok for each in figures) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
