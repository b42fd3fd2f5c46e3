"""The straightforward way to do what this service does cleverly: the yardstick for speed, and for sameness.

Mail: each reader's with Jinja2, premailer and json, in a module of its own (`baselines_mail`).

Import: read the file with csv.reader, trust every cell, and insert the rows with sqlite3's executemany.

Feeds: feedparser with its defaults.

Topic rules: one after the other, a regular expression for each term.

Stories: one pass that joins headlines whose words overlap, and one that compares TF-IDF vectors.

Polling: httpx's clients, arranged in every way that somebody would try.
"""

from __future__ import annotations

import asyncio
import csv
import json
import re
import sqlite3
import ssl
import threading
from calendar import timegm
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import blake2b
from heapq import nlargest
from io import BytesIO
from itertools import islice, pairwise
from math import log, sqrt
from pathlib import Path
from typing import Any

import feedparser
import httpx
from lxml.html import document_fromstring

from digest.stories.rules import FIELDS, And, Not, Rule, Term
from digest.types import RawArticle
from subscribers.cadence import next_due


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
                name, note = f"{row[1]} {row[2]}", f"opted in {row[6]}"
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


# --- reading feeds ----------------------------------------------------------------------------------------------------


def feedparser_read(body: bytes) -> Any:
    """What feedparser makes of a document with its defaults: sanitised, relative addresses resolved."""
    return feedparser.parse(BytesIO(body))


def feedparser_values(read: Any) -> list[tuple[str, str, str, datetime | None, str, str, str]]:
    """Title, link, id, date, author, text and summary of every entry, as somebody takes them from feedparser: markup
    becomes text by lxml."""
    return [
        (
            _letters_of(entry.get("title", "")),
            entry.get("link", ""),
            entry.get("id", ""),
            datetime.fromtimestamp(timegm(entry.published_parsed), UTC) if entry.get("published_parsed") else None,
            entry.get("author", ""),
            _letters_of(entry.content[0].value if entry.get("content") else entry.get("summary", "")),
            _letters_of(entry.get("summary", "") if entry.get("content") else ""),
        )
        for entry in read.entries
    ]


def _letters_of(markup: str) -> str:
    return "".join(map(str, document_fromstring(markup).itertext())) if markup.strip() else ""


# --- topic rules ------------------------------------------------------------------------------------------------------

Compiled = Callable[[Mapping[str, str]], bool]
"""Whether a rule is true of an article's fields, already case-folded."""


def compile_rule(rule: Rule) -> Compiled:
    """A rule as somebody would evaluate it by itself: a regular expression for each term, with word borders, any
    whitespace or sign between the words of a phrase; AND, OR and NOT stop as soon as the answer is known."""
    if isinstance(rule, Term):
        words = r"\W+".join(re.escape(word) for word in rule.text.casefold().split())
        search = re.compile(rf"\b{words}" if rule.prefix else rf"\b{words}\b").search
        fields = rule.fields
        return lambda texts: any(search(texts[field]) for field in fields)
    if isinstance(rule, Not):
        inner = compile_rule(rule.of)
        return lambda texts: not inner(texts)
    parts = [compile_rule(part) for part in rule.parts]
    if isinstance(rule, And):
        return lambda texts: all(part(texts) for part in parts)
    return lambda texts: any(part(texts) for part in parts)


def match_one_by_one(rules: Mapping[int, Compiled], article: RawArticle) -> frozenset[int]:
    """The rules that are true of an article, whose texts are case-folded once for all of them."""
    texts = {field: getattr(article, field).casefold() for field in FIELDS}
    return frozenset(number for number, holds in rules.items() if holds(texts))


# --- stories ----------------------------------------------------------------------------------------------------------

_TITLE_WORD = re.compile(r"[^\W_]+")


def overlapping_titles(titles: Sequence[str]) -> list[int]:
    """A label for each title: those that share three words or more, and six tenths of the shorter one's, are one story,
    and so is whatever hangs together by such pairs (as well-known feed readers put articles together)."""
    words = [{word for word in _TITLE_WORD.findall(title.lower()) if len(word) > 2} for title in titles]
    label = list(range(len(titles)))

    def root(node: int) -> int:
        while label[node] != node:
            label[node] = label[label[node]]
            node = label[node]
        return node

    holding: dict[str, list[int]] = defaultdict(list)
    for i, mine in enumerate(words):
        shared = Counter(j for word in mine for j in holding[word])
        for j, count in shared.items():
            if count >= 3 and count >= 0.6 * min(len(mine), len(words[j])):
                label[root(i)] = root(j)
        for word in mine:
            holding[word].append(i)
    return [root(i) for i in range(len(titles))]


