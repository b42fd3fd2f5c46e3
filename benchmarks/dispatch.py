"""From planned rows to accepted rows, against posting the same mails that were made before.

Ours is all that a running service does: lease a chunk, read readers, profiles and memory, compose, sign, write the
attempt down (SQLite, synchronous=FULL), call the API, record every reader's outcome. The straightforward way is a loop
of `httpx.Client.post` over the very same bodies in the very same batches (`baselines.post_prebuilt`). Both send to a
sink in a process of its own, whose sums of what it took are compared after each round: the same mails, byte for byte.

Readers have three topics of five stories each; 200 topic sets, as in `compose`. Every round has new readers of a new
edition. A round is timed by the clock, since it waits for the disk and for the sink; rounds go by turns, and a figure
is the ratio of the medians. What the processor of this process spent for each mail is told beside it.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import islice
from math import inf
from pathlib import Path
from statistics import median

import httpx
from sqlmodel import Session, select

from benchmarks.baselines import post_prebuilt
from benchmarks.compose_data import FROZEN_AT, MORNING, NAMES, Morning, morning, two_hundred_sets
from benchmarks.report import Figure
from benchmarks.sink import Taken, running
from benchmarks.turns import turns
from digest.compose.content import pack_manifest
from digest.compose.fragments import address
from digest.dispatch.providers import make_provider
from digest.models import Chunk, Delivery, Edition
from digest.service.building import store_fragments
from digest.service.core import DigestService
from digest.service.schema import prepare
from digest.settings import Settings
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import Due, Envelope, ReaderProfile
from subscribers.models import Profile, Subscriber, Topic

MAILS, QUICK_MAILS = 2_000, 500
ROUNDS, QUICK_ROUNDS = 5, 3
LEAST_ROUNDS, QUICK_SECONDS = 2, 25
CHUNK, BATCH = 500, 100
GOAL = 0.5


@dataclass(frozen=True, slots=True)
class _House:
    """A service on an empty database, and an edition to plan again and again."""

    service: DigestService
    edition: Morning
    url: str
    client: httpx.Client


def run(quick: bool, mails: int | None = None, rounds: int | None = None) -> list[Figure]:
    """The ratio, and both ways' rates; `mails` and `rounds` for a run smaller still."""
    count, most = mails or (QUICK_MAILS if quick else MAILS), rounds or (QUICK_ROUNDS if quick else ROUNDS)
    ours: list[float] = []
    plain: list[float] = []
    spent: list[float] = []
    with running() as url, _house(url) as house:
        least = min(most, 1 if quick else LEAST_ROUNDS)
        for turn in turns(most + 1, least + 1, QUICK_SECONDS if quick else inf):
            first = 1 + turn * count
            edition_id = _plan(house, first, count, f"tick:bench-{turn}")
            bodies = _bodies(house, edition_id, count)
            used, took = time.process_time(), _ours(house, edition_id, count)
            used = time.process_time() - used
            ours_taken = _taken(house)
            posted = _plain(house, bodies)
            assert ours_taken == _taken(house), "both ways have sent the same mails"
            if turn:
                ours.append(count / took)
                plain.append(count / posted)
                spent.append(1e6 * used / count)
    size = sum(map(len, bodies)) / count / 1000
    name = "planned to accepted by Resend's batches, to posting prebuilt ones"
    return [
        Figure(name, median(ours) / median(plain), goal=GOAL),
        Figure("ours (told only)", median(ours), "/s"),
        Figure("ours, processor for each mail (told only)", median(spent), "us"),
        Figure("posting prebuilt (told only)", median(plain), "/s"),
        Figure("a mail on the wire (told only)", size, "KB"),
    ]


@contextmanager
def _house(url: str) -> Iterator[_House]:
    with tempfile.TemporaryDirectory() as folder, httpx.Client(timeout=60) as client:
        settings = Settings(
            provider="resend",
            resend_api_key="re_nobody",
            resend_base_url=url,
            data_dir=Path(folder),
            database_url=f"sqlite:///{folder}/digest.db",
            secret_keys=("a-key-that-only-the-benchmark-knows-0001",),
            from_="The Morning Tide <tide@example.org>",
            reply_to="desk@example.org",
            postal_address="4 Tallow Hill | 12345 Lanthorn",
            public_url="https://digest.example.org",
        )
        service = DigestService(settings, engine=prepare(settings))
        try:
            with writing(service.engine) as session:
                for number, name in enumerate(NAMES, 1):
                    session.add(Topic(id=number, slug=f"t{number}", name=name, created_at=FROZEN_AT))
            yield _House(service, morning(), url, client)
        finally:
            service.close()
            service.engine.dispose()


