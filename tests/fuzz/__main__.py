"""`make fuzz`: every target in turn under atheris, and a table of what was run.

Exit code 1 when anything was found; the folder that is named then holds the reproducers (libFuzzer's crash-, timeout-
and oom- files). What the fuzzer has learnt stays in the folder, so that the next run goes on from there.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from tests.fuzz.seeds import seeds
from tests.fuzz.targets import TARGETS
from tests.parts import ROOT

WORDS = Path(__file__).with_name("words.dict")
INPUT_SECONDS = int(os.environ.get("FUZZ_INPUT_SECONDS", "1"))
"""For one input, after which it counts as a hang; set it higher on a machine that has much else to do."""
MEMORY_MB = 1_500
_EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_RATE = re.compile(r"stat::average_exec_per_sec:\s*(\d+)")
_FEATURES = re.compile(r"\bcov: (\d+) ft: (\d+)")
_REST_SECONDS = 120
"""For the start and the end of a target's process, beyond the time that it fuzzes."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one target."""

    name: str
    executions: int
    a_second: int
    edges: int
    features: int
    found: tuple[Path, ...]
    ended: int
    """The process's exit code: 0 when nothing was found."""
    told: str


def fuzz(name: str, seconds: int, folder: Path) -> Run:
    """Fuzz one target for so many seconds; reproducers are written to `folder`/TARGET before this returns."""
    corpus, found = folder / name / "corpus", folder / name / "found"
    for each in (corpus, found):
        each.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    for seed in seeds(name):
        (corpus / blake2b(seed, digest_size=16).hexdigest()).write_bytes(seed)
    asked = [
        *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus)),
        *(f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MB}"),
        *(f"-max_len={TARGETS[name].longest}", f"-dict={WORDS}", f"-artifact_prefix={found}/", "-print_final_stats=1"),
    ]
    try:
        done = subprocess.run(
            asked,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            timeout=seconds + _REST_SECONDS,
        )
        told, ended = done.stdout.decode("utf-8", "replace"), done.returncode
    except subprocess.TimeoutExpired as late:
        told, ended = (late.stdout or b"").decode("utf-8", "replace") + "\nit did not end by itself", 1
    seen = _FEATURES.findall(told)
    edges, features = map(int, seen[-1]) if seen else (0, 0)
    new = tuple(sorted(set(found.iterdir()) - before))
    return Run(name, _last(_EXECUTED, told), _last(_RATE, told), edges, features, new, ended, told)


def _last(pattern: re.Pattern[str], told: str) -> int:
    found = pattern.findall(told)
    return int(found[-1]) if found else 0


def report(run: Run) -> str:
    """One line of the table; below it what was found, and how to see it again."""
    row = f"{run.name:<10}{run.executions:>12,}{run.a_second:>10,}{run.edges:>9,}{run.features:>10,}"
    if not run.ended and not run.found:
        return f"{row}  nothing found"
    lines = [f"{row}  FOUND ({run.ended})", *run.told.splitlines()[-40:]]
    lines += [f"again: {Path(sys.executable).name} -m tests.fuzz.one {run.name} {file}" for file in run.found]
    return "\n".join(lines)


def say(told: str) -> None:
    """A line now, not when the pipe is full: a run takes minutes."""
    sys.stdout.write(told + "\n")
    sys.stdout.flush()


def main() -> int:
    """Print the table. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"some of {', '.join(TARGETS)}; all of them when none is named")
    parser.add_argument(
        "--seconds", type=int, default=int(os.environ.get("FUZZ_SECONDS", "600")), help="for all together"
    )
    parser.add_argument("--jobs", type=int, default=1, help="targets that run at the same time")
    parser.add_argument("--folder", type=Path, default=ROOT / "artifacts" / "fuzz", help="for corpora and findings")
    asked = parser.parse_args()
    unknown = [name for name in asked.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target is called {unknown[0]!r}; there is {', '.join(TARGETS)}")
    names = asked.targets or list(TARGETS)
    weight = sum(TARGETS[name].weight for name in names)
    folder = asked.folder.resolve()
    say(f"{'target':<10}{'executions':>12}{'a second':>10}{'edges':>9}{'features':>10}")
    runs = []
    with ThreadPoolExecutor(max(1, asked.jobs)) as pool:
        shares = [max(1, asked.seconds * TARGETS[name].weight // weight) for name in names]
        for run in pool.map(fuzz, names, shares, [folder] * len(names)):
            runs.append(run)
            say(report(run))
    bad = [run.name for run in runs if run.ended or run.found]
    say(f"{sum(run.executions for run in runs):,} executions; findings: {', '.join(bad) or 'none'}; folder: {folder}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
