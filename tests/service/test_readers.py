"""The readers' desk: from the form to the first due time, and out again."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.demo.play import confirmation_tokens
from digest.service.readers import CONFIRMATIONS_A_DAY
from subscribers.errors import NotConfirmable, RosterError
from subscribers.types import SignUp
from tests.service.town import NOW, Town


def sign_up(town: Town, *topics: str, address: str = "ada@example.org", locale: str = "en") -> None:
    asked = SignUp(address=address, topics=topics or ("harbour",), name="Ada", locale=locale, timezone="Europe/Berlin",
                   cadence="daily", send_minute=420, form="test")  # fmt: skip
    town.service.readers.sign_up(asked)


def subjects(files: Sequence[Path]) -> list[str]:
    return [str(email.message_from_bytes(file.read_bytes(), policy=email.policy.default)["Subject"]) for file in files]


def test_from_sign_up_to_due(town: Town) -> None:
    town.topics("Harbour", "Energy")
    woken: list[int] = []
    town.service.readers.on_mail_planned = lambda: woken.append(len(town.deliveries()))
    sign_up(town, "harbour", "energy")
    assert woken == [1], "the wake-up comes after the mail is durable"
    assert town.service.readers.show("ada@example.org").status == "pending"
    assert town.due_at("ada@example.org") is None
    assert town.service.dispatch().accepted == 1
    (token,) = confirmation_tokens(town.outbox)
    claim = town.service.keyring.read(token, "confirm")
    assert town.service.readers.pending(claim.subscriber_id) == ["Harbour", "Energy"]
    done = town.service.readers.confirm(claim.subscriber_id, network=None)
    assert done.next_due_at == town.due_at("ada@example.org") == datetime(2026, 3, 5, 6, 0, tzinfo=UTC)
    assert town.service.readers.pending(claim.subscriber_id) == []


def test_the_confirmation_speaks_the_readers_language_and_has_no_list_headers(small_town: Town) -> None:
    small_town.topics("Harbour & <Town>")
    sign_up(small_town, "harbour-town", locale="de-AT")
    small_town.service.dispatch()
    (file,) = small_town.mails()
    mail = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
    assert mail["List-Unsubscribe"] is None
    assert mail["Auto-Submitted"] == "auto-generated"
    page = mail.get_body(("html",))
    plain = mail.get_body(("plain",))
    assert page is not None
    assert plain is not None
    assert 'lang="de"' in page.get_content()
    assert "Harbour &amp; &lt;Town&gt;" in page.get_content()
    assert "Harbour & <Town>" in plain.get_content()


def test_confirmations_are_few_and_far_between(town: Town) -> None:
    """Nobody can bomb a third person: three a day, ten minutes apart."""
    town.topics("Harbour")
    sent = []
    for minutes in (0, 1, 9, 11, 15, 22, 33, 44, 23 * 60, 24 * 60 + 1):
        town.clock.at = NOW + timedelta(minutes=minutes)
        sign_up(town)
        sent.append(town.service.dispatch().accepted)
    assert sent == [1, 0, 0, 1, 0, 1, 0, 0, 0, 1]
    assert sum(sent[:-1]) == CONFIRMATIONS_A_DAY


def test_an_active_reader_is_not_asked_again_for_what_they_have(town: Town) -> None:
    town.topics("Harbour", "Energy")
    town.reader("ada@example.org", "harbour")
    sign_up(town, "harbour")
    assert town.editions() == []
    sign_up(town, "energy")
    assert [edition.kind for edition in town.editions()] == ["system"]


def test_who_leaves_before_the_call_gets_nothing(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada, ben = town.reader("ada@example.org", "harbour"), town.reader("ben@example.org", "harbour")
    town.service.plan()
    town.service.readers.leave(ada, reason="one-click")
    report = town.service.dispatch()
    assert (report.accepted, report.skipped) == (1, 1)
    states = {row.subscriber_id: (row.state, row.reason) for row in town.deliveries()}
    assert states == {ada: ("skipped", "left"), ben: ("accepted", None)}
    assert town.due_at("ada@example.org") is None


def test_who_was_erased_before_the_call_gets_nothing(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.reader("ada@example.org", "harbour")
    town.service.plan()
    town.service.readers.remove("ada@example.org")
    assert town.service.dispatch().skipped == 1
    assert [(row.state, row.reason) for row in town.deliveries()] == [("skipped", "left")]


def test_an_erased_readers_number_is_never_given_again(town: Town) -> None:
    """Links in old mails carry the number: they must not lead to somebody else's choices."""
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    town.service.readers.remove("ada@example.org")
    assert town.reader("ben@example.org", "harbour") > ada


def test_undo_brings_the_due_time_back(town: Town) -> None:
    town.topics("Harbour")
    ada = town.reader("ada@example.org", "harbour")
    town.service.readers.leave(ada, reason="page")
    assert town.service.readers.undo_leave(ada) is not None
    assert town.due_at("ada@example.org") == datetime(2026, 3, 5, 6, 0, tzinfo=UTC)


def test_confirming_after_leaving_is_refused(small_town: Town) -> None:
    small_town.topics("Harbour")
    sign_up(small_town)
    small_town.service.readers.leave(1, reason="page")
    with pytest.raises(NotConfirmable):
        small_town.service.readers.confirm(1, network=None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"at": "07:10"},
        {"at": "24:00"},
        {"at": "noon"},
        {"timezone": "Mars/Olympus"},
        {"cadence": "hourly"},
    ],
)
def test_bad_choices_add_nobody(small_town: Town, wrong: dict[str, str]) -> None:
    small_town.topics("Harbour")
    with pytest.raises(RosterError) as caught:
        small_town.service.readers.add("ada@example.org", topics=["harbour"], **wrong)
    assert "\n" not in str(caught.value)
    assert small_town.service.readers.list() == []