# --- rounds -----------------------------------------------------------------------------------------------------------


def _ours(house: _House, edition_id: int, count: int) -> float:
    """Seconds until every mail is accepted."""
    started = time.perf_counter()
    report = house.service.dispatch(edition_id=edition_id)
    took = time.perf_counter() - started
    assert (report.accepted, report.problem) == (count, ""), report
    return took


def _bodies(house: _House, edition_id: int, count: int) -> list[bytes]:
    """The batches of the same mails, made by the same press."""
    with reading(house.service.engine) as session:
        rows = session.exec(select(Delivery).where(Delivery.edition_id == edition_id)).all()
        dues = [Due(edition_id, row.subscriber_id, row.profile_id, row.since) for row in rows]
    provider = make_provider(house.service.settings)
    composed = house.service.press.compose(edition_id, dues, provider.encoding)
    mails = [provider.payload(each) for each in composed if isinstance(each, Envelope)]
    provider.close()
    assert len(mails) == count
    return [b"[" + b",".join(mails[start : start + BATCH]) + b"]" for start in range(0, count, BATCH)]


def _plain(house: _House, bodies: Sequence[bytes]) -> float:
    started = time.perf_counter()
    post_prebuilt(house.client, f"{house.url}/emails/batch", bodies)
    return time.perf_counter() - started


def _taken(house: _House) -> Taken:
    return Taken(**house.client.get(house.url).json())


# --- planning ---------------------------------------------------------------------------------------------------------


def _plan(house: _House, first: int, count: int, slot: str) -> int:
    """A frozen edition for new readers, numbered from `first`."""
    readers = list(islice(two_hundred_sets(), count))
    blobs: dict[str, bytes] = {}
    frozen = house.edition.frozen
    html, text = (store_fragments(part, blobs) for part in (frozen.html, frozen.text))
    data = pack_manifest(replace(frozen.manifest, html=html, text=text))
    blobs[address(data)] = data
    with writing(house.service.engine) as session:
        profiles = _profiles(session, {profile.id: profile for _, profile, _ in readers})
        edition = Edition(kind="tick", slot=slot, planned_at=FROZEN_AT, key_id=house.service.keyring.key_id)
        session.add(edition)
        session.flush()
        edition_id = edition.id or 0
        for start in range(0, count, CHUNK):
            chunk = Chunk(edition_id=edition_id)
            session.add(chunk)
            session.flush()
            for place in range(start, min(start + CHUNK, count)):
                _, profile, to = readers[place]
                where = f"reader{first + place}@example.org"
                session.add(
                    Subscriber(
                        id=first + place,
                        address=where,
                        address_key=where,
                        name=to.name,
                        status="active",
                        created_at=FROZEN_AT,
                    )
                )
                session.add(
                    Delivery(
                        edition_id=edition_id,
                        subscriber_id=first + place,
                        chunk_id=chunk.id or 0,
                        profile_id=profiles[profile.id],
                        since=MORNING,
                    )
                )
        session.flush()
        editions.freeze(session, edition_id, at=FROZEN_AT, blob=address(data), blobs=blobs, told={})
    return edition_id


def _profiles(session: Session, wanted: Mapping[int, ReaderProfile]) -> dict[int, int]:
    """The stored profiles, by their numbers in `compose_data`."""
    found: dict[int, int] = {}
    for number, profile in wanted.items():
        data = json.dumps(
            {
                "topics": profile.topics,
                "language": profile.language,
                "timezone": profile.timezone,
                "cadence": profile.cadence,
                "send_minute": profile.send_minute,
                "max_stories": profile.max_stories,
                "format": profile.format,
                "own": {},
            }
        )
        key = address(data.encode())
        row = session.exec(select(Profile).where(Profile.key == key)).first() or Profile(key=key, data=data)
        session.add(row)
        session.flush()
        found[number] = row.id or 0
    return found
