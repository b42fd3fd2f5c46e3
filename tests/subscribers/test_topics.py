"""Topics on both databases: which of them the form offers, and slugs that are none."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from digest.store.db import reading, writing
from subscribers.errors import UnknownTopic
from subscribers.topics import add_topic, edit_topic, find_topics, get_topic, list_topics

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_private_topics_are_there_and_not_offered(database: Engine) -> None:
    with writing(database) as session:
        assert add_topic(session, "harbour", "Harbour", now=NOW).public
        assert not add_topic(session, "board", "Board", now=NOW, public=False).public
    with writing(database) as session:
        assert [each.slug for each in list_topics(session)] == ["board", "harbour"]
        assert [each.slug for each in list_topics(session, public_only=True)] == ["harbour"]
        assert not edit_topic(session, "board", name="The Board").public, "what is not named stays"
        assert edit_topic(session, "board", public=True).public
        assert not edit_topic(session, "harbour", public=False).public
    with reading(database) as session:
        assert [each.slug for each in list_topics(session, public_only=True)] == ["board"]


@pytest.mark.parametrize("slug", ["nix", "\x00", "har\x00bour", "\ud800", "x" * 100_000, "' OR 1=1", ""])
def test_what_is_no_slug_is_an_unknown_topic(database: Engine, slug: str) -> None:
    """Slugs come from addresses: PostgreSQL would refuse the whole statement for a NUL or half a surrogate."""
    with writing(database) as session:
        add_topic(session, "harbour", "Harbour", now=NOW)
    with reading(database) as session:
        with pytest.raises(UnknownTopic, match="there is harbour"):
            get_topic(session, slug)
        with pytest.raises(UnknownTopic, match="there is harbour"):
            find_topics(session, ["harbour", slug])
        assert [each.slug for each in find_topics(session, ["harbour"])] == ["harbour"]
