"""`make fuzz`: every target in turn under atheris, and a table of what was run.

Exit code 1 when anything was found; the folder that is named then holds the reproducers (libFuzzer's crash-, timeout-
and oom- files). What the fuzzer has learnt stays in the folder, so that the next run goes on from there.

Every run has another seed, which the table names, for luck finds more over the weeks. With --seed=N, an empty folder
and the same code the inputs are the same ones in the same order; --seconds then only says how far it goes.
"""

from __future__ import annotations

import argparse
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate, pairwise, repeat
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
MOST_SEED = 2**32 - 1
"""libFuzzer's seed has 32 bits (0 asks it for one of its own), and so has PYTHONHASHSEED."""
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


@lru_cache
def at_fixed_addresses() -> tuple[str, ...]:
    """What goes before a command so that the kernel does not draw its addresses by lot: Python 3.11 hashes None, types
    and functions by theirs. Empty where that is forbidden (as in some containers) or not known (other systems)."""
    asked = ("setarch", "--addr-no-randomize")
    try:
        allowed = subprocess.run([*asked, "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return ()
    return asked if allowed else ()


def fuzz(name: str, seconds: int, folder: Path, seed: int) -> Run:
    """Fuzz one target for so many seconds; reproducers are written to `folder`/TARGET before this returns.

    `seed` is 1 to MOST_SEED. Beside libFuzzer's own chance it also fixes the order of Python's sets, which decides what
    is covered when. More makes runs repeatable: the beginnings are named one by one, for a folder lists its files as
    its disk likes; addresses are fixed; and libFuzzer does not look now and then for files that others have put into
    its corpus (-reload). Nine runs of `rule` were seven different ones until the addresses were fixed.
    """
    begin, corpus, found = (folder / name / each for each in ("begin", "corpus", "found"))
    for each in (begin, corpus, found):
        each.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    beginnings = []
    for beginning in seeds(name):
        beginnings.append(begin / blake2b(beginning, digest_size=16).hexdigest())
        beginnings[-1].write_bytes(beginning)
    listed = folder / name / "beginnings.txt"
    listed.write_text(",".join(map(str, beginnings)), encoding="utf-8")
    asked = [
        *at_fixed_addresses(),
        *(sys.executable, "-m", "tests.fuzz.one", name, str(corpus)),
        *(f"-max_total_time={seconds}", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEMORY_MB}"),
        *(f"-max_len={TARGETS[name].longest}", f"-dict={WORDS}", f"-artifact_prefix={found}/", "-print_final_stats=1"),
        *(f"-seed={seed}", f"-seed_inputs=@{listed}", "-reload=0"),
    ]
    try:
        done = subprocess.run(
            asked,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
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


def shares(names: Sequence[str], seconds: int) -> list[int]:
    """So many seconds among these targets by their weight, in whole ones and at least one each."""
    weights = [TARGETS[name].weight for name in names]
    ends = [round(seconds * end / sum(weights)) for end in accumulate(weights, initial=0)]
    return [max(1, end - begin) for begin, end in pairwise(ends)]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", help=f"some of {', '.join(TARGETS)}; all of them when none is named")
    parser.add_argument(
        "--seconds", type=int, default=int(os.environ.get("FUZZ_SECONDS", "600")), help="for all together"
    )
    parser.add_argument("--jobs", type=int, default=1, help="targets that run at the same time")
    parser.add_argument("--seed", type=int, default=1 + secrets.randbelow(MOST_SEED), help="another one each time")
    parser.add_argument("--folder", type=Path, default=ROOT / "artifacts" / "fuzz", help="for corpora and findings")
    asked = parser.parse_args()
    if not 1 <= asked.seed <= MOST_SEED:
        parser.error(f"a seed is a number from 1 to {MOST_SEED}, not {asked.seed}")
    unknown = [name for name in asked.targets if name not in TARGETS]
    if unknown:
        parser.error(f"no target is called {unknown[0]!r}; there is {', '.join(TARGETS)}")
    return asked


def main() -> int:
    """Print the table. Returns the exit code."""
    asked = _asked()
    names = asked.targets or list(TARGETS)
    folder = asked.folder.resolve()
    luck = "" if at_fixed_addresses() else "; not all repeatable here, as addresses are drawn by lot"
    say(f"seed {asked.seed}{luck}")
    say(f"{'target':<10}{'executions':>12}{'a second':>10}{'edges':>9}{'features':>10}")
    runs = []
    with ThreadPoolExecutor(max(1, asked.jobs)) as pool:
        for run in pool.map(fuzz, names, shares(names, asked.seconds), repeat(folder), repeat(asked.seed)):
            runs.append(run)
            say(report(run))
    bad = [run.name for run in runs if run.ended or run.found]
    say(f"{sum(run.executions for run in runs):,} executions; findings: {', '.join(bad) or 'none'}; folder: {folder}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
