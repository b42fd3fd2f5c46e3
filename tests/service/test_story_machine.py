"""Whatever happens to stories, in whatever order: every article is in one story, and no reader is told one twice.

A state machine over the production path: articles and copies arrive, processes start anew, an operator merges and
splits, mails go out. After each step the windows hold what the database holds; in all mails together no reader has a
headline twice, but for what an operator split off after it was sent, which counts as told to nobody.
"""

from __future__ import annotations

import random
import shutil
import tempfile
from collections import Counter, defaultdict
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlmodel import col, select

from digest.errors import InputError, NothingToDo
from digest.models import Article, Story, StoryMerge
from digest.service.clustering import Clusterer
from digest.settings import Settings
from digest.store.db import open_database, reading
from digest.store.schema import upgrade
from digest.types import Telling
from tests.service.town import NOW, Clock, Town
from tests.stories.test_place import english

TOPICS = ("harbour", "people")


class Stories(RuleBasedStateMachine):
    """A town to which things happen."""

    template: Path
    """An empty database with its tables; making them anew for every run would be most of the work."""

    @initialize(order=st.randoms(use_true_random=False))
    def begin(self, order: random.Random) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="digest-stories-"))
        shutil.copy(self.template, self.folder / "digest.db")
        url = f"sqlite:///{self.folder / 'digest.db'}"
        values = {"data_dir": self.folder, "database_url": url, "secret_keys": "a-key-that-only-the-tests-know-0001"}
        self.town = Town(open_database(url), Settings.model_validate(values), Clock(NOW - timedelta(days=6)))
        self.town.topics("Harbour", "People")
        joined = self.town.clock.at - timedelta(days=1)
        wanted = {"ada": ["harbour"], "ben": ["people"], "cleo": ["harbour", "people"]}
        self.readers = {
            self.town.reader(f"{name}@example.org", *topics, signed_up=joined): name for name, topics in wanted.items()
        }
        told, _ = english()
        titles = Counter(one.title for one in told)
        self.waiting = [one for one in told if titles[one.title] == 1]  # a column's headline comes every day
        order.shuffle(self.waiting)
        self.arrived: list[Telling] = []
        self.written = 0
        self.split_off: set[str] = set()
        self.told: dict[int, Counter[str]] = defaultdict(Counter)

    def _write(self, one: Telling, topic: str, publisher: str) -> None:
        """An article comes and finds its story; the windows then hold what the database holds."""
        self.written += 1
        at = self.town.clock.at - timedelta(minutes=30)
        guid = f"{one.title} {self.written}"
        self.town.article(one.title, topic, at=at, text=one.text, publisher=publisher, guid=guid)
        self.town.service.clusterer.place_new(now=self.town.clock.at)
        window, homes = self.town.service.clusterer.placed(), self._homes()
        assert self.written in window
        assert window == {article: homes[article] for article in window}

    @precondition(lambda self: self.waiting)
    @rule(count=st.integers(1, 6), topic=st.sampled_from(TOPICS))
    def arrive(self, count: int, topic: str) -> None:
        for _ in range(min(count, len(self.waiting))):
            self.arrived.append(self.waiting.pop())
            self._write(self.arrived[-1], topic, self.arrived[-1].publisher)

    @precondition(lambda self: self.arrived)
    @rule(which=st.integers(0), topic=st.sampled_from(TOPICS), number=st.integers(1, 9))
    def copied(self, which: int, topic: str, number: int) -> None:
        self._write(self.arrived[which % len(self.arrived)], topic, f"Copyist {number}")

    @rule()
    def another_process(self) -> None:
        self.town.service.clusterer = Clusterer(self.town.engine)

    @precondition(lambda self: self.arrived)
    @rule(which=st.integers(0), with_=st.integers(0))
    def merge(self, which: int, with_: int) -> None:
        stories = sorted(set(self._homes().values()))
        keep, other = stories[which % len(stories)], stories[with_ % len(stories)]
        if keep != other:
            self.town.service.stories.merge(keep, [other])

    @precondition(lambda self: self.arrived)
    @rule(which=st.integers(0), size=st.integers(1, 3))
    def split(self, which: int, size: int) -> None:
        homes = self._homes()
        stories = sorted(set(homes.values()))
        story = stories[which % len(stories)]
        mine = [article for article, home in homes.items() if home == story]
        try:
            done = self.town.service.stories.split(story, mine[:size])
        except (InputError, NothingToDo):  # all of it, or only copies would be left
            assert self._homes() == homes
            return
        with reading(self.town.engine) as session:
            titles = session.exec(select(Article.title).where(col(Article.id).in_([*done.articles, *mine])))
            self.split_off.update(titles)

    @rule()
    def morning(self) -> None:
        self.town.clock.at += timedelta(days=1)
        self.town.morning()
        for edition in self.town.editions()[-1:]:
            for reader in self.readers:
                told = self.town.service.press.told(edition.id or 0, reader)
                picks = told.picks if told else ()
                whys = told.whys if told else ()
                for pick, (headline, _) in zip(picks, whys, strict=True):
                    if not pick.from_version:
                        self.told[reader][headline] += 1

    @invariant()
    def every_article_is_in_one_story_that_is_there(self) -> None:
        if not hasattr(self, "town"):
            return
        with reading(self.town.engine) as session:
            articles = list(session.exec(select(Article)))
            stories = {story.id: story for story in session.exec(select(Story))}
            gone = {merge.gone for merge in session.exec(select(StoryMerge))}
        assert all(article.story_id in stories for article in articles)
        assert not gone & {article.story_id for article in articles}
        for article in articles:
            assert 1 <= article.story_version <= stories[article.story_id].version

    @invariant()
    def nobody_was_told_anything_twice(self) -> None:
        for counts in getattr(self, "told", {}).values():
            twice = {title for title, count in counts.items() if count > 1}
            assert twice <= self.split_off

    def _homes(self) -> dict[int, int]:
        with reading(self.town.engine) as session:
            return {row.id or 0: row.story_id or 0 for row in session.exec(select(Article).order_by(col(Article.id)))}

    def teardown(self) -> None:
        if hasattr(self, "town"):
            self.town.service.close()
            shutil.rmtree(self.folder)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("empty") / "digest.db"
    engine = open_database(f"sqlite:///{file}")
    upgrade(engine)
    engine.dispose()
    return file


def test_whatever_happens_to_stories(template: Path) -> None:
    Stories.template = template
    run_state_machine_as_test(
        Stories,
        settings=settings(
            deadline=None, max_examples=25, stateful_step_count=30, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
