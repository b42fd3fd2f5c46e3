"""Another publisher in front: which variants an edition freezes, and the mails, pages and answers made of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.compose.content import Manifest, unpack_manifest
from digest.service.core import DigestService
from digest.service.variants import MOST, NOTHING, Asked, asked_by, key_of, other_leads
from digest.store import editions
from digest.store.db import reading
from digest.types import Due, Envelope, Telling, Vote
from subscribers.votes import Choice
from tests.compose.edition import profile
from tests.service.town import NOW, Town

CALM = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
A_DAY = timedelta(days=1)
FOG = "The island ferry ran onto Cutler Bank in thick fog with 84 passengers aboard; all were ashore by dawn. "
BUOY = "A buoy had drifted four hundred metres from its charted place, says the pilot who marked the channel. "
TUGS = "Two tugs from Saltgate are waiting for high water; the owner expects nine weeks of repairs to the hull. "


# --- which variants ---------------------------------------------------------------------------------------------------


def telling(number: int, publisher: str, **values: object) -> Telling:
    """A telling of its own, `number` minutes into the story, in words that no other has."""
    told: dict[str, object] = {
        "title": f"alpha{number} beta{number} gamma{number}",
        "text": " ".join(f"word{number}x{place}" for place in range(80)),
        "news_at": datetime(2026, 3, 4, 5, number, tzinfo=UTC),
        **values,
    }
    return Telling(number, publisher=publisher, language="en", url="", story_id=1, story_version=number, **told)  # type: ignore[arg-type]


def led_by(told: Sequence[Telling], preferred: dict[str, int], muted: dict[str, int]) -> list[str]:
    return [each.publisher for each in other_leads(told, Asked(preferred, muted))]


PAPERS = ("Wire", "Mole", "Post", "Review", "Herald", "Courier", "Lanthorn")
ALL = [telling(number, name) for number, name in enumerate(PAPERS, 1)]


def test_only_what_some_reader_wishes_is_made() -> None:
    assert other_leads(ALL, NOTHING) == []
    assert led_by(ALL, {"wire": 9, "nobody": 9}, {"mole": 9}) == []
    assert led_by(ALL, {"post": 1}, {}) == ["Post"]
    assert led_by(ALL, {}, {"wire": 1}) == ["Mole"]
    assert led_by(ALL, {}, {"wire": 1, "mole": 1, "post": 1}) == ["Mole", "Post", "Review"]


def test_of_too_many_wishes_the_most_wished_count() -> None:
    wished = {name.casefold(): place for place, name in enumerate(PAPERS)}
    assert led_by(ALL, wished, {}) == ["Review", "Herald", "Courier", "Lanthorn"]
    assert len(led_by(ALL, wished, {})) == MOST


def test_only_who_tells_it_independently_and_as_news_speaks_for_it() -> None:
    copy = telling(2, "Mole", title=ALL[0].title, text=ALL[0].text)
    backlog = telling(3, "Post", news_at=None)
    assert led_by([ALL[0], copy, backlog], {"mole": 5, "post": 5}, {"wire": 5}) == []
    nameless = [telling(1, " "), telling(2, "Mole")]
    assert led_by(nameless, {"mole": 5}, {}) == []


def test_a_publisher_speaks_by_its_best_telling() -> None:
    short, full = telling(2, "Mole", text="Too short to say much."), telling(3, "Mole")
    assert [each.id for each in other_leads([ALL[0], short, full], Asked({"mole": 1}))] == [3]


def test_what_profiles_ask_is_counted_by_reader() -> None:
    ada = profile(votes=(Vote("publisher", "wire", -1), Vote("publisher", "mole", 1), Vote("story", "1", -1)))
    ben = profile(votes=(Vote("publisher", "mole", 1), Vote("like", "7", 1, "post")))
    assert asked_by([ada, ben, profile()]) == Asked({"mole": 2}, {"wire": 1})


COUNTS = st.dictionaries(st.sampled_from([name.casefold() for name in PAPERS]), st.integers(1, 5))


@CALM
@given(st.lists(st.sampled_from(PAPERS), min_size=1, max_size=9), COUNTS, COUNTS, st.randoms())
def test_variants_are_bounded_different_wished_and_the_same_in_any_order(
    publishers: list[str], preferred: dict[str, int], muted: dict[str, int], chance: object
) -> None:
    told = [telling(number, name) for number, name in enumerate(publishers, 1)]
    usual = key_of(told[0])
    leads = [key_of(each) for each in other_leads(told, Asked(preferred, muted))]
    assert len(set(leads)) == len(leads) <= MOST
    assert usual not in leads
    assert all(lead in preferred or usual in muted for lead in leads)
    others = {key_of(each) for each in told} - {usual}
    assert bool(leads) == bool(others & preferred.keys() or (others and usual in muted))
    chance.shuffle(told)  # type: ignore[attr-defined]
    assert [key_of(each) for each in other_leads(told, Asked(preferred, muted))] == leads


# --- from vote to mail ------------------------------------------------------------------------------------------------


def votes_cast(town: Town) -> dict[str, int]:
    """Four readers after their first morning: Ada wants Die Mole first, Cleo has muted the Quayside Wire, Dora both it
    and Die Mole, and Ben asked for nothing."""
    town.topics("Harbour")
    readers = {name: town.reader(f"{name}@example.org", "harbour") for name in ("ada", "ben", "cleo", "dora")}
    bread = town.story("Bread prize for Osk", "harbour", publisher="Die Mole")
    choir = town.story("Choir sings on the quay", "harbour", publisher="Quayside Wire")
    (tick,) = town.service.plan()
    town.service.dispatch()
    asked: list[tuple[str, int, Choice]] = [
        ("ada", bread, "prefer"),
        ("cleo", choir, "publisher"),
        ("dora", choir, "publisher"),
        ("dora", bread, "publisher"),
    ]
    for name, story, choice in asked:
        town.service.readers.vote(readers[name], tick.edition_id, story, choice)
    return readers


def ferry(town: Town, day: int = 1) -> int:
    """A story that the Wire leads and two others tell independently."""
    at = NOW + (day - 1) * A_DAY + timedelta(hours=3)
    story = town.story("Ferry aground in the fog", "harbour", at=at, text=6 * FOG, publisher="Quayside Wire")
    for title, when, text, paper in (
        ("Pilot blames drifting buoy", 20, BUOY, "Die Mole"),
        ("Tugs wait for high water", 40, TUGS, "Saltgate Herald"),
    ):
        moment = at + timedelta(minutes=when)
        town.story(title, "harbour", at=moment, text=6 * text, publisher=paper, into=story)
    return story


def planned(town: Town, day: int = 1) -> int:
    town.clock.at = NOW + day * A_DAY
    (tick,) = town.service.plan()
    return tick.edition_id


def manifest_of(town: Town, edition_id: int) -> Manifest:
    with reading(town.engine) as session:
        blob = editions.get_edition(session, edition_id).blob or ""
        return unpack_manifest(editions.blobs(session, [blob])[blob])


def test_each_reader_gets_the_telling_they_wish_and_everything_agrees(town: Town) -> None:
    readers = votes_cast(town)
    story = ferry(town)
    edition = planned(town)
    assert town.service.dispatch().accepted == 4
    variants = manifest_of(town, edition).stories[story].variants
    assert [each.publisher for each in variants] == ["die mole", "saltgate herald"]
    wire, mole, herald = "Ferry aground in the fog", "Pilot blames drifting buoy", "Tugs wait for high water"
    expected = {"ada": (mole, "drifted four hundred"), "ben": (wire, "ran onto Cutler"), "cleo": (mole, "drifted four")}
    expected["dora"] = (herald, "waiting for high water")
    reasons = {
        "ada": ("led by Die Mole, which the reader prefers", "prefer"),
        "ben": ("", ""),
        "cleo": ("shown as told by Die Mole because the reader muted Quayside Wire", "mute"),
        "dora": ("shown as told by Saltgate Herald because the reader muted Quayside Wire", "mute"),
    }
    sent = {mail.read_bytes() for mail in town.mails()}
    for name, (title, summary) in expected.items():
        view = town.service.readers.view(readers[name], edition)
        assert view is not None
        assert view.subject == title
        assert summary in view.text
        for other in {wire, mole, herald} - {title}:
            assert other not in view.text
            assert other not in view.html
        assert "Also covered by" in view.text
        why = town.service.readers.why(readers[name], edition, story)
        assert (why.title, why.led, why.publishers) == (title, reasons[name][1], 3)
        (told,) = (e for e in town.service.explainer.mail(f"{name}@example.org", edition).stories if e.told)
        found = town.service.press.told(edition, readers[name])
        assert found is not None
        assert (told.headline, found.subject, found.whys[0][0]) == (title, title, title)
        assert reasons[name][0] in told.why
        assert reasons[name][0] in found.whys[0][1]
        assert ("prefers" in told.why, "muted" in told.why) == (name == "ada", name in ("cleo", "dora"))
        assert any(f"Subject: {title}".encode() in mail for mail in sent)


def test_also_covered_by_names_the_others(town: Town) -> None:
    readers = votes_cast(town)
    ferry(town)
    edition = planned(town)
    town.service.dispatch()
    adas, bens = (town.service.readers.view(readers[name], edition) for name in ("ada", "ben"))
    assert adas is not None
    assert bens is not None
    assert "Also covered by Quayside Wire and Saltgate Herald" in " ".join(adas.text.split())
    assert "Also covered by Die Mole and Saltgate Herald" in " ".join(bens.text.split())


def test_a_repeat_is_the_same_bytes_in_any_process(town: Town) -> None:
    readers = votes_cast(town)
    story = ferry(town)
    edition = planned(town)
    due = [Due(edition, row.subscriber_id, row.profile_id, row.since) for row in town.deliveries(edition)]
    first = town.service.press.compose(edition, due, "json")
    for choice in ("story", "publisher", "less"):
        town.service.dispatch()
        town.service.readers.vote(readers["ada"], edition, story, choice)
    town.story("Ferry refloated", "harbour", into=story, at=NOW + A_DAY - timedelta(hours=1), publisher="Die Mole")
    other = DigestService(town.service.settings, now=lambda: NOW + 2 * A_DAY, engine=town.engine)
    assert other.press.compose(edition, due, "json") == first
    assert other.press.compose(edition, due[::-1], "json") == first[::-1]
    subjects = {mail.subscriber_id: mail.subject for mail in first if isinstance(mail, Envelope)}
    assert len(set(subjects.values())) == 3
    other.close()


def test_an_update_is_led_by_whoever_says_what_is_new(town: Town) -> None:
    readers = votes_cast(town)
    story = ferry(town)
    planned(town)
    town.service.dispatch()
    news = "Divers recovered a bent rudder 300 metres west of the lighthouse, the inquiry announced on Thursday."
    at = NOW + A_DAY + timedelta(hours=3)
    town.story("Rudder of the ferry found", "harbour", at=at, into=story, text=news, publisher="Fore Street Review")
    edition = planned(town, 2)
    town.service.dispatch()
    for name in ("ada", "ben", "cleo"):
        view = town.service.readers.view(readers[name], edition)
        assert view is not None
        assert view.subject == "Update: Rudder of the ferry found"
        assert town.service.readers.why(readers[name], edition, story).led == ""
        (told,) = (e for e in town.service.explainer.mail(f"{name}@example.org", edition).stories if e.told)
        assert "led by" not in told.why
        assert "shown as" not in told.why


def test_whoever_is_preferred_is_muted_no_more_and_undo_brings_it_back(town: Town) -> None:
    readers = votes_cast(town)
    desk, cleo = town.service.readers, readers["cleo"]
    first = town.editions()[0].id or 0
    shown = {desk.why(cleo, first, pick.story_id).publisher: pick.story_id for pick in town.told(first, cleo)}
    choir = shown["Quayside Wire"]
    cast = desk.vote(cleo, first, choir, "prefer")
    assert [(vote.kind, vote.label, vote.weight) for vote in desk.votes(cleo)] == [("publisher", "Quayside Wire", 1)]
    story = ferry(town)
    edition = planned(town)
    town.service.dispatch()
    assert desk.why(cleo, edition, story).publisher == "Quayside Wire"
    assert desk.take_back(cleo, cast.id, cast.before)
    assert [(vote.kind, vote.weight) for vote in desk.votes(cleo)] == [("publisher", -1)]


def test_a_readers_opinion_is_about_the_telling_they_were_shown(town: Town) -> None:
    readers = votes_cast(town)
    story = ferry(town)
    edition = planned(town)
    town.service.dispatch()
    desk = town.service.readers
    desk.vote(readers["ada"], edition, story, "more")
    (like, _) = desk.votes(readers["ada"])
    assert (like.label, like.about.publisher) == ("Pilot blames drifting buoy", "die mole")
    assert {"buoy", "pilot"} <= set(like.about.terms)


@pytest.mark.parametrize("voting", [False, True])
def test_an_edition_is_the_same_whatever_readers_of_another_wish(small_town: Town, voting: bool) -> None:
    """Without readers who wish it nothing is added: neither a field nor a block."""
    town = small_town
    if voting:
        votes_cast(town)
    else:
        town.topics("Harbour")
        town.reader("ben@example.org", "harbour")
    story = ferry(town)
    manifest = manifest_of(town, planned(town))
    variants = {key.split("/", 5)[5] for key in manifest.html if key.startswith("lead/") and key.count("/") == 5}
    assert len(variants) == len(manifest.stories[story].variants) == (2 if voting else 0)
