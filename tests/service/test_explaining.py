"""Why a story was or was not in a mail: the answer agrees with the mail itself, for every reader, edition and story."""

from __future__ import annotations

import email
import email.policy
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from sqlalchemy import Engine, update

from digest.checks import RANK_WEIGHTS
from digest.demo.content import load
from digest.demo.play import DemoClock, Play
from digest.demo.site import Site
from digest.errors import InputError, NothingToDo
from digest.models import Article, Edition
from digest.service.core import DigestService
from digest.settings import Settings
from digest.store.db import reading, writing
from digest.store.explaining import articles_of
from digest.types import ExplainedMail
from subscribers.errors import UnknownReader, UnknownTopic
from subscribers.types import ReaderRow
from tests.service.town import NOW, Town

FIRST = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""The town's 07:00 on a Monday."""


# --- the demo's three mornings ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class InTheMail:
    """What one file of the outbox tells, read from its HTML as a person would."""

    lead: tuple[str, ...]
    cards: tuple[str, ...]
    briefs: tuple[str, ...]
    updates: frozenset[str]

    @property
    def everything(self) -> list[str]:
        return [*self.lead, *self.cards, *self.briefs]


def in_the_mail(file: Path) -> tuple[tuple[int, int], InTheMail] | None:
    """((edition, reader), headlines by their place) of a mail that tells stories; None for a letter."""
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    edition, reader, _ = mail["Message-ID"].strip("<>").split(".", 2)
    body = mail.get_body(("html",))
    assert body is not None
    page: Any = html.fromstring(body.get_content())

    def headlines(path: str) -> tuple[str, ...]:
        return tuple(" ".join(each.text_content().split()) for each in page.xpath(path))

    updated = (
        "//*[contains(concat(' ', @class, ' '), ' label ')]/ancestor::table[1]//a[@class='plain' or @class='brief']"
    )
    told = InTheMail(
        headlines("//h2[contains(@class, 'lead')]/a"),
        headlines("//h3[contains(@class, 'card')]/a"),
        headlines("//p[contains(@class, 'brief')]/a"),
        frozenset(headlines(updated)),
    )
    return ((int(edition), int(reader)), told) if told.everything else None


@dataclass(frozen=True)
class Played:
    service: DigestService
    readers: list[ReaderRow]
    mails: dict[tuple[int, int], InTheMail]


@contextmanager
def played(engine: Engine, settings: Settings) -> Iterator[Played]:
    """The demo's three mornings. Two readers take few stories, so that caps cut."""
    town, clock = load(), DemoClock(FIRST - timedelta(hours=10))
    service = DigestService(settings, now=clock, engine=engine)
    try:
        with Site(town, clock, FIRST) as site:
            play = Play(service, clock, FIRST)
            play.add_topics(town)
            play.add_sources(site.feeds())
            play.sign_up(town.readers, settings.data_dir / "outbox")
            for reader in town.readers[:2]:
                service.readers.edit(reader.address, max_stories=2)
            list(play.mornings())
        read = [in_the_mail(file) for file in (settings.data_dir / "outbox").glob("new/*.eml")]
        yield Played(service, list(service.readers.list()), dict(each for each in read if each is not None))
    finally:
        service.close()


def test_it_agrees_with_every_mail_of_the_demos_three_mornings(sqlite_database: Engine, settings: Settings) -> None:
    with played(sqlite_database, settings) as town:
        seen: Counter[str] = Counter()
        for reader in town.readers:
            for edition in digests_of(town, reader):
                told = town.service.explainer.mail(reader.address, edition)
                agrees(told, town.mails.get((edition, reader.id)))
                knows_its_articles(town.service, told)
                seen.update(f"{story.verdict} {'update' if story.update else ''}".strip() for story in told.stories)
            assert town.service.explainer.mail(reader.address) == told, "the latest is the default"
        assert town.mails.keys() <= {(e, r.id) for r in town.readers for e in digests_of(town, r)}
    expected = {"lead", "card", "one-liner", "card update", "cut by the cap", "already sent", "no topic of theirs"}
    assert expected <= seen.keys(), f"the demo shows every verdict: {seen}"


