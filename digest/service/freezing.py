"""Freezing an edition: what it tells is chosen, written, compiled and stored before anybody may send it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial

from sqlmodel import Session

from digest.compose.content import BREAKING, WELCOME, Card, pack_manifest
from digest.compose.fragments import address
from digest.service.allquiet import all_quiet
from digest.service.archiving import archive_edition
from digest.service.building import CANDIDATES as CANDIDATES
from digest.service.building import Workshop as Workshop
from digest.service.building import build_digest
from digest.service.building import store_fragments as store_fragments
from digest.service.hours import topic_starts
from digest.service.profiles import profiles_of
from digest.service.variants import asked_by
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import Pick

WELCOMING: Mapping[str, str] = {WELCOME: "1"}
"""What `freeze_digest` is given for a welcome mail: it greets, and goes out even when there is nothing to tell yet."""

Guard = Callable[[Session], None]
"""Called first in every planning transaction; raises StaleFence when this process no longer holds the clock."""


def unguarded(session: Session) -> None:
    """The guard of what needs no clock: a send by hand."""


def _still_ours(shop: Workshop, guard: Guard) -> None:
    """Renews the clock's lease while a language model takes its time."""
    with writing(shop.engine) as session:
        guard(session)


def freeze_digest(
    shop: Workshop,
    edition_id: int,
    *,
    now: datetime,
    guard: Guard = unguarded,
    values: Mapping[str, str] | None = None,
    private: bool = False,
) -> int:
    """Freeze a planned digest edition; returns its number of deliveries. Durable and leasable when this returns.

    `values` are frozen with it (WELCOMING, or BREAKING with its story). What is breaking waits for no language model.
    Who wishes a mail even when there is nothing new gets one of what the clock plans, not of what is sent by hand.
    What it tells of topics with a public archive goes there in the same transaction, except of a welcome mail and when
    it is `private`, for one reader alone.
    Safe to repeat after a crash: until the last transaction, which begins with `guard`, nothing of it is visible.
    Raises TemplateError when a template of the chrome is broken, StaleFence from the guard, StoreError.
    """
    with reading(shop.engine) as session:
        edition = editions.get_edition(session, edition_id)
        until, only = edition.planned_at, edition.topic_id
        profiles = profiles_of(session, editions.profile_ids(session, edition_id))
        if edition.kind == "tick":
            values = {**(values or {}), **all_quiet(shop, profiles.values())}
        starts = set(editions.windows(session, edition_id))
        for profile_id, due_at in editions.own_slots(session, edition_id):
            starts.update(topic_starts(profiles[profile_id], due_at, until).values())
    blobs: dict[str, bytes] = {}
    public: dict[Pick, Card] = {}
    scribe = None if values and BREAKING in values else shop.scribe
    frozen = build_digest(
        shop,
        topics=sorted({topic for each in profiles.values() for topic in each.topics if only in (None, topic)}),
        languages=[profile.language for profile in profiles.values()],
        starts=sorted(starts),
        until=until,
        now=now,
        values=values,
        blobs=blobs,
        write=partial(scribe.write, now=now, keep=partial(_still_ours, shop, guard)) if scribe else None,
        asked=asked_by(profiles.values()),
        public=public,
    )
    data = pack_manifest(frozen.manifest)
    blobs[address(data)] = data
    with writing(shop.engine) as session:
        guard(session)
        told = {story: fact.version for story, fact in frozen.manifest.stories.items()}
        planned = editions.freeze(session, edition_id, at=now, blob=address(data), blobs=blobs, told=told)
        if planned and not private and WELCOME not in frozen.manifest.values:
            archive_edition(session, edition_id, frozen.manifest, public, until=until, zone=shop.zone)
        return planned
