"""The account: only a fresh link opens it; what one sees, takes out, moves and erases there."""

from __future__ import annotations

import csv
import io
import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.models import Delivery
from digest.service.intake import work_intake
from digest.store.db import writing
from digest.types import DeliveryState
from subscribers.errors import AddressTaken, BadAddress, HasLeft, LinkUsed, OldLink, UnknownReader
from subscribers.sql import table
from tests.service.desk import ADA, asked, desk_of, kinds, last_link
from tests.service.town import NOW, Town


def open_account(town: Town, who: int) -> int:
    """The number of an account link that was asked for, mailed and opened."""
    desk_of(town).ask_fresh_link_for(who, locale="en", network=None)
    link = last_link(town, who)
    assert desk_of(town).fresh(who, link)
    desk_of(town).open_account(who, link)
    return link


def test_the_account_opens_once_and_shows_what_was_sent(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    town.morning()
    link = open_account(town, ada)
    with pytest.raises(LinkUsed):
        desk_of(town).open_account(ada, link)
    told = desk_of(town).account(ada, link)
    assert (told.address, [each.action for each in told.consents]) == (ADA, ["added"])
    assert [(each.subject, each.at) for each in told.history] == [("Ferry aground", NOW)], "no system mail"
    claim = town.service.keyring.read(told.history[0].view, "view")
    shown = desk_of(town).view(claim.subscriber_id, claim.context)
    assert shown is not None
    assert shown.subject == "Ferry aground"
    town.clock.at = NOW + timedelta(minutes=31)
    with pytest.raises(LinkUsed):
        desk_of(town).account(ada, link)


def test_everything_can_be_taken_out(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    town.morning()
    desk_of(town).rename(ada, "=Ada")
    name, content = desk_of(town).export(ada, "json")
    told = json.loads(content)
    assert name == "my-data-2026-03-04.json"
    assert (told["reader"]["name"], told["mails"][0]["subject"]) == ("=Ada", "Ferry aground")
    assert told["mails"][0]["link"].startswith(f"{town.service.settings.public_url}/view/")
    name, content = desk_of(town).export(ada, "csv")
    assert name == "my-data-2026-03-04.csv"
    rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert ["reader", "name", "'=Ada"] in rows
    with pytest.raises(UnknownReader):
        desk_of(town).export(999, "json")


def test_a_move_is_proved_at_the_new_address_and_voids_older_links(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    town.morning()
    (edition,) = town.editions()
    page = open_account(town, ada)
    with pytest.raises(LinkUsed):
        desk_of(town).ask_move(ada, page + 1, "new@example.net", network=None)
    with pytest.raises(BadAddress):
        desk_of(town).ask_move(ada, page, "nonsense", network=None)
    desk_of(town).ask_move(ada, page, "new@example.net", network=None)
    assert desk_of(town).account(ada, page).moving_to == "new@example.net"
    link = last_link(town, ada)
    assert desk_of(town).moving(ada, link)
    town.clock.at = NOW + timedelta(hours=1)
    assert desk_of(town).move(ada, link, network=None).subscriber_id == ada
    assert desk_of(town).show("new@example.net").id == ada
    with pytest.raises(OldLink):
        desk_of(town).choices(ada, edition_id=edition.id)
    with pytest.raises(LinkUsed):
        desk_of(town).move(ada, link, network=None)


def test_a_move_to_a_readers_address_and_a_stopped_one(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader(ADA, "harbour")
    town.reader("ben@example.org", "harbour")
    page = open_account(town, ada)
    desk_of(town).ask_move(ada, page, "ben@example.org", network=None)
    with pytest.raises(AddressTaken):
        desk_of(town).move(ada, last_link(town, ada), network=None)
    desk_of(town).stop_moves(ada, last_link(town, ada))
    assert not desk_of(town).moving(ada, last_link(town, ada))
    with pytest.raises(LinkUsed):
        desk_of(town).account(ada, page)


def test_erasing_leaves_only_the_hash(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    town.morning()
    (before,) = town.deliveries()
    assert before.provider_message_id
    assert before.picks
    desk_of(town).erase(ada)
    desk_of(town).erase(ada)
    (row,) = town.deliveries()
    assert (row.state, row.provider_message_id, row.picks, row.reason) == (DeliveryState.ACCEPTED, None, None, None)
    assert kinds(town) == [], "nothing was on its way"
    assert desk_of(town).view(ada, row.edition_id) is None
    with pytest.raises(HasLeft, match="erased"):
        town.reader(ADA, "harbour")
    desk_of(town).ask_sign_up(asked())
    back = desk_of(town).show(ADA)
    assert back.id > ada
    desk_of(town).confirm(back.id, network=None)
    assert desk_of(town).show(ADA).status == "active"


def test_erasing_leaves_a_mail_in_flight_whole_and_forgets_it_later(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader(ADA, "harbour")
    town.morning()

    def now_in(state: DeliveryState) -> None:
        with writing(town.engine) as session:
            session.connection().execute(update(table(Delivery)).values(state=str(state)))

    now_in(DeliveryState.ATTEMPTING)
    desk_of(town).erase(ada)
    (row,) = town.deliveries()
    assert row.picks, "a repeated call must be the very same"
    assert kinds(town) == ["forget"]
    work_intake(desk_of(town))
    assert kinds(town) == ["forget"], "not before it has settled"
    now_in(DeliveryState.ACCEPTED)
    work_intake(desk_of(town))
    (row,) = town.deliveries()
    assert (row.provider_message_id, row.picks) == (None, None)
    assert kinds(town) == []