def digests_of(town: Played, reader: ReaderRow) -> list[int]:
    """Every edition that tells stories and was planned for this reader."""
    found = []
    for edition in range(1, 100):
        try:
            town.service.explainer.mail(reader.address, edition)
        except InputError:
            continue
        found.append(edition)
    assert found
    return found


def agrees(told: ExplainedMail, mail: InTheMail | None) -> None:
    """Every headline of the mail stands at the place that is explained, and no other candidate is in it."""
    places: dict[str, list[str]] = defaultdict(list)
    for story in told.stories:
        if story.told:
            places[story.verdict].append(story.headline)
    found = mail or InTheMail((), (), (), frozenset())
    assert places["lead"] == list(found.lead)
    assert sorted(places["card"]) == sorted(found.cards)
    assert places["one-liner"] == list(found.briefs)
    assert {story.headline for story in told.stories if story.told and story.update} == found.updates
    left_out = [story for story in told.stories if not story.told]
    assert not {story.headline for story in left_out} & set(found.everything)
    assert all(story.why for story in told.stories)
    for story in left_out:
        assert (story.verdict == "already sent") <= bool(story.sent_before)
        assert "held back" not in story.verdict


def knows_its_articles(service: DigestService, told: ExplainedMail) -> None:
    """Every candidate has the articles that were known when the edition's window closed, and why each joined."""
    with reading(service.engine) as session:
        stored = articles_of(session, [story.story_id for story in told.stories])
    for story in told.stories:
        known = [each for each in stored[story.story_id] if each.news_at is None or each.news_at <= told.planned_at]
        assert [each.article_id for each in story.articles] == [each.id for each in known]
        assert [each.opened for each in story.articles] == [True] + [False] * (len(story.articles) - 1)
        assert all(each.terms and each.score > 0 for each in story.articles if not each.opened)
        assert story.score == pytest.approx(sum(story.parts.values()))
        assert set(story.parts) == set(RANK_WEIGHTS)


# --- cases that the demo does not have --------------------------------------------------------------------------------


