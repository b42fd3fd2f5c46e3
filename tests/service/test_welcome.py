"""The first mail of a reader, and mails of plain text only: from planning to the outbox, on both databases."""

from __future__ import annotations

import email
import email.policy
from datetime import timedelta
from email.message import EmailMessage

from digest.service.freezing import WELCOMING, freeze_digest
from digest.store import editions
from digest.store.db import reading, writing
from digest.store.memory import memory_of
from digest.store.narrow import WELCOME
from digest.types import Due, EditionState, Envelope, Pick
from subscribers.due import audience
from subscribers.models import Subscriber
from subscribers.profiles import settle
from tests.service.town import NOW, Town


def newcomer(town: Town, *stories: str) -> tuple[int, list[int]]:
    """Ada has just confirmed; these stories happened today."""
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", "garden", signed_up=NOW + timedelta(hours=1))
    return ada, [town.story(title, "harbour") for title in stories]


def plan_welcome(town: Town, subscriber_id: int) -> int:
    with writing(town.engine) as session:
        edition_id, planned_at, _ = editions.open_edition(
            session, "system", f"{WELCOME}{subscriber_id}", planned_at=NOW, key_id=town.service.keyring.key_id
        )
        editions.plan_chunk(session, edition_id, audience(None, subscriber_id), after_id=0, planned_at=planned_at)
    return edition_id


def welcome(town: Town, subscriber_id: int) -> int:
    edition_id = plan_welcome(town, subscriber_id)
    freeze_digest(town.service.shop, edition_id, now=NOW, values=WELCOMING)
    return edition_id


def sent(town: Town) -> EmailMessage:
    (file,) = town.mails()
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


def part(mail: EmailMessage, kind: str) -> str:
    found = mail.get_body((kind,))
    assert found is not None
    return str(found.get_content())


def test_a_welcome_is_todays_digest_with_a_greeting(town: Town) -> None:
    ada, (ferry, market) = newcomer(town, "Ferry aground", "Market hall opens")
    edition_id = welcome(town, ada)
    assert town.service.dispatch().accepted == 1
    mail = sent(town)
    assert mail["Subject"] == "Welcome to Digest"
    for kind in ("plain", "html"):
        told = " ".join(part(mail, kind).split())
        assert told.index("Good to have you here") < told.index("This is what today’s digest would have been.")
        assert told.index("The next one comes tomorrow 07:00.") < told.rindex("Ferry aground")
        assert "Nothing has happened" not in told
    assert part(mail, "html").split("</div>")[0].count("Market hall opens") == 1, "the preheader names the headlines"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert {pick.story_id for pick in town.told(edition_id, ada)} == {ferry, market}


def test_what_the_welcome_told_the_first_digest_does_not(town: Town) -> None:
    ada, (ferry,) = newcomer(town, "Ferry aground")
    welcome(town, ada)
    town.service.dispatch()
    with reading(town.engine) as session:
        assert memory_of(session, [ada], since=NOW - timedelta(days=2)) == {ada: {ferry: (Pick(ferry, 1),)}}
    storm = town.story("Storm warning", "harbour", at=NOW + timedelta(hours=20))
    assert town.morning(NOW + timedelta(days=1)) == 1
    assert town.told(town.editions()[-1].id or 0, ada) == (Pick(storm, 1),)


def test_a_welcome_comes_even_when_nothing_has_happened(town: Town) -> None:
    ada, _ = newcomer(town)
    edition_id = welcome(town, ada)
    assert town.service.dispatch().accepted == 1
    mail = sent(town)
    assert mail["Subject"] == "Welcome to Digest"
    for kind in ("plain", "html"):
        told = " ".join(part(mail, kind).split())
        assert "Nothing has happened yet today; as soon as something does, you will read it here." in told
        assert "Welcome" in told
        assert "0 stories" not in told
        assert "That’s all." not in told
    assert town.editions()[-1].state == EditionState.DONE
    view = town.service.press.view(edition_id, ada)
    assert view is not None, "its link to the browser works"
    assert "Good to have you here" in view.html
    assert "/preferences/" not in view.html
    told_of = town.service.press.told(edition_id, ada)
    assert told_of is not None
    assert told_of.picks == ()


def test_a_welcome_composed_again_is_the_same(town: Town) -> None:
    ada, _ = newcomer(town, "Ferry aground")
    edition_id = welcome(town, ada)
    row = town.deliveries(edition_id)[0]
    due = [Due(edition_id, ada, row.profile_id, row.since)]
    (first,) = town.service.press.compose(edition_id, due, "json")
    town.story("Storm warning", "harbour", at=NOW - timedelta(minutes=1))
    other = Town(town.engine, town.service.settings)
    assert isinstance(first, Envelope)
    assert other.service.press.compose(edition_id, due, "json") == [first]
    fixed = [Due(edition_id, ada, row.profile_id, row.since, picks=first.picks)]
    assert other.service.press.compose(edition_id, fixed, "json") == [first]


def test_a_welcome_whose_freezing_was_interrupted_is_made_up_for(town: Town) -> None:
    ada, _ = newcomer(town)
    plan_welcome(town, ada)
    town.service.plan()
    assert town.editions()[0].state == EditionState.PLANNING, "it may still be under way"
    town.clock.at = NOW + timedelta(minutes=11)
    town.service.plan()
    assert town.service.dispatch().accepted == 1
    assert sent(town)["Subject"] == "Welcome to Digest"


# --- plain text -------------------------------------------------------------------------------------------------------


def test_who_wants_plain_text_gets_one_part(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    with writing(town.engine) as session:
        row = session.get(Subscriber, ada)
        assert row is not None
        row.format = "text"
        session.flush()
        settle(session, ada, now=NOW - timedelta(days=1))
    town.story("Ferry aground", "harbour")
    assert town.morning() == 1
    mail = sent(town)
    assert (mail.get_content_type(), mail.is_multipart()) == ("text/plain", False)
    assert "[1] Ferry aground" in mail.get_content()
    assert "/preferences/" in mail.get_content()
    assert "List-Unsubscribe" in mail
    assert town.service.press.view(town.editions()[0].id or 0, ada) is not None, "the browser shows it all the same"
