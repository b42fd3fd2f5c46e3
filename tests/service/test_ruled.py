"""What editors pin and hide, from the ruling to the mail, the answer and the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from digest.compose.content import Manifest, unpack_manifest
from digest.service.core import DigestService
from digest.service.freezing import CANDIDATES
from digest.service.ruled import acting, closed_topics, hidden_everywhere, pinned
from digest.store import editions
from digest.store.db import reading, writing
from digest.store.rulings import rule, unrule
from digest.types import Due, Envelope, ExplainedStory, Ruling
from tests.service.town import NOW, Town

TODAY = "2026-03-04"
"""Of NOW, in Berlin and in UTC."""
TOMORROW = "2026-03-05"


def ruled(town: Town, story: int, kind: str, topic: str = "", day: str = "") -> None:
    topics = {each.slug: each.id for each in town.service.topics.list()}
    with writing(town.engine) as session:
        rule(session, Ruling(story, kind, topics[topic] if topic else 0, day), NOW)


def planned(town: Town) -> int:
    (tick,) = town.service.plan()
    return tick.edition_id


def manifest_of(town: Town, edition_id: int) -> Manifest:
    with reading(town.engine) as session:
        blob = editions.get_edition(session, edition_id).blob or ""
        return unpack_manifest(editions.blobs(session, [blob])[blob])


def told(town: Town, edition_id: int, reader: int) -> list[int]:
    return [pick.story_id for pick in town.told(edition_id, reader)]


def explained(town: Town, name: str, story: int) -> ExplainedStory:
    (found,) = town.service.explainer.mail(f"{name}@example.org", None, story).stories
    return found


def test_rulings_are_told_apart_by_what_they_reach() -> None:
    rulings = [
        Ruling(1, "hide"),
        Ruling(2, "hide", 7),
        Ruling(3, "hide", 0, TODAY),
        Ruling(4, "pin", 8, "2026-03-03"),
        Ruling(5, "pin", 7, TOMORROW),
        Ruling(6, "pin", 7, "2026-03-06"),
        Ruling(2, "hide", 9, TODAY),
    ]
    assert hidden_everywhere(rulings) == {1}
    assert closed_topics(rulings, 2) == {7}
    assert closed_topics(rulings, 1) == closed_topics(rulings, 3) == set()
    assert pinned(rulings) == {4, 5, 6}
    there = acting(rulings, [7], datetime(2026, 3, 4, 6, tzinfo=UTC))
    assert [each.story_id for each in there] == [1, 2, 3, 5]


def test_a_hidden_story_reaches_nobody_and_its_pin_neither(town: Town) -> None:
    town.topics("Harbour", "Sport")
    ada = town.reader("ada@example.org", "harbour", "sport")
    ferry, bread = town.story("Ferry aground", "harbour", "sport"), town.story("Bread prize", "harbour")
    ruled(town, ferry, "hide")
    ruled(town, ferry, "pin")
    edition = planned(town)
    town.service.dispatch()
    assert told(town, edition, ada) == [bread]
    assert ferry not in manifest_of(town, edition).stories
    assert [each.story_id for each in town.service.explainer.mail("ada@example.org").stories] == [bread]
    why = explained(town, "ada", ferry)
    assert (why.verdict, why.told, why.why) == ("hidden", False, "hidden by the editor; pinned by the editor")
    topic = {each.story_id: each.verdict for each in town.service.explainer.topic("harbour").stories}
    assert topic == {bread: "lead", ferry: "hidden"}
    with writing(town.engine) as session:
        unrule(session, ferry, "hide")
    assert explained(town, "ada", ferry).verdict == "hidden", "the answer is about that mail"
    assert town.service.explainer.topic("harbour").stories[0].story_id == ferry


def test_what_is_hidden_in_a_topic_may_come_through_another(town: Town) -> None:
    town.topics("Harbour", "Sport")
    ada, ben = town.reader("ada@example.org", "harbour"), town.reader("ben@example.org", "harbour", "sport")
    regatta, bread = town.story("Regatta won", "harbour", "sport"), town.story("Bread prize", "harbour")
    ruled(town, regatta, "hide", "harbour", TODAY)
    edition = planned(town)
    town.service.dispatch()
    assert told(town, edition, ada) == [bread]
    assert set(told(town, edition, ben)) == {regatta, bread}
    assert town.service.readers.why(ben, edition, regatta).topic == "Sport"
    why = explained(town, "ada", regatta)
    assert (why.verdict, why.topic, why.why) == ("hidden", "Harbour", f"hidden by the editor for Harbour on {TODAY}")
    through = explained(town, "ben", regatta)
    assert (through.told, through.topic) == (True, "Sport")
    assert f"hidden by the editor for Harbour on {TODAY}" in through.why
    bens = town.service.readers.view(ben, edition)
    assert bens is not None
    assert "Regatta won" in bens.text


def test_a_day_is_that_of_the_readers_mail(town: Town) -> None:
    """At 18:00 UTC it is the next day already in Auckland."""
    town.topics("Harbour")
    town.clock.at = NOW.replace(hour=18)
    joined = NOW - timedelta(hours=21)
    berlin = town.reader("berlin@example.org", "harbour", signed_up=joined, at="19:00")
    auckland = town.reader("auckland@example.org", "harbour", signed_up=joined, timezone="Pacific/Auckland", at="07:00")
    ferry = town.story("Ferry aground", "harbour")
    ruled(town, ferry, "hide", "harbour", TODAY)
    edition = planned(town)
    town.service.dispatch()
    assert told(town, edition, berlin) == []
    assert told(town, edition, auckland) == [ferry]
    assert explained(town, "berlin", ferry).verdict == "hidden"
    why = explained(town, "auckland", ferry)
    assert (why.verdict, "editor" in why.why) == ("lead", False)


def test_a_pinned_story_stands_first_for_who_reads_its_topic(town: Town) -> None:
    town.topics("Harbour", "Sport")
    ada, ben = town.reader("ada@example.org", "harbour", "sport"), town.reader("ben@example.org", "sport")
    news = [town.story(f"Event number {number}", "harbour", "sport") for number in range(6)]
    old = town.story("Somebody grows a marrow", "harbour", "sport", at=NOW - timedelta(hours=20))
    ruled(town, old, "pin", "harbour", TODAY)
    edition = planned(town)
    town.service.dispatch()
    assert told(town, edition, ada)[0] == old
    assert told(town, edition, ben)[-1] == old
    adas = town.service.readers.view(ada, edition)
    assert adas is not None
    assert adas.subject == "Somebody grows a marrow"
    why = explained(town, "ada", old)
    assert (why.verdict, f"pinned by the editor for Harbour on {TODAY}" in why.why) == ("lead", True)
    found = town.service.press.told(edition, ada)
    assert found is not None
    assert f"pinned by the editor for Harbour on {TODAY}" in found.whys[0][1]
    assert "pinned" not in explained(town, "ben", old).why
    assert set(told(town, edition, ben)) == {*news, old}


def test_a_pin_sends_nothing_twice(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    ferry = town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    ruled(town, ferry, "pin")
    at = NOW + timedelta(hours=3)
    same = "Ferry aground was the talk of the harbour. Nobody had expected it so soon."
    town.story("Ferry aground, once more", "harbour", at=at, into=ferry, text=same)
    bread = town.story("Bread prize", "harbour", at=at)
    town.clock.at = NOW + timedelta(days=1)
    edition = planned(town)
    town.service.dispatch()
    assert told(town, edition, ada) == [bread]
    why = explained(town, "ada", ferry)
    assert (why.verdict, "pinned by the editor" in why.why) == ("already sent", True)


def test_a_pinned_story_is_kept_whatever_its_rank(small_town: Town) -> None:
    town = small_town
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    town.service.readers.edit("ada@example.org", max_stories=3)
    last = town.story("Somebody grows a marrow", "harbour", at=NOW - timedelta(hours=20))
    for number in range(CANDIDATES + 3):
        town.story(f"Event number {number}", "harbour", at=NOW - timedelta(minutes=30))
    ruled(town, last, "pin")
    edition = planned(town)
    assert len(manifest_of(town, edition).stories) == CANDIDATES + 1
    town.service.dispatch()
    assert told(town, edition, ada)[0] == last


@pytest.mark.parametrize("day", ["", TODAY])
def test_what_was_ruled_after_planning_changes_no_planned_mail(town: Town, day: str) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    ferry, bread = town.story("Ferry aground", "harbour"), town.story("Bread prize", "harbour")
    ruled(town, bread, "pin", "harbour", day)
    edition = planned(town)
    due = [Due(edition, row.subscriber_id, row.profile_id, row.since) for row in town.deliveries(edition)]
    first = town.service.press.compose(edition, due, "json")
    ruled(town, ferry, "pin")
    ruled(town, bread, "hide")
    other = DigestService(town.service.settings, now=town.clock, engine=town.engine)
    assert other.press.compose(edition, due, "json") == first
    assert first[0].subject == "Bread prize"  # type: ignore[union-attr]
    other.close()


def test_rulings_that_reach_nobody_leave_the_edition_as_it_was(small_town: Town) -> None:
    town = small_town
    town.topics("Harbour", "Sport")
    town.reader("ada@example.org", "harbour")
    ferry = town.story("Ferry aground", "harbour")
    ruled(town, ferry, "hide", "sport")
    ruled(town, ferry, "pin", "harbour", "2026-03-01")
    assert manifest_of(town, planned(town)).rulings == ()


def test_a_story_has_no_page_where_it_is_hidden_from_every_public_topic(town: Town) -> None:
    town.topics("Harbour", "Sport", "Culture")
    ada = town.reader("ada@example.org", "harbour", "sport", "culture")
    shown, closed, today = (town.story(title, "harbour") for title in ("Ferry aground", "Bread prize", "Tram opens"))
    both = town.story("Regatta won", "harbour", "culture")
    gone = town.story("Rumour", "harbour")
    for story in (shown, closed):  # told by two, so that their cards lead to a page
        town.story(f"More of it {story}", "sport" if story == closed else "harbour", into=story, publisher="Die Mole")
    ruled(town, closed, "hide", "harbour")
    town.service.topics.edit("sport", public=False)
    ruled(town, both, "hide", "harbour")
    ruled(town, today, "hide", "", TODAY)
    ruled(town, gone, "hide")
    pages = {story: town.service.readers.story(story) for story in (shown, closed, today, both, gone)}
    assert [story for story, page in pages.items() if page is None] == [closed, gone]
    found = pages[both]
    assert found is not None
    assert found.topics == ("culture",)
    edition = planned(town)
    assert manifest_of(town, edition).stories.keys() == {shown, closed, today, both}
    (row,) = town.deliveries(edition)
    (mail,) = town.service.press.compose(edition, [Due(edition, ada, row.profile_id, row.since)], "raw")
    assert isinstance(mail, Envelope)
    assert f"/story/{shown}" in mail.html.decode()
    assert f"/story/{closed}" not in mail.html.decode()