def test_an_edition_is_explained_by_what_was_sent_before_it_and_not_after(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    ferry = town.story("Ferry", "harbour")
    assert town.morning() == 1
    news = "The harbour master counted 300 passengers and 12 dogs at dawn."
    town.story("Ferry, a day later", "harbour", into=ferry, at=NOW + timedelta(hours=5), text=news)
    assert town.morning(NOW + timedelta(days=1)) == 1
    first, second = (each.id for each in town.editions() if each.kind == "tick")
    explain = town.service.explainer.mail
    (then,) = explain("ada@example.org", first).stories
    assert (then.verdict, then.update, then.sent_before, len(then.articles)) == ("lead", False, (), 1)
    (now,) = explain("ada@example.org", second).stories
    assert (now.verdict, now.update, len(now.articles)) == ("lead", True, 2)
    assert [(each.edition_id, each.version) for each in now.sent_before] == [(first, 1)]
    assert f"edition {first}" in now.why


def test_a_story_that_was_no_candidate_is_explained_when_it_is_asked_for(town: Town) -> None:
    town.topics("Harbour", "Sport")
    town.reader("ada@example.org", "harbour")
    town.story("Ferry", "harbour")
    old = town.story("Old", "harbour", at=NOW - timedelta(days=5))
    late = town.story("Late", "harbour", at=NOW + timedelta(hours=1))
    match = town.story("Match", "sport")
    town.morning()
    explain = town.service.explainer.mail
    assert [story.headline for story in explain("ADA@example.org").stories] == ["Ferry"]
    for story, words in ((old, "no article of it was news after"), (late, "only after"), (match, "belongs to Harbour")):
        (told,) = explain("ada@example.org", None, story).stories
        assert (told.verdict, told.told, words in told.why) == ("no candidate", False, True), told.why
    with writing(town.engine) as session:
        session.connection().execute(update(Article).where(Article.story_id == old).values(news_at=None))  # type: ignore[arg-type]
    assert explain("ada@example.org", None, old).stories[0].verdict == "backlog"
    with pytest.raises(InputError, match="no story 4711"):
        explain("ada@example.org", None, 4711)


def test_what_was_sent_before_is_told_by_the_order_of_sending(town: Town) -> None:
    town.topics("Harbour", "Sport")
    town.reader("ada@example.org", "harbour", "sport")
    ferry, match = town.story("Ferry", "harbour"), town.story("Match", "sport")
    by_hand = town.service.send_by_hand
    sport = next(topic.id for topic in town.service.topics.list() if topic.slug == "sport")
    first, last, overtaking = (by_hand(None, None), by_hand(None, None), by_hand(sport, None))
    assert first is not None
    assert last is not None
    assert overtaking is not None
    for planned in (overtaking, last, first):
        town.service.dispatch(edition_id=planned.edition_id)

    def told(edition_id: int) -> dict[int, tuple[str, list[int]]]:
        stories = town.service.explainer.mail("ada@example.org", edition_id).stories
        return {each.story_id: (each.verdict, [sent.edition_id for sent in each.sent_before]) for each in stories}

    assert told(overtaking.edition_id)[match] == ("lead", [])
    assert overtaking.edition_id > last.edition_id
    assert told(last.edition_id) == {ferry: ("lead", []), match: ("already sent", [overtaking.edition_id])}
    # What was composed last and found nothing left was never attempted, so nobody wrote down when that was.
    assert {verdict for verdict, _ in told(first.edition_id).values()} == {"held back"}


def test_a_mail_that_waits_is_explained_as_it_would_be(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    town.story("Ferry", "harbour")
    town.service.plan()
    told = town.service.explainer.mail("ada@example.org")
    assert (told.state, told.composed, [story.verdict for story in told.stories]) == ("planned", False, ["lead"])


def test_what_cannot_be_explained_is_refused(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    explain = town.service.explainer.mail
    with pytest.raises(UnknownReader):
        explain("nobody@example.org")
    with pytest.raises(NothingToDo, match=r"no digest was planned for ada@example\.org"):
        explain("ada@example.org")
    town.story("Ferry", "harbour")
    town.morning()
    town.reader("late@example.org", "harbour")
    (edition,) = (each.id or 0 for each in town.editions())
    with pytest.raises(InputError, match=f"there is no edition 99.* edition {edition}"):
        explain("ada@example.org", 99)
    with pytest.raises(InputError, match=r"was no digest for late@example\.org"):
        explain("late@example.org", edition)
    with writing(town.engine) as session:
        session.connection().execute(update(Edition).values(blob=None))
    with pytest.raises(InputError, match="kept no longer"):
        explain("ada@example.org", edition)


# --- a topic ----------------------------------------------------------------------------------------------------------


def test_a_topics_next_digest_and_what_it_leaves_out(town: Town) -> None:
    town.topics("Harbour", "Sport")
    many = [town.story(f"Number {number} of many", "harbour") for number in range(45)]
    backlog = town.story("Backlog", "harbour")
    town.story("Match", "sport")
    with writing(town.engine) as session:
        session.connection().execute(update(Article).where(Article.story_id == backlog).values(news_at=None))  # type: ignore[arg-type]
    told = town.service.explainer.topic("harbour")
    counts = Counter(story.verdict for story in told.stories)
    assert counts == {
        "lead": 1,
        "card": told.max_stories - 1,
        "one-liner": 5,
        "cut by the cap": 40 - 5 - told.max_stories,
        "beyond what is kept": 5,
        "backlog": 1,
    }
    assert {story.story_id for story in told.stories} == {*many, backlog}
    assert [story.told for story in told.stories] == sorted((s.told for s in told.stories), reverse=True)
    assert town.service.explainer.topic("sport").stories[0].verdict == "lead"
    assert town.editions() == [], "nothing was planned"


def test_a_topic_that_cannot_be_explained(town: Town) -> None:
    town.topics("Harbour")
    assert town.service.explainer.topic("harbour", days=8).stories == ()
    with pytest.raises(UnknownTopic):
        town.service.explainer.topic("nix")
    for days in (0, 9):
        with pytest.raises(InputError, match="--days from 1 to 8"):
            town.service.explainer.topic("harbour", days=days)
