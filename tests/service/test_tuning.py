"""Votes on both databases: what they do to the next digest, and that they do nothing to one that is planned."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from digest.dispatch.sender import Sender
from digest.service.tuning import VOTES_AN_HOUR
from digest.store.db import reading, writing
from digest.types import DeliveryState, Pick
from subscribers.errors import TooMany, UnknownReader, UnknownStory
from subscribers.models import Profile, Vote
from subscribers.sql import table
from subscribers.votes import MOST_VOTES, Wish, put
from tests.dispatch.ledger_rows import run
from tests.dispatch.resend_sink import Small, lost, running
from tests.service.town import NOW, Town

VOTE, PROFILE = table(Vote), table(Profile)
A_DAY = timedelta(days=1)


def morning(town: Town, day: int = 0) -> int:
    """Plan and send the digests of that morning; the edition."""
    town.clock.at = NOW + day * A_DAY
    (tick,) = town.service.plan()
    town.service.dispatch()
    return tick.edition_id


def ada_reads(town: Town) -> tuple[int, int, int, int]:
    """Ada had a mail with two stories: (ada, edition, ferry, bread)."""
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    ferry = town.story("Ferry aground in fog", "harbour", publisher="Quayside Wire")
    bread = town.story("Bread prize for Osk", "harbour", publisher="Die Mole")
    return ada, morning(town), ferry, bread


def told(town: Town, edition_id: int, reader: int) -> list[int]:
    return [pick.story_id for pick in town.told(edition_id, reader)]


def profile_of(town: Town, edition_id: int) -> dict[str, object]:
    (row,) = town.deliveries(edition_id)
    with reading(town.engine) as session:
        data = session.connection().execute(select(PROFILE.c.data).where(PROFILE.c.id == row.profile_id)).scalar_one()
    return dict(json.loads(data))


def votes(town: Town, reader: int) -> list[tuple[str, str, int]]:
    return [(vote.kind, vote.label, vote.weight) for vote in town.service.readers.votes(reader)]


def test_why_is_told_from_what_was_sent(town: Town) -> None:
    ada, edition, _, _ = ada_reads(town)
    first, second = town.told(edition, ada)
    lead = town.service.readers.why(ada, edition, first.story_id)
    assert (lead.topic, lead.publishers, lead.stood, lead.is_update, lead.moved) == ("Harbour", 1, "lead", False, 0.0)
    assert town.service.readers.why(ada, edition, second.story_id).stood == "card"
    assert {lead.title, town.service.readers.why(ada, edition, second.story_id).title} == {
        "Ferry aground in fog",
        "Bread prize for Osk",
    }
    eve = town.reader("eve@example.org", "harbour")
    for who, which, story in ((ada, edition, 4711), (ada, 4711, first.story_id), (eve, edition, first.story_id)):
        with pytest.raises(UnknownStory):
            town.service.readers.why(who, which, story)
        with pytest.raises(UnknownStory):
            town.service.readers.vote(who, which, story, "more")
    assert votes(town, ada) == votes(town, eve) == []


def test_a_muted_story_has_no_update(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    town.service.readers.vote(ada, edition, ferry, "story")
    news = "Divers have found the rudder of the ferry. It had come off long before the fog."
    town.story("Rudder of the ferry found", "harbour", at=NOW + timedelta(hours=3), into=ferry, text=news)
    fresh = town.story("Tram line opens", "harbour", at=NOW + timedelta(hours=3))
    assert told(town, morning(town, 1), ada) == [fresh]


def test_a_muted_publisher_is_quiet_and_comes_back(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    cast = town.service.readers.vote(ada, edition, ferry, "publisher")
    assert votes(town, ada) == [("publisher", "Quayside Wire", -1)]
    for day in (1, 2):
        at = NOW + (day - 1) * A_DAY + timedelta(hours=3)
        town.story(f"Quay {day} closed for repairs", "harbour", at=at, publisher=" QUAYSIDE wire ")
        town.story(f"Choir number {day} sings", "harbour", at=at, publisher="Die Mole")
    second = morning(town, 1)
    (only,) = told(town, second, ada)
    assert town.service.readers.why(ada, second, only).publisher == "Die Mole"
    assert town.service.readers.take_back(ada, cast.id)
    assert len(told(town, morning(town, 2), ada)) == 2
    assert votes(town, ada) == []


def test_more_and_less_turn_the_order(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    bea = town.reader("bea@example.org", "harbour")
    town.service.readers.vote(ada, edition, ferry, "less")
    at = NOW + timedelta(hours=4)
    near = town.story("Ferry in fog again", "harbour", at=at + timedelta(hours=1), publisher="Quayside Wire")
    far = town.story("Tram line opens", "harbour", at=at, publisher="Die Mole")
    second = morning(town, 1)
    assert told(town, second, bea)[:2] == [near, far]
    assert told(town, second, ada)[:2] == [far, near]
    assert town.service.readers.why(ada, second, near).moved < 0
    found = town.service.press.told(second, ada)
    assert found is not None
    said = dict(found.whys)
    assert (
        f"less like story {ferry} (the same publisher and topic and words: ferry, fog) -0.25"
        in (said["Ferry in fog again"])
    )
    assert f"less like story {ferry} (the same topic) -0.04" in said["Tram line opens"]


def test_a_vote_does_nothing_to_a_mail_that_is_planned(town: Town) -> None:
    ada, edition, _, _ = ada_reads(town)
    town.clock.at = NOW + A_DAY
    tram = town.story("Tram line opens", "harbour", at=NOW + timedelta(hours=3), publisher="Quayside Wire")
    (tick,) = town.service.plan()
    before = [row.profile_id for row in town.deliveries(tick.edition_id)]
    ferry = town.told(edition, ada)[0].story_id
    town.service.readers.vote(ada, edition, ferry, "publisher")
    assert [row.profile_id for row in town.deliveries(tick.edition_id)] == before
    town.service.dispatch()
    assert told(town, tick.edition_id, ada) == [tram]


def test_a_repeat_after_a_vote_is_the_very_same_call(town: Town, tmp_path: Path) -> None:
    """The provider took the mail and its answer was lost. Meanwhile the reader votes: the repeat under the same key
    would be refused if a byte of it had changed."""
    ada, edition, ferry, _ = ada_reads(town)
    town.clock.at = NOW + A_DAY
    later = NOW + timedelta(hours=3)
    one = town.story("Ferry in fog again", "harbour", at=later, publisher="Quayside Wire")
    two = town.story("Tram line opens", "harbour", at=later, publisher="Die Mole")
    town.service.readers.vote(ada, edition, ferry, "more")
    (tick,) = town.service.plan()
    with running(tmp_path / "sink.log") as sink:
        provider = Small(sink.url, "re_key", httpx.Timeout(2.0))
        sender = Sender(
            town.engine,
            provider,
            town.service.press.compose,
            holder="test",
            address_hashes=town.service.keyring.address_hashes,
        )
        sink.script.append(lost)
        sender.drain()
        picks = town.told(tick.edition_id, ada)
        assert {pick.story_id for pick in picks} == {one, two}
        for choice in ("story", "less", "publisher"):
            town.service.readers.vote(ada, edition, ferry, choice)
            town.service.readers.vote(ada, tick.edition_id, one, choice)
        run(town.engine, "UPDATE chunk SET ready_at = 0, until = 0")
        run(town.engine, "UPDATE delivery SET retry_at = 0 WHERE retry_at IS NOT NULL")
        sender.drain()
        provider.close()
        assert len(sink.calls) == 2
        (first, body), (second, again) = sink.calls
        assert first["idempotency-key"] == second["idempotency-key"]
        assert body == again
        assert len(sink.mails()) == 1
    (row,) = town.deliveries(tick.edition_id)
    assert row.state == DeliveryState.ACCEPTED
    assert town.told(tick.edition_id, ada) == picks


def test_a_mail_shown_again_stays_what_it_was(town: Town) -> None:
    ada, edition, ferry, bread = ada_reads(town)
    before = town.service.press.view(edition, ada)
    for choice in ("story", "publisher", "less"):
        town.service.readers.vote(ada, edition, ferry, choice)
    assert town.service.press.view(edition, ada) == before
    assert set(town.told(edition, ada)) == {Pick(ferry, 1), Pick(bread, 1)}


def test_readers_who_never_voted_share_their_profiles(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    assert {"votes", "reader"}.isdisjoint(profile_of(town, edition))
    cast = town.service.readers.vote(ada, edition, ferry, "more")
    shared = town.service.readers.show("ada@example.org")
    assert shared.next_due_at == NOW.replace(second=0) + A_DAY, "a vote moves no digest"
    assert town.service.readers.take_back(ada, cast.id)
    town.story("Tram line opens", "harbour", at=NOW + timedelta(hours=3))
    assert profile_of(town, morning(town, 1)) == profile_of(town, edition)


def test_the_last_word_counts_and_undo_brings_back_the_one_before(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    desk = town.service.readers
    first = desk.vote(ada, edition, ferry, "less")
    again = desk.vote(ada, edition, ferry, "more")
    assert (first.before, again.before, first.id) == (0, -1, again.id)
    assert votes(town, ada) == [("like", "Ferry aground in fog", 1)]
    assert desk.take_back(ada, again.id, again.before)
    assert votes(town, ada) == [("like", "Ferry aground in fog", -1)]
    assert desk.take_back(ada, first.id, first.before)
    assert votes(town, ada) == []
    assert not desk.take_back(ada, first.id)


def test_nobody_touches_anothers_votes(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    eve = town.reader("eve@example.org", "harbour")
    cast = town.service.readers.vote(ada, edition, ferry, "story")
    assert not town.service.readers.take_back(eve, cast.id)
    assert not town.service.readers.take_back(eve, cast.id, before=1)
    assert len(votes(town, ada)) == 1


def test_the_newest_of_too_many_count(town: Town) -> None:
    ada, _, _, _ = ada_reads(town)
    with writing(town.engine) as session:
        for number in range(MOST_VOTES + 10):
            wish = Wish("story", str(number), -1, f"Tale {number}")
            put(session, ada, wish, now=NOW + timedelta(seconds=number))
        again = put(session, ada, Wish("story", "10", -1, "Tale 10"), now=NOW + A_DAY)
    kept = votes(town, ada)
    assert [label for _, label, _ in kept[:2]] == ["Tale 10", f"Tale {MOST_VOTES + 9}"]
    assert (len(kept), again.before) == (MOST_VOTES, -1)
    assert {label for _, label, _ in kept} == {f"Tale {number}" for number in range(10, MOST_VOTES + 10)}


def test_an_hour_takes_only_so_many(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    for _ in range(VOTES_AN_HOUR):
        town.service.readers.vote(ada, edition, ferry, "more")
    with pytest.raises(TooMany):
        town.service.readers.vote(ada, edition, ferry, "less")
    assert votes(town, ada) == [("like", "Ferry aground in fog", 1)]


def test_who_has_left_votes_no_more(town: Town) -> None:
    ada, edition, ferry, _ = ada_reads(town)
    town.service.readers.vote(ada, edition, ferry, "more")
    mark = town.service.readers.leave(ada, reason="page")
    with pytest.raises(UnknownReader):
        town.service.readers.vote(ada, edition, ferry, "less")
    assert mark is not None
    assert town.service.readers.undo_leave(ada, mark)
    town.story("Tram line opens", "harbour", at=NOW + timedelta(hours=3))
    assert profile_of(town, morning(town, 1))["reader"] == ada, "whoever comes back finds their votes"


def test_votes_are_taken_out_and_erased_with_everything_else(town: Town) -> None:
    ada, edition, ferry, bread = ada_reads(town)
    town.service.readers.vote(ada, edition, ferry, "publisher")
    town.service.readers.vote(ada, edition, bread, "less")
    town.story("Tram line opens", "harbour", at=NOW + timedelta(hours=3), publisher="Fore Street Review")
    morning(town, 1)
    _, taken = town.service.readers.export(ada, "json")
    less, mute = json.loads(taken)["votes"]
    assert (mute["kind"], mute["on"], mute["weight"]) == ("publisher", "Quayside Wire", -1)
    assert (less["kind"], less["on"], less["terms"]) == ("like", "Bread prize for Osk", ["bread", "prize", "osk"])
    assert "votes 1,on,Bread prize for Osk" in town.service.readers.export(ada, "csv")[1].decode("utf-8-sig")
    town.service.readers.erase(ada)
    with reading(town.engine) as session:
        execute = session.connection().execute
        assert execute(select(func.count()).select_from(VOTE)).scalar_one() == 0
        assert execute(select(PROFILE.c.id).where(PROFILE.c.owner.is_not(None))).all() == []
        said = " ".join(execute(select(PROFILE.c.data)).scalars())
    assert "quayside" not in said
    assert "osk" not in said
    assert '"votes"' not in said
