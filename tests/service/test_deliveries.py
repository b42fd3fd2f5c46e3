"""What operators do to deliveries by hand, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from digest.errors import InputError
from digest.service.deliveries import Mail
from digest.store.byhand import ByThen
from digest.store.db import reading
from digest.types import DeliveryState
from tests.dispatch.ledger_rows import value
from tests.service.telling import ADA, Teller, run


def settle(told: Teller, edition: int, reader: str, verdict: str, why: str = "their log says so") -> None:
    desk = told.town.service.deliveries
    desk.settle(desk.one(edition, reader), verdict=verdict, why=why)


def again(told: Teller, edition: int, reader: str, why: str = "it never came") -> None:
    desk = told.town.service.deliveries
    desk.send_again(desk.one(edition, reader), why=why)


def last_minute(told: Teller) -> None:
    """A story that falls into the next morning's window too, for windows overlap by an hour."""
    told.town.story("Crane falls", "harbour", at=told.town.clock.at - timedelta(minutes=20))


def state(told: Teller, edition: int, reader: str) -> str:
    return str(told.town.service.deliveries.one(edition, reader).state)


def changes(told: Teller) -> list[tuple[Any, ...]]:
    with reading(told.town.engine) as session:
        rows = session.connection().execute(text("SELECT action, was, became, note FROM delivery_change ORDER BY id"))
        return [tuple(row) for row in rows]


def edition_state(told: Teller, edition: int) -> str:
    return str(value(told.town.engine, "SELECT state FROM edition WHERE id = :e", e=edition))


def calls(told: Teller) -> int:
    return int(str(value(told.town.engine, "SELECT count(DISTINCT idempotency_key) FROM attempt")))


# --- settling ---------------------------------------------------------------------------------------------------------


def test_an_operator_settles_what_nobody_knew_and_memory_follows(told: Teller) -> None:
    last_minute(told)
    edition = told.morning()
    told.doubt(edition, told.ada, told.bob)
    settle(told, edition, ADA, "accepted")
    settle(told, edition, str(told.bob), "rejected", "the\u202e log has\x07 no such mail")
    assert [row.state for row in told.town.deliveries(edition)] == ["accepted", "rejected"]
    assert changes(told) == [
        ("settled", "unknown", "accepted", "their log says so"),
        ("settled", "unknown", "rejected", "the log has no such mail"),
    ]
    assert told.town.deliveries(edition)[1].reason == "settled by the operator: the log has no such mail"
    # Ada was told the story, Bob was not: tomorrow's mail is for Bob alone.
    assert told.town.morning(told.town.clock.at + timedelta(days=1)) == 1
    new = told.town.editions()[-1].id or 0
    assert [(row.subscriber_id, row.state) for row in told.town.deliveries(new)] == [
        (told.ada, "skipped"),
        (told.bob, "accepted"),
    ]


def test_only_what_is_unknown_is_settled_and_only_with_a_reason(told: Teller) -> None:
    edition = told.morning()
    with pytest.raises(ByThen, match=r"is accepted: only what is unknown can be settled"):
        settle(told, edition, ADA, "rejected")
    told.doubt(edition, told.ada)
    with pytest.raises(InputError, match="--why"):
        settle(told, edition, ADA, "accepted", "  ")
    with pytest.raises(InputError, match="accepted, rejected"):
        settle(told, edition, ADA, "skipped")
    with pytest.raises(InputError, match="has no mail for reader 999"):
        settle(told, edition, "999", "accepted")
    run(told.town, "UPDATE delivery SET state = 'attempting' WHERE subscriber_id = :r", r=told.ada)
    with pytest.raises(ByThen, match=r"is attempting: its call is under way or will be repeated"):
        settle(told, edition, ADA, "accepted")
    assert changes(told) == []


