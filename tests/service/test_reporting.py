"""The operator's report through the ledger: once a day, to people who are no readers, and in nobody's way."""

from __future__ import annotations

import email
import email.policy
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from digest.errors import InputError, SettingError
from digest.models import Delivery
from digest.settings import Settings
from digest.store.db import writing
from digest.store.staff import number_of, staff_of
from subscribers.suppressions import suppress
from tests.crash.children import nursery_of
from tests.service.town import NOW, Town

OPS, BOSS = "ops@example.org", "boss@example.net"
OLD, NEW = "a-key-that-only-the-tests-know-about-0001", "another-key-that-only-the-tests-know-0002"
EARLY = datetime(2026, 3, 4, 4, 49, tzinfo=UTC)
"""05:49 in Berlin."""

MakeTown = Callable[..., Town]


@pytest.fixture
def make(database: Engine, make_settings: Callable[..., Settings]) -> Iterator[MakeTown]:
    """A town in Berlin whose operators want the report at ten to six; several on one database are several processes."""
    made: list[Town] = []

    def town(**changed: object) -> Town:
        ours = {"operator_email": f"{OPS}, {BOSS}", "default_timezone": "Europe/Berlin", **changed}
        made.append(Town(database, make_settings(**ours)))
        return made[-1]

    yield town
    for each in made:
        each.service.close()


def sent(town: Town) -> dict[str, EmailMessage]:
    """Address -> what came there."""
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in town.mails()]
    return {str(mail["To"]): mail for mail in mails}


def body(mail: EmailMessage, kind: str = "plain") -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def outcomes(town: Town) -> list[tuple[str, str | None]]:
    return sorted((row.state, row.reason) for row in town.deliveries())


def numbers(town: Town) -> set[int]:
    return {row.subscriber_id for row in town.deliveries()}


def test_it_comes_at_its_hour_once_a_local_day(make: MakeTown) -> None:
    town = make()
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour", name="Ada Lovelace")
    town.clock.at = EARLY
    assert town.service.reporter.plan_due() is None
    town.clock.at += timedelta(minutes=1)
    assert town.service.reporter.plan_due() is not None
    for later in (timedelta(0), timedelta(hours=9), timedelta(hours=18, minutes=9)):
        town.clock.at = EARLY + timedelta(minutes=1) + later
        assert town.service.reporter.plan_due() is None
        assert make().service.reporter.plan() is None, "nor by another process, nor by hand"
    town.service.dispatch()
    mails = sent(town)
    assert set(mails) == {OPS, BOSS}
    for mail in mails.values():
        assert mail["Subject"] == "All well: 0 mails, 1 new reader"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert "List-Unsubscribe" not in mail
        for kind in ("plain", "html"):
            assert "ada@example.org" not in body(mail, kind)
            assert "Lovelace" not in body(mail, kind)
            assert "Readers now" in body(mail, kind)
    town.clock.at = EARLY + timedelta(days=1, minutes=2)
    assert town.service.reporter.plan_due() is not None
    assert [each.slot for each in town.editions()] == ["system:report:2026-03-04", "system:report:2026-03-05"]
    assert town.service.dispatch().accepted == 2


def test_after_a_night_without_power_it_comes_as_soon_as_it_can(make: MakeTown) -> None:
    town = make()
    town.clock.at = EARLY + timedelta(hours=9)
    assert town.service.reporter.plan_due() is not None
    assert town.service.dispatch().accepted == 2


def test_nobody_is_told_who_is_not_named(make: MakeTown) -> None:
    town = make(operator_email="")
    town.clock.at = EARLY + timedelta(hours=9)
    assert town.service.reporter.plan_due() is None
    with pytest.raises(InputError, match="OPERATOR_EMAIL is empty"):
        town.service.reporter.plan()
    assert town.editions() == []


def test_the_house_is_no_reader(make: MakeTown) -> None:
    """Neither list nor count nor export knows them, and no address of theirs is in the database."""
    town = make()
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    ada = town.reader("ada@example.org", "harbour")
    assert town.service.reporter.plan() is not None
    assert town.morning(NOW) == 3
    assert len({number for number in numbers(town) if number < 0}) == 2
    assert [reader.id for reader in town.service.readers.list()] == [ada]
    assert town.service.audience(None, None)[0] == 1
    _, exported = town.service.readers.export(ada, "json")
    assert b"report" not in exported
    day = town.service.reporter.day()
    assert (day.mails, day.readers, day.letters, day.digests) == ({"accepted": 1}, 1, 0, 1)
    with town.engine.connect() as connection:
        for name in ("subscriber", "delivery", "attempt", "edition", "profile", "intake", "tally"):
            told = " ".join(map(str, connection.execute(text(f"SELECT * FROM {name}")).all()))  # noqa: S608
            assert OPS not in told
            assert BOSS not in told


def test_a_reader_with_the_same_address_is_somebody_else(make: MakeTown) -> None:
    """Leaving as a reader takes nothing from the report, and erasing nothing from its ledger."""
    town = make(operator_email=OPS)
    town.topics("Harbour")
    reader = town.reader(OPS, "harbour")
    town.service.reporter.plan()
    town.service.readers.leave(reader, reason="page")
    town.service.readers.erase(reader)
    assert town.service.dispatch().accepted == 1
    assert set(sent(town)) == {OPS}


def test_who_is_taken_out_of_the_settings_gets_nothing_more(make: MakeTown) -> None:
    """And whoever stands there now does not get it in their place: a number is of an address, not of a position."""
    make().service.reporter.plan()
    later = make(operator_email=f"new@example.org, {BOSS}")
    later.service.dispatch()
    assert outcomes(later) == [("accepted", None), ("skipped", "left")]
    assert set(sent(later)) == {BOSS}


