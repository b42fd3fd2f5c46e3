"""What a fuzzer begins with: the files of tests/data, and of the shared test data where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.targets import TARGETS
from tests.parts import ROOT, shared_folder

DATA = ROOT / "tests" / "data"
LARGEST = 40_000
"""Bytes of a file: of what is longer than `Target.longest` the fuzzer takes the beginning."""


def seeds(name: str) -> Iterator[bytes]:
    """The beginnings of a target, findings of earlier runs among them."""
    target = TARGETS[name]
    for folder in (*target.seeds, f"fuzz/{name}"):
        yield from (file.read_bytes() for file in _files(folder))


def _files(folder: str) -> list[Path]:
    where = DATA / folder if (DATA / folder).is_dir() else shared_folder() / folder
    if not where.is_dir():
        return []
    found = (file for file in where.rglob("*") if file.is_file() and file.suffix != ".md")
    return sorted(file for file in found if file.stat().st_size <= LARGEST)
