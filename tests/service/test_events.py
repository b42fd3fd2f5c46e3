"""What providers tell us, kept and applied: once, in any order, whatever is under way meanwhile; on both databases."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from sqlalchemy import Engine

from digest.service.core import DigestService
from digest.service.events import AT_ONCE
from digest.settings import Settings
from digest.store import attempts, ledger
from digest.store.db import writing
from digest.types import Envelope, EventKind, delivery_mark
from tests.dispatch import test_signed_hooks
from tests.dispatch.hook_contract import NOW
from tests.dispatch.resend_calls import MORE, SECRET
from tests.service.telling import ADA, BOB, Teller, run
from tests.service.town import Town

SOFT = {**MORE["email.bounced"]["bounce"], "type": "Transient"}
DAY = timedelta(days=1)


# --- readers and their addresses --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "reason", "status"),
    [("email.complained", "complained", "suppressed"), ("email.bounced", "bounced", "suppressed")],
)
def test_a_complaint_and_a_hard_bounce_keep_the_address_out_at_once(
    told: Teller, kind: str, reason: str, status: str
) -> None:
    told.morning()
    assert told.tell(kind, to=ADA.upper()) == 1, "providers may change the case"
    assert told.why(ADA) == (reason, "resend")
    assert told.town.service.readers.show(ADA).status == status
    assert told.town.service.readers.show(BOB).status == "active"
    words = [line.form for line in told.town.service.readers.consents(ADA) if line.action == "left"]
    assert words == (["complaint"] if reason == "complained" else [])


def test_a_mail_that_is_planned_is_not_sent_to_who_complained_meanwhile(told: Teller) -> None:
    told.morning()
    told.town.clock.at += DAY
    told.town.story("Harbour master resigns", "harbour", at=told.town.clock.at - timedelta(hours=3))
    (planned,) = told.town.service.plan()
    assert planned.deliveries == 2
    told.tell("email.complained")
    assert told.town.service.dispatch().accepted == 1
    assert [(row.state, row.reason) for row in told.town.deliveries(planned.edition_id)] == [
        ("skipped", "suppressed"),
        ("accepted", None),
    ]


def test_a_complaint_that_comes_while_a_worker_composes_is_seen_as_the_attempt_opens(told: Teller) -> None:
    told.morning()
    told.town.clock.at += DAY
    told.town.story("Harbour master resigns", "harbour", at=told.town.clock.at - timedelta(hours=3))
    (planned,) = told.town.service.plan()
    press = told.town.service.press
    with writing(told.town.engine) as session:
        lease = ledger.lease_chunk(session, "w", edition_id=planned.edition_id)
        assert lease is not None
        due = ledger.due(session, lease, 100)
    mails = press.compose(planned.edition_id, due, "qp")
    told.tell("email.bounced")
    composed = [
        attempts.Composed(mail.subscriber_id, mail.recipient.address, mail.picks, each.memory, b"h", each.profile_id)
        for mail, each in zip(mails, due, strict=True)
        if isinstance(mail, Envelope)
    ]
    assert len(composed) == 2
    hashes = told.town.service.keyring.address_hashes
    with writing(told.town.engine) as session:
        opened = attempts.open_attempt(session, lease, composed, [], provider="w", address_hashes=hashes, seconds=60)
    assert opened.readers == (told.bob,)
    assert opened.skipped == 1


def test_soft_bounces_of_five_days_without_an_arrival_give_an_address_up(told: Teller) -> None:
    told.morning()
    for day in range(4):
        told.tell("email.bounced", bounce=SOFT, ago=day * DAY)
        told.tell("email.bounced", bounce=SOFT, ago=day * DAY + timedelta(minutes=5))
    assert told.why(ADA) is None
    told.tell("email.bounced", bounce=SOFT, ago=4 * DAY, to=BOB)
    assert told.why(ADA) is None, "each address by itself"
    told.tell("email.bounced", bounce=SOFT, ago=9 * DAY)
    assert told.why(ADA) == ("bounced", "resend")
    assert told.town.service.readers.show(ADA).status == "suppressed"
    assert told.why(BOB) is None


def test_an_arrival_begins_the_count_anew_whenever_it_is_told(told: Teller) -> None:
    told.morning()
    told.tell("email.delivered", ago=2 * DAY)
    for day in range(9):
        told.tell("email.bounced", bounce=SOFT, ago=day * DAY)
    assert told.why(ADA) is None
    assert told.town.service.readers.show(ADA).status == "active"


def test_what_is_said_of_mails_that_we_never_sent_keeps_the_address_out_and_nobody_else(told: Teller) -> None:
    told.morning()
    assert told.tell("email.bounced", to="stranger@example.org", email_id="shop-1") == 1
    assert told.why("Stranger@example.org") == ("bounced", "resend")
    assert told.tell("email.delivered", to="not an address", email_id="shop-2") == 1
    assert told.tell("email.complained", to="", email_id="") == 1
    assert told.count("applied_at IS NOT NULL") == 3
    assert {told.town.service.readers.show(each).status for each in (ADA, BOB)} == {"active"}
    assert told.fates() == {}, "none of our mails"


def test_a_bounce_of_a_former_address_leaves_the_reader_at_their_new_one(told: Teller) -> None:
    edition = told.morning()
    run(
        told.town,
        "UPDATE subscriber SET address = 'ada@new.example', address_key = 'ada@new.example' WHERE id = :ada",
        ada=told.ada,
    )
    told.tell("email.complained", tags={"delivery": delivery_mark(edition, told.ada)})
    assert told.why(ADA) == ("complained", "resend")
    assert told.why("ada@new.example") is None
    assert told.town.service.readers.show("ada@new.example").status == "active"
    assert told.fates() == {EventKind.COMPLAINED: 1}, "the mail is known by its mark"


# --- mails of which nobody knew ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("email.delivered", "accepted"),
        ("email.bounced", "accepted"),
        ("email.opened", "accepted"),
        ("email.delivery_delayed", "accepted"),
        ("email.failed", "rejected"),
    ],
)
@pytest.mark.parametrize("by", ["mark", "leave", "address"])
def test_what_a_provider_tells_settles_a_mail_of_which_nobody_knew(
    told: Teller, kind: str, state: str, by: str
) -> None:
    edition = told.morning()
    told.doubt(edition, told.ada, told.bob)
    token = told.town.service.keyring.tokens(told.ada, edition).leave
    leave = {"name": "List-Unsubscribe", "value": f"<https://paper.example/leave/{token}>"}
    how: dict[str, dict[str, Any]] = {
        "mark": {"tags": {"delivery": delivery_mark(edition, told.ada)}},
        "leave": {"headers": [leave]},
        "address": {},
    }
    told.tell(kind, email_id="re-1", **how[by])
    assert told.states(edition) == [(state, "re-1"), ("unknown", None)]
    assert told.town.editions()[-1].state == "done"


def test_a_mail_of_another_program_at_another_time_settles_nothing(told: Teller) -> None:
    """The operator's shop may write to the same address through the same account."""
    edition = told.morning()
    told.doubt(edition, told.ada)
    early, late = timedelta(hours=-2), timedelta(hours=2)
    for shift in (early, late):
        run(told.town, "UPDATE attempt SET opened_at = opened_at + :by", by=shift.total_seconds())
        told.tell("email.delivered", email_id="shop-1")
        run(told.town, "UPDATE attempt SET opened_at = opened_at - :by", by=shift.total_seconds())
    run(told.town, "UPDATE attempt SET provider = 'outbox'")
    told.tell("email.delivered", email_id="shop-2")
    foreign = {"name": "List-Unsubscribe", "value": f"<https://paper.example/leave/{'A' * 38}>"}
    told.tell("email.delivered", email_id="shop-3", headers=[foreign], tags={"delivery": "1-1-1"})
    assert told.states(edition)[0] == ("unknown", None)
    assert told.count("applied_at IS NOT NULL") == 4


