"""How a reader steers, on SQLite and on PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, delete, select, update

from digest.store.db import reading, writing
from subscribers import consent, profiles, returning, roster, steer, topics
from subscribers.errors import BadChoice, CadenceError, OldLink, RosterError, UnknownReader, UnknownTopic
from subscribers.types import Change, Choices, OwnTopic, SignUp
from tests.subscribers.people import ADA, NOW, ask, choices, confirmed, count, due_at, furnish, log, reader


@pytest.fixture
def engine(database: Engine) -> Engine:
    return furnish(database)


def utc(day: int, hour: int, minute: int = 0) -> datetime:
    """A time in March 2026; the second is a Monday, and Berlin is an hour ahead until the 29th."""
    return datetime(2026, 3, day, hour, minute, tzinfo=UTC)


def same(held: Choices, **changes: Any) -> Change:
    """The change that sends everything back as it was, but for `changes`."""
    names = ("topics", "cadence", "send_minute", "timezone", "locale", "format", "max_stories", "all_quiet")
    return replace(Change(**{name: getattr(held, name) for name in names}), **changes)


def change(engine: Engine, who: int, now: datetime = NOW, **changes: Any) -> Choices:
    with writing(engine) as session:
        held = steer.choices(session.connection(), who, now=now)
        return steer.change(session, who, same(held, **changes), now=now, network=b"n" * 32)


def own(*slugs: str) -> tuple[OwnTopic, ...]:
    return tuple(OwnTopic(slug, "") for slug in slugs)


def slugs_of(held: Choices) -> list[str]:
    return [each.slug for each in held.topics]


def test_what_a_reader_has_and_may_have(engine: Engine) -> None:
    who = confirmed(engine, ADA, "town", "harbour", cadence="weekdays", format="text", locale="de")
    held = choices(engine, who)
    assert slugs_of(held) == ["town", "harbour"]
    assert held.topics[0] == OwnTopic("town", "Town hall", "en", "All about Town hall")
    assert [each.slug for each in held.offered] == ["sport"], "the private topic is not offered"
    assert (held.cadence, held.send_minute, held.timezone, held.locale) == ("weekdays", 420, "Europe/Berlin", "de")
    assert (held.format, held.max_stories, held.paused_until) == ("text", 12, None)
    assert held.next_due_at == utc(2, 6)
    assert not hasattr(held, "address"), "mails get forwarded"


def test_nothing_to_choose_from_is_still_a_page(database: Engine) -> None:
    furnish(database)
    who = confirmed(database)
    with writing(database) as session:
        for slug in ("harbour", "sport", "town", "staff"):
            topics.remove_topic(session, slug)
    held = choices(database, who)
    assert (held.topics, held.offered, held.next_due_at) == ((), (), None)


def test_the_order_of_topics_is_the_readers(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport", "town")
    assert slugs_of(change(engine, who, topics=own("town", "harbour", "sport"))) == ["town", "harbour", "sport"]
    with writing(engine) as session:
        told = profiles.profiles(session, [profiles.intern_profile(session, who)]).popitem()[1]
        ids = {topic.id: topic.slug for topic in topics.list_topics(session)}
    assert [ids[each] for each in told["topics"]] == ["town", "harbour", "sport"]
    assert log(engine, who)[-1][0] == "confirmed", "an order is no consent"


def test_topics_come_and_go_at_once(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour")
    ask(engine, ADA, "sport")
    held = change(engine, who, topics=own("town", "town"))
    assert slugs_of(held) == ["town"]
    assert reader(engine).pending == ("sport",), "what waits for confirmation waits on"
    assert log(engine, who)[-1] == ("changed", ("town",))
    with reading(engine) as session:
        assert consent.consents(session, who)[-1].network == (b"n" * 32).hex()
    assert slugs_of(change(engine, who, topics=own("sport", "town"))) == ["sport", "town"]
    assert reader(engine).pending == (), "the link proves the mailbox"


def test_a_private_topic_is_kept_but_not_taken(engine: Engine) -> None:
    with writing(engine) as session:
        who = roster.add(session, SignUp(ADA, ("staff", "town")), now=NOW, hashes=[]).id
    assert slugs_of(change(engine, who, topics=own("town", "staff"))) == ["town", "staff"]
    change(engine, who, topics=own("town"))
    with pytest.raises(UnknownTopic, match="no topic 'staff'"):
        change(engine, who, topics=own("town", "staff"))


def test_own_hours_make_the_earliest_time_due(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport", "town", cadence="weekly:wed")
    assert due_at(engine) == utc(4, 6)
    early = (OwnTopic("harbour", ""), OwnTopic("sport", "", cadence="daily", send_minute=1080), OwnTopic("town", ""))
    held = change(engine, who, topics=early)
    assert (held.topics[1].cadence, held.topics[1].send_minute) == ("daily", 1080)
    assert held.next_due_at == utc(2, 17)
    with reading(engine) as session:
        found = roster.locked(session, who)
        assert found is not None
        assert found.own_hours
        told = profiles.profiles(session, [found.profile_id])[found.profile_id]
    assert list(told["own"].values()) == [("daily", 1080)]
    assert profiles.groups_of(told) == {("weekly:wed", 420), ("daily", 1080)}
    held = change(engine, who, topics=own("harbour", "sport", "town"))
    assert held.next_due_at == utc(4, 6)
    with reading(engine) as session:
        found = roster.locked(session, who)
        assert found is not None
        assert not found.own_hours


def test_a_mail_even_when_there_is_nothing_new(engine: Engine) -> None:
    """A wish like the others: nobody's until it is made, kept by other changes, and no reason to be due at another time
    or for a line in the consent log."""
    who = confirmed(engine, ADA, "town")
    before, logged = choices(engine, who), log(engine, who)
    assert before.all_quiet is False
    assert change(engine, who, all_quiet=True) == replace(before, all_quiet=True)
    assert change(engine, who, max_stories=5).all_quiet
    assert reader(engine).all_quiet
    assert log(engine, who) == logged
    with reading(engine) as session:
        held = session.connection().execute(select(profiles.PROFILE.c.data)).scalars().all()
    assert sum('"all_quiet":true' in data for data in held) == 2
    assert not change(engine, who, all_quiet=False).all_quiet


def test_a_topic_that_goes_takes_its_hours_along(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport", cadence="weekly:wed")
    change(engine, who, topics=(OwnTopic("harbour", ""), OwnTopic("sport", "", cadence="daily", send_minute=1080)))
    assert due_at(engine) == utc(2, 17)
    with writing(engine) as session:
        topics.remove_topic(session, "sport")
        found = roster.locked(session, who)
        assert found is not None
    assert due_at(engine) == utc(4, 6)
    assert not found.own_hours


def test_a_new_rhythm_counts_from_now_and_an_old_one_stays(engine: Engine) -> None:
    who = confirmed(engine)
    late = utc(2, 6, 5)
    assert change(engine, who, late, max_stories=5).next_due_at == utc(2, 6), "the planner is about to act on it"
    assert change(engine, who, late, send_minute=450).next_due_at == utc(2, 6, 30)
    assert change(engine, who, late, timezone="America/Halifax").next_due_at == utc(2, 11, 30)
    assert change(engine, who, late, cadence="weekly:fri").next_due_at == utc(6, 11, 30)


@pytest.mark.parametrize(
    ("wrong", "error", "told"),
    [
        ({"topics": ()}, UnknownTopic, "at least one"),
        ({"topics": own("nope")}, UnknownTopic, "nope"),
        ({"topics": own(*(f"t{number}" for number in range(501)))}, UnknownTopic, "too many"),
        ({"topics": (OwnTopic("town", "", cadence="daily"),)}, CadenceError, "not both"),
        ({"topics": (OwnTopic("town", "", send_minute=420),)}, CadenceError, "not both"),
        ({"topics": (OwnTopic("town", "", cadence="hourly", send_minute=0),)}, CadenceError, "hourly"),
        ({"topics": (OwnTopic("town", "", cadence="daily", send_minute=7),)}, CadenceError, "7"),
        ({"cadence": "never"}, CadenceError, "never"),
        ({"send_minute": -15}, CadenceError, "-15"),
        ({"timezone": "Mars/Base"}, CadenceError, "Mars"),
        ({"format": "pdf"}, BadChoice, "html or text"),
        ({"locale": "klingonese"}, BadChoice, "language"),
        ({"locale": ""}, BadChoice, "language"),
        ({"max_stories": 0}, BadChoice, "1 to 40"),
        ({"max_stories": 41}, BadChoice, "1 to 40"),
    ],
)
def test_a_change_that_is_not_allowed_changes_nothing(
    engine: Engine, wrong: dict[str, Any], error: type[RosterError], told: str
) -> None:
    who = confirmed(engine)
    before = choices(engine, who)
    with pytest.raises(error, match=told) as caught:
        change(engine, who, **{"max_stories": 3, **wrong})
    assert "\n" not in str(caught.value)
    assert choices(engine, who) == before


def test_a_pause_moves_the_due_time_and_ends(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        held = steer.pause(session, who, date(2026, 3, 9), now=NOW)
    assert held.paused_until == utc(8, 23), "midnight in Berlin"
    assert held.next_due_at == utc(9, 6)
    assert change(engine, who, send_minute=0).next_due_at == utc(8, 23), "the first midnight that is not in it"
    assert choices(engine, who, now=utc(9, 0)).paused_until is None
    with writing(engine) as session:
        held = steer.pause(session, who, None, now=NOW)
    assert (held.paused_until, held.next_due_at) == (None, utc(2, 23))


def test_a_pause_that_is_none_loses_no_digest(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        assert steer.pause(session, who, None, now=utc(2, 6, 5)).next_due_at == utc(2, 6)


@pytest.mark.parametrize(("day", "told"), [("2026-03-02", "has begun"), ("2027-03-04", "a year")])
def test_days_that_no_pause_ends_on(engine: Engine, day: str, told: str) -> None:
    who = confirmed(engine)
    with pytest.raises(CadenceError, match=told), writing(engine) as session:
        steer.pause(session, who, date.fromisoformat(day), now=NOW)
    assert choices(engine, who).paused_until is None


def test_a_pause_ends_where_midnight_is_left_out(engine: Engine) -> None:
    """Clocks in Cairo go from 24 April 2026, 00:00, straight to 01:00."""
    who = confirmed(engine, timezone="Africa/Cairo")
    with writing(engine) as session:
        held = steer.pause(session, who, date(2026, 4, 24), now=NOW)
    assert held.paused_until == datetime(2026, 4, 23, 22, 0, tzinfo=UTC)


def test_weekly_instead(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport")
    change(engine, who, topics=(OwnTopic("sport", "", cadence="daily", send_minute=0), OwnTopic("harbour", "")))
    with writing(engine) as session:
        held = steer.less_often(session, who, now=utc(2, 7), note="too much")
    assert held is not None
    assert (held.cadence, held.send_minute, held.next_due_at) == ("weekly:mon", 420, utc(9, 6))
    assert [(each.slug, each.cadence) for each in held.topics] == [("sport", None), ("harbour", None)]
    with writing(engine) as session:
        assert consent.consents(session, who)[-1].note == "too much"
        roster.unsubscribe(session.connection(), who, now=NOW)
        assert steer.less_often(session, who, now=NOW) is None
        assert steer.less_often(session, 999, now=NOW) is None


def test_one_topic_less_and_undo(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport", "town")
    change(
        engine,
        who,
        topics=(
            OwnTopic("harbour", ""),
            OwnTopic("sport", "", cadence="weekdays", send_minute=0),
            OwnTopic("town", ""),
        ),
    )
    before = choices(engine, who)
    with writing(engine) as session:
        mark = steer.leave_topics(session, who, ["sport", "nope"], now=NOW, note="no sport", network=b"n" * 32)
        assert mark is not None
        assert steer.leave_topics(session, who, ["sport"], now=NOW) is None
        assert consent.consents(session, who)[-1].network == (b"n" * 32).hex()
    assert slugs_of(choices(engine, who)) == ["harbour", "town"]
    assert log(engine, who)[-1] == ("left", ("sport",))
    with writing(engine) as session:
        back = returning.undo_leave(session, who, mark, now=NOW + timedelta(minutes=30))
        again = returning.undo_leave(session, who, mark, now=NOW + timedelta(minutes=31))
    assert back is not None
    assert back.changed
    assert again is None
    assert choices(engine, who) == before, "its place and its hours too"
    with writing(engine) as session:
        mark = steer.leave_topics(session, who, ["town"], now=NOW)
        assert returning.undo_leave(session, who, mark or 0, now=NOW + timedelta(hours=25)) is None
    assert slugs_of(choices(engine, who)) == ["harbour", "sport"]


def test_what_came_meanwhile_stays_when_leaving_is_undone(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport")
    with writing(engine) as session:
        mark = steer.leave_topics(session, who, ["harbour"], now=NOW)
        topics.add_topic(session, "new", "New", now=NOW)
        roster.add(session, SignUp(ADA, ("new",)), now=NOW, hashes=[])
        assert returning.undo_leave(session, who, mark or 0, now=NOW) is None
    assert slugs_of(choices(engine, who)) == ["sport", "new"], "what came later cannot be taken back unseen"
    with writing(engine) as session:
        mark = steer.leave_topics(session, who, ["sport"], now=NOW)
        topics.remove_topic(session, "sport")
        assert returning.undo_leave(session, who, mark or 0, now=NOW) is not None
    assert slugs_of(choices(engine, who)) == ["new"]


def test_leaving_the_last_topic_is_leaving(engine: Engine) -> None:
    who = confirmed(engine, ADA, "harbour", "sport")
    with writing(engine) as session:
        assert steer.leave_topics(session, who, ["harbour"], now=NOW)
        mark = steer.leave_topics(session, who, ["sport"], now=NOW)
        assert steer.leave_topics(session, who, ["sport"], now=NOW) is None
        assert steer.leave_topics(session, 999, ["sport"], now=NOW) is None
    assert (reader(engine).status, due_at(engine)) == ("left", None)
    with writing(engine) as session:
        back = returning.undo_leave(session, who, mark or 0, now=NOW)
    assert back is not None
    assert back.topics == ("Sport",)


def test_who_left_steers_no_more(engine: Engine) -> None:
    who = confirmed(engine)
    change_back = same(choices(engine, who))
    with writing(engine) as session:
        roster.unsubscribe(session.connection(), who, now=NOW)
    for gone in (who, 999):
        with pytest.raises(UnknownReader), reading(engine) as session:
            steer.choices(session.connection(), gone, now=NOW)
        with pytest.raises(UnknownReader), writing(engine) as session:
            steer.change(session, gone, change_back, now=NOW)
        with pytest.raises(UnknownReader), writing(engine) as session:
            steer.pause(session, gone, date(2026, 3, 9), now=NOW)


def test_a_reader_without_any_topic_to_see_can_still_steer(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        for each in topics.list_topics(session):
            topics.edit_topic(session, each.slug, public=False)
        session.connection().execute(delete(steer.SUBSCRIPTION).where(steer.SUBSCRIPTION.c.subscriber_id == who))
    with reading(engine) as session:
        found = steer.choices(session.connection(), who, now=NOW)
    assert (found.subscriber_id, found.topics, found.offered) == (who, (), ())


def test_links_grow_old(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        moved = update(steer.SUBSCRIBER).where(steer.SUBSCRIBER.c.id == who).values(links_from=utc(2, 9, 30))
        session.connection().execute(moved)
    later = NOW + timedelta(days=90)
    with reading(engine) as session:
        assert steer.choices(session.connection(), who, now=later, issued=utc(2, 9, 30)).subscriber_id == who
        for issued in (utc(2, 9, 29), utc(2, 5) - timedelta(minutes=1)):
            with pytest.raises(OldLink):
                steer.choices(session.connection(), who, now=later, issued=issued)
    assert count(engine, "subscriber") == 1
