"""Changes that overtake a mail which is planned, leased or composed, on both databases."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import delete

from digest.dispatch.providers.outbox import Outbox
from digest.dispatch.sender import Sender
from digest.store import editions
from digest.store.db import writing
from digest.store.narrow import WELCOME, narrow
from digest.types import DeliveryState, Due, EditionState, Envelope, LeftOut, Pick
from subscribers.due import audience
from subscribers.models import Subscription
from subscribers.profiles import settle
from subscribers.sql import table
from tests.service.town import NOW, Town

SUBSCRIPTION = table(Subscription)


def give_up(town: Town, subscriber_id: int, *slugs: str) -> int:
    """Leave topics as the desk does; how many mails that changed."""
    topics = [topic.id for topic in town.service.topics.list() if topic.slug in slugs]
    with writing(town.engine) as session:
        mine = (SUBSCRIPTION.c.subscriber_id == subscriber_id, SUBSCRIPTION.c.topic_id.in_(topics))
        session.connection().execute(delete(SUBSCRIPTION).where(*mine))
        settle(session, subscriber_id, now=town.clock.at)
        return narrow(session, subscriber_id)


def planned(town: Town) -> tuple[int, int, int, int]:
    """Ada reads of harbour and garden, a story in each; the edition is planned. (ada, edition, ferry, rose)."""
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", "garden")
    ferry, rose = town.story("Ferry aground", "harbour"), town.story("Roses bloom early", "garden")
    (tick,) = town.service.plan()
    return ada, tick.edition_id, ferry, rose


def test_a_topic_that_is_left_is_not_in_the_mail_that_was_planned(town: Town) -> None:
    ada, edition_id, _, rose = planned(town)
    assert give_up(town, ada, "harbour") == 1
    assert town.service.dispatch().accepted == 1
    assert town.told(edition_id, ada) == (Pick(rose, 1),)
    (mail,) = town.mails()
    assert b"Ferry" not in mail.read_bytes()


def test_nothing_left_means_no_mail(town: Town) -> None:
    ada, edition_id, _, _ = planned(town)
    assert give_up(town, ada, "harbour", "garden") == 1
    report = town.service.dispatch()
    assert (report.accepted, town.mails()) == (0, [])
    (row,) = town.deliveries(edition_id)
    assert (row.state, row.reason) == (DeliveryState.SKIPPED, "left")
    assert town.editions()[0].state == EditionState.DONE


def test_a_change_while_the_mail_is_being_composed(town: Town) -> None:
    """The chunk is leased, the bytes exist, the attempt is not open yet: the mail is composed again without it."""
    ada, edition_id, _, rose = planned(town)
    seen: list[int] = []

    def compose(edition: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        made = town.service.press.compose(edition, due, encoding)
        seen.append(due[0].profile_id)
        if len(seen) == 1:
            assert isinstance(made[0], Envelope)
            assert b"Ferry" in made[0].html
            assert give_up(town, ada, "harbour") == 1
        return made

    report = _drain(town, compose)
    assert (report, len(seen), seen[0] != seen[1]) == (1, 2, True)
    assert town.told(edition_id, ada) == (Pick(rose, 1),)
    (mail,) = town.mails()
    assert b"Ferry" not in mail.read_bytes()


def test_everything_left_while_the_mail_is_being_composed(town: Town) -> None:
    ada, edition_id, _, _ = planned(town)

    def compose(edition: int, due: Sequence[Due], encoding: str) -> list[Envelope | LeftOut]:
        made = town.service.press.compose(edition, due, encoding)
        give_up(town, ada, "harbour", "garden")
        return made

    assert _drain(town, compose) == 0
    assert [(row.state, row.reason) for row in town.deliveries(edition_id)] == [("skipped", "left")]
    assert town.editions()[0].state == EditionState.DONE


def test_a_mail_that_has_gone_stays_what_it_was(town: Town) -> None:
    ada, edition_id, ferry, rose = planned(town)
    town.service.dispatch()
    before = town.service.press.view(edition_id, ada)
    assert give_up(town, ada, "harbour") == 0
    assert {pick.story_id for pick in town.told(edition_id, ada)} == {ferry, rose}
    assert town.service.press.view(edition_id, ada) == before


def test_an_order_or_a_new_topic_changes_no_planned_mail(town: Town) -> None:
    ada, _, _, _ = planned(town)
    assert give_up(town, ada) == 0


def test_welcomes_are_narrowed_and_other_system_mails_are_not(town: Town) -> None:
    town.topics("Harbour", "Garden")
    ada = town.reader("ada@example.org", "harbour", "garden", signed_up=NOW + timedelta(hours=1))
    with writing(town.engine) as session:
        for slot in (f"{WELCOME}{ada}", f"system:fresh:{ada}-1"):
            edition_id, planned_at, _ = editions.open_edition(session, "system", slot, planned_at=NOW, key_id=0)
            editions.plan_chunk(session, edition_id, audience(None, ada), after_id=0, planned_at=planned_at)
    full = town.deliveries()[0].profile_id
    assert give_up(town, ada, "harbour", "garden") == 1
    welcome, fresh = town.deliveries()
    assert (welcome.state, welcome.reason) == ("skipped", "left")
    assert (fresh.state, fresh.profile_id) == ("planned", full)


def _drain(town: Town, compose: object) -> int:
    sender = Sender(
        town.engine,
        Outbox(town.outbox),
        compose,  # type: ignore[arg-type]
        holder="test",
        address_hashes=town.service.keyring.address_hashes,
    )
    return sender.drain().accepted