def test_a_provider_s_message_id_names_the_mail(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    assert desk.of_message(f"m-{told.bob}") == Mail(edition, told.bob, DeliveryState.ACCEPTED, f"m-{told.bob}")
    with pytest.raises(InputError, match="is about no mail"):
        desk.of_message("m-other")
    # An account with the provider may carry other mails to the same address, so of two in doubt no event settles one.
    told.town.clock.at += timedelta(minutes=30)
    last_minute(told)
    planned = told.town.service.send_by_hand(None, told.ada)
    assert planned is not None
    told.town.service.dispatch()
    run(told.town, "UPDATE attempt SET provider = 'resend'")
    told.doubt(edition, told.ada)
    told.doubt(planned.edition_id, told.ada)
    told.tell("email.delivered", email_id="m-lost")
    assert state(told, edition, ADA) == state(told, planned.edition_id, ADA) == "unknown"
    with pytest.raises(InputError, match=f"edition {edition} reader {told.ada}, edition {planned.edition_id} reader"):
        desk.of_message("m-lost")
    settle(told, edition, ADA, "rejected")
    desk.settle(desk.of_message("m-lost"), verdict="accepted", why="in their log")
    assert told.town.deliveries(planned.edition_id)[0].provider_message_id == "m-lost"
    assert state(told, planned.edition_id, ADA) == "accepted"


# --- sending again ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("was", ["unknown", "rejected", "accepted"])
def test_a_mail_is_sent_again_under_a_new_key_with_the_same_stories(told: Teller, was: str) -> None:
    edition = told.morning()
    told.doubt(edition, told.ada)
    run(told.town, "UPDATE delivery SET state = :s WHERE subscriber_id = :r", s=was, r=told.ada)
    before, picks, first = told.town.deliveries(edition)[0], told.town.told(edition, told.ada), calls(told)
    assert edition_state(told, edition) == "done"
    again(told, edition, ADA)
    waits = told.town.deliveries(edition)[0]
    assert waits.state == ("planned" if was == "accepted" else "retry")
    assert (waits.picks, waits.provider_message_id, waits.alone) == (None, None, was == "rejected")
    assert edition_state(told, edition) == "frozen"
    assert told.town.service.dispatch().accepted == 1
    after = told.town.deliveries(edition)[0]
    assert (after.state, after.tries, calls(told)) == ("accepted", before.tries + 1, first + 1)
    assert after.attempt_id != before.attempt_id
    assert told.town.told(edition, told.ada) == picks != ()
    assert edition_state(told, edition) == "done"
    assert [line[:2] for line in changes(told)] == [("resent", was)]


def test_what_waits_to_be_sent_again_counts_as_not_told(told: Teller) -> None:
    last_minute(told)
    run(told.town, "DELETE FROM article WHERE title = 'Ferry aground'")
    edition = told.morning()
    told.doubt(edition, told.ada)
    again(told, edition, ADA)
    run(told.town, "UPDATE chunk SET ready_at = :later", later=4e9)
    assert told.town.morning(told.town.clock.at + timedelta(days=1)) == 1, "told by the next mail, which goes first"
    run(told.town, "UPDATE chunk SET ready_at = 0")
    told.town.service.dispatch()
    left = told.town.deliveries(edition)[0]
    assert (left.state, left.reason) == ("skipped", "empty"), "no story twice"
    assert edition_state(told, edition) == "done"


def leave(told: Teller) -> None:
    run(told.town, "UPDATE subscriber SET status = 'left' WHERE id = :r", r=told.ada)


def keep_out(told: Teller) -> None:
    told.town.service.suppressions.add(ADA, why="asked to")


def pause(told: Teller) -> None:
    until = told.town.clock.at + timedelta(days=9)
    told.town.service.readers.edit(ADA, pause=until.date())


def give_up(told: Teller) -> None:
    told.town.topics("Energy")
    told.town.service.readers.edit(ADA, topics=["energy"])


def forget_words(told: Teller) -> None:
    run(told.town, "UPDATE edition SET blob = NULL")


@pytest.mark.parametrize(
    ("happened", "words"),
    [
        (leave, "has left"),
        (keep_out, "is kept from mail"),
        (pause, "pauses"),
        (give_up, "has given up every topic of it"),
        (forget_words, "is not kept any more"),
    ],
)
def test_nothing_is_sent_again_to_who_is_not_to_get_it(told: Teller, happened: Any, words: str) -> None:
    edition = told.morning()
    told.doubt(edition, told.ada)
    happened(told)
    with pytest.raises(InputError, match=words):
        again(told, edition, str(told.ada))
    assert state(told, edition, str(told.ada)) == "unknown"
    assert (edition_state(told, edition), changes(told)) == ("done", [])
    assert told.town.service.dispatch().accepted == 0


def test_who_leaves_while_a_mail_waits_to_be_sent_again_does_not_get_it(told: Teller) -> None:
    edition = told.morning()
    again(told, edition, ADA)
    keep_out(told)
    assert told.town.service.dispatch().accepted == 0
    assert told.town.deliveries(edition)[0].state == "skipped"


@pytest.mark.parametrize("now", ["planned", "attempting", "retry", "skipped"])
def test_what_waits_or_was_left_out_is_not_sent_again(told: Teller, now: str) -> None:
    edition = told.morning()
    run(told.town, "UPDATE delivery SET state = :s WHERE subscriber_id = :r", s=now, r=told.ada)
    with pytest.raises(InputError, match=f"is {now}: only what is unknown, rejected or accepted"):
        again(told, edition, ADA)
    with pytest.raises(InputError, match=f"is {now}"):
        told.town.service.deliveries.check_again(told.town.service.deliveries.one(edition, ADA))


# --- others at the same time ------------------------------------------------------------------------------------------


def test_news_of_the_first_mail_stops_the_second_unless_the_first_was_known(told: Teller) -> None:
    edition = told.morning()
    mark: dict[str, Any] = {"tags": {"delivery": f"{edition}-{told.ada}"}}
    told.doubt(edition, told.ada)
    again(told, edition, ADA)
    told.tell("email.delivered", email_id="m-first", **mark)
    assert state(told, edition, ADA) == "accepted"
    assert told.town.service.dispatch().accepted == 0
    assert edition_state(told, edition) == "done"
    again(told, edition, ADA, "lost it")
    told.tell("email.opened", email_id="m-first", **mark)
    assert told.town.service.dispatch().accepted == 1


def test_what_was_settled_meanwhile_is_left_alone(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    told.doubt(edition, told.ada)
    seen = desk.one(edition, ADA)
    told.tell("email.delivered", email_id="m-first", tags={"delivery": f"{edition}-{told.ada}"})
    with pytest.raises(ByThen, match="is accepted"):
        desk.settle(seen, verdict="rejected", why="not in their log")
    with pytest.raises(ByThen, match="is accepted by now, not unknown"):
        desk.send_again(seen, why="it never came")
    assert (state(told, edition, ADA), edition_state(told, edition), changes(told)) == ("accepted", "done", [])


# --- looking ----------------------------------------------------------------------------------------------------------


def test_no_address_is_shown_unless_asked_for(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    run(
        told.town,
        "UPDATE delivery SET state = 'rejected', reason = 'no mailbox ada@example.org here' WHERE subscriber_id = :r",
        r=told.ada,
    )
    (plain,) = desk.list(state="rejected")
    assert (plain.address, plain.reason) == ("", "no mailbox …@… here")
    (named,) = desk.list(edition_id=edition, reader=ADA, with_addresses=True)
    assert (named.address, named.reason) == (ADA, "no mailbox ada@example.org here")
    assert [each.mail.subscriber_id for each in desk.list(reason="MAILBOX")] == [told.ada]
    assert desk.list(reason="mail%box") == []
    assert [each.mail.subscriber_id for each in desk.list()] == [told.ada, told.bob]
    assert len(desk.list(limit=1)) == 1
    with pytest.raises(InputError, match="'lost' is no state"):
        desk.list(state="lost")


def test_what_does_not_move_is_told_in_groups(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    assert desk.stuck() == []
    told.doubt(edition, told.ada, told.bob)
    for reader in (told.ada, told.bob):
        run(
            told.town,
            "UPDATE delivery SET reason = 'no answer for ' || CAST(subscriber_id AS text) || '@example.org' "
            "WHERE subscriber_id = :r",
            r=reader,
        )
    (group,) = desk.stuck()
    assert (group.what, group.edition_id, group.mails, group.reason) == ("unknown", edition, 2, "no answer for …@…")
    assert group.since == told.town.clock.at - timedelta(seconds=90)

    again(told, edition, ADA)
    told.town.clock.at += timedelta(hours=1)
    assert [each.what for each in desk.stuck()] == ["unknown"]
    told.town.clock.at += timedelta(hours=2)
    waiting = desk.stuck()[1]
    assert (waiting.what, waiting.mails, waiting.reason) == ("waiting", 1, "")

    run(told.town, "UPDATE chunk SET state = 'leased', holder = 'far:1:ab', until = 1000")
    assert [(each.what, each.reason) for each in desk.stuck()][2:] == [("leased", "the lease of far:1:ab ran out")]
    run(told.town, "UPDATE delivery SET state = 'attempting'")
    assert {each.what for each in desk.stuck()} == {"attempting", "leased"}


def test_a_mail_sent_again_waits_since_then_and_not_since_its_edition(told: Teller) -> None:
    desk, edition = told.town.service.deliveries, told.morning()
    told.town.clock.at += timedelta(days=2)
    again(told, edition, ADA)
    assert desk.stuck() == []
    told.town.clock.at += timedelta(hours=3)
    assert [each.what for each in desk.stuck()] == ["waiting"]


def test_readers_see_what_was_done_and_who_is_erased_is_not_spoken_of(told: Teller) -> None:
    edition = told.morning()
    told.doubt(edition, told.ada)
    settle(told, edition, ADA, "accepted", "Ada rang: it came")
    (shown,) = told.town.service.deliveries.list(reader=ADA)
    assert shown.mail.by_hand == "settled as accepted: Ada rang: it came"
    _, taken_out = told.town.service.readers.export(told.ada, "json")
    assert b"settled as accepted: Ada rang: it came" in taken_out
    told.town.service.readers.remove(ADA)
    assert changes(told) == [("settled", "unknown", "accepted", "")]
