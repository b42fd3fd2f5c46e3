"""What operators said of pairs of articles: written once, the last word holds, both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from digest.models import Article, Source, Story
from digest.store.db import reading, writing
from digest.store.ties import tie, ties, ties_of

NOW = datetime(2026, 3, 4, 6, tzinfo=UTC)


def articles(session: Session, *story_of: int | None) -> list[int]:
    """Articles 1, 2, ... in these stories."""
    session.add(Source(id=1, url="https://news.example/feed", created_at=NOW, next_gather_at=NOW))
    session.flush()
    for number, story in enumerate(story_of, 1):
        session.add(
            Article(
                id=number,
                source_id=1,
                guid=f"g{number}",
                guid_hash=f"{number:032}",
                url=f"https://news.example/{number}",
                title=f"Title {number}",
                seen_at=NOW,
                content_hash="0" * 32,
                story_id=story,
            )
        )
    session.flush()
    return list(range(1, len(story_of) + 1))


def story(session: Session, id_: int, quiet_days: int) -> None:
    told = NOW - timedelta(days=quiet_days)
    session.add(Story(id=id_, opened_at=told, last_at=told))
    session.flush()


def test_the_last_word_holds_and_both_ways_round_are_one_pair(database: Engine) -> None:
    with writing(database) as session:
        articles(session, None, None, None)
        tie(session, [(2, 1), (1, 2), (3, 3)], False, NOW)
        tie(session, [(3, 1)], True, NOW)
    with reading(database) as session:
        assert ties(session) == (frozenset({(1, 2)}), frozenset({(1, 3)}))

    with writing(database) as session:
        tie(session, [(1, 2)], True, NOW)
        tie(session, [(1, 3)], True, NOW)  # said twice
        tie(session, [], True, NOW)
    with reading(database) as session:
        assert ties(session) == (frozenset(), frozenset({(1, 2), (1, 3)}))


def test_more_pairs_than_one_statement_takes(database: Engine) -> None:
    with writing(database) as session:
        every = articles(session, *[None] * 40)
        pairs = [(one, two) for one in every for two in every]
        tie(session, pairs, False, NOW)
        together, apart = ties(session)
    assert (len(together), len(apart)) == (40 * 39 // 2, 0)


def test_ties_of_stories_that_are_closed_are_not_read_again(database: Engine) -> None:
    with writing(database) as session:
        story(session, 1, quiet_days=15)
        story(session, 2, quiet_days=13)
        articles(session, 1, 1, 2, None, 1, None)
        tie(session, [(1, 2), (2, 3)], False, NOW)
        tie(session, [(5, 1), (4, 6)], True, NOW)
        assert ties(session, NOW) == (frozenset({(2, 3)}), frozenset({(4, 6)}))
        assert ties_of(session, [5, 3]) == (frozenset({(2, 3)}), frozenset({(1, 5)}))
        assert ties_of(session, []) == (frozenset(), frozenset())


def test_a_tie_goes_with_its_article(database: Engine) -> None:
    with writing(database) as session:
        articles(session, None, None)
        tie(session, [(1, 2)], False, NOW)
    with writing(database) as session:
        gone = session.get(Article, 2)
        session.delete(gone)
        session.flush()
        assert ties(session) == (frozenset(), frozenset())
