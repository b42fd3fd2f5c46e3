"""Freezing: what an edition tells, to whom, and that it stays that way."""

from __future__ import annotations

import quopri
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Engine

from digest.checks import RANK_WEIGHTS
from digest.compose.content import Manifest, unpack_manifest
from digest.compose.room import WHOLE
from digest.errors import DigestError, InputError, SettingError
from digest.service.core import DigestService
from digest.service.freezing import CANDIDATES, freeze_digest
from digest.service.sourcing import Wishes
from digest.settings import Settings
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import Due, EditionState, Envelope, Pick
from subscribers import due as roster_due
from tests.service.town import NOW, Town

DAY = timedelta(days=1)


def test_a_story_outside_the_window_is_not_in_the_edition(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    town.story("Too old", "harbour", at=NOW - timedelta(hours=25))
    inside = town.story("Just right", "harbour", at=NOW - timedelta(hours=23))
    town.story("Too new", "harbour", at=NOW + timedelta(seconds=1))
    (planned,) = town.service.plan()
    town.service.dispatch()
    assert [pick.story_id for pick in town.told(planned.edition_id, ada)] == [inside]
    with reading(town.engine) as session:
        blob = editions.get_edition(session, planned.edition_id).blob or ""
        manifest = unpack_manifest(editions.blobs(session, [blob])[blob])
    assert list(manifest.stories) == [inside]


def test_what_happens_after_planning_waits_for_the_next_edition(town: Town) -> None:
    """An article that comes while the edition is being frozen belongs to the next, even to an old story."""
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    story = town.story("Ferry aground", "harbour")
    with writing(town.engine) as session:
        edition_id, planned_at, _ = editions.open_edition(
            session, "tick", "tick:x", planned_at=NOW, key_id=town.service.keyring.key_id
        )
        editions.plan_chunk(session, edition_id, roster_due.due(NOW), after_id=0, planned_at=planned_at)
    town.story("Ferry refloated", "harbour", into=story, at=NOW + timedelta(minutes=1))
    freeze_digest(town.service.shop, edition_id, now=NOW + timedelta(minutes=2))
    town.service.dispatch()
    assert town.told(edition_id, ada) == (Pick(story, 1),)


def test_an_update_reaches_only_readers_of_the_earlier_version(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    story = town.story("Ferry aground on Cutler Bank", "harbour")
    assert town.morning() == 1
    ben = town.reader("ben@example.org", "harbour", signed_up=NOW + timedelta(hours=1))
    town.story(
        "Ferry refloated, inquiry opened",
        "harbour",
        into=story,
        at=NOW + timedelta(hours=20),
        text="A buoy had drifted 400 metres from its charted place, the inquiry found on Thursday.",
        publisher="Saltgate Herald",
    )
    assert town.morning(NOW + DAY) == 2
    edition_id = town.editions()[-1].id or 0
    assert town.told(edition_id, ada) == (Pick(story, 2, 1),)
    assert town.told(edition_id, ben) == (Pick(story, 2),)
    adas, bens = (town.service.readers.view(reader, edition_id) for reader in (ada, ben))
    assert adas is not None
    assert bens is not None
    assert adas.subject.startswith("Update: Ferry refloated")
    assert "A buoy had drifted" in adas.text
    assert not bens.subject.startswith("Update")
    town.story(
        "Ferry sails again after all the repairs",
        "harbour",
        into=story,
        at=NOW + timedelta(hours=40),
        text="Captain Osk took her out at dawn on Friday with 31 aboard.",
    )
    assert town.morning(NOW + 2 * DAY) == 1, "an update comes once; the reader of version 2 gets hers now"


def test_no_update_where_a_later_article_says_nothing_new(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    text = "The island ferry ran onto Cutler Bank in thick fog with 84 passengers aboard on Tuesday."
    story = town.story("Ferry aground", "harbour", text=text)
    assert town.morning() == 1
    town.story("Ferry aground again told", "harbour", into=story, at=NOW + timedelta(hours=20), text=text)
    assert town.morning(NOW + DAY) == 0


def test_an_edition_without_deliveries_is_done_at_once(town: Town) -> None:
    town.topics("Harbour")
    planned = town.service.send_by_hand(None, None, key="nobody")
    assert planned is not None
    assert planned.deliveries == 0
    assert [edition.state for edition in town.editions()] == [EditionState.DONE]


def test_an_edition_without_news_skips_everybody_and_is_done(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    (planned,) = town.service.plan()
    report = town.service.dispatch()
    assert (report.accepted, report.skipped) == (0, 1)
    assert [(row.state, row.reason) for row in town.deliveries(planned.edition_id)] == [("skipped", "empty")]
    assert town.editions()[0].state == EditionState.DONE


def test_freezing_twice_is_refused_and_changes_nothing(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    (planned,) = town.service.plan()
    before = town.editions()[0].blob
    with pytest.raises(DigestError, match="frozen by somebody else"):
        freeze_digest(town.service.shop, planned.edition_id, now=NOW + DAY)
    assert town.editions()[0].blob == before


def test_what_was_frozen_does_not_change_any_more(town: Town) -> None:
    """Articles, topics and templates may go; the mail stays what it was, byte for byte, in any process."""
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    story = town.story("Ferry aground", "harbour")
    (planned,) = town.service.plan()
    due = [Due(planned.edition_id, ada, town.deliveries()[0].profile_id, town.deliveries()[0].since)]
    (first,) = town.service.press.compose(planned.edition_id, due, "json")
    town.story("Ferry refloated", "harbour", into=story, at=NOW - timedelta(hours=1))
    town.service.topics.edit("harbour", name="Docks")
    other = DigestService(town.service.settings, now=lambda: NOW + DAY, engine=town.engine)
    (second,) = other.press.compose(planned.edition_id, due, "json")
    assert isinstance(first, Envelope)
    assert first == second


def test_a_busy_topic_does_not_crowd_out_a_quiet_one(small_town: Town) -> None:
    town = small_town
    town.topics("Busy", "Quiet")
    quiet = town.reader("quiet@example.org", "quiet")
    wren = town.story("Somebody grows a marrow", "quiet", at=NOW - timedelta(hours=23))
    for number in range(3 * CANDIDATES):
        town.story(f"Event number {number}", "busy", at=NOW - timedelta(hours=1))
    town.reader("busy@example.org", "busy")
    (planned,) = town.service.plan()
    assert town.service.dispatch().accepted == 2
    assert [pick.story_id for pick in town.told(planned.edition_id, quiet)] == [wren]
    with reading(town.engine) as session:
        blob = town.editions()[0].blob or ""
        manifest = unpack_manifest(editions.blobs(session, [blob])[blob])
    assert len(manifest.stories) == CANDIDATES + 1


def test_hostile_articles_become_harmless_mails(small_town: Town) -> None:
    town = small_town
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    marker = "zq5holex6c65617665x"
    town.story(
        f"<script>alert('{marker}')</script> & more <!--/block-->",
        "harbour",
        text=f"{marker} {{{{ p.leave }}}} <b>x</b>",
    )
    assert town.morning() == 1
    (mail,) = town.mails()
    told = quopri.decodestring(mail.read_bytes()).decode()
    assert "zq5hole" not in told
    assert "<script>" not in told.split("text/html")[1]
    assert told.split("text/html")[1].count("/leave/") == 1


def test_a_headline_without_end_costs_nobody_the_end_of_their_mail(small_town: Town) -> None:
    town = small_town
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    usual = [town.story(f"Ferry number {number} aground", "harbour") for number in range(3)]
    endless = town.story("endless " * 12_000, "harbour", at=NOW - timedelta(minutes=5))
    assert town.morning() == 1
    (mail,) = town.mails()
    markup = quopri.decodestring(mail.read_bytes().split(b"text/html")[1])
    assert len(markup) < WHOLE
    assert b"/leave/" in markup
    assert sorted(pick.story_id for pick in town.told(1, ada)) == sorted(usual), (
        "it was not told, and is not said to be"
    )
    assert manifest_of(town).stories[endless].size > WHOLE
    assert 300 < manifest_of(town).stories[usual[0]].brief_size < manifest_of(town).stories[usual[0]].size < 9_000
    told = town.service.explainer.mail("ada@example.org")
    (left,) = [each for each in told.stories if each.story_id == endless]
    assert left.verdict == "too long for the mail"
    assert "more than 90 KB" in left.why


def test_a_removed_key_stops_the_edition_and_rejects_nobody(small_town: Town, settings: Settings) -> None:
    town = small_town
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    town.service.plan()
    changed = settings.model_copy(update={"secret_keys": ("another-key-that-the-tests-made-up-00002",)})
    other = DigestService(changed, now=town.clock, engine=town.engine)
    with pytest.raises(SettingError, match="put it back"):
        other.press.compose(1, [Due(1, 1, 1, NOW)], "qp")
    report = other.dispatch()
    assert "put it back" in report.problem
    assert [row.state for row in town.deliveries()] == ["planned"]


def test_an_edition_that_is_not_there_or_not_frozen(small_town: Town) -> None:
    with pytest.raises(InputError, match="there is no edition 5"):
        small_town.service.press.compose(5, [], "qp")
    with writing(small_town.engine) as session:
        editions.open_edition(session, "tick", "tick:x", planned_at=NOW, key_id=0)
    with pytest.raises(InputError, match="not frozen yet"):
        small_town.service.press.compose(1, [], "qp")
    assert small_town.service.readers.view(1, 5) is None
    assert small_town.service.press.told(1, 1) is None


# --- the order of stories ---------------------------------------------------------------------------------------------


def manifest_of(town: Town) -> Manifest:
    blob = town.editions()[-1].blob or ""
    with reading(town.engine) as session:
        return unpack_manifest(editions.blobs(session, [blob])[blob])


def test_the_order_is_explained_in_parts_that_add_up(small_town: Town) -> None:
    town = small_town
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    first = town.story("Ferry aground", "harbour", publisher="Quayside Wire")
    town.story("Ferry on a sandbank", "harbour", into=first, publisher="Herald", text="Own words of the Herald.")
    town.story("Marrow grown", "harbour", at=NOW - timedelta(hours=1))
    town.service.plan()
    manifest = manifest_of(town)
    ((since, order),) = manifest.orders.items()
    assert order[0] == first
    scores = [sum(manifest.parts[since][story].values()) for story in order]
    assert all(parts.keys() == RANK_WEIGHTS.keys() for parts in manifest.parts[since].values())
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 1 for score in scores)


def test_the_weights_of_the_settings_decide(sqlite_database: Engine, make_settings: Callable[..., Settings]) -> None:
    orders: list[int] = []
    for weights in ("coverage=1", "freshness=1", "source=1", "fit=1"):
        town = Town(sqlite_database, make_settings(rank_weights=weights))
        if not orders:
            town.topics("Harbour")
            town.service.topics.edit("harbour", rule="ferry OR marrow OR light")
            town.reader("ada@example.org", "harbour")
            covered = town.story("Ship aground", "harbour", at=NOW - timedelta(hours=9), text="The ferry lies there.")
            own = "The ferry is lost."
            town.story("Own", "harbour", into=covered, at=NOW - timedelta(hours=8), text=own, publisher="B")
            fresh = town.story("Boat race", "harbour", at=NOW - timedelta(hours=1), text="A marrow is the prize.")
            weighty = town.story("Mayor speaks", "harbour", at=NOW - timedelta(hours=7), text="More light, she says.")
            fitting = town.story("Marrow grown", "harbour", at=NOW - timedelta(hours=10))
            number = next(row.id for row in town.service.sources.list() if "Mayor" in row.url)
            town.service.sources.edit(number, wishes=Wishes(weight=10))
        town.service.send_by_hand(None, None, since=NOW - timedelta(days=1))
        (order,) = manifest_of(town).orders.values()
        orders.append(order[0])
        town.service.close()
    assert orders == [covered, fresh, weighty, fitting]
