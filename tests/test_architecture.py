"""The house: imports point one way, modules stay small, the top level is the user's own choice."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

from tests.parts import ROOT

LINES_A_MODULE = 400
LINES_A_FUNCTION = 60
"""Where the build fails. What we aim at is 300 and 40 (CONTRIBUTING.md)."""

LARGER = {
    "digest/migrations/versions/": "a list of tables, written by Alembic and never edited after its release",
}
"""Paths that may exceed the limits, and why."""

OWN_CHOICE = {"digest", "templates", "subscribers", "scheduler.py", "pyproject.toml", ".env.example", "tests"}
IN_EVERY_REPOSITORY = {
    *("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile"),
    *(".ci", "docs", "benchmarks", "deploy", ".gitignore", ".gitattributes", ".editorconfig"),
    *("requirements.txt", "requirements-dev.txt"),
}

UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X:", "HA" + "CK:")


def short(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def measured(files: list[Path]) -> list[Path]:
    return [file for file in files if not short(file).startswith(tuple(LARGER))]


def test_imports_point_one_way() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    asked = [sys.executable, "-c", program, "--no-cache"]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 broken" in done.stdout


def test_the_clock_only_calls_the_service() -> None:
    imported = set()
    for node in ast.walk(ast.parse((ROOT / "scheduler.py").read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module or "")
    ours = {name for name in imported if name.split(".")[0] in ("digest", "subscribers")}
    below = ("digest.service", "digest.types", "digest.settings", "digest.errors")
    assert any(name.startswith("apscheduler") for name in imported)
    assert {name for name in ours if not name.startswith(below)} == set()


def test_every_room_is_in_the_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    listed = {room.strip() for layer in settings["contracts"][0]["layers"] for room in layer.split("|")}
    rooms = {
        f"digest.{entry.stem}"
        for entry in (ROOT / "digest").iterdir()
        if not entry.name.startswith("_") and (entry.suffix == ".py" or (entry / "__init__.py").is_file())
    }
    assert rooms - listed == set()


def test_modules_are_short(python_files: list[Path]) -> None:
    sizes = {short(file): len(file.read_text().splitlines()) for file in measured(python_files)}
    assert {name: lines for name, lines in sizes.items() if lines > LINES_A_MODULE} == {}


def test_functions_are_short(python_files: list[Path]) -> None:
    found = {}
    for file in measured(python_files):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found[f"{short(file)}:{node.lineno} {node.name}"] = (node.end_lineno or node.lineno) - node.lineno + 1
    assert {name: lines for name, lines in found.items() if lines > LINES_A_FUNCTION} == {}


def test_the_list_of_larger_files_names_only_what_exists() -> None:
    assert [path for path in LARGER if not (ROOT / path).exists()] == []


def test_the_top_level_is_as_the_design_says(tracked_files: list[Path]) -> None:
    found = {short(file).split("/")[0] for file in tracked_files}
    assert found - OWN_CHOICE - IN_EVERY_REPOSITORY == set()
    assert OWN_CHOICE - found == set()


def test_nothing_is_left_for_later(python_files: list[Path]) -> None:
    found = [
        f"{short(file)}:{number}"
        for file in python_files
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if any(word in line for word in UNFINISHED)
    ]
    assert found == []
