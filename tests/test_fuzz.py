"""The parsers under fuzzing: what was ever found stays found, and CI looks a minute further (`make fuzz` ten)."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz import checks
from tests.fuzz.__main__ import Run, report, shares
from tests.fuzz.seeds import DATA, seeds
from tests.fuzz.targets import TARGETS
from tests.fuzz.watch import Watch
from tests.parts import ROOT

KEPT = sorted((DATA / "fuzz").glob("*/*"))
SECONDS = 60
SEED = 1
ROW = re.compile(r"(?m)^([a-z-]+) +([\d,]+) +[\d,]+ +[\d,]+ +([\d,]+)  nothing found$")


@pytest.mark.parametrize("file", KEPT, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_findings_and_beginnings(file: Path) -> None:
    """No fuzzer is needed to see that they are mended."""
    TARGETS[file.parent.name].check(file.read_bytes())


def test_every_target_has_something_to_begin_with() -> None:
    assert [name for name in TARGETS if not list(seeds(name))] == []
    assert {file.parent.name for file in KEPT} <= set(TARGETS)


@pytest.mark.atheris
def test_a_minute_finds_nothing_new(tmp_path: Path) -> None:
    """Always with the same seed, for whether a change lands must depend on the change and not on luck.

    The same code is given the same inputs in the same order; how busy the machine is only decides how many of them. A
    change to a parser, a beginning or the dictionary leads elsewhere, which is what the minute is for. Luck has its
    place in `make fuzz`: ten minutes, another seed each time, nobody waiting. Two targets run at a time, as each takes
    2 s to start on one core (atheris rewrites what it imports): one after the other that is half of the test's time.
    """
    asked = [sys.executable, "-m", "tests.fuzz", f"--seconds={SECONDS}", f"--seed={SEED}", "--jobs=2"]
    asked.append(f"--folder={tmp_path}")
    # A hang is one of 1 s on a machine of its own; here other tests run beside.
    done = subprocess.run(asked, cwd=ROOT, env=_patient(), capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith(f"seed {SEED}")
    rows = {
        name: (int(ran.replace(",", "")), int(seen.replace(",", ""))) for name, ran, seen in ROW.findall(done.stdout)
    }
    assert set(rows) == set(TARGETS)
    assert min(ran for ran, _ in rows.values()) > 20
    assert min(seen for _, seen in rows.values()) > 20, "the coverage is not seen"


MISTAKE = """
import digest.gather.dates as dates
right = dates.parse
def parse(told):
    if "\\0" in told:
        raise KeyError("a mistake")
    return right(told)
dates.parse = parse
"""


@pytest.mark.atheris
def test_a_finding_is_kept_told_and_ends_in_an_error(tmp_path: Path) -> None:
    """With a mistake that somebody has made: a date with a zero byte in it ends in an exception."""
    program = (
        "import pathlib, sys, tests.fuzz.__main__ as runner\n"
        f"run = runner.fuzz('date', 2, pathlib.Path({str(tmp_path)!r}), {SEED})\n"
        "print(runner.report(run)); sys.exit(bool(run.found))\n"
    )
    (tmp_path / "sitecustomize.py").write_text(MISTAKE, encoding="utf-8")
    env = _patient() | {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FOUND" in done.stdout
    (kept,) = (tmp_path / "date" / "found").iterdir()
    assert f"tests.fuzz.one date {kept}" in done.stdout


def test_the_table_says_what_was_run() -> None:
    run = Run("feed", 12_345, 321, 800, 4_000, (), 0, "")
    assert ROW.fullmatch(report(run))
    found = report(Run("feed", 1, 1, 1, 1, (Path("x/crash-1"),), 77, "why\n"))
    assert "FOUND (77)" in found
    assert "tests.fuzz.one feed x/crash-1" in found


def test_the_time_is_shared_out_by_weight() -> None:
    names = list(TARGETS)
    assert sum(shares(names, SECONDS)) == SECONDS
    assert shares(["feed", "date"], 10) == [8, 2]
    assert shares(names, 1) == [1] * len(names)


@pytest.mark.parametrize(
    "markup",
    ["<script>", "<p onclick='x'>", "<a href='javascript:x'>", "<a href=''>", "<!-- x -->", "<?x>", "<!doctype x>",
     "<img src='//x'>", "<p style='x'>", "<svg>"],
)  # fmt: skip
def test_the_checks_see_what_must_not_be_there(markup: str) -> None:
    with pytest.raises(checks.BrokenRule):
        checks.markup(markup)


def test_the_watch_hears_a_file(tmp_path: Path) -> None:
    watch = Watch()
    with watch:
        (tmp_path / "x").write_bytes(b"")
    assert watch.seen == [f"open {tmp_path / 'x'}"]
    (tmp_path / "y").write_bytes(b"")
    assert len(watch.seen) == 1


def _patient() -> dict[str, str]:

    return os.environ | {"FUZZ_INPUT_SECONDS": "10"}
