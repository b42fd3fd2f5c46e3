"""A mail even when there is nothing new, for who wishes it: from the wish to the outbox, on both databases."""

from __future__ import annotations

import email
import email.policy
import logging
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select

from digest.compose.content import ALL_QUIET, BREAKING, unpack_manifest
from digest.dispatch.sender import Sender
from digest.errors import NothingToDo
from digest.service.freezing import freeze_digest
from digest.service.history import everything, history
from digest.service.owntemplates import copied
from digest.service.profiles import profiles_of
from digest.settings import Settings
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import DeliveryState, Due, Envelope, Pick
from subscribers.due import audience
from subscribers.models import Profile
from subscribers.profiles import intern, profiles
from subscribers.sql import table
from tests.dispatch.ledger_rows import run
from tests.dispatch.resend_sink import Small, lost, running
from tests.service.test_hours import ALWAYS, own
from tests.service.town import NOW, Town

DAY, QUARTER = timedelta(days=1), timedelta(minutes=15)
SAYS = "Since the last digest there was nothing new for you on"


def wishing(town: Town, *topics: str, address: str = "ada@example.org", **choices: Any) -> int:
    """A reader who wants a mail even when there is nothing new."""
    who = town.reader(address, *(topics or ("harbour",)), **choices)
    assert town.service.readers.edit(address, all_quiet=True).all_quiet
    return who


def mails(town: Town) -> list[EmailMessage]:
    read = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in town.mails()]
    return [mail for mail in read if isinstance(mail, EmailMessage)]


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return " ".join(str(found.get_content()).split())


def states(town: Town, who: int) -> list[tuple[str, str | None]]:
    return [(row.state, row.reason) for row in town.deliveries() if row.subscriber_id == who]


def test_who_wishes_it_hears_that_all_is_quiet_and_others_hear_nothing(town: Town) -> None:
    town.topics("Harbour", "Garden")
    ada = wishing(town, "harbour", "garden")
    ben = town.reader("ben@example.org", "harbour")
    assert town.morning() == 1
    (mail,) = mails(town)
    assert mail["Subject"] == "All quiet on Wednesday, March 4, 2026"
    assert mail["To"] == "ada@example.org"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    html, text = part(mail, "html"), part(mail, "plain")
    assert f"{SAYS} Harbour and Garden. The next one comes tomorrow 07:00." in html
    assert "Nothing new since the last digest. Next: tomorrow 07:00." in html.split("</div>")[0], "the preheader"
    assert f"{SAYS} these topics: Harbour and Garden The next one comes tomorrow 07:00." in text
    for told in (html, text):
        assert "· Nothing new" in told
        assert "That’s all." not in told
        assert "0 stories" not in told
        for link in ("/preferences/", "/week", "/leave/", "/view/"):
            assert link in told
    assert states(town, ada) == [("accepted", None)]
    assert states(town, ben) == [("skipped", "empty")]
    assert town.deliveries()[0].picks == b""
    assert town.editions()[-1].state == "done"


def test_a_second_run_of_the_slot_sends_nothing(town: Town) -> None:
    town.topics("Harbour")
    wishing(town)
    assert [town.morning(), town.morning(), town.morning(NOW + QUARTER)] == [1, 0, 0]
    assert len(mails(town)) == 1


def test_the_next_window_begins_as_after_any_other_digest(town: Town) -> None:
    """What arrives around the quiet mail is told once by the next one: nothing is lost, nothing comes twice."""
    town.topics("Harbour")
    ada = wishing(town)
    ben = town.reader("ben@example.org", "harbour")
    assert town.morning() == 1
    # Became news before the quiet mail, but found its story only afterwards; and one soon after.
    late = town.story("Ferry aground", "harbour", at=NOW - timedelta(minutes=10))
    soon = town.story("Storm warning", "harbour", at=NOW + timedelta(minutes=1))
    assert town.morning(NOW + DAY) == 2
    edition = town.editions()[-1].id or 0
    first, second = (row for row in town.deliveries(edition))
    assert first.since == second.since == NOW - editions.OVERLAP
    assert {pick.story_id for pick in town.told(edition, ada)} == {late, soon}
    assert town.told(edition, ben) == town.told(edition, ada), "the quiet mail changes nothing of what comes next"
    assert town.morning(NOW + 2 * DAY) == 1, "to Ada, that all is quiet again"
    assert [row.picks for row in town.deliveries() if row.subscriber_id == ada][-1] == b""


def test_muted_news_is_nothing_new(town: Town) -> None:
    town.topics("Harbour")
    ada = wishing(town)
    ferry = town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    town.service.readers.vote(ada, town.editions()[-1].id or 0, ferry, "story")
    town.story("Ferry is afloat", "harbour", at=NOW + timedelta(hours=2), into=ferry, publisher="Herald")
    assert town.morning(NOW + DAY) == 1
    subjects = {mail["Subject"] for mail in mails(town)}
    assert subjects == {"Ferry aground", "All quiet on Thursday, March 5, 2026"}
    assert states(town, ada) == [("accepted", None)] * 2


# --- what comes with news only ----------------------------------------------------------------------------------------


