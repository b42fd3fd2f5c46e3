"""The life of a reader, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from digest.store.db import reading, writing
from subscribers import consent, listing, profiles, returning, roster, suppressions, topics
from subscribers.errors import (
    BadAddress,
    BadChoice,
    BadTopic,
    CadenceError,
    HasLeft,
    NotConfirmable,
    RosterError,
    UnknownReader,
    UnknownTopic,
)
from subscribers.types import Asked, Confirmed, SignUp
from tests.subscribers.people import ADA, NOW, RING, ask, confirmed, count, furnish, log, reader


@pytest.fixture
def engine(database: Engine) -> Engine:
    return furnish(database)


def press(engine: Engine, who: int | None, now: datetime = NOW) -> Confirmed:
    """Press the button of the confirmation page."""
    assert who is not None
    with writing(engine) as session:
        return roster.confirm(session, who, now=now, address_hashes=RING.address_hashes)


def suppress(engine: Engine, reason: str, who: int | None = None) -> Sequence[bytes]:
    hashes = RING.address_hashes(ADA)
    with writing(engine) as session:
        suppressions.suppress(session, hashes[0], reason=reason, now=NOW, subscriber_id=who)
    return hashes


def test_nothing_happens_before_the_link_is_used(engine: Engine) -> None:
    asked = ask(engine, "Ada@Example.org", "sport", "harbour", name="Ada\u202e", form="subscribe-1", network=b"n" * 32)
    assert asked.is_new
    assert asked.pending == ("Sport", "Harbour")
    row = reader(engine)
    assert (row.address, row.name, row.status, row.next_due_at) == ("Ada@Example.org", "Ada", "pending", None)
    assert (row.topics, row.pending) == ((), ("sport", "harbour"))
    assert asked.subscriber_id is not None
    with reading(engine) as session:
        assert roster.recipients(session, [asked.subscriber_id, 999]) == {
            asked.subscriber_id: ("Ada@Example.org", "Ada")
        }


def test_confirming_twice_is_confirming_once(engine: Engine) -> None:
    asked = ask(engine, "ada@example.org", "sport", "harbour")
    assert asked.subscriber_id is not None
    first = press(engine, asked.subscriber_id, NOW)
    second = press(engine, asked.subscriber_id, NOW + timedelta(days=3))
    assert (first.changed, second.changed) == (True, False)
    assert first.topics == second.topics == ("Sport", "Harbour")
    row = reader(engine)
    assert row.status == "active"
    assert row.next_due_at == first.next_due_at == datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
    assert row.confirmed_at == NOW
    assert log(engine, row.id) == [("asked", ("sport", "harbour")), ("confirmed", ("sport", "harbour"))]


def test_a_stranger_who_types_an_active_readers_address_changes_nothing(engine: Engine) -> None:
    who = confirmed(engine)
    before = reader(engine)
    again = ask(engine, "ADA@example.org", "harbour", "sport", name="Mallory", cadence="weekly:sun", send_minute=0)
    assert again == Asked(who, ("Sport",), False, True)
    after = reader(engine)
    assert after.pending == ("sport",)
    assert (after.name, after.cadence, after.status, after.topics, after.next_due_at) == (
        before.name,
        before.cadence,
        "active",
        ("harbour",),
        before.next_due_at,
    )
    assert ask(engine, "ada@example.org", "harbour").pending == ("Sport",)
    done = press(engine, who, NOW)
    assert done.topics == ("Harbour", "Sport")


def test_leaving_undo_and_coming_back(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        mark = roster.unsubscribe(session.connection(), who, now=NOW, reason="one-click", network=b"n" * 32)
        assert mark is not None
        assert roster.unsubscribe(session.connection(), who, now=NOW) is None
        assert roster.unsubscribe(session.connection(), 999, now=NOW) is None
    row = reader(engine)
    assert (row.status, row.next_due_at) == ("left", None)
    with reading(engine) as session:
        line = consent.consents(session, who)[-1]
    assert (line.form, line.network) == ("one-click", (b"n" * 32).hex())
    with pytest.raises(NotConfirmable):
        press(engine, who)
    with writing(engine) as session:
        back = returning.undo_leave(session, who, mark, now=NOW + timedelta(hours=23), network=b"m" * 32)
    with reading(engine) as session:
        assert consent.consents(session, who)[-1].network == (b"m" * 32).hex()
    assert back is not None
    assert back.changed
    assert reader(engine).status == "active"
    assert reader(engine).next_due_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
    with writing(engine) as session:
        again = roster.unsubscribe(session.connection(), who, now=NOW)
        assert again not in (None, mark)
        assert returning.undo_leave(session, who, mark, now=NOW) is None, "a mark is for one leaving"
        assert returning.undo_leave(session, who, again or 0, now=NOW + timedelta(hours=25)) is None
    assert ask(engine, "ada@example.org", "town").pending == ("Town hall",)
    assert reader(engine).status == "pending"
    assert press(engine, who).topics == ("Town hall",)
    actions = [action for action, _ in log(engine, who)]
    assert actions == ["asked", "confirmed", "left", "returned", "left", "asked", "confirmed"]


def test_who_never_confirmed_cannot_undo_their_way_in(engine: Engine) -> None:
    who = ask(engine).subscriber_id
    assert who is not None
    with writing(engine) as session:
        mark = roster.unsubscribe(session.connection(), who, now=NOW)
        assert mark is not None
        assert returning.undo_leave(session, who, mark, now=NOW) is None
    assert reader(engine).status == "left"


def test_a_bounced_address_stays_out_whoever_asks(engine: Engine) -> None:
    who = confirmed(engine)
    hashes = suppress(engine, "complained", who)
    assert suppress(engine, "left") == hashes, "what is final is not softened"
    assert reader(engine).status == "suppressed"
    assert ask(engine) == Asked(None)
    with writing(engine) as session:
        assert roster.unsubscribe(session.connection(), who, now=NOW) is None
        assert suppressions.why_suppressed(session, hashes) == "complained"
    with pytest.raises(HasLeft, match="complained"), writing(engine) as session:
        roster.add(session, SignUp(ADA, ("sport",)), now=NOW, hashes=hashes)
    assert [action for action, _ in log(engine, who)] == ["asked", "confirmed"]


def test_an_address_that_bounced_while_its_owner_read_the_mail_cannot_confirm(engine: Engine) -> None:
    who = ask(engine).subscriber_id
    suppress(engine, "bounced")
    with pytest.raises(NotConfirmable):
        press(engine, who)
    assert reader(engine).status == "pending"


@pytest.mark.parametrize("reason", ["erased", "left"])
def test_only_the_owner_lifts_what_is_not_final(engine: Engine, reason: str) -> None:
    hashes = suppress(engine, reason)
    with pytest.raises(HasLeft, match=reason), writing(engine) as session:
        roster.add(session, SignUp(ADA, ("sport",)), now=NOW, hashes=hashes)
    asked = ask(engine)
    assert asked.pending == ("Harbour",)
    assert count(engine, "suppression") == 1, "asking is not proving"
    assert press(engine, asked.subscriber_id).is_first
    assert count(engine, "suppression") == 0
    suppress(engine, reason)
    suppress(engine, "bounced")
    assert ask(engine) == Asked(None), "a final reason replaces another"


def test_the_log_keeps_the_words_that_were_agreed_to(engine: Engine) -> None:
    words = "I want this digest. Ich möchte diese Übersicht."
    one, two = ask(engine, form="subscribe-2", wording=words, source="poster\u202e", network=b"n" * 32), ask(
        engine, "ben@example.org", wording=words
    )  # fmt: skip
    assert one.subscriber_id is not None
    assert two.subscriber_id is not None
    with reading(engine) as session:
        (line,) = consent.consents(session, one.subscriber_id)
        (other,) = consent.consents(session, two.subscriber_id)
    assert (line.form, line.wording, line.source, line.network) == ("subscribe-2", words, "poster", (b"n" * 32).hex())
    assert (other.wording, other.source, other.network) == (words, "", "")
    assert count(engine, "wording") == 1


def test_pending_topics_join(engine: Engine) -> None:
    """Who asks twice before confirming confirms everything at once; the newest choices count."""
    ask(engine, ADA, "sport", cadence="weekly:fri")
    again = ask(engine, ADA, "town", cadence="daily", format="text")
    assert (again.is_new, again.is_active, again.pending) == (False, False, ("Sport", "Town hall"))
    done = press(engine, again.subscriber_id)
    assert (done.topics, done.is_first) == (("Sport", "Town hall"), True)
    assert (reader(engine).cadence, reader(engine).format) == ("daily", "text")
    added = ask(engine, ADA, "harbour")
    assert (added.is_active, added.pending) == (True, ("Harbour",))
    assert not press(engine, added.subscriber_id).is_first


def test_nobody_signs_up_to_a_private_topic(engine: Engine) -> None:
    with pytest.raises(UnknownTopic) as caught:
        ask(engine, ADA, "staff")
    assert str(caught.value) == "there is no topic 'staff'; there is harbour, sport, town"
    with writing(engine) as session:
        added = roster.add(session, SignUp(ADA, ("staff",)), now=NOW, hashes=[])
    assert added.topics == ("staff",)


def test_leaving_keeps_what_the_reader_wrote(engine: Engine) -> None:
    who = confirmed(engine)
    with writing(engine) as session:
        note = "Too much.\r\n\u202eThank you\x00!" + "x" * 9000
        roster.unsubscribe(session.connection(), who, now=NOW, reason="page", note=note)
    with reading(engine) as session:
        line = consent.consents(session, who)[-1]
    assert line.note.startswith("Too much.\nThank you!xxx")
    assert len(line.note) <= consent.NOTE_LENGTH


def test_looking_up_never_fails(engine: Engine) -> None:
    who = confirmed(engine, "Ada@Example.org")
    with reading(engine) as session:
        found = roster.look_up(session, " ADA@example.ORG ")
        assert found == roster.known(session, who)
        assert found == roster.Known(who, "Ada@Example.org", "active", "en")
        assert [roster.look_up(session, each) for each in ("", "nonsense", "ben@example.org")] == [None] * 3
        assert roster.known(session, 999) is None


def test_an_operator_adds_readers_but_brings_nobody_back(engine: Engine) -> None:
    with writing(engine) as session:
        added = roster.add(session, SignUp("ada@example.org", ("sport",), cadence="weekly:wed"), now=NOW, hashes=[])
    assert (added.status, added.topics, added.cadence) == ("active", ("sport",), "weekly:wed")
    assert added.next_due_at == datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
    with writing(engine) as session:
        more = roster.add(session, SignUp("ada@example.org", ("town", "sport")), now=NOW, hashes=[])
    assert (more.topics, more.cadence) == (("sport", "town"), "weekly:wed")
    with writing(engine) as session:
        roster.unsubscribe(session.connection(), added.id, now=NOW)
    with pytest.raises(HasLeft, match="only the reader"), writing(engine) as session:
        roster.add(session, SignUp("ada@example.org", ("sport",)), now=NOW, hashes=[])


@pytest.mark.parametrize(
    ("asked", "error", "told"),
    [
        (SignUp("ada@", ("sport",)), BadAddress, "no address for mail"),
        (SignUp("ada@example.org", ("sprot",)), UnknownTopic, "'sprot'; there is harbour, sport, town"),
        (SignUp("ada@example.org", ()), UnknownTopic, "at least one"),
        (SignUp("ada@example.org", ("sport",), timezone="Mars/Base"), CadenceError, "Mars/Base"),
        (SignUp("ada@example.org", ("sport",), cadence="hourly"), CadenceError, "hourly"),
        (SignUp("ada@example.org", ("sport",), send_minute=421), CadenceError, "421"),
        (SignUp("ada@example.org", ("sport",), format="pdf"), BadChoice, "html or text"),
    ],
)
def test_bad_input_writes_nothing(engine: Engine, asked: SignUp, error: type[Exception], told: str) -> None:
    for verb in (roster.sign_up, roster.add):
        told_too = told.replace("sport, town", "sport, staff, town") if verb is roster.add else told
        with pytest.raises(error, match=told_too) as caught, writing(engine) as session:
            verb(session, asked, now=NOW, hashes=[])
    with pytest.raises(error), reading(engine) as session:
        roster.check_sign_up(session, asked)
    assert issubclass(error, RosterError)
    assert "\n" not in str(caught.value)
    assert (count(engine, "subscriber"), count(engine, "consent")) == (0, 0)


def test_unknown_readers(engine: Engine) -> None:
    for address in ("eda@example.org", "nonsense"):
        with pytest.raises(UnknownReader), reading(engine) as session:
            listing.show(session, address)
    with pytest.raises(UnknownReader, match="999"), reading(engine) as session:
        listing.show_number(session, 999)


def test_the_list_goes_on_where_the_page_ended(engine: Engine) -> None:
    for number in range(7):
        ask(engine, f"reader{number}@example.org", "sport" if number % 2 else "town")
    with reading(engine) as session:
        first = listing.list_subscribers(session, limit=4)
        rest = listing.list_subscribers(session, limit=4, after_id=first[-1].id)
        sporty = listing.list_subscribers(session, topic="sport")
    assert [row.address for row in (*first, *rest)] == [f"reader{number}@example.org" for number in range(7)]
    assert [row.pending for row in sporty] == [("sport",)] * 3
    with pytest.raises(UnknownTopic), reading(engine) as session:
        listing.list_subscribers(session, topic="nope")


def test_equal_choices_share_one_profile(engine: Engine) -> None:
    first, second = (
        confirmed(engine, "a@example.org", "sport", "town"),
        confirmed(engine, "b@example.org", "sport", "town"),
    )
    third = confirmed(engine, "c@example.org", "town", "sport")
    with writing(engine) as session:
        ids = [profiles.intern_profile(session, each) for each in (first, second, third)]
        told = profiles.profiles(session, [*ids, 999])
        slugs = {topic.id: topic.slug for topic in topics.list_topics(session)}
    assert ids[0] == ids[1] != ids[2]
    assert [slugs[each] for each in told[ids[2]]["topics"]] == ["town", "sport"]
    assert told[ids[0]]["timezone"] == "Europe/Berlin"
    assert told[ids[0]]["send_minute"] == 420
    assert count(engine, "profile") == 2


def test_a_removed_topic_leaves_every_reader_consistent(engine: Engine) -> None:
    both, only = confirmed(engine, "a@example.org", "sport", "town"), confirmed(engine, "b@example.org", "town")
    with writing(engine) as session:
        topics.remove_topic(session, "town")
    assert (reader(engine, "a@example.org").topics, reader(engine, "b@example.org").topics) == (("sport",), ())
    assert reader(engine, "a@example.org").next_due_at is not None
    assert reader(engine, "b@example.org").next_due_at is None
    with writing(engine) as session:
        fresh = [profiles.intern_profile(session, each) for each in (both, only)]
        told = profiles.profiles(session, fresh)
        assert [len(told[each]["topics"]) for each in fresh] == [1, 0]
        assert count(engine, "profile") == 4, "the profiles of the removed topic were interned when it went"
    ask(engine, "b@example.org", "sport")
    press(engine, only)
    assert reader(engine, "b@example.org").next_due_at is not None


def test_topics(engine: Engine) -> None:
    confirmed(engine)
    with writing(engine) as session:
        topics.edit_topic(session, "town", name="City hall", language="de")
        assert [(row.slug, row.readers) for row in topics.list_topics(session, count=True)] == [
            ("town", 0),
            ("harbour", 1),
            ("sport", 0),
            ("staff", 0),
        ]
        assert "staff" not in [row.slug for row in topics.list_topics(session, public_only=True)]
        assert topics.edit_topic(session, "staff", public=True).public
        assert topics.get_topic(session, "town").description == "All about Town hall"
    for slug, name, language, told in (
        ("town", "Again", "en", "already"),
        ("Town", "T", "en", "a-z"),
        ("a" * 65, "T", "en", "64"),
        ("x", "\u200b", "en", "name"),
        ("x", "X", "klingonese", "language"),
    ):
        with pytest.raises(BadTopic, match=told), writing(engine) as session:
            topics.add_topic(session, slug, name, now=NOW, language=language)
    with pytest.raises(UnknownTopic, match="harbour, sport, staff, town"), writing(engine) as session:
        topics.remove_topic(session, "nope")


def test_an_empty_house_says_how_to_begin(database: Engine) -> None:
    with pytest.raises(UnknownTopic, match="digest topics add"), reading(database) as session:
        topics.get_topic(session, "harbour")


def test_a_thousand_sign_ups_of_one_address_at_once_are_one_reader(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda number: ask(engine, "ADA@example.org" if number % 2 else ADA), range(1000)))
    assert len({asked.subscriber_id for asked in done}) == 1
    assert sum(asked.is_new for asked in done) == 1
    assert (count(engine, "subscriber"), count(engine, "subscription"), count(engine, "consent")) == (1, 1, 1000)


def test_parallel_confirmations_intern_one_profile(engine: Engine) -> None:
    ids = [ask(engine, f"reader{number}@example.org").subscriber_id for number in range(12)]

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda who: press(engine, who), ids))
    assert count(engine, "profile") == 1
