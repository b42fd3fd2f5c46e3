"""The whole road: feeds over HTTP, stories, editions, mails; the bundled town, and every feed file we were given."""

from __future__ import annotations

import email
import email.policy
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine

from digest.demo.content import Town, load
from digest.demo.play import DemoClock, Morning, Play, play_folder
from digest.demo.site import FolderSite, Site
from digest.service.core import DigestService
from digest.settings import Settings
from digest.store.db import reading
from digest.store.ledger import count_deliveries
from digest.store.stories import tellings_of
from digest.types import DeliveryState
from tests.dispatch.resend_sink import running

FIRST = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
"""The town's 07:00 on a Monday: its zone is three hours east."""


@contextmanager
def playing(town: Town, engine: Engine, settings: Settings) -> Iterator[Play]:
    """The town's feeds on loopback, a service, and the demo's own clock on the eve."""
    clock = DemoClock(FIRST - timedelta(hours=10))
    service = DigestService(settings, now=clock, engine=engine)
    with Site(town, clock, FIRST) as site:
        play = Play(service, clock, FIRST)
        play.add_topics(town)
        play.add_sources(site.feeds())
        try:
            yield play
        finally:
            service.close()


def check(play: Play, town: Town, mornings: list[Morning]) -> None:
    """What must be true of three mornings, whoever carried the mails."""
    assert [problem for morning in mornings for problem in morning.problems] == []
    assert list(play.final_problems(town, mornings)) == []
    assert all(times == 1 for told in play.sent.values() for times in told.values()), "no story twice"
    assert any(mail.updates for mail in mornings[1].mails)
    assert [reader.name for reader in town.readers if reader.topics == (town.silent_topic,)] == list(mornings[2].quiet)
    _in_topics(play, town, mornings)
    with reading(play.service.engine) as session:
        for edition in range(1, 200):
            assert count_deliveries(session, edition).keys() <= {DeliveryState.ACCEPTED, DeliveryState.SKIPPED}


def _in_topics(play: Play, town: Town, mornings: list[Morning]) -> None:
    slugs = {topic.id: topic.slug for topic in play.service.topics.list()}
    wanted = {reader.name: set(reader.topics) for reader in town.readers}
    with reading(play.service.engine) as session:
        for mail in [mail for morning in mornings for mail in morning.mails]:
            told = tellings_of(session, [*mail.stories, *mail.updates])
            assert told
            for articles in told.values():
                topics = {slugs[topic] for article in articles for topic in article.topic_ids}
                assert topics & wanted[mail.reader], f"{mail.reader} was told of {topics}"


def test_three_mornings_into_the_outbox(sqlite_database: Engine, settings: Settings) -> None:
    town = load()
    with playing(town, sqlite_database, settings) as play:
        outbox = settings.data_dir / "outbox"
        play.sign_up(town.readers, outbox)
        mornings = list(play.mornings())
        check(play, town, mornings)
        files = list(outbox.glob("new/*.eml"))
        asked_and_welcomed = 2 * len(town.readers)
        assert len(files) == asked_and_welcomed + sum(len(morning.mails) for morning in mornings)
        assert play.counts().mails == len(files)
        assert play.counts().articles == len(town.articles)
        _readable(files)


def _readable(files: list[Path]) -> None:
    """Each file is a mail that a mail program can read, with links of our site and stories of the town's."""
    for file in files:
        mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        page, plain = mail.get_body(("html",)), mail.get_body(("plain",))
        assert page is not None
        assert plain is not None
        assert not mail.defects
        links = set(re.findall(r'href="(https?://[^"]+)"', page.get_content()))
        assert links
        assert all(re.match(r"http://127\.0\.0\.1:\d+/", link) for link in links)
        assert len(page.get_content()) < 102_000, "Gmail cuts longer mails off"
        assert "zq5" not in page.get_content() + plain.get_content()


def test_the_same_road_through_an_email_api(sqlite_database: Engine, settings: Settings, tmp_path: Path) -> None:
    """Sign-ups are confirmed from what the API received; one answer on the way is lost and nothing comes twice."""
    town = load()
    with running(tmp_path / "accepted.log") as sink:
        changed = {
            "provider": "resend",
            "resend_api_key": "re_test",
            "resend_base_url": sink.url,
            "from_": "The Lanthorn Digest <digest@lanthorn.example.com>",
            "reply_to": "desk@lanthorn.example.com",
            "postal_address": "4 Tallow Hill | Lanthorn",
            "public_url": "https://digest.lanthorn.example.com",
        }
        with playing(town, sqlite_database, settings.model_copy(update=changed)) as play:
            inbox = tmp_path / "inbox"
            (inbox / "new").mkdir(parents=True)
            _sign_up_over_the_api(play, town, sink.mails, inbox)
            mornings = list(play.mornings())
            check(play, town, mornings)
        mails = sink.mails()
        digests = mails[2 * len(town.readers) :]  # after confirmations and welcomes
        assert len(digests) == sum(len(morning.mails) for morning in mornings)
        addresses = {reader.name: reader.address for reader in town.readers}
        got = [(mail["to"][0], mail["subject"]) for mail in digests]
        for morning in mornings:
            for mail in morning.mails:
                assert sum(addresses[mail.reader] in to and mail.subject == subject for to, subject in got) == 1
        for sent in digests:
            assert sent["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
            leave = sent["headers"]["List-Unsubscribe"].strip("<>")
            assert leave.startswith("https://digest.lanthorn.example.com/leave/")
            assert leave in sent["html"]
            assert leave in sent["text"]
        assert len({json.dumps(mail["headers"]) for mail in digests}) == len(digests), (
            "everybody has links of their own"
        )


def _sign_up_over_the_api(play: Play, town: Town, mails: object, inbox: Path) -> None:
    assert callable(mails)
    original = play.service.dispatch

    def dispatch_and_deliver() -> None:
        original()
        for number, mail in enumerate(mails()):
            head = f"Subject: {mail['subject'].encode().hex()}\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
            (inbox / "new" / f"{number}.eml").write_bytes(head.encode() + mail["text"].encode())

    play.service.dispatch = dispatch_and_deliver  # type: ignore[method-assign, assignment]
    try:
        play.sign_up(town.readers, inbox)
    finally:
        play.service.dispatch = original  # type: ignore[method-assign]


@pytest.mark.shared
def test_every_real_feed_gives_articles_or_a_reason(sqlite_database: Engine, settings: Settings, shared: Path) -> None:
    clock = DemoClock(FIRST)
    service = DigestService(settings, now=clock, engine=sqlite_database)
    with FolderSite(shared / "real-feeds") as site:
        played = play_folder(Play(service, clock, FIRST), site.feeds())
        assert len(played.rows) + len(played.refused) == len(site.feeds())
        for row in played.rows:
            assert row.new or row.reason, row.source
        for name, reason in played.refused:
            assert name
            assert reason
            assert "\n" not in reason
        assert len(played.rows) >= 15
        assert played.mails == 4
        topics = {topic.slug for topic in service.topics.list()}
        assert len(topics) == len(played.rows), "a file that is no feed leaves no topic behind"
    service.close()