def single_pass(titles: Sequence[str], threshold: float = 0.10) -> list[int]:
    """A label for each title: each joins the story whose three nearest titles are nearest by the mean of the cosines of
    TF-IDF vectors (1- and 2-grams, idf of all titles), if that reaches `threshold`, or else opens one."""
    grams = []
    for title in titles:
        found = _TITLE_WORD.findall(title.lower())
        grams.append(Counter([*found, *(f"{a} {b}" for a, b in pairwise(found))]))
    counts = Counter(gram for each in grams for gram in each)
    label: list[int] = []
    holding: dict[str, list[tuple[int, float]]] = defaultdict(list)
    for i, each in enumerate(grams):
        vector = {gram: count * (1 + log((1 + len(titles)) / (1 + counts[gram]))) for gram, count in each.items()}
        length = sqrt(sum(weight * weight for weight in vector.values())) or 1.0
        near: dict[int, float] = defaultdict(float)
        for gram, weight in vector.items():
            for j, other in holding[gram]:
                near[j] += weight / length * other
        stories: dict[int, list[float]] = defaultdict(list)
        for j, value in near.items():
            stories[label[j]].append(value)
        means = {story: sum(nlargest(3, values)) / 3 for story, values in stories.items() if len(values) > 2}
        means |= {story: sum(values) / len(values) for story, values in stories.items() if len(values) <= 2}
        best = max(means, key=lambda story: (means[story], -story), default=-1)
        label.append(best if best >= 0 and means[best] >= threshold else i)
        for gram, weight in vector.items():
            holding[gram].append((i, weight / length))
    return label


# --- polling ----------------------------------------------------------------------------------------------------------


class Poll:
    """Fetches addresses with httpx and returns the status of each. One context for TLS is made beforehand, so that no
    arrangement pays for making it; proxies and passwords are not looked for in the environment."""

    def __init__(self, headers: Mapping[str, str], context: ssl.SSLContext, workers: int, *, keep_alive: bool) -> None:
        """`workers` threads or tasks; `keep_alive` with httpx's own limits (20 idle connections of at most 100)."""
        self._workers = workers
        limits = httpx.Limits(max_connections=100, max_keepalive_connections=20 if keep_alive else 0)
        self._options: dict[str, Any] = {"headers": headers, "verify": context, "trust_env": False, "limits": limits}

    def one_client(self, urls: Sequence[str]) -> list[int]:
        """One client that all threads share."""
        with httpx.Client(**self._options) as client, ThreadPoolExecutor(self._workers) as pool:
            return list(pool.map(lambda url: client.get(url).status_code, urls))

    def client_per_thread(self, urls: Sequence[str]) -> list[int]:
        """A client for each thread."""
        mine = threading.local()
        made: list[httpx.Client] = []

        def begin() -> None:
            mine.client = httpx.Client(**self._options)
            made.append(mine.client)

        with ThreadPoolExecutor(self._workers, initializer=begin) as pool:
            statuses = list(pool.map(lambda url: int(mine.client.get(url).status_code), urls))
        for client in made:
            client.close()
        return statuses

    def async_client(self, urls: Sequence[str]) -> list[int]:
        """One asynchronous client and this many tasks."""

        async def poll() -> list[int]:
            statuses: list[int] = []
            waiting = iter(urls)

            async def work() -> None:
                for url in waiting:
                    answer = await client.get(url)
                    statuses.append(answer.status_code)

            async with httpx.AsyncClient(**self._options) as client:
                await asyncio.gather(*(work() for _ in range(self._workers)))
            return statuses

        return asyncio.run(poll())


def post_prebuilt(client: httpx.Client, url: str, bodies: Sequence[bytes]) -> None:
    """Hand finished batches to an API, one after the other, and look at nothing but the status."""
    for body in bodies:
        client.post(url, content=body, headers={"Content-Type": "application/json"}).raise_for_status()
