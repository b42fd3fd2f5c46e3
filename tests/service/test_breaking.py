"""Breaking news, walked on both databases: told at once, once, and only to who asked for it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from digest.errors import InputError
from digest.models import Source
from digest.store.db import writing
from digest.store.rulings import rule, unrule
from digest.types import DeliveryState, Pick, Ruling
from subscribers.sql import table
from tests.gather.site import serving
from tests.service.breaking_news import (
    LATER,
    MINUTE,
    PAPERS,
    QUARTER,
    TEXTS,
    feed,
    harbour,
    slots,
    subjects,
    tell,
    terms,
)
from tests.service.desk import desk_of
from tests.service.test_hours import ALWAYS, own
from tests.service.town import NOW, Town

# --- at once ----------------------------------------------------------------------------------------------------------


def test_three_papers_within_the_hour_are_told_at_once(town: Town) -> None:
    ada = harbour(town)
    due = town.due_at("ada@example.org")
    other = tell(town, [3], "harbour", about="Crane sold")
    ferry = tell(town, [0, 1], "harbour")
    assert town.service.plan() == [], "two are not enough"
    tell(town, [2], "harbour", into=ferry, at=LATER)
    (planned,) = town.service.plan()
    assert planned.deliveries == 1
    assert slots(town) == [f"breaking:{ferry}:1"]
    assert town.service.plan() == [], "a second look plans nothing"
    assert town.service.dispatch().accepted == 1
    assert town.told(planned.edition_id, ada) == (Pick(ferry, 3),)
    assert other not in {pick.story_id for pick in town.told(planned.edition_id, ada)}
    (subject,) = subjects(town)
    assert subject.startswith("Breaking: Ferry aground")
    assert town.due_at("ada@example.org") == due, "the ordinary mail comes when it would have come"


def test_the_mail_says_that_it_is_breaking_and_who_tells_it(town: Town) -> None:
    ada = harbour(town)
    german = town.reader("jo@example.org", "harbour", cadence="as-it-happens", locale="de", signed_up=LATER - MINUTE)
    tell(town, [0, 1, 2], "harbour")
    (planned,) = town.service.plan()
    assert town.service.dispatch().accepted == 2
    english, other = (town.service.press.view(planned.edition_id, each) for each in (ada, german))
    assert english is not None
    assert other is not None
    assert "· Breaking" in english.html
    assert "· Breaking" in english.text
    assert "Quayside Wire, Harbour Echo, and Evening Tide" in english.html, "what an inbox shows beside the subject"
    assert "1 story" not in english.html
    assert other.subject.startswith("Eilmeldung: Ferry aground")
    assert "· Eilmeldung" in other.text


def test_nothing_comes_twice(town: Town) -> None:
    ada = harbour(town)
    ferry = tell(town, [0, 1, 2], "harbour")
    assert town.morning() == 1
    rose = town.story("Roses bloom early", "garden", at=NOW + 10 * MINUTE)
    assert town.morning(NOW + QUARTER) == 1, "the quarter hour brings what else there is"
    told = town.told(town.editions()[-1].id or 0, ada)
    assert told == (Pick(rose, 1),)
    assert town.morning(NOW + 2 * QUARTER) == 0
    assert [slot for slot in slots(town) if slot.startswith("breaking")] == [f"breaking:{ferry}:1"]


def test_who_reads_daily_waits_for_the_digest(town: Town) -> None:
    harbour(town)
    ferry = tell(town, [0, 1, 2], "harbour")
    assert town.morning() == 1
    ben = town.service.readers.show("ben@example.org").id
    assert [row.subscriber_id for row in town.deliveries()] == [1]
    town.morning(NOW + timedelta(days=1))
    told = [town.told(row.edition_id, ben) for row in town.deliveries() if row.subscriber_id == ben]
    assert told == [(Pick(ferry, 3),)]


def test_off_unless_an_operator_wants_it(town: Town) -> None:
    harbour(town)
    terms(town, "harbour", publishers=0)
    tell(town, [0, 1, 2, 3, 4], "harbour")
    assert town.service.plan() == []
    assert slots(town) == []


def test_copies_of_one_text_break_nothing(town: Town) -> None:
    harbour(town)
    ferry = tell(town, [0, 1], "harbour")
    for mark, paper in (("!", "Copy Courier"), ("?", "Second Hand")):
        title, text = f"Ferry aground ({PAPERS[0]}){mark}", f"Ferry aground. {TEXTS[0]}"
        town.story(title, "harbour", into=ferry, text=text, publisher=paper, at=LATER - MINUTE)
    assert town.service.plan() == []
    tell(town, [2], "harbour", into=ferry, at=LATER)
    assert [each.deliveries for each in town.service.plan()] == [1], "what was looked at before is looked at again"


def test_what_broke_while_nobody_planned_waits_for_the_digest(town: Town) -> None:
    ada = harbour(town)
    ferry = tell(town, [0, 1, 2], "harbour")
    town.clock.at = LATER + timedelta(hours=5)
    town.morning()
    assert slots(town) == ["tick:2026-03-04T11:00Z"]
    assert town.told(town.editions()[0].id or 0, ada) == (Pick(ferry, 3),)


@pytest.mark.parametrize("topic", [0, 1])
def test_what_an_operator_hid_does_not_break(town: Town, topic: int) -> None:
    harbour(town)
    ferry = tell(town, [0, 1, 2], "harbour")
    with writing(town.engine) as session:
        rule(session, Ruling(ferry, "hide", topic), LATER)
    assert town.service.plan() == []
    with writing(town.engine) as session:
        unrule(session, ferry, "hide")
    assert [each.deliveries for each in town.service.plan()] == [1]


def test_what_is_hidden_for_a_day_reaches_who_has_another(town: Town) -> None:
    ada = harbour(town)
    hana = town.reader(
        "hana@example.org", "harbour", cadence="as-it-happens", timezone="Pacific/Honolulu", signed_up=LATER - MINUTE
    )
    ferry = tell(town, [0, 1, 2], "harbour")
    with writing(town.engine) as session:
        rule(session, Ruling(ferry, "hide", 0, "2026-03-04"), LATER)
    (planned,) = town.service.plan()
    assert town.service.dispatch().accepted == 1, "in Honolulu it is still the third"
    assert town.told(planned.edition_id, hana) == (Pick(ferry, 3),)
    assert town.told(planned.edition_id, ada) == ()


# --- who --------------------------------------------------------------------------------------------------------------


def test_a_topic_as_it_happens_of_its_own(town: Town) -> None:
    """Who reads daily may want the harbour as it happens, and who reads as it happens the harbour daily."""
    harbour(town)
    cleo = town.reader("cleo@example.org", "garden", "harbour")
    own(town, cleo, "harbour", ALWAYS, at=LATER)
    dan = town.reader("dan@example.org", "harbour", "garden", cadence="as-it-happens")
    own(town, dan, "harbour", ("daily", 420), at=LATER)
    ferry = tell(town, [0, 1, 2], "harbour")
    (planned,) = town.service.plan()
    readers = [row.subscriber_id for row in town.deliveries(planned.edition_id)]
    assert readers == [1, cleo]
    town.service.dispatch()
    assert town.told(planned.edition_id, cleo) == (Pick(ferry, 3),)


def test_who_pauses_or_left_gets_nothing(town: Town) -> None:
    ada = harbour(town)
    eve = town.reader("eve@example.org", "harbour", cadence="as-it-happens")
    town.service.readers.pause(ada, (LATER + timedelta(days=3)).date())
    town.service.readers.leave(eve, reason="one-click")
    tell(town, [0, 1, 2], "harbour")
    assert town.service.plan() == []
    assert slots(town) == [], "without an audience there is no edition"


def test_the_cap_holds_over_all_topics_and_for_a_day(town: Town) -> None:
    ada = harbour(town)
    terms(town, "harbour", a_day=2)
    terms(town, "garden")
    events = ["Crane sold", "Quay closed", "Storm warning"]
    tell(town, [0, 1, 2], "garden", about="Roses bloom early")
    first = tell(town, [0, 1, 2], "harbour", about=events[0])
    second = tell(town, [0, 1, 2], "harbour", about=events[1])
    planned = town.service.plan()
    assert [each.deliveries for each in planned] == [1, 1], "the garden's and the first of the harbour"
    assert town.service.dispatch().accepted == 2
    assert len(slots(town)) == 2
    assert f"breaking:{second}:1" not in slots(town)
    assert town.morning(NOW + QUARTER) == 1, "and the quarter hour brings what the cap held back"
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(second, 3),)
    town.clock.at = LATER + timedelta(days=1)
    third = tell(town, [0, 1, 2], "harbour", about=events[2], at=town.clock.at - 3 * MINUTE)
    assert [each.deliveries for each in town.service.plan() if each.edition_id][:1] == [1]
    assert f"breaking:{third}:1" in slots(town)
    assert f"breaking:{first}:1" in slots(town)


def test_a_rejected_mail_does_not_count_against_the_cap(town: Town) -> None:
    harbour(town)
    terms(town, "harbour", a_day=1)
    tell(town, [0, 1, 2], "harbour", about="Crane sold")
    (planned,) = town.service.plan()
    with writing(town.engine) as session:
        deliveries = table(type(town.deliveries()[0]))
        session.connection().execute(update(deliveries).values(state=DeliveryState.REJECTED))
    tell(town, [0, 1, 2], "harbour", about="Quay closed")
    (again,) = town.service.plan()
    assert again.edition_id != planned.edition_id


def test_a_story_of_two_topics_reaches_each_reader_once(town: Town) -> None:
    ada = harbour(town)
    terms(town, "garden", minutes=30)
    fay = town.reader("fay@example.org", "garden", cadence="as-it-happens", signed_up=LATER - MINUTE)
    gil = town.reader("gil@example.org", "harbour", cadence="as-it-happens", signed_up=LATER - MINUTE)
    both = tell(town, [0, 1, 2], "harbour", "garden")
    town.service.plan()
    assert slots(town) == [f"breaking:{both}:1", f"breaking:{both}:2"], "the garden's, then the harbour's"
    told = [(row.edition_id, row.subscriber_id) for row in town.deliveries()]
    assert told == [(1, ada), (1, fay), (2, gil)]
    assert town.service.dispatch().accepted == 3
    assert town.service.plan() == []


# --- again ------------------------------------------------------------------------------------------------------------


def test_it_breaks_again_as_an_update_and_then_no_more(town: Town) -> None:
    ada = harbour(town)
    ferry = tell(town, [0, 1, 2], "harbour")
    assert town.morning() == 1
    town.clock.at = LATER + 2 * QUARTER
    news = ("Ferry afloat again", "Ferry sinks at last", "Ferry towed to the yard")
    said = (
        "At noon the tugs pulled her from the bank in one long pull.",
        "Water came in by night through a second, unseen leak.",
        "The yard has room for the ship from next Monday on.",
    )
    for place in (0, 1):
        town.story(news[place], "harbour", into=ferry, at=town.clock.at - 3 * MINUTE, text=said[place],
                   publisher=PAPERS[place])  # fmt: skip
    assert town.service.plan() != [], "the quarter hour's"
    assert f"breaking:{ferry}:2" not in slots(town), "two of those who told it before are not enough"
    town.story(news[2], "harbour", into=ferry, at=town.clock.at, text=said[2], publisher=PAPERS[4])
    town.service.plan()
    second = next(edition for edition in town.editions() if edition.slot == f"breaking:{ferry}:2")
    town.service.dispatch()
    assert [pick.from_version for pick in town.told(second.id or 0, ada)] == [3]
    assert any(subject.startswith("Update: ") for subject in subjects(town)), "an update is called one"
    town.clock.at += QUARTER
    for place, paper in enumerate(PAPERS):
        town.story(f"Ferry, day two {place}", "harbour", into=ferry, at=town.clock.at, publisher=paper)
    town.service.plan()
    assert [slot for slot in slots(town) if slot.startswith("breaking")] == [
        f"breaking:{ferry}:1",
        f"breaking:{ferry}:2",
    ]


# --- explained and listed ---------------------------------------------------------------------------------------------


def test_it_is_explained_and_listed(small_town: Town) -> None:
    town = small_town
    ada = harbour(town)
    other = tell(town, [3], "harbour", about="Crane sold")
    ferry = tell(town, [0, 1, 2], "harbour")
    (planned,) = town.service.plan()
    town.service.dispatch()
    told = town.service.explainer.mail("ada@example.org", planned.edition_id)
    assert told.slot == f"breaking:{ferry}:1"
    assert [(each.story_id, each.verdict, each.told) for each in told.stories] == [(ferry, "lead", True)]
    assert [each.publisher for each in told.stories[0].articles] == list(PAPERS[:3])
    (left,) = town.service.explainer.mail("ada@example.org", planned.edition_id, other).stories
    assert (left.told, left.why) == (False, f"a breaking mail tells one story alone, here {ferry}")
    with pytest.raises(InputError, match=r"was no digest for ben@example\.org"):
        town.service.explainer.mail("ben@example.org", planned.edition_id)
    _, content = desk_of(town).export(ada, "json")
    (mail,) = json.loads(content)["mails"]
    assert mail["kind"] == "breaking"
    assert mail["subject"].startswith("Breaking: Ferry aground")
    assert "/view/" in mail["link"]


def test_an_earlier_mail_of_the_quarter_hour_makes_it_an_update_or_nothing(town: Town) -> None:
    """Who was told by a first paper is not told the same again: what the others add comes as an update."""
    ada = harbour(town)
    ferry = tell(town, [0], "harbour", at=LATER - 2 * MINUTE)
    assert town.morning(NOW + QUARTER) == 1
    town.clock.at = NOW + QUARTER + 5 * MINUTE
    tell(town, [1, 2], "harbour", into=ferry, at=town.clock.at - 2 * MINUTE)
    (planned,) = town.service.plan()
    assert town.service.dispatch().accepted == 1
    assert town.told(planned.edition_id, ada) == (Pick(ferry, 3, 1),)


# --- from a feed on ---------------------------------------------------------------------------------------------------


def test_from_three_feeds_to_one_mail(town: Town) -> None:
    ada = harbour(town)
    with serving() as site:
        for paper in range(3):
            at = LATER - (10 - paper) * MINUTE
            town.service.sources.add(feed(site, paper, at), topics=["harbour"])
        with writing(town.engine) as session:
            session.connection().execute(update(table(Source)).values(first_gathered_at=NOW - timedelta(days=1)))
        assert [row.status for row in town.service.gather()] == ["ok"] * 3
    (planned,) = town.service.plan()
    assert town.service.dispatch().accepted == 1
    ((pick,), (subject,)) = town.told(planned.edition_id, ada), subjects(town)
    assert subject == "Breaking: Ferry Margarethe aground on sandbank at harbour"
    assert slots(town) == [f"breaking:{pick.story_id}:1"]