def test_between_two_mails_in_doubt_nobody_guesses(told: Teller) -> None:
    first = told.morning()
    told.town.clock.at += DAY
    told.town.story("Harbour master resigns", "harbour", at=told.town.clock.at - timedelta(hours=3))
    second = told.morning()
    told.doubt(first, told.ada)
    told.doubt(second, told.ada)
    told.tell("email.delivered", email_id="re-1")
    assert [told.states(each)[0] for each in (first, second)] == [("unknown", None)] * 2
    told.tell("email.delivered", email_id="re-1", tags={"delivery": delivery_mark(second, told.ada)})
    assert [told.states(each)[0] for each in (first, second)] == [("unknown", None), ("accepted", "re-1")]


def test_what_is_told_of_a_call_under_way_waits_for_its_answer(told: Teller) -> None:
    edition = told.morning()
    run(
        told.town,
        "UPDATE delivery SET state = 'attempting', provider_message_id = NULL WHERE subscriber_id = :r",
        r=told.ada,
    )
    mark: dict[str, Any] = {"tags": {"delivery": delivery_mark(edition, told.ada)}}
    assert told.tell("email.complained", **mark) == 1
    assert told.why(ADA) == ("complained", "resend"), "that does not wait"
    assert told.states(edition)[0] == ("attempting", None), "the sender settles it, and nobody else"
    assert told.town.service.events.settle() == 0
    run(told.town, "UPDATE delivery SET state = 'unknown' WHERE subscriber_id = :r", r=told.ada)
    assert told.town.service.events.settle() == 1
    assert told.states(edition)[0] == ("accepted", f"m-{told.ada}")
    assert told.town.service.events.settle() == 0
    assert len([each for each in told.town.service.readers.consents(ADA) if each.action == "left"]) == 1


