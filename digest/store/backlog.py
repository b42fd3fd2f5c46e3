"""The backlog of sources, where somebody wants a first look at it: normally it is never news (design, section 8)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import func, select, update
from sqlmodel import Session

from digest.models import Article, Story
from subscribers.sql import table

_article = table(Article)


def make_backlog_news(session: Session) -> None:
    """Give every article of the backlog the time it was published, or seen, as the time it became news."""
    session.connection().execute(
        update(_article)
        .where(_article.c.news_at.is_(None))
        .values(news_at=func.coalesce(_article.c.published_at, _article.c.seen_at))
    )


def since_newest(session: Session, keep: int) -> datetime:
    """A window start that lets about `keep` of the newest articles in, UTC."""
    query = select(_article.c.news_at).where(_article.c.news_at.is_not(None)).order_by(_article.c.news_at.desc())
    times = session.connection().execute(query.limit(keep)).scalars().all()
    return times[-1] - timedelta(seconds=1) if times else datetime(1970, 1, 1, tzinfo=UTC)


def totals(session: Session) -> tuple[int, int]:
    """How many articles and stories there are."""
    run = session.connection().execute
    stories = table(Story)
    return (
        run(select(func.count()).select_from(_article)).scalar_one(),
        run(select(func.count()).select_from(stories)).scalar_one(),
    )
