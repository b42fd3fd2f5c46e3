"""Importing readers: our command against the same inserts written by hand (`baselines.import_by_hand`).

Each run is a process of its own with a new database, ours and the other by turns; the figure is the ratio of the
medians of rows a second. What a process needs before it can begin (the interpreter, imports, and for ours a dry run of
one row) is not counted in either.
Afterwards the two databases must hold the same rows. The memory is all that our process ever held.
"""

from __future__ import annotations

import csv
import json
import os
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from math import inf
from pathlib import Path
from statistics import median

from benchmarks.memory import peak_mb
from benchmarks.report import Figure
from benchmarks.turns import turns

ROWS, QUICK_ROWS = 1_000_000, 20_000
TIMES = 3
QUICK_SECONDS = 14
"""A quick run ends before its third time, or even its second, when the machine is too busy for it."""
TOPIC = "town"

COLUMNS = (
    *("Email Address", "First Name", "Last Name", "MEMBER_RATING", "OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME"),
    *("CONFIRM_IP", "LATITUDE", "LONGITUDE", "GMTOFF", "DSTOFF", "TIMEZONE", "CC", "REGION", "LAST_CHANGED"),
    *("LEID", "EUID", "NOTES", "TAGS"),
)
ZONES = ("America/Los_Angeles", "America/New_York", "Europe/Berlin", "Asia/Tokyo", "Australia/Sydney", "UTC")
FIRST = ("Ada", "Grace", "Søren", "Jürgen", "Mina", "Omar", "Tess", "Ива")
LARGE = ("example.com", "example.org", "example.net", "mail.example.com")
"""Seven of ten readers are with one of these; the others with one of 20,000 domains."""

SAME = """
SELECT s.address, s.address_key, s.name, s.locale, s.timezone, s.cadence, s.send_minute, s.max_stories, s.format,
       s.own_hours, s.status, s.next_due_at, p.data, t.topic_id, t.position, t.status, t.cadence, t.send_minute,
       c.action, c.topics, c.form, c.source, c.note
FROM {db}.subscriber s JOIN {db}.profile p ON p.id = s.profile_id
JOIN {db}.subscription t ON t.subscriber_id = s.id JOIN {db}.consent c ON c.subscriber_id = s.id
"""


def run(quick: bool, rows: int | None = None, times: int | None = None) -> list[Figure]:
    """Ratio and memory; `rows` and `times` for a run smaller still."""
    count = rows or (QUICK_ROWS if quick else ROWS)
    with tempfile.TemporaryDirectory(prefix="digest-benchmark-") as name:
        folder = Path(name)
        file = folder / "readers.csv"
        write_file(file, count)
        measured: dict[str, list[dict[str, float]]] = {"ours": [], "by_hand": []}
        for turn in turns(times or TIMES, 1 if quick else TIMES, QUICK_SECONDS if quick else inf):
            for way in ("ours", "by_hand") if turn % 2 == 0 else ("by_hand", "ours"):
                measured[way].append(_measure(way, file, folder))
        _assert_same(folder / "ours.db", folder / "by_hand.db", count)
    speed = {way: median(count / each["seconds"] for each in runs) for way, runs in measured.items()}
    cpu = {way: median(each["cpu"] for each in runs) for way, runs in measured.items()}
    peak = max(each["peak_mb"] for each in measured["ours"])
    return [
        Figure("import: rows a second, to the same inserts by hand", speed["ours"] / speed["by_hand"], goal=0.5),
        Figure(f"import of {count:,} rows: resident memory", peak, "MB", 250, "lower"),
        Figure("import: the same ratio by processor time (told only)", cpu["by_hand"] / cpu["ours"]),
        Figure("import: rows a second (told only)", speed["ours"], "rows/s"),
        Figure("import: runs of each (told only)", len(measured["ours"]), ""),
    ]


def write_file(file: Path, count: int) -> None:
    """An export of Mailchimp's kind; every address is another one."""
    dice = random.Random(3)  # noqa: S311 - the same file every time
    with file.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(COLUMNS)
        for number in range(count):
            domain = dice.choice(LARGE) if dice.random() < 0.7 else f"site{dice.randrange(20_000)}.example"
            address = f"{dice.choice(('ada', 'grace', 'omar'))}.{dice.randrange(10**9)}+{number}@{domain}"
            host, zone = f"192.0.2.{number % 250}", dice.choice(ZONES)
            opted, confirmed = "2019-05-01 08:00:00", f"2019-05-01 08:{number % 60:02}:00"
            person = (address, dice.choice(FIRST), f"Person {number % 977}", 2, opted, host, confirmed, host)
            place = ("", "", "", "", zone, "US", "WA", "2020-01-01 10:00:00")
            rows.writerow((*person, *place, number, f"{number:010x}", "", "a, b"))


def _measure(way: str, file: Path, folder: Path) -> dict[str, float]:
    database = folder / f"{way}.db"
    for each in folder.glob(f"{way}.db*"):
        each.unlink()
    environment = {
        **os.environ,
        "DATABASE_URL": f"sqlite:///{database}",
        "DATA_DIR": str(folder / "data"),
        "SECRET_KEYS": "a-key-that-only-the-benchmark-knows-0001",
    }
    done = subprocess.run(  # noqa: S603 - this very program
        [sys.executable, "-m", "benchmarks.transfer", way, str(file), str(database)],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _assert_same(ours: Path, by_hand: Path, count: int) -> None:
    with closing(sqlite3.connect(ours)) as connection:
        connection.execute("ATTACH ? AS other", (str(by_hand),))
        mine, other = SAME.format(db="main"), SAME.format(db="other")
        for one, two in ((mine, other), (other, mine)):
            missing = connection.execute(f"{one} EXCEPT {two} LIMIT 1").fetchall()
            assert not missing, f"the two ways wrote different rows: {missing}"
        assert connection.execute(f"SELECT count(*) FROM ({mine})").fetchone() == (count,)  # noqa: S608


def _child(way: str, file: str, database: str) -> None:
    """One run, in its own process."""
    from benchmarks.baselines import import_by_hand
    from digest.cli.app import run as command
    from digest.service import core, transfer  # imported before the clock runs
    from digest.store.db import open_database, writing
    from digest.store.schema import upgrade
    from subscribers.topics import add_topic

    engine = open_database(f"sqlite:///{database}")
    upgrade(engine)
    with writing(engine) as session:
        topic = add_topic(session, TOPIC, "Town", now=core.utc_now())
    engine.dispose()
    one = Path(database).with_suffix(".csv")
    one.write_text("email\nada@example.com\n", encoding="utf-8")
    assert command(["subscribers", "import", str(one), "--topic", TOPIC, "--dry-run"]) == 0
    started, before = time.perf_counter(), time.process_time()
    if way == "ours":
        assert command(["subscribers", "import", file, "--topic", TOPIC]) == 0
    else:
        import_by_hand(Path(file), Path(database), topic.id, TOPIC, now=core.utc_now(), batch=transfer.BATCH)
    seconds, cpu = time.perf_counter() - started, time.process_time() - before
    print(json.dumps({"seconds": seconds, "cpu": cpu, "peak_mb": peak_mb()}))


if __name__ == "__main__":
    _child(*sys.argv[1:])