def test_what_comes_as_it_happens_comes_with_news_only(town: Town) -> None:
    """A due time of theirs that has news by then is planned; when others had it already, nothing is left to tell."""
    town.topics("Harbour")
    ada = wishing(town, cadence="as-it-happens")
    ferry = town.story("Ferry aground", "harbour", at=NOW - timedelta(minutes=5))
    sent = [town.morning(NOW + turn * QUARTER) for turn in range(8)]
    assert sum(sent) == 1
    assert ("skipped", "empty") in states(town, ada), "an empty slot was planned, and sent nothing"
    (edition,) = [row.edition_id for row in town.deliveries() if row.state == "accepted"]
    assert town.told(edition, ada) == (Pick(ferry, 1),)


def test_a_slot_of_topics_as_it_happens_alone_says_nothing_and_one_with_others_does(town: Town) -> None:
    town.topics("Harbour", "Garden")
    ada = wishing(town, "harbour", "garden")
    own(town, ada, "harbour", ALWAYS)
    assert town.morning(NOW) == 1, "the garden is due at 07:00, and all is quiet"
    (mail,) = mails(town)
    assert f"{SAYS} Harbour and Garden." in part(mail, "html")
    town.story("Ferry aground", "harbour", at=NOW + timedelta(minutes=5))
    assert sum(town.morning(NOW + turn * QUARTER) for turn in range(1, 9)) == 1, "the ferry, and never a quiet mail"
    assert len(mails(town)) == 2


def test_neither_breaking_news_nor_what_is_sent_by_hand(town: Town) -> None:
    town.topics("Harbour")
    ada = wishing(town)
    planned = town.service.send_by_hand(None, None)
    assert planned is not None
    assert town.service.dispatch().skipped == 1
    with writing(town.engine) as session:
        edition, at, _ = editions.open_edition(
            session, "breaking", "breaking:1:1", planned_at=NOW, key_id=town.service.keyring.key_id
        )
        editions.plan_chunk(session, edition, audience(None, ada), after_id=0, planned_at=at)
    freeze_digest(town.service.shop, edition, now=NOW, values={BREAKING: "1"})
    assert town.service.dispatch().skipped == 1
    assert states(town, ada) == [("skipped", "empty")] * 2
    assert mails(town) == []


# --- composed again ---------------------------------------------------------------------------------------------------


def test_composed_again_it_is_the_same(town: Town) -> None:
    town.topics("Harbour")
    ada = wishing(town)
    (tick,) = town.service.plan()
    (row,) = town.deliveries()
    due = [Due(tick.edition_id, ada, row.profile_id, row.since)]
    (first,) = town.service.press.compose(tick.edition_id, due, "json")
    assert isinstance(first, Envelope)
    assert first.picks == ()
    # Whatever comes afterwards, and whatever the reader chooses then.
    town.story("Storm warning", "harbour", at=NOW - timedelta(minutes=1))
    town.service.readers.edit("ada@example.org", all_quiet=False)
    other = Town(town.engine, town.service.settings)
    assert other.service.press.compose(tick.edition_id, due, "json") == [first]
    fixed = [Due(tick.edition_id, ada, row.profile_id, row.since, picks=())]
    assert other.service.press.compose(tick.edition_id, fixed, "json") == [first]
    other.service.close()


def test_a_call_in_doubt_is_repeated_byte_for_byte(town: Town, tmp_path: Path) -> None:
    """The provider took the mail and its answer was lost; then news arrives that is in the window by its time."""
    town.topics("Harbour")
    ada = wishing(town)
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
        (row,) = town.deliveries(tick.edition_id)
        assert (row.state, row.picks) == (DeliveryState.ATTEMPTING, b"")
        town.story("Ferry aground", "harbour", at=NOW - timedelta(hours=1))
        run(town.engine, "UPDATE chunk SET ready_at = 0, until = 0")
        sender.drain()
        provider.close()
        (first, body), (second, again) = sink.calls
        assert first["idempotency-key"] == second["idempotency-key"]
        assert body == again
        (mail,) = sink.mails()
        assert mail["subject"].startswith("All quiet")
    assert states(town, ada) == [(DeliveryState.ACCEPTED, None)]


# --- looking back and ahead -------------------------------------------------------------------------------------------


def test_it_is_seen_in_the_browser_and_in_the_readers_history(town: Town) -> None:
    town.service.topics.add("Harbour", archived=True)
    ada = wishing(town)
    ben = town.reader("ben@example.org", "harbour")
    assert town.morning() == 1
    edition = town.editions()[-1].id or 0
    view = town.service.press.view(edition, ada)
    assert view is not None
    assert f"{SAYS} Harbour." in view.html
    assert view.subject == "All quiet on Wednesday, March 4, 2026"
    for personal in ("/preferences/", "/leave/", "/view/"):
        assert personal not in view.html + view.text
    assert town.service.press.view(edition, ben) is None, "nothing was composed for Ben"
    told = town.service.press.told(edition, ada)
    assert told is not None
    assert (told.subject, told.picks) == (view.subject, ())
    with reading(town.engine) as session:
        theme, ring = town.service.shop.theme, town.service.keyring
        (mailing,) = history(session, ada, theme, ring)
        (mailed,) = everything(session, ada, theme, ring)
        (skipped,) = everything(session, ben, theme, ring)
        assert history(session, ben, theme, ring) == ()
    assert (mailing.subject, mailed.subject, mailed.stories) == (view.subject, view.subject, ())
    assert mailed.view == mailing.view != ""
    assert (skipped.state, skipped.view) == ("skipped", "")
    assert town.service.readers.archived_days("harbour", None).days == (), "an archive tells what happened"


