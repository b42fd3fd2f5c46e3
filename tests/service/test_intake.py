"""The intake: what each ask comes to, and the caps on the mails that answer it."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import pytest
from sqlalchemy import select

from digest.service.answers import MAILBOX_A_DAY, MAILBOX_AN_HOUR
from digest.store.db import reading, writing
from digest.types import EditionState
from subscribers import asks, suppressions
from subscribers.models import FreshLink
from tests.service.asking import drop, sent, sign_up, slots, text_of, waiting, work
from tests.service.town import NOW, Town

# --- what each kind comes to ------------------------------------------------------------------------------------------


def test_a_sign_up_becomes_a_confirmation(town: Town) -> None:
    town.topics("Harbour", "Energy")
    woken: list[int] = []
    town.service.readers.on_mail_planned = lambda: woken.append(len(town.deliveries()))
    drop(town, sign_up("ada@example.org", "harbour", "energy"))
    assert work(town) == 1
    assert woken == [1], "the wake-up comes after the mail is durable"
    assert waiting(town) == []
    assert town.service.readers.show("ada@example.org").status == "pending"
    (mail,) = sent(town)
    assert mail["To"] == "ada@example.org"
    assert mail["Subject"] == "Please confirm: Harbour and Energy"
    assert work(town) == 0


def test_who_reads_all_of_it_already_is_told_so(town: Town) -> None:
    """Seen from outside a known and an unknown address are alike: each gets one mail."""
    town.topics("Harbour", "Energy")
    reader = town.reader("ada@example.org", "harbour", locale="de")
    drop(town, sign_up(locale="ar"), sign_up("ben@example.org"))
    assert work(town) == 2
    assert slots(town) == ["known", "confirm"]
    known, _ = sent(town)
    assert known["To"] == "ada@example.org"
    token = re.search(r"/preferences/([\w-]{38})", text_of(known))
    assert token
    assert town.service.keyring.unseal(token[1], "steer").subscriber_id == reader
    html = known.get_body(("html",))
    assert html is not None
    assert 'lang="de"' in html.get_content(), "in the reader's language, not the one that a stranger chose"


def test_a_new_topic_of_an_active_reader_is_asked_for(town: Town) -> None:
    town.topics("Harbour", "Energy")
    town.reader("ada@example.org", "harbour")
    drop(town, sign_up("ada@example.org", "harbour", "energy"))
    work(town)
    assert slots(town) == ["confirm"]
    assert town.service.readers.show("ada@example.org").pending == ("energy",)


def test_nobody_suppressed_for_good_is_written_to(town: Town) -> None:
    town.topics("Harbour")
    hashed = town.service.keyring.address_hashes("ada@example.org")[0]
    with writing(town.engine) as session:
        suppressions.suppress(session, hashed, reason="bounced", now=NOW)
    drop(town, sign_up(), asks.FreshAsk("en", address="ada@example.org"))
    assert work(town) == 2
    assert town.editions() == []


def test_a_fresh_link_goes_to_who_is_on_the_roster(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    asked = [asks.FreshAsk("en", address=each) for each in ("ADA@example.org", "who@example.org")]
    drop(town, *asked, asks.FreshAsk("en", subscriber_id=999))
    assert work(town) == 3
    (mail,) = sent(town)
    assert mail["To"] == "ada@example.org"
    token = re.search(r"/account/([\w-]{38})", text_of(mail))
    assert token
    claim = town.service.keyring.unseal(token[1], "fresh")
    assert claim.subscriber_id == reader
    assert town.service.readers.fresh(reader, claim.context)


@pytest.mark.parametrize("was", ["pending", "left"])
def test_who_is_no_reader_sees_and_erases_what_we_hold(town: Town, was: str) -> None:
    town.topics("Harbour")
    if was == "pending":
        drop(town, sign_up())
        work(town)
        sent(town)
    else:
        reader = town.reader("ada@example.org", "harbour")
        town.service.readers.leave(reader, reason="one-click")
    desk = town.service.readers
    reader = desk.show("ada@example.org").id
    town.clock.at += timedelta(minutes=1)
    drop(town, asks.FreshAsk("en", address="ada@example.org"), asks.FreshAsk("en", address="ada@example.org"))
    assert work(town) == 2
    assert slots(town)[-1] == "fresh"
    mail = sent(town)[-1]
    assert mail["To"] == "ada@example.org"
    token = re.search(r"/account/([\w-]{38})", text_of(mail))
    assert token
    claim = town.service.keyring.unseal(token[1], "fresh")
    assert desk.open_account(reader, claim.context).status == was
    assert b"ada@example.org" in desk.export(reader, "json")[1]
    desk.erase(reader)
    assert desk.list() == []


def test_a_link_asked_for_by_a_reader_does_not_reach_who_left_meanwhile(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    drop(town, asks.FreshAsk("en", address="ada@example.org"))
    work(town)
    town.service.readers.leave(reader, reason="one-click")
    assert sent(town) == []
    assert [row.reason for row in town.deliveries()] == ["left"]


def test_a_confirmation_again(town: Town) -> None:
    town.topics("Harbour")
    drop(town, sign_up())
    work(town)
    reader = town.service.readers.show("ada@example.org").id
    town.clock.at += timedelta(minutes=11)
    drop(town, asks.ConfirmAsk(reader), asks.ConfirmAsk(999))
    assert work(town) == 2
    assert slots(town) == ["confirm", "confirm"]
    town.service.readers.confirm(reader, network=None)
    town.clock.at += timedelta(minutes=11)
    drop(town, asks.ConfirmAsk(reader))
    work(town)
    assert slots(town)[:2] == ["confirm", "confirm"]
    assert "confirm" not in slots(town)[2:], "nothing waits any more"


def test_a_move_asks_the_new_address_and_tells_the_old_one(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour", name="Ada")
    drop(town, asks.MoveAsk(reader, "ada@new.example"))
    assert work(town) == 1
    mails = {str(mail["To"]): mail for mail in sent(town)}
    assert set(mails) == {"ada@example.org", "ada@new.example"}
    assert "new.example" not in text_of(mails["ada@example.org"]), "who holds the old mailbox need not know the new one"
    assert "example.org" not in text_of(mails["ada@new.example"]).replace(town.service.settings.public_url, "")
    keyring = town.service.keyring
    moving = re.search(r"/stop-move/([\w-]{38})", text_of(mails["ada@example.org"]))
    move = re.search(r"/move/([\w-]{38})", text_of(mails["ada@new.example"]))
    assert moving
    assert move
    assert keyring.unseal(moving[1], "stop") == keyring.unseal(move[1], "fresh")
    link = keyring.unseal(move[1], "fresh").context
    assert town.service.readers.moving(reader, link)
    town.service.readers.move(reader, link, network=None)
    assert town.service.readers.show("ada@new.example").id == reader


def test_a_move_to_somebody_elses_address_reaches_nobody_there(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    town.reader("ben@example.org", "harbour")
    drop(town, asks.MoveAsk(reader, "Ben@example.org"))
    work(town)
    assert [mail["To"] for mail in sent(town)] == ["ada@example.org"]


def test_a_welcome_brings_what_today_would_have_been_and_counts_for_memory(town: Town) -> None:
    town.topics("Harbour")
    story = town.story("Ferry aground", "harbour", at=NOW - timedelta(hours=3))
    drop(town, sign_up())
    work(town)
    reader = town.service.readers.show("ada@example.org").id
    town.service.readers.confirm(reader, network=None)
    work(town)
    assert slots(town) == ["confirm", "welcome"]
    mails = sent(town)
    assert len(mails) == 2
    assert "Ferry aground" in text_of(mails[1])
    assert mails[1]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click", "a welcome is a digest"
    welcome = town.editions()[-1]
    assert welcome.state == EditionState.DONE
    assert [pick.story_id for pick in town.told(welcome.id or 0, reader)] == [story]
    assert town.morning(NOW + timedelta(days=1)) == 0, "what the welcome told does not come again"


def test_a_welcome_is_one_however_often_it_is_asked_for(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    drop(town, asks.WelcomeAsk(reader), asks.WelcomeAsk(reader))
    assert work(town) == 2
    assert slots(town) == ["welcome"]
    town.clock.at += timedelta(days=3)  # left and come back
    drop(town, asks.WelcomeAsk(reader))
    work(town)
    assert slots(town) == ["welcome", "welcome"]


def test_who_left_before_the_welcome_gets_none(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    drop(town, asks.WelcomeAsk(reader))
    town.service.readers.leave(reader, reason="page")
    assert work(town) == 1
    assert town.editions() == [], "no edition without a delivery is left behind"
    assert waiting(town) == []


# --- caps -------------------------------------------------------------------------------------------------------------


def test_mails_of_a_purpose_are_few_and_far_between(town: Town) -> None:
    """Nobody can bomb a third person: three a day, ten minutes apart, of each purpose."""
    town.topics("Harbour")
    town.reader("ben@example.org", "harbour")
    ways: dict[str, asks.Ask] = {
        "confirm": sign_up(),
        "known": sign_up("ben@example.org"),
        "fresh": asks.FreshAsk("en", address="ben@example.org"),
    }
    told: dict[int, list[str]] = {}
    for minutes in (0, 1, 9, 11, 15, 22, 70, 75, 85, 150, 300, 23 * 60):
        town.clock.at = NOW + timedelta(minutes=minutes)
        before = len(slots(town))
        drop(town, *ways.values())
        work(town)
        if len(slots(town)) > before:
            told[minutes] = slots(town)[before:]
    assert told == {
        0: ["confirm", "known", "fresh"],
        11: ["confirm", "known", "fresh"],
        22: ["confirm"],  # Ben had four within the hour
        70: ["known", "fresh"],
    }
    assert waiting(town) == [], "what a cap forbids is not put off"
    town.clock.at = NOW + timedelta(hours=26)
    drop(town, sign_up())
    work(town)
    assert slots(town)[-1] == "confirm"
    assert slots(town).count("confirm") == 4


def test_one_mailbox_under_many_spellings_gets_four_an_hour_and_eight_a_day(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.topics("Harbour")
    spelled = [f"a.d.a+{number}@googlemail.com" for number in range(5)] + [f"ada+x{n}@gmail.com" for n in range(5)]
    drop(town, *[sign_up(address) for address in spelled], sign_up("ada@example.org"))
    with caplog.at_level(logging.INFO):
        assert work(town) == 11
    assert slots(town).count("confirm") == MAILBOX_AN_HOUR + 1, "four, and one to another mailbox"
    assert len(town.service.readers.list()) == 11, "the cap is on mails, never on who somebody is"
    counts = []
    for hour in range(1, 9):
        town.clock.at = NOW + hour * timedelta(hours=1, minutes=11)
        drop(town, *[sign_up(f"ada+{hour}.{number}@gmail.com") for number in range(3)])
        work(town)
        counts.append(slots(town).count("confirm") - 1)
    assert counts == [7, 8, 8, 8, 8, 8, 8, 8]
    assert counts[-1] == MAILBOX_A_DAY
    assert "ada" not in caplog.text.lower()
    assert "gmail" not in caplog.text.lower()


def test_a_move_is_capped_at_both_ends(town: Town) -> None:
    town.topics("Harbour")
    reader = town.reader("ada@example.org", "harbour")
    for number in range(5):
        drop(town, asks.MoveAsk(reader, f"victim{number}@new.example"))
    work(town)
    assert slots(town) == ["moving", "move"]
    eve = [town.reader(f"eve{number}@example.org", "harbour") for number in range(4)]
    drop(town, *[asks.MoveAsk(each, "victim0@new.example") for each in eve])
    work(town)
    assert slots(town).count("moving") == 5, "each is told"
    assert slots(town).count("move") == 4, "who did not ask gets four an hour, however many accounts ask"
    with reading(town.engine) as session:
        assert len(session.execute(select(FreshLink.id)).all()) == 5  # type: ignore[call-overload]
