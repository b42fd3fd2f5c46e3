"""Who may still be mailed when an attempt opens, and at which address, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from digest.store import attempts, sendable
from digest.store.db import reading, writing
from digest.store.editions import get_edition
from digest.types import Due, Lease
from subscribers import consent
from subscribers.models import Consent, FreshLink, Profile, Subscriber
from tests.dispatch.ledger_rows import NOW, add_readers, address_hashes, deliveries, plan, run, states
from tests.store.ledger_steps import composed, due, opened, repeated, taken


@pytest.mark.parametrize(
    ("change", "kind", "state", "reason"),
    [
        ("UPDATE subscriber SET status = 'left' WHERE id = 2", "tick", "skipped", "left"),
        ("UPDATE subscriber SET status = 'pending' WHERE id = 2", "tick", "skipped", "left"),
        ("UPDATE subscriber SET status = 'suppressed' WHERE id = 2", "tick", "skipped", "suppressed"),
        ("DELETE FROM subscriber WHERE id = 2", "tick", "skipped", "left"),
        ("UPDATE subscriber SET status = 'pending' WHERE id = 2", "system", "attempting", None),
        ("UPDATE subscriber SET status = 'left' WHERE id = 2", "system", "skipped", "left"),
        ("UPDATE subscriber SET address = 'new@example.org' WHERE id = 2", "tick", "planned", None),
    ],
)
def test_who_may_not_be_mailed_is_left_out_when_the_attempt_opens(
    database: Engine, change: str, kind: str, state: str, reason: str | None
) -> None:
    edition = plan(database, add_readers(database, 3), kind=kind)
    held = taken(database)
    mails = composed(due(database, held))
    run(database, change)
    attempt = opened(database, held, mails)
    row = deliveries(database, edition)[2]
    assert (row.state, row.reason) == (state, reason)
    assert attempt.readers == ((1, 2, 3) if state == "attempting" else (1, 3))
    assert attempt.skipped == (state == "skipped")


@pytest.mark.parametrize("kind", ["tick", "system"])
def test_a_suppressed_address_gets_nothing_however_it_is_written(database: Engine, kind: str) -> None:
    edition = plan(database, add_readers(database, 2), kind=kind)
    held = taken(database)
    mails = composed(due(database, held))
    (key,) = address_hashes("READER1@example.org")
    run(database, "INSERT INTO suppression (address_hash, reason, at) VALUES (:key, 'bounced', '2026-01-01')", key=key)
    assert opened(database, held, mails).readers == (2,)
    row = deliveries(database, edition)[1]
    assert (row.state, row.reason) == ("skipped", "suppressed")


@pytest.mark.parametrize(
    ("reason", "sent"), [("bounced", False), ("complained", False), ("erased", True), ("left", True)]
)
def test_only_a_final_suppression_stops_a_mail(database: Engine, reason: str, sent: bool) -> None:
    """Whoever came back by their own hand gets mail; what a mailbox refused for good stays refused."""
    plan(database, add_readers(database, 1))
    held = taken(database)
    mails = composed(due(database, held))
    (key,) = address_hashes("reader1@example.org")
    statement = "INSERT INTO suppression (address_hash, reason, at) VALUES (:key, :reason, '2026-01-01')"
    run(database, statement, key=key, reason=reason)
    assert opened(database, held, mails).readers == ((1,) if sent else ())


@pytest.mark.parametrize(("kind", "until", "sent"), [("tick", 1, False), ("tick", -1, True), ("system", 1, True)])
def test_who_pauses_gets_no_digest_until_the_pause_is_over(database: Engine, kind: str, until: int, sent: bool) -> None:
    """A pause is measured by when the edition was planned: what waited out an outage does not break it afterwards."""
    edition = plan(database, add_readers(database, 2), kind=kind)
    held = taken(database)
    mails = composed(due(database, held))
    with writing(database) as session:
        planned_at = get_edition(session, edition).planned_at
        reader = session.get(Subscriber, 1)
        assert reader is not None
        reader.paused_until = planned_at + timedelta(hours=until)
    assert opened(database, held, mails).readers == ((1, 2) if sent else (2,))
    row = deliveries(database, edition)[1]
    assert (row.state, row.reason) == (("attempting", None) if sent else ("skipped", "paused"))


def test_a_mail_composed_for_other_choices_is_composed_again(database: Engine) -> None:
    edition = plan(database, add_readers(database, 2))
    held = taken(database)
    mails = composed(due(database, held))
    with writing(database) as session:
        session.add(Profile(key="narrower", data="{}"))
        session.flush()
    run(database, "UPDATE delivery SET profile_id = (SELECT max(id) FROM profile) WHERE subscriber_id = 2")
    assert opened(database, held, mails).readers == (1,)
    assert states(database, edition) == {1: "attempting", 2: "planned"}
    assert opened(database, held, composed(due(database, held))).readers == (2,)


# --- mails to the address of a link -----------------------------------------------------------------------------------


def linked(database: Engine, *, former: bool = False) -> tuple[int, Lease]:
    """A system mail to reader 1 that goes to the address of a fresh link: planned and leased."""
    add_readers(database, 2)
    with writing(database) as session:
        link = FreshLink(subscriber_id=1, purpose="move", at=NOW, address="New@example.org", former="Old@example.org")
        session.add(link)
        session.flush()
        link_id = link.id
    edition = plan(database, [1], kind="system", slot="system:move:1")
    statement = "UPDATE edition SET to_link = :link, to_former = :former WHERE id = :edition"
    run(database, statement, link=link_id, former=former, edition=edition)
    return edition, taken(database)


def mail_to(readers: Sequence[Due], address: str) -> list[attempts.Composed]:
    return [attempts.Composed(each.subscriber_id, address, (), {}, b"h" * 32, each.profile_id) for each in readers]


@pytest.mark.parametrize(("former", "address"), [(False, "New@example.org"), (True, "Old@example.org")])
def test_a_mail_goes_to_the_address_of_its_link(database: Engine, former: bool, address: str) -> None:
    edition, held = linked(database, former=former)
    with reading(database) as session:
        assert sendable.recipients(session, edition, [1, 2]) == {1: (address, "Reader 1")}
    readers = due(database, held)
    assert opened(database, held, mail_to(readers, "Reader1@example.org")).readers == ()
    attempt = opened(database, held, mail_to(readers, address))
    assert attempt.readers == (1,)
    assert repeated(database, held, {1: address})
    assert not repeated(database, held, {1: "Reader1@example.org"})


@pytest.mark.parametrize(
    ("status", "kind", "owner", "reason"),
    [
        ("left", "system", 1, ""),
        ("suppressed", "system", 1, ""),
        ("active", "system", 1, ""),
        ("left", "tick", 1, "left"),
        ("left", "system", 2, "left"),
    ],
)
def test_only_the_account_link_of_their_own_reaches_who_left(
    database: Engine, status: str, kind: str, owner: int, reason: str
) -> None:
    edition, held = linked(database)
    run(database, "UPDATE fresh_link SET purpose = 'account', address = '', former = '', subscriber_id = :o", o=owner)
    run(database, "UPDATE subscriber SET status = :status WHERE id = 1", status=status)
    run(database, "UPDATE edition SET kind = :kind", kind=kind)
    with reading(database) as session:
        (fate,) = sendable.sendable(session, edition, [1], address_hashes).values()
    assert fate.reason == reason
    assert opened(database, held, mail_to(due(database, held), "Reader1@example.org")).readers == (
        () if reason else (1,)
    )


def test_no_account_link_reaches_an_address_suppressed_for_good(database: Engine) -> None:
    edition, _ = linked(database)
    run(database, "UPDATE fresh_link SET purpose = 'account', address = '', former = ''")
    run(database, "UPDATE subscriber SET status = 'suppressed' WHERE id = 1")
    (key,) = address_hashes("reader1@example.org")
    run(database, "INSERT INTO suppression (address_hash, reason, at) VALUES (:key, 'bounced', '2026-01-01')", key=key)
    with reading(database) as session:
        (fate,) = sendable.sendable(session, edition, [1], address_hashes).values()
    assert fate.reason == "suppressed"


def test_a_link_that_is_gone_takes_its_mail_with_it(database: Engine) -> None:
    edition, held = linked(database)
    readers = due(database, held)
    run(database, "DELETE FROM fresh_link")
    with reading(database) as session:
        assert sendable.recipients(session, edition, [1]) == {}
    assert opened(database, held, mail_to(readers, "New@example.org")).readers == ()
    assert states(database, edition) == {1: "skipped"}


def test_nothing_goes_to_the_suppressed_address_of_a_link(database: Engine) -> None:
    edition, held = linked(database)
    (key,) = address_hashes("new@example.org")
    run(database, "INSERT INTO suppression (address_hash, reason, at) VALUES (:key, 'bounced', '2026-01-01')", key=key)
    assert opened(database, held, mail_to(due(database, held), "New@example.org")).readers == ()
    assert deliveries(database, edition)[1].reason == "suppressed"


# --- mails to the house -----------------------------------------------------------------------------------------------

OPS = "ops@example.org"


def test_the_house_is_mailed_by_its_number_and_nobody_else_is(database: Engine) -> None:
    """Beside a reader, in one batch, repeated as it was; who is not named any more takes no part in it."""
    edition = plan(database, [*add_readers(database, 1), -5, -6], kind="system", slot="system:report:x")
    held = taken(database)
    readers = due(database, held)
    assert [each.subscriber_id for each in readers] == [-6, -5, 1]
    addresses = {-5: OPS, -6: "old@example.org", 1: "Reader1@example.org"}
    mails = [
        attempts.Composed(each.subscriber_id, addresses[each.subscriber_id], (), {}, b"h" * 32, each.profile_id)
        for each in readers
    ]
    attempt = opened(database, held, mails, staff={-5: OPS})
    assert (attempt.readers, attempt.skipped) == ((-5, 1), 1)
    row = deliveries(database, edition)[-6]
    assert (row.state, row.reason) == ("skipped", "left")
    assert repeated(database, held, addresses, staff={-5: OPS}), "the very same batch"
    assert not repeated(database, held, addresses, staff={-5: "other@example.org"})
    assert not repeated(database, held, addresses)


def test_what_the_setting_says_now_is_where_it_goes(database: Engine) -> None:
    add_readers(database, 1)
    edition = plan(database, [-5], kind="system", slot="system:report:x")
    with reading(database) as session:
        assert sendable.recipients(session, edition, [-5, 7], {-5: OPS}) == {-5: (OPS, "")}
        assert sendable.recipients(session, edition, [-5]) == {}
        (fate,) = sendable.sendable(session, edition, [-5], address_hashes, {-5: OPS}).values()
        assert fate == sendable.Fate("", OPS)


# --- what confirms a leaving ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "deeds", "reason"),
    [
        ("left", [("left", "")], ""),
        ("pending", [("left", ""), ("asked", "town")], ""),
        ("left", [("left", "town")], "cancelled"),
        ("left", [], "cancelled"),
        ("active", [("left", ""), ("returned", "")], "cancelled"),
        ("active", [("left", "")], "cancelled"),
        ("left", [("left", ""), ("confirmed", "town"), ("left", "")], "cancelled"),
        ("suppressed", [("left", "")], "suppressed"),
    ],
)
def test_only_the_leaving_that_it_names_lets_a_goodbye_pass(
    database: Engine, status: str, deeds: list[tuple[str, str]], reason: str
) -> None:
    add_readers(database, 1)
    with writing(database) as session:
        lines = [Consent(subscriber_id=1, at=NOW, action=action, topics=topics) for action, topics in deeds]
        for line in lines:
            session.add(line)
            session.flush()
        named = consent.mark(lines[0].id or 0) if lines else 7
    run(database, "UPDATE subscriber SET status = :status WHERE id = 1", status=status)
    edition = plan(database, [1], kind="system", slot=sendable.goodbye_slot(1, named))
    other = plan(database, [1], kind="system", slot=sendable.goodbye_slot(2, named))
    with reading(database) as session:
        (fate,) = sendable.sendable(session, edition, [1], address_hashes).values()
        (wrong,) = sendable.sendable(session, other, [1], address_hashes).values()
    assert fate.reason == reason
    assert wrong.reason == ("suppressed" if status == "suppressed" else "cancelled"), "another's leaving lets none pass"
