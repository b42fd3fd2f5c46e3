"""New articles find their stories: the store's articles through `stories.cluster` and back."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import Engine
from sqlmodel import Session

from digest.store import placing, ties, windows
from digest.store.db import reading, writing
from digest.store.placing import Changed
from digest.store.stories import unclustered
from digest.stories.cluster import Corrections, place
from digest.stories.terms import language_of
from digest.stories.window import Window
from digest.types import Nearest, Placed, Telling

AT_ONCE = 500
"""Articles per round: a killed run loses no more than one."""


class Clusterer:
    """One process's view of the open stories, one window for each language, kept from gathering to gathering.

    The database is the truth: a window that somebody else's change made old is made anew from it. Safe to use from
    several threads, which take turns.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self._windows: dict[str, Window] = {}
        self._round = -1
        """The last change that the windows know of; -1 when there are none."""
        self._unkept: set[int] = set()
        """Articles whose nearest the store does not know yet."""

    def place_new(self, *, now: datetime) -> int:
        """Give every article that waits for one a story; returns how many were placed.

        Durable on return. A round reads and decides without holding anybody up, and writes in one short transaction. A
        round that somebody else overtook is decided again, so an article is never placed twice; a run that is killed
        leaves whole rounds or nothing: run it again.
        """
        with self._turn:
            placed = 0
            while True:
                try:
                    done = self._place_some(now)
                except BaseException:
                    self._forget()  # they hold what the database does not
                    raise
                if done is not None:
                    placed += done
                    if done < AT_ONCE:
                        return placed

    def placed(self) -> dict[int, int]:
        """Article -> story, as the windows hold it."""
        with self._turn:
            return {id_: entry.story for window in self._windows.values() for id_, entry in window.entries.items()}

    def _place_some(self, now: datetime) -> int | None:
        """One round: how many it placed; None when it was overtaken and has to be decided again."""
        with reading(self._engine) as session:
            waiting = unclustered(session, now, AT_ONCE)
            if not waiting:
                return 0
            corrections = Corrections(*ties.ties(session, now))
            self._refresh(session, corrections, now)
        placed = self._decide(waiting, corrections, now)
        with writing(self._engine) as session:
            windows.clustering_alone(session)
            if windows.round_of(session) != self._round:
                self._forget()
                return None
            staying = placing.told_among(session, [each.article_id for each in placed.moved])
            placed = replace(placed, moved=tuple(each for each in placed.moved if each.article_id not in staying))
            changed = placing.change(session, placed, now)
            windows.keep_nearest(session, self._nearest([telling.id for telling in waiting]))
        self._settle(changed, {article: placed.merged.get(story, story) for article, story in staying.items()})
        return changed.placed

    def _decide(self, waiting: Sequence[Telling], corrections: Corrections, now: datetime) -> Placed:
        groups: dict[str, list[Telling]] = defaultdict(list)
        for telling in waiting:
            groups[_language(telling)].append(telling)
        parts = [
            place(self._window(language), group, now=now, corrections=corrections)
            for language, group in sorted(groups.items())
        ]
        return Placed(
            joined=tuple(each for part in parts for each in part.joined),
            moved=tuple(each for part in parts for each in part.moved),
            merged={gone: kept for part in parts for gone, kept in part.merged.items()},
            copies={copy: first for part in parts for copy, first in part.copies.items()},
            related={story: near for part in parts for story, near in part.related.items()},
        )

    def _settle(self, changed: Changed, staying: Mapping[int, int]) -> None:
        """Tell the windows what the database made of it: which stories have numbers now, and who stayed."""
        self._round = changed.round
        self._unkept.clear()
        for window in self._windows.values():
            for article, story in staying.items():
                if article in window.entries:
                    window.move(article, story)
            for opener, story in changed.opened.items():
                window.rename(-opener, story)

    # --- windows ------------------------------------------------------------------------------------------------------

    def _refresh(self, session: Session, corrections: Corrections, now: datetime) -> None:
        """Windows that hold exactly the open stories."""
        number = windows.round_of(session)
        if self._round == number and not any(window.worn for window in self._windows.values()):
            still = windows.open_stories(session, now)
            for window in self._windows.values():
                window.keep(still)
            return
        self._forget()
        later: list[tuple[Telling, int, Nearest]] = []
        unknown: dict[str, list[tuple[Telling, int]]] = defaultdict(list)
        for telling, story, nearest in windows.open_tellings(session, now):
            if nearest is None:
                unknown[_language(telling)].append((telling, story))
            elif nearest.original == telling.id:
                self._window(_language(telling)).restore(telling, story, nearest, now)
            else:
                later.append((telling, story, nearest))
        for telling, story, nearest in later:
            self._window(_language(telling)).restore(telling, story, _parted(telling.id, nearest, corrections), now)
        for language, pairs in sorted(unknown.items()):
            self._window(language).add([telling for telling, _ in pairs], [story for _, story in pairs], now)
            self._unkept.update(telling.id for telling, _ in pairs)
        self._round = number

    def _window(self, language: str) -> Window:
        if language not in self._windows:
            self._windows[language] = Window(language)
        return self._windows[language]

    def _nearest(self, ids: Iterable[int]) -> dict[int, Nearest]:
        wanted = self._unkept.union(ids)
        found = {}
        for window in self._windows.values():
            found.update({id_: window.nearest(id_) for id_ in wanted & window.entries.keys()})
        return found

    def _forget(self) -> None:
        self._windows.clear()
        self._unkept.clear()
        self._round = -1


def _language(telling: Telling) -> str:
    return language_of(telling.language, telling.title, telling.text)


def _parted(article: int, nearest: Nearest, corrections: Corrections) -> Nearest:
    """A copy that somebody said is none is none."""
    pair = (min(article, nearest.original), max(article, nearest.original))
    return replace(nearest, original=article) if pair in corrections.apart else nearest
