"""What is kept of what providers tell us, for how long, and what is not; on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from digest.errors import Malformed, NotSigned
from digest.service.history import everything
from digest.service.intake import tidy
from digest.store.db import reading
from tests.dispatch.resend_calls import MORE, event, signed
from tests.service.telling import ADA, BOB, Teller, run

SOFT = {**MORE["email.bounced"]["bounce"], "type": "Transient"}
DAY = timedelta(days=1)


def test_no_address_is_kept_and_erasing_takes_the_rest(told: Teller) -> None:
    told.morning()
    told.tell("email.bounced")
    told.tell("email.delivered", told.bob, to=BOB)
    with told.town.engine.connect() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM event").all())
    assert "user unknown" in rows
    assert "(address)" in rows
    assert "example.org" not in rows.lower()
    told.town.service.readers.erase(told.bob)
    assert told.count("subscriber_id IS NULL AND address_hash IS NULL AND message_id = '' AND detail = ''") == 1
    assert told.count("subscriber_id IS NULL") == 1, "only theirs"


def test_old_events_go_the_grave_ones_last(told: Teller) -> None:
    told.morning()
    for word in ("email.delivered", "email.bounced"):
        told.tell(word)
    for days, left in ((34, 2), (2, 1), (363, 1), (2, 0)):
        told.town.clock.at += days * DAY
        tidy(told.town.service.readers)
        assert told.count() == left
    assert told.why(ADA) == ("bounced", "resend"), "the suppression stays"


def test_a_call_that_is_refused_leaves_nothing(told: Teller) -> None:
    told.morning()
    headers, body = told.call("email.complained")
    receive = told.town.service.events.receive
    with pytest.raises(NotSigned):
        receive("resend", headers, body + b" ")
    with pytest.raises(NotSigned):
        receive("resend", {}, body)
    broken = {**event("email.complained", told.town.clock.at), "data": {"to": [ADA], "email_id": 5}}
    with pytest.raises(Malformed):
        receive("resend", *signed(broken, told.town.clock.at))
    told.town.clock.at += timedelta(minutes=6)
    with pytest.raises(NotSigned):
        receive("resend", headers, body)
    assert told.count() == 0
    assert told.why(ADA) is None


def test_an_event_that_cannot_be_applied_holds_up_no_other(told: Teller, caplog: pytest.LogCaptureFixture) -> None:
    told.morning()
    told.tell("email.delivered", message="msg_a")
    run(told.town, "UPDATE event SET kind = 'newer', applied_at = NULL")
    assert told.tell("email.delivered", message="msg_b") == 1
    assert told.town.service.events.settle() == 0
    assert told.count("applied_at IS NULL") == 1
    assert "failed and waits: ValueError" in caplog.text


def test_who_takes_their_data_out_sees_what_was_told_of_their_mails(told: Teller) -> None:
    edition = told.morning()
    told.tell("email.delivered", ago=timedelta(minutes=2))
    told.tell("email.bounced", bounce=SOFT, ago=timedelta(minutes=1))
    with reading(told.town.engine) as session:
        readers = told.town.service.readers
        (mail,) = [each for each in everything(session, told.ada, readers.shop.theme, readers.keyring) if each.told]
    assert mail.edition_id == edition
    assert [(what, words[:9]) for _, what, words in mail.told] == [("delivered", ""), ("bounced_soft", "Transient")]
