"""Everything we hold about a reader, as they take it out."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sqlalchemy import Engine

from digest.store.db import reading, writing
from subscribers import account, asks, consent, roster, steer
from subscribers.errors import UnknownReader
from subscribers.holding import held_of, to_csv, to_json
from subscribers.types import Mailed, SignUp
from tests.subscribers.people import ADA, NOW, RING, confirmed, furnish

NEW = "ada.new@example.net"

TOLD = ((NOW, "bounced_soft", "=full"), (NOW, "delivered", ""))
MAILED = (
    Mailed(5, NOW, "digest", "accepted", "", "m-1", "+49 ferries", "abc", ((7, "Ferry aground"), (9, "")), TOLD),
    Mailed(4, NOW, "confirm", "skipped", "left", "", "", "", ()),
)


def test_everything_we_hold_in_two_forms(database: Engine) -> None:
    engine = furnish(database)
    name = '=HYPERLINK("http://evil.example")'
    who = confirmed(engine, ADA, "town", "sport", name=name, wording="Ich möchte, ja.", source="@poster")
    with writing(engine) as session:
        held_before = steer.choices(session.connection(), who, now=NOW)
        roster.sign_up(session, SignUp(ADA, ("harbour",)), now=NOW, hashes=[])
        consent.log(session.connection(), who, NOW, "changed", ["town"], note="-1+1\n\tsecond line")
        move = account.make_move(session, who, NEW, now=NOW, address_hashes=RING.address_hashes)
        assert move is not None
    with writing(engine) as session:
        asks.drop_in(session, asks.ConfirmAsk(who), now=NOW)
    with reading(engine) as session:
        held = held_of(
            session, who, MAILED, now=NOW, address_hashes=RING.address_hashes, view_base="https://d.example/view/"
        )
        with pytest.raises(UnknownReader):
            held_of(session, 999, (), now=NOW, address_hashes=RING.address_hashes, view_base="")
    told = json.loads(to_json(held))
    assert list(told) == [
        "about", "reader", "choices", "topics", "votes", "consents", "mails", "fresh_links", "waiting", "suppression",
        "windows",
    ]  # fmt: skip
    assert (told["reader"]["address"], told["reader"]["name"]) == (ADA, name)
    assert told["choices"]["send_time"] == "07:00"
    assert told["choices"]["all_quiet"] is False
    assert told["choices"]["next_due_at"] == "2026-03-02T06:00:00+00:00"
    assert [(each["slug"], each["status"]) for each in told["topics"]] == [
        ("town", "active"), ("sport", "active"), ("harbour", "pending"),
    ]  # fmt: skip
    assert len(held_before.topics) == 2
    assert told["consents"][0]["wording"] == "Ich möchte, ja."
    assert told["mails"][0]["link"] == "https://d.example/view/abc"
    assert told["mails"][0]["stories"] == [{"number": 7, "title": "Ferry aground"}, {"number": 9, "title": ""}]
    assert told["mails"][1]["link"] is None
    assert (told["mails"][1]["kind"], told["mails"][1]["state"]) == ("confirm", "skipped")
    assert [each["kind"] for each in told["waiting"]] == ["confirm"]
    assert told["fresh_links"][0]["address"] == NEW
    assert told["suppression"] is None

    written = to_csv(held)
    assert written.startswith(b"\xef\xbb\xbfwhat,which,value\r\n")
    rows = list(csv.reader(io.StringIO(written.decode("utf-8-sig"), newline="")))
    cells = {(what, which): value for what, which, value in rows}
    assert cells["reader", "name"] == "'" + name
    assert cells["mails 1", "subject"] == "'+49 ferries"
    assert cells["mails 1", "stories"] == "7 Ferry aground | 9"
    assert cells["mails 1", "told"] == f"{NOW.isoformat()} bounced_soft =full | {NOW.isoformat()} delivered"
    assert cells["consents 1", "source"] == "'@poster"
    assert cells["consents 1", "topics"] == "town sport"
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
