"""Write the next migration from what the models say: `python -m digest.migrations.make "what changes"`.

Compares the models with a fresh database at the newest version and writes one file into `versions/`; read it before
you commit it (Alembic sees a renamed column as one dropped and one added). `--first` writes the first migration anew,
which is right only as long as no release has carried it.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from digest.store.db import open_database
from digest.store.schema import configured, upgrade

VERSIONS = Path(__file__).parent / "versions"


def make(message: str, *, first: bool = False) -> Path:
    """Write the migration and return its file. With `first`, every older one is deleted."""
    if first:
        for old in VERSIONS.glob("*.py"):
            old.unlink()
    number = f"{len(list(VERSIONS.glob('*.py'))) + 1:04}"
    with tempfile.TemporaryDirectory() as folder:
        engine = open_database(f"sqlite:///{folder}/models.db")
        if not first:
            upgrade(engine)
        with engine.connect() as connection:
            config = configured(connection)
            config.attributes["batch"] = not first
            command.revision(config, message, autogenerate=True, rev_id=number)
        engine.dispose()
    (written,) = VERSIONS.glob(f"{number}_*.py")
    lines = [line for line in written.read_text().splitlines() if not line.strip().startswith("# ###")]
    written.write_text("\n".join(lines) + "\n")
    if ruff := shutil.which("ruff", path=str(Path(sys.executable).parent)):
        for verb in (["format", "--quiet"], ["check", "--quiet", "--fix"]):
            subprocess.run([ruff, *verb, written], check=True)  # noqa: S603 - the developer's own virtual environment
    return written


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m digest.migrations.make", description=__doc__)
    parser.add_argument("message", nargs="?", default="first tables")
    parser.add_argument("--first", action="store_true", help="write the first one anew (before a release)")
    given = parser.parse_args()
    sys.stdout.write(f"{make(given.message, first=given.first)}\n")
