"""The wheel, as somebody gets it who has no checkout: what is in it, and the demo from it in an empty environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.parts import ROOT

# One group: the wheel is built and installed once, by whichever worker gets it (`--dist loadgroup`).
pytestmark = [pytest.mark.wheel, pytest.mark.xdist_group("wheel")]


def run(*command: str | Path, cwd: Path, clean: bool = True) -> str:
    """What a command prints. `clean`: with nothing of this process's environment but PATH."""
    bare = {"PATH": os.environ["PATH"], "HOME": str(cwd), "LANG": "C.UTF-8"}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=bare if clean else None,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    # --no-isolation: what builds it comes from the lock, like everything else.
    run(
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        folder,
        ROOT,
        cwd=folder,
        clean=False,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of a virtual environment that has the locked packages and the wheel, and nothing else."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder, clean=False)
    binaries = folder / "venv" / "bin"
    install = (binaries / "python", "-m", "pip", "install", "--quiet", "--no-compile", "--disable-pip-version-check")
    run(*install, "--require-hashes", "-r", ROOT / "requirements.txt", cwd=folder, clean=False)
    run(*install, "--no-index", "--no-deps", wheel, cwd=folder, clean=False)
    return binaries


def test_it_holds_everything_that_runs_and_nothing_else(wheel: Path, tracked_files: list[Path]) -> None:
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    tracked = {file.relative_to(ROOT).as_posix() for file in tracked_files}
    wanted = {name for name in tracked if name.split("/")[0] in ("digest", "subscribers", "scheduler.py")}
    templates = {
        "digest/_templates/" + name.removeprefix("templates/") for name in tracked if name.startswith("templates/")
    }

    assert held == wanted | templates
    for part in (
        "scheduler.py",
        "digest/py.typed",
        "subscribers/py.typed",
        "digest/migrations/env.py",
        "digest/migrations/versions/0001_first_tables.py",
        "digest/_templates/email/digest/body.html",
    ):
        assert part in held
    assert any(name.startswith("digest/demo/") and not name.endswith(".py") for name in held), "no content for the demo"


def test_its_metadata_is_complete(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        named = {name.split("/", 1)[1]: name for name in archive.namelist() if ".dist-info/" in name}
        metadata = archive.read(named["METADATA"]).decode()
        scripts = archive.read(named["entry_points.txt"]).decode()
    assert "licenses/LICENSE" in named
    assert "digest = digest.cli:main" in scripts
    assert "Requires-Python: >=3.11" in metadata


def test_its_modules_come_from_the_environment_not_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    program = "import digest, scheduler, subscribers; print(digest.__file__, scheduler.__file__, subscribers.__file__)"
    places = run(installed / "python", "-c", program, cwd=tmp_path).split()
    assert len(places) == 3
    assert all(place.startswith(str(installed.parent)) for place in places), places


def test_a_database_is_made_from_its_migrations(installed: Path, tmp_path: Path) -> None:
    program = (
        "from digest.store.db import open_database; from digest.store.schema import is_current, upgrade;"
        "engine = open_database('sqlite:///one.db'); upgrade(engine); print(is_current(engine))"
    )
    assert run(installed / "python", "-c", program, cwd=tmp_path) == "True\n"


def test_the_demo_runs_from_it_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    told = run(installed / "digest", "demo", "--once", cwd=tmp_path)
    last = told.strip().splitlines()[-1]
    counts = re.fullmatch(r"demo: (\d+) articles, (\d+) stories, (\d+) mails", last)
    assert counts, told
    assert all(int(count) > 0 for count in counts.groups())