def test_a_mail_that_was_to_be_tried_again_is_not_when_the_provider_has_it(told: Teller) -> None:
    edition = told.morning()
    waits = "UPDATE delivery SET state = 'retry', provider_message_id = NULL, retry_at = 0 WHERE subscriber_id = :r"
    for reader in (told.ada, told.bob):
        run(told.town, waits, r=reader)
    run(told.town, "UPDATE edition SET state = 'frozen'")
    run(told.town, "UPDATE chunk SET state = 'planned', ready_at = 0")
    told.tell("email.delivered", tags={"delivery": delivery_mark(edition, told.ada)})
    assert told.states(edition)[0] == ("accepted", f"m-{told.ada}")
    mails = len(told.town.mails())
    assert told.town.service.dispatch().accepted == 1, "Bob's alone"
    assert len(told.town.mails()) == mails, "under the same name, so nothing new"
    assert told.town.editions()[-1].state == "done"


# --- once, in any order -----------------------------------------------------------------------------------------------


def test_in_every_order_and_told_twice_it_comes_to_the_same(told: Teller) -> None:
    edition = told.morning()
    words = ("email.delivered", "email.complained", "email.opened", "email.delivery_delayed")
    for order in permutations(words):
        run(told.town, "DELETE FROM event")
        told.doubt(edition, told.ada)
        calls = [told.call(word, message=f"msg_{word}") for word in order]
        for call in (*calls, *reversed(calls)):
            told.town.service.events.receive("resend", *call)
        assert told.states(edition)[0] == ("accepted", f"m-{told.ada}")
        assert told.fates() == {EventKind.COMPLAINED: 1}
        assert told.count() == len(words)
    assert told.why(ADA) == ("complained", "resend")


def test_of_many_who_bring_the_same_event_at_once_one_is_first(
    told: Teller, make_settings: Callable[..., Settings]
) -> None:
    edition = told.morning()
    told.doubt(edition, told.ada)
    url = told.town.engine.url.render_as_string(hide_password=False)
    others = [
        DigestService(make_settings(database_url=url, resend_webhook_secret=SECRET), now=told.town.clock)
        for _ in range(2)
    ]
    calls = [told.call("email.complained", message=f"msg_{number}") for number in range(6)]
    new: list[int] = []
    together = threading.Barrier(4)

    def bring(service: DigestService) -> None:
        together.wait()
        for call in calls:
            service.events.receive("resend", *call)
            new.append(service.events.settle())

    threads = [threading.Thread(target=bring, args=(service,)) for service in (*others, *others)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for service in others:
        service.close()
    assert len(new) == 24, "nobody was refused"
    assert (told.count(), told.count("applied_at IS NULL")) == (6, 0)
    assert told.states(edition)[0] == ("accepted", f"m-{told.ada}")
    assert len([each for each in told.town.service.readers.consents(ADA) if each.action == "left"]) == 1


def test_of_a_call_with_very_many_events_the_gravest_come_first_and_the_sweep_does_the_rest(
    database: Engine, make_settings: Callable[..., Settings]
) -> None:
    sendgrid = test_signed_hooks.TestSendGrid()
    key = base64.b64encode(
        test_signed_hooks.curve_key().public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    )
    told = Teller(Town(database, make_settings(sendgrid_webhook_key=key.decode())))
    told.town.clock.at = NOW
    items = [sendgrid.item("delivered", number=number) for number in range(AT_ONCE + 50)]
    items += [sendgrid.item("spamreport", email=ADA), items[0]]
    desk = told.town.service.events
    assert desk.receive("sendgrid", *sendgrid.signed(items)) == AT_ONCE + 51, "one of them came twice"
    assert told.why(ADA) == ("complained", "sendgrid")
    assert told.count("applied_at IS NULL") == 51
    assert desk.settle() == 51
    assert desk.receive("sendgrid", *sendgrid.signed(items)) == 0
    told.town.service.close()


# --- leaving there ----------------------------------------------------------------------------------------------------


def test_who_came_back_after_leaving_there_stays(told: Teller) -> None:
    """Resend tells of no leaving; other providers do (`EventKind.UNSUBSCRIBED`)."""
    told.morning()
    told.tell("email.opened", message="msg_a")
    run(told.town, "UPDATE event SET kind = 'unsubscribed', applied_at = NULL, at = :at", at=_stored(told, -30 * DAY))
    assert told.town.service.events.settle() == 1
    assert told.town.service.readers.show(ADA).status == "active", "they were added after that"
    run(told.town, "UPDATE event SET applied_at = NULL, at = :at", at=_stored(told, timedelta()))
    assert told.town.service.events.settle() == 1
    assert told.town.service.readers.show(ADA).status == "left"
    assert told.why(ADA) is None, "they may come back by themselves"
    (line,) = [each for each in told.town.service.readers.consents(ADA) if each.action == "left"]
    assert line.form == "provider"


def _stored(told: Teller, shift: timedelta) -> Any:
    moment = told.town.clock.at + shift
    return moment if told.town.engine.dialect.name == "postgresql" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
