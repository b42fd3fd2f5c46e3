"""Rules that are data: files of `digest/gather/data/`, so that whoever meets a new tracker or ending adds a line.

One rule a line, its fields divided by blanks; the last field may hold blanks itself. Empty lines and lines that begin
with "# " say nothing. What a file's fields mean stands at its top.
"""

from __future__ import annotations

import re
from pathlib import Path

_FOLDER = Path(__file__).parent / "data"


def rules(name: str, fields: int) -> tuple[tuple[str, ...], ...]:
    """The rules of the file `name`, each of exactly `fields` fields. Raises ValueError for a line that has fewer."""
    found = []
    for number, line in enumerate((_FOLDER / name).read_text("utf-8").splitlines(), 1):
        if not line.strip() or line == "#" or line.startswith("# "):
            continue
        rule = tuple(line.split(maxsplit=fields - 1))
        if len(rule) != fields:
            raise ValueError(f"digest/gather/data/{name}, line {number}: {fields} fields are needed, see its top")
        found.append(rule)
    return tuple(found)


def patterns(name: str, kind: str) -> tuple[str, ...]:
    """The second fields of the rules of a two-field file whose first field is `kind`."""
    return tuple(pattern for told, pattern in rules(name, 2) if told == kind)


def any_of(found: tuple[str, ...]) -> re.Pattern[str]:
    """One pattern that finds what any of them finds. Raises re.error for a broken one."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in found))
