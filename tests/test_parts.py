"""The rule for absent parts: left out and listed on a developer's machine, an error in CI."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.parts import PARTS, ROOT, Part, is_locked, missing


def run_tests(tmp_path: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """This file's test of the shared data, on a machine that has none."""
    bare = {name: value for name, value in os.environ.items() if name not in ("CI", "DIGEST_TEST_FULL")}
    bare |= {"DIGEST_SHARED": str(tmp_path / "nowhere"), "PYTHONDONTWRITEBYTECODE": "1"} | environment
    asked = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "no:cacheprovider",
        "-p",
        "no:xdist",
        *options,
        "-m",
        "shared",
        __file__,
    ]
    return subprocess.run(asked, cwd=ROOT, env=bare, capture_output=True, text=True, check=False)


@pytest.mark.shared
def test_the_shared_data_has_feeds(shared: Path) -> None:
    assert len(list((shared / "real-feeds").iterdir())) > 5


def test_on_a_developers_machine_the_run_passes_and_says_what_it_left_out(tmp_path: Path) -> None:
    done = run_tests(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "left out on this machine" in done.stdout
    assert "1 test without the folder of shared test data; add it: DIGEST_SHARED=" in done.stdout
    assert "1 skipped" in done.stdout


@pytest.mark.parametrize("variable", ["CI", "DIGEST_TEST_FULL"])
def test_in_a_full_run_it_is_an_error_before_the_first_test(tmp_path: Path, variable: str) -> None:
    done = run_tests(tmp_path, **{variable: "1"})
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "nothing may be left out of this run, but these are absent: " in done.stderr
    assert "the folder of shared test data" in done.stderr
    assert "passed" not in done.stdout


NOWHERE = """
from tests import parts
parts.PARTS = (parts.Part("shared", "the folder of shared test data", lambda: False, "nothing", lambda: False),)
"""


def test_what_a_platform_cannot_have_fails_no_full_run_and_is_listed(tmp_path: Path) -> None:
    """As atheris is on another processor; here the platform is one for which there is no shared data."""
    (tmp_path / "elsewhere.py").write_text(NOWHERE, encoding="utf-8")
    done = run_tests(tmp_path, "-p", "elsewhere", DIGEST_TEST_FULL="1", PYTHONPATH=f"{tmp_path}:{ROOT}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 test without the folder of shared test data; add it: nothing" in done.stdout
    assert "1 skipped" in done.stdout


def test_only_what_is_offered_and_absent_is_missing() -> None:
    def part(here: bool, offered: bool) -> Part:
        return Part("x", "x", lambda: here, "x", lambda: offered)

    rows = [part(here, offered) for here in (True, False) for offered in (True, False)]
    assert missing(rows) == [rows[2]]


@pytest.mark.parametrize(
    ("python", "machine", "system", "locked"),
    [
        ("3.11.2", "x86_64", "linux", True),
        ("3.13.9", "x86_64", "linux", True),
        ("3.14.0", "x86_64", "linux", False),
        ("3.11.2", "aarch64", "linux", False),
        ("3.11.2", "x86_64", "darwin", False),
    ],
)
def test_where_the_lock_installs_the_fuzzer(python: str, machine: str, system: str, locked: bool) -> None:
    there = {"python_full_version": python, "platform_machine": machine, "sys_platform": system}
    assert is_locked("atheris", there) is locked
    assert is_locked("pytest", there)
    assert not is_locked("no-such-package", there)


def test_every_part_is_a_marker_and_every_marker_a_part() -> None:
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    assert {line.partition(":")[0] for line in lines} == {part.marker for part in PARTS}
