"""The facts of a day, counted on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine

from digest.models import Article, ArticleTopic, Attempt, Chunk, Delivery, Edition, Source
from digest.store import report
from digest.store.db import reading, writing
from digest.types import Day
from subscribers.models import Consent, Profile, Subscriber, Suppression, Topic

UNTIL = datetime.fromisoformat("2026-03-04T05:00:00+00:00")
SINCE = UNTIL - timedelta(days=1)
NOON = UNTIL - timedelta(hours=12)


def day(engine: Engine) -> Day:
    with reading(engine) as session:
        return report.day(session, SINCE, UNTIL)


def edition(
    engine: Engine,
    *outcomes: tuple[int, str, str | None],
    at: datetime = NOON,
    kind: str = "tick",
    done: bool = True,
    attempt: str = "",
) -> int:
    """An edition planned at that time with these deliveries: (number, state, reason). `attempt`: one call carried all
    of them, and ended in that state."""
    with writing(engine) as session:
        profile = Profile(key=f"{at}{kind}{outcomes}"[:64], data="{}")
        made = Edition(
            kind=kind, slot=f"{kind}:{at}:{outcomes}"[:200], state="done" if done else "frozen", planned_at=at
        )
        session.add_all([profile, made])
        session.flush()
        chunk = Chunk(edition_id=made.id or 0, state="done" if done else "planned")
        session.add(chunk)
        session.flush()
        call = None
        if attempt:
            call = Attempt(
                edition_id=made.id or 0,
                chunk_id=chunk.id or 0,
                fence=1,
                provider="resend",
                idempotency_key=f"key-{made.id}",
                request_hash="",
                recipients=b"",
                opened_at=at.timestamp() + 60,
                state=attempt,
            )
            session.add(call)
            session.flush()
        for number, state, reason in outcomes:
            session.add(
                Delivery(
                    edition_id=made.id or 0,
                    subscriber_id=number,
                    chunk_id=chunk.id or 0,
                    profile_id=profile.id or 0,
                    since=at,
                    state=state,
                    reason=reason,
                    attempt_id=call.id if call else None,
                )
            )
        return made.id or 0


def test_an_empty_database_is_a_quiet_day(database: Engine) -> None:
    found = day(database)
    assert (found.mails, found.readers, found.new, found.waiting_since, found.sources) == ({}, 0, 0, None, 0)
    assert found.database_bytes > 10_000


def test_mails_by_what_became_of_them(database: Engine) -> None:
    edition(database, (1, "accepted", None), (2, "skipped", "empty"), (3, "skipped", "left"), (4, "retry", "later"))
    edition(database, (5, "accepted", None), kind="system")
    edition(database, (6, "accepted", None), (7, "skipped", None), kind="breaking", at=UNTIL)
    edition(database, (8, "accepted", None), at=SINCE)
    edition(database, (9, "accepted", None), at=UNTIL + timedelta(seconds=1))
    found = day(database)
    assert found.mails == {"accepted": 3, "skipped": 3, "retry": 1}
    assert found.skipped == {"empty": 1, "left": 1, "": 1}
    assert (found.digests, found.letters) == (2, 1)


def test_the_house_counts_nowhere(database: Engine) -> None:
    edition(database, (-7, "accepted", None), (-8, "unknown", "who knows"), kind="system", attempt="unknown")
    edition(database, (-9, "planned", None), kind="system", done=False)
    found = day(database)
    assert (found.mails, found.letters, found.doubts, found.waiting, found.waiting_since) == ({}, 0, (), 0, None)


def test_words_of_rejection_name_nobody(database: Engine) -> None:
    words = ["No such user ada@example.org", "No such user <ben@example.org>", "No such user eve@x.example (5.1.1)"]
    refused = [(number, "rejected", said) for number, said in enumerate(words, 1)]
    edition(database, *refused, (4, "rejected", None), (5, "rejected", "Too\nbig"))
    found = day(database)
    assert found.mails == {"rejected": 5}
    assert found.rejected == {
        "No such user …@…": 1,
        "No such user <…@…>": 1,
        "No such user …@… (5.1.1)": 1,
        "": 1,
        "Too big": 1,
    }


@pytest.mark.parametrize(
    "said",
    [
        "550 ada@example.org unknown",
        "<ada@example.org>",
        "to=ada@example.org;",
        '"ada@example.org"',
        "mailto:ada@b.c",
        "a@b",
        '"ada lovelace"@example.org',
        "/x?to=ada%40example.org",
    ],
)
def test_no_address_gets_through(said: str) -> None:
    assert "ada" not in report.masked(said)
    assert "example.org" not in report.masked(said)
    assert report.MASKED in report.masked(said)


def test_unknown_mails_by_the_call_that_carried_them(database: Engine) -> None:
    first = edition(database, (1, "unknown", "x"), (2, "unknown", "y"), (3, "accepted", None), attempt="unknown")
    second = edition(database, (4, "unknown", "x"), attempt="unknown", at=NOON + timedelta(hours=1))
    late = edition(database, (5, "unknown", "x"), attempt="unknown", at=SINCE - timedelta(hours=1))
    edition(database, (6, "unknown", "x"), attempt="unknown", at=SINCE - timedelta(days=1))
    found = day(database)
    assert (found.mails["unknown"], found.unknown) == (3, 4), "one may have been in doubt when that report was made"
    assert [(each.edition_id, each.mails, each.provider) for each in found.doubts] == [
        (late, 1, "resend"),
        (second, 1, "resend"),
        (first, 2, "resend"),
    ]
    assert found.doubts[2].at == NOON + timedelta(seconds=60)


def test_what_waits_is_of_whatever_day(database: Engine) -> None:
    old = SINCE - timedelta(days=3)
    edition(database, (1, "accepted", None), (2, "retry", None), (3, "planned", None), at=old, done=False)
    edition(database, (4, "planned", None), done=False)
    edition(database, (5, "accepted", None), at=old - timedelta(days=1))
    found = day(database)
    assert (found.waiting_since, found.waiting) == (old, 3)


def person(number: int, status: str = "active", confirmed: datetime | None = SINCE - timedelta(days=9)) -> Subscriber:
    address = f"r{number}@example.org"
    return Subscriber(
        id=number, address=address, address_key=address, status=status, created_at=SINCE, confirmed_at=confirmed
    )


def did(number: int, action: str, topics: str = "", at: datetime = NOON) -> Consent:
    return Consent(subscriber_id=number, at=at, action=action, topics=topics)


def test_people_by_what_they_did(database: Engine) -> None:
    """Of people, not of askings; each once."""
    with writing(database) as session:
        session.add_all([person(1), person(2, confirmed=NOON), person(3, confirmed=NOON), person(4, "left")])
        session.add_all([person(5, "pending", None), person(6, "suppressed"), person(7, confirmed=SINCE)])
        session.flush()
        session.add_all([did(5, "asked", "a"), did(5, "asked", "b"), did(1, "asked", "b"), did(2, "confirmed", "a")])
        session.add_all([did(3, "imported"), did(4, "left"), did(1, "left", "b"), did(1, "confirmed", "b")])
        session.add_all([did(1, "returned"), did(6, "left", at=SINCE), did(6, "left", at=UNTIL + timedelta(hours=1))])
        session.add(Suppression(address_hash=b"1" * 32, reason="bounced", at=NOON))
        session.add(Suppression(address_hash=b"2" * 32, reason="bounced", at=NOON))
        session.add(Suppression(address_hash=b"3" * 32, reason="complained", at=SINCE))
    found = day(database)
    assert (found.readers, found.asked, found.new, found.imported) == (4, 2, 1, 1)
    assert (found.left, found.returned) == (1, 1)
    assert found.suppressed == {"bounced": 2}


def source(number: int, **values: object) -> Source:
    ours = {"url": f"https://p.example/{number}", "name": f"Paper {number}", "problem": "503 <ops@p.example>"}
    return Source(id=number, created_at=SINCE, next_gather_at=UNTIL, **{**ours, **values})  # type: ignore[arg-type]


def test_sources_that_fail_or_are_gone(database: Engine) -> None:
    with writing(database) as session:
        session.add_all(
            [
                source(1),
                source(2, failing_since=NOON),
                source(3, failing_since=SINCE - timedelta(days=9), name=""),
                source(4, failing_since=SINCE, retired_at=NOON),
                source(5, retired_at=SINCE - timedelta(days=1)),
            ]
        )
    found = day(database)
    assert found.sources == 5
    assert [(each.id, each.name, each.problem) for each in found.failing] == [
        (3, "https://p.example/3", "503 <…@…>"),
        (2, "Paper 2", "503 <…@…>"),
    ]
    assert [(each.id, each.since, each.retired) for each in found.retired] == [(4, NOON, True)]


def test_topics_without_news(database: Engine) -> None:
    with writing(database) as session:
        made = SINCE - timedelta(days=100)
        session.add_all([Topic(id=n, slug=f"t{n}", name=f"Topic {n}", created_at=made) for n in range(1, 5)])
        session.add(source(1))
        session.flush()
        for topic, news in ((1, NOON), (1, SINCE - timedelta(days=2)), (2, SINCE - timedelta(days=2)), (3, None)):
            article = Article(
                source_id=1,
                guid=f"{topic}{news}",
                guid_hash=f"{topic}{news}"[:32],
                url="https://p.example/a",
                title="A",
                seen_at=SINCE,
                news_at=news,
                content_hash="x",
            )
            session.add(article)
            session.flush()
            session.add(ArticleTopic(article_id=article.id or 0, topic_id=topic))
    found = day(database)
    assert found.topics == 4
    assert [(each.slug, each.since) for each in found.quiet] == [
        ("t3", None),
        ("t4", None),
        ("t2", SINCE - timedelta(days=2)),
    ]
