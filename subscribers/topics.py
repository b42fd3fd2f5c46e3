"""The topics readers subscribe to: this package's SQL for `digest topics`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime

from babel import Locale, UnknownLocaleError
from sqlalchemy import Row, delete, func, select, update
from sqlalchemy.orm import Session

from subscribers.errors import BadTopic, UnknownTopic
from subscribers.models import Subscriber, Subscription, Topic
from subscribers.profiles import forget_topic
from subscribers.sql import insert_new, table
from subscribers.types import NEVER, Breaking, TopicRow, clean_name

TOPIC, SUBSCRIBER, SUBSCRIPTION = table(Topic), table(Subscriber), table(Subscription)
_SLUG = re.compile(r"[a-z0-9-]{1,64}")


def check_slug(slug: str) -> str:
    """The slug if it can stand in a link: a-z, 0-9 and hyphens, 64 at most. Raises BadTopic."""
    if not _SLUG.fullmatch(slug):
        raise BadTopic(f"{clean_name(slug)[:80]!r} is no topic slug; use a-z, 0-9 and hyphens, 64 at most")
    return slug


def _check_language(language: str) -> str:
    try:
        Locale.parse(language, sep="-")
    except (UnknownLocaleError, ValueError):
        raise BadTopic(f"{clean_name(language)[:40]!r} is no language; use a code such as en, de or ar") from None
    return language


def _check_title(name: str) -> str:
    title = clean_name(name)
    if not title:
        raise BadTopic("a topic needs a name that can be seen")
    return title


def _check_archive(slug: str, *, public: bool, archived: bool) -> None:
    if archived and not public:
        raise BadTopic(f"topic {slug} is private, and only a public one has an archive; give --public and --archive")


def add_topic(
    session: Session,
    slug: str,
    name: str,
    *,
    now: datetime,
    description: str = "",
    language: str = "en",
    public: bool = True,
    rule: str = "",
    breaking: Breaking = NEVER,
    archived: bool = False,
) -> TopicRow:
    """A new topic. Raises BadTopic when the slug is taken or anything is not allowed. `rule` is stored as it is: that
    it can be understood has been seen to."""
    check_slug(slug)
    _check_archive(slug, public=public, archived=archived)
    texts = {"name": _check_title(name), "description": description.strip(), "language": _check_language(language)}
    values = {**texts, "public": public, "archived": archived, "rule": rule, **_columns(breaking)}
    if not insert_new(session.connection(), TOPIC, {"slug": slug, "created_at": now, **values}):
        raise BadTopic(f"there is a topic {slug} already; `digest topics edit {slug}` changes it")
    return get_topic(session, slug)


def edit_topic(
    session: Session,
    slug: str,
    *,
    name: str | None = None,
    description: str | None = None,
    language: str | None = None,
    public: bool | None = None,
    rule: str | None = None,
    breaking: Breaking | None = None,
    archived: bool | None = None,
) -> TopicRow:
    """Change what is given; the slug stays, because links carry it. Raises UnknownTopic or BadTopic.

    A topic that becomes private keeps its readers; it is only offered no more, and its archive is switched off, so that
    nothing of it comes back by itself when the topic is public again.
    """
    known = get_topic(session, slug)
    _check_archive(slug, public=known.public if public is None else public, archived=bool(archived))
    values = {
        "name": known.name if name is None else _check_title(name),
        "description": known.description if description is None else description.strip(),
        "language": known.language if language is None else _check_language(language),
        "public": known.public if public is None else public,
        "archived": (known.archived if archived is None else archived) and public is not False,
        "rule": known.rule if rule is None else rule,
        **_columns(known.breaking if breaking is None else breaking),
    }
    session.connection().execute(update(TOPIC).where(TOPIC.c.id == known.id).values(values))
    return get_topic(session, slug)


def remove_topic(session: Session, slug: str) -> None:
    """Take a topic away, and every subscription to it. Raises UnknownTopic."""
    topic = get_topic(session, slug)
    forget_topic(session, topic.id)
    session.connection().execute(delete(TOPIC).where(TOPIC.c.id == topic.id))


def list_topics(session: Session, *, count: bool = False, public_only: bool = False) -> list[TopicRow]:
    """All topics by name, or those that the form offers. With `count`, each with its number of active readers."""
    query = select(TOPIC).order_by(TOPIC.c.name, TOPIC.c.id)
    rows = session.connection().execute(query.where(TOPIC.c.public) if public_only else query).all()
    counts: dict[int, int] = {}
    if count:
        query = (
            select(SUBSCRIPTION.c.topic_id, func.count())
            .join(SUBSCRIBER, SUBSCRIBER.c.id == SUBSCRIPTION.c.subscriber_id)
            .where(SUBSCRIPTION.c.status == "active", SUBSCRIBER.c.status == "active")
            .group_by(SUBSCRIPTION.c.topic_id)
        )
        counts = {row[0]: row[1] for row in session.connection().execute(query)}
    return [_row(row, counts.get(row.id, 0)) for row in rows]


def get_topic(session: Session, slug: str) -> TopicRow:
    """The topic of that slug. Raises UnknownTopic, naming those that exist."""
    return find_topics(session, [slug])[0]


def find_topics(session: Session, slugs: Sequence[str], *, public_only: bool = False) -> list[TopicRow]:
    """The topics of these slugs, in the order asked, each once. Raises UnknownTopic for the first that is missing.

    With `public_only`, a private topic is missing like one that does not exist.
    """
    wanted = list(dict.fromkeys(slugs))
    # What cannot be a slug is not asked for: PostgreSQL takes no text with a NUL in it.
    possible = [slug for slug in wanted if _SLUG.fullmatch(slug)][:1000]
    rows = session.connection().execute(select(TOPIC).where(TOPIC.c.slug.in_(possible))).all()
    found = {row.slug: _row(row) for row in rows if row.public or not public_only}
    for slug in wanted:
        if slug not in found:
            raise UnknownTopic(_unknown(session, slug, public_only))
    return [found[slug] for slug in wanted]


def _unknown(session: Session, slug: str, public_only: bool) -> str:
    query = select(TOPIC.c.slug).order_by(TOPIC.c.slug).limit(21)
    known = session.connection().execute(query.where(TOPIC.c.public) if public_only else query).scalars().all()
    told = clean_name(slug)[:80]
    if not known:
        return f"there is no topic {told!r}, nor any other; `digest topics add` makes one"
    return f"there is no topic {told!r}; there is {', '.join(known[:20])}{' and more' if len(known) > 20 else ''}"


def _columns(breaking: Breaking) -> dict[str, int]:
    return {
        "breaking_publishers": breaking.publishers,
        "breaking_minutes": breaking.minutes,
        "breaking_a_day": breaking.a_day,
    }


def _row(row: Row[tuple[object, ...]], readers: int = 0) -> TopicRow:
    breaking = Breaking(row.breaking_publishers, row.breaking_minutes, row.breaking_a_day)
    return TopicRow(
        row.id,
        row.slug,
        row.name,
        row.description,
        row.language,
        row.public,
        readers,
        row.rule,
        breaking,
        row.archived,
    )