def test_it_is_explained(town: Town) -> None:
    town.topics("Harbour")
    wishing(town)
    ferry = town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    assert town.morning(NOW + DAY) == 1
    told = town.service.explainer.mail("ada@example.org")
    assert (told.state, told.reason, told.composed) == ("accepted", "", True)
    assert [(each.story_id, each.told) for each in told.stories] == []
    assert [each.story_id for each in town.service.explainer.mail("ada@example.org", 1).stories] == [ferry]


def test_a_preview_is_the_mail_that_will_come(town: Town) -> None:
    town.topics("Harbour")
    wishing(town)
    wishing(town, address="cleo@example.org", cadence="as-it-happens")
    town.reader("ben@example.org", "harbour")
    made = town.service.previewer.reader("ada@example.org")
    assert (made.stories, made.subject) == (0, "All quiet on Wednesday, March 4, 2026")
    for nobody in ("ben@example.org", "cleo@example.org"):
        with pytest.raises(NothingToDo, match="nothing new"):
            town.service.previewer.reader(nobody)
    assert town.morning() == 1
    assert mails(town)[0]["Subject"] == made.subject


def test_plain_text_alone(town: Town) -> None:
    town.topics("Harbour")
    wishing(town, format="text", locale="de")
    assert town.morning() == 1
    (mail,) = mails(town)
    assert mail["Subject"] == "Alles ruhig am Mittwoch, 4. März 2026"
    assert mail.get_content_type() == "text/plain"
    assert "Seit der letzten Ausgabe gab es für Sie nichts Neues zu diesen Themen: Harbour" in part(mail, "plain")


# --- what is stored ---------------------------------------------------------------------------------------------------


def test_profiles_of_before_mean_no_and_keep_their_key(town: Town) -> None:
    town.topics("Harbour")
    town.reader("ben@example.org", "harbour")
    before = rows(town)
    assert all("all_quiet" not in data for data in before.values())
    wishing(town)
    with reading(town.engine) as session:
        ids = session.connection().execute(select(table(Profile).c.id)).scalars().all()
        wished = {id_: profile.all_quiet for id_, profile in profiles_of(session, ids).items()}
    assert sorted(wished.values()) == [False, True]
    town.service.readers.edit("ada@example.org", all_quiet=False)
    assert {id_: data for id_, data in rows(town).items() if id_ in before} == before
    assert len(rows(town)) == 2, "without the wish Ada shares Ben's row again"
    with writing(town.engine) as session:
        (ada,) = [each for each in profiles(session, ids).values() if each.get("all_quiet")]
        assert intern(session.connection(), ada) in ids


def rows(town: Town) -> dict[int, str]:
    with reading(town.engine) as session:
        found = session.connection().execute(select(table(Profile).c.id, table(Profile).c.data))
        return {row.id: row.data for row in found}


def test_editions_of_readers_without_the_wish_are_as_they_were(town: Town) -> None:
    """The block is compiled, and the manifest says so, only where somebody wishes it."""
    town.topics("Harbour")
    town.reader("ben@example.org", "harbour")
    town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    wishing(town)
    town.morning(NOW + DAY)
    kept = []
    for edition in town.editions():
        with reading(town.engine) as session:
            manifest = unpack_manifest(editions.blobs(session, [edition.blob or ""])[edition.blob or ""])
        kept.append((ALL_QUIET in manifest.values, any(key.startswith("all-quiet/") for key in manifest.html)))
    assert kept == [(False, False), (True, True)]


@pytest.mark.parametrize("look", ["paper", "compact"])
def test_an_own_template_of_before_holds_nobody_up(
    look: str,
    tmp_path: Path,
    sqlite_database: Engine,
    make_settings: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A copy that lacks the block: who has news gets it, and the log says what is missing."""
    folder = tmp_path / "own"
    copied(Settings(templates_dir=str(folder)), ["email/digest/body.html"])
    file = folder / "email" / "digest" / "body.html"
    file.write_text(file.read_text().replace("macro all_quiet()", "macro of_another_name()"))
    town = Town(sqlite_database, make_settings(templates_dir=str(folder), theme=look))
    town.topics("Harbour", "Garden")
    ada = wishing(town)
    town.reader("ben@example.org", "garden")
    town.story("Hyacinths are out", "garden")
    with caplog.at_level(logging.ERROR):
        assert town.morning() == 1
    assert states(town, ada) == [("skipped", "empty")]
    assert "body.html has no macro all_quiet" in caplog.text
    town.service.close()