def test_a_rotation_of_keys_between_planning_and_sending(make: MakeTown) -> None:
    make(secret_keys=OLD).service.reporter.plan()
    rotated = make(secret_keys=f"{NEW},{OLD}")
    assert rotated.service.dispatch().accepted == 2
    assert rotated.service.reporter.plan() is None


def test_an_address_that_refused_mail_is_left_alone(make: MakeTown) -> None:
    town = make()
    town.service.reporter.plan()
    with writing(town.engine) as session:
        (hashed, *_) = town.service.keyring.address_hashes(OPS.upper())
        suppress(session, hashed, reason="complained", now=NOW)
    town.service.dispatch()
    assert outcomes(town) == [("accepted", None), ("skipped", "suppressed")]


@pytest.mark.parametrize(
    ("language", "subject"),
    [("de", "Alles gut: 0 E-Mails, 0 neue Anmeldungen"), ("ar", "كل شيء على ما يرام: لا رسائل، لا قراء جدد")],
)
def test_it_speaks_the_operators_language(make: MakeTown, language: str, subject: str) -> None:
    town = make(operator_language=language, operator_email=OPS)
    town.service.reporter.plan()
    town.service.dispatch()
    (mail,) = sent(town).values()
    assert mail["Subject"] == subject
    assert f'lang="{language}"' in body(mail, "html")


def test_a_language_without_a_catalogue_is_refused(make: MakeTown) -> None:
    with pytest.raises(SettingError, match="OPERATOR_LANGUAGE is 'xx'; there are en"):
        make(operator_language="xx")


def test_a_broken_template_is_told_in_the_log_and_holds_nobody_up(
    make: MakeTown, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    own = tmp_path / "own"
    (own / "email" / "report").mkdir(parents=True)
    (own / "email" / "report" / "body.html").write_text("{{ report.nonsense }}")
    town = make(templates_dir=str(own))
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.reader("ada@example.org", "harbour")
    town.clock.at = NOW
    with caplog.at_level(logging.ERROR):
        assert town.service.reporter.plan_due() is None
    (record,) = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert "email/report/body.html, line 1" in record.getMessage()
    assert "All well: 0 mails, 1 new reader" in record.getMessage()
    assert town.morning(NOW) == 1
    (own / "email" / "report" / "body.html").write_text("<p>{{ report.verdict }}</p>")
    mended = make(templates_dir=str(own))
    assert mended.service.reporter.plan_due() is not None
    assert mended.service.dispatch().accepted == 2


def test_what_it_says_is_what_the_ledger_holds(make: MakeTown) -> None:
    town = make(operator_email=OPS)
    town.topics("Harbour", "Chess <b>& more</b>")
    town.story("Ferry aground", "harbour")
    for number in range(3):
        town.reader(f"r{number}@example.org", "harbour")
    town.reader("chess@example.org", "chess-b-more-b")
    assert town.morning(NOW) == 3
    town.service.readers.leave(town.service.readers.show("r1@example.org").id, reason="one-click")
    with writing(town.engine) as session:
        session.connection().execute(
            text("UPDATE delivery SET state = 'unknown', reason = 'x' WHERE subscriber_id = 1")
        )  # fmt: skip
    town.clock.at += timedelta(minutes=10)
    town.service.reporter.plan()
    town.service.dispatch()
    mail = sent(town)[OPS]
    assert mail["Subject"] == "Look: 1 mail is unknown"
    lines = body(mail).splitlines()
    for line in (
        "Accepted by the provider: 2",
        "Not sent, nothing new for them: 1",
        "Unknown, since the day before: 1",
        "Left: 1",
    ):
        assert line in lines
    assert "Chess &lt;b&gt;&amp; more&lt;/b&gt;" in body(mail, "html")


def test_numbers_of_the_house_are_below_zero_and_follow_the_address() -> None:
    hashes = {OPS: [b"\xff" * 32, b"\x01" * 32], BOSS: [b"\x00" * 32]}
    known = staff_of([OPS, BOSS], lambda address: hashes[address])
    assert sorted(known.values()) == [BOSS, OPS, OPS]
    assert known == {-(2**47): OPS, -1 - (0x010101010101 >> 1): OPS, -1: BOSS}
    assert all(number < 0 for number in known)
    assert number_of(b"\x80" + b"\x00" * 31) == -1 - 2**46


# --- crashes ----------------------------------------------------------------------------------------------------------


def test_a_kill_anywhere_leaves_nothing_or_all_of_it(town: Town) -> None:
    settings = town.service.settings
    job: dict[str, Any] = {
        "database": town.engine.url.render_as_string(hide_password=False),
        "data_dir": str(settings.data_dir),
        "key": settings.secret_keys[0],
    }
    with nursery_of("tests.crash.report") as run:
        at = datetime(2026, 3, 4, 7, 0, tzinfo=UTC)
        points = run({**job, "now": at.isoformat()})["points"]
        assert points == ["open", "plan", "freeze", "commit"]
        for turn, kill_at in enumerate(range(len(points)), 1):
            now = (at + timedelta(days=turn)).isoformat()
            assert run({**job, "now": now, "kill_at": kill_at})["code"] == -9
            assert len(town.editions()) == turn, points[kill_at]
            assert run({**job, "now": now})["code"] == 0
            assert run({**job, "now": now})["points"] == []
    assert {each.state for each in town.editions()} == {"frozen"}
    per_edition: dict[int, list[Delivery]] = {}
    for row in town.deliveries():
        per_edition.setdefault(row.edition_id, []).append(row)
    assert [len(rows) for rows in per_edition.values()] == [2] * (len(points) + 1)
