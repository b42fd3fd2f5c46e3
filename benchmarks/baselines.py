"""The straightforward way to do what this service does cleverly: the yardstick for speed, and for sameness.

Mail: render one reader's whole document with Jinja2, every value in its place, and inline its CSS with premailer.

Import: read the file with csv.reader, trust every cell, and insert the rows with sqlite3's executemany.
"""

from __future__ import annotations

import csv
import json
import logging
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any

from premailer import Premailer

from digest.compose.content import Card, Site
from digest.compose.theme import Theme, variables
from subscribers.cadence import next_due


class Values:
    """One reader's values where the compiled way leaves holes."""

    def __init__(self, values: Mapping[str, str], times: Mapping[int, str]) -> None:
        self._values = dict(values)
        self._times = dict(times)

    def __getattr__(self, name: str) -> str:
        return str(self._values[name])

    def time(self, story: Card) -> str:
        """The clock time of a telling, as the reader sees it."""
        return self._times[story.article_id]


def full_render(
    theme: Theme,
    site: Site,
    language: str,
    values: Values,
    parts: Sequence[tuple[str, Any]],
) -> str:
    """One reader's HTML: `parts` are (macro, argument or None) in the order in which they stand."""
    given = {**variables(language, site), "p": values}
    environment = theme.environment(language)
    blocks = environment.get_template("email/digest/body.html").make_module(given)
    body = "\n".join(str(getattr(blocks, macro)(*(() if value is None else (value,)))) for macro, value in parts)
    marked = environment.filters["safe"](body)
    page = environment.get_template("email/_base/shell.html").render(given, content=marked)
    inlined: str = Premailer(
        page,
        allow_network=False,
        keep_style_tags=False,
        remove_classes=False,
        disable_validation=True,
        cssutils_logging_level=logging.CRITICAL,
        method="html",
    ).transform()
    return inlined


def import_by_hand(file: Path, database: Path, topic_id: int, slug: str, *, now: datetime, batch: int) -> None:
    """The readers of an export of Mailchimp's kind, as somebody would insert them who knows the file and trusts it.

    The same tables, indexes, pragmas and transactions as ours; nothing is checked, nobody is looked for, and what is
    the same for all readers of a zone is worked out once.
    """
    connection = sqlite3.connect(database, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")
    at = _text(now)
    zones: dict[str, tuple[str, int]] = {}
    number = 0
    with file.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        while portion := list(islice(rows, batch)):
            connection.execute("BEGIN IMMEDIATE")
            readers, topics, consents = [], [], []
            for row in portion:
                number += 1
                address, zone = row[0], row[12]
                if zone not in zones:
                    zones[zone] = (_text(next_due("daily", 420, zone, after=now)), _profile(connection, zone, topic_id))
                due, profile_id = zones[zone]
                name, note = f"{row[1]} {row[2]}", f"opted in {row[6]} from {row[7]}"
                readers.append((number, address, address.lower(), name, zone, due, profile_id, at, at))
                topics.append((number, topic_id))
                consents.append((number, at, slug, note))
            connection.executemany(
                "INSERT INTO subscriber (id, address, address_key, name, locale, timezone, cadence, send_minute, "
                "max_stories, format, own_hours, status, next_due_at, profile_id, created_at, confirmed_at) "
                "VALUES (?, ?, ?, ?, 'en', ?, 'daily', 420, 12, 'html', 0, 'active', ?, ?, ?, ?)",
                readers,
            )
            connection.executemany(
                "INSERT INTO subscription (subscriber_id, topic_id, position, status) VALUES (?, ?, 0, 'active')",
                topics,
            )
            connection.executemany(
                "INSERT INTO consent (subscriber_id, at, action, topics, form, source, note) "
                "VALUES (?, ?, 'imported', ?, 'import', 'mailchimp', ?)",
                consents,
            )
            connection.execute("COMMIT")
    connection.close()


def _profile(connection: sqlite3.Connection, zone: str, topic_id: int) -> int:
    choices = {"topics": [topic_id], "language": "en", "timezone": zone, "cadence": "daily", "send_minute": 420}
    data = json.dumps(
        {**choices, "max_stories": 12, "format": "html", "own": {}}, sort_keys=True, separators=(",", ":")
    )
    key = blake2b(data.encode(), digest_size=32).hexdigest()
    row = connection.execute("INSERT INTO profile (key, data) VALUES (?, ?) RETURNING id", (key, data)).fetchone()
    return int(row[0])


def _text(at: datetime) -> str:
    """An instant as SQLAlchemy writes it into SQLite."""
    return at.strftime("%Y-%m-%d %H:%M:%S.%f")
