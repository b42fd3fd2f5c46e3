"""`digest report`: on the terminal, for scripts, and by mail."""

from __future__ import annotations

import email
import email.policy

import pytest

from tests.cli.conftest import Digest


@pytest.fixture
def told(digest: Digest, monkeypatch: pytest.MonkeyPatch) -> Digest:
    monkeypatch.setenv("OPERATOR_EMAIL", "ops@example.org, boss@example.org")
    digest("topics", "add", "Harbour")
    digest("subscribers", "add", "ada@example.org", "--topic", "harbour")
    return digest


def test_it_prints_what_the_day_was(told: Digest) -> None:
    done = told("report")
    assert (done.code, done.err) == (0, "")
    first, span, *rest = done.out.splitlines()
    assert first == "All well: 0 mails, 1 new reader"
    assert " · From " in span
    for line in ("Mails", "  Accepted by the provider: 0", "  Readers now: 1", "  Harbour", "Machine"):
        assert line in rest
    assert "ada@" not in done.out
    assert told.outbox == []


def test_for_scripts(told: Digest) -> None:
    (row,) = told("report", "--json").rows
    assert (row["well"], row["subject"], row["alarms"]) == (True, "All well: 0 mails, 1 new reader", [])
    assert (row["readers"], row["new"], row["mails"]) == (1, 1, {})
    assert [each["slug"] for each in row["quiet"]] == ["harbour"]
    assert row["database_bytes"] > 0
    assert row["disk_total"] > row["disk_free"] > 0


def test_by_mail_once_a_day(told: Digest) -> None:
    done = told("report", "--mail")
    assert (done.code, done.err) == (0, "mailed to 2 addresses\n")
    mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in told.outbox]
    assert {str(mail["To"]) for mail in mails} == {"ops@example.org", "boss@example.org"}
    assert {str(mail["Subject"]) for mail in mails} == {done.out.splitlines()[0]}
    again = told("report", "--mail", "--json")
    assert (again.code, again.err) == (3, "today's report was mailed before; one goes out a day\n")
    assert len(again.rows) == 1
    assert len(told.outbox) == 2


def test_nobody_to_mail_it_to(digest: Digest) -> None:
    digest("report", "--mail").fails("OPERATOR_EMAIL is empty", ".env")


def test_a_provider_that_cannot_send(told: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROVIDER", "resend")
    told("report", "--mail").fails("PROVIDER is resend", "RESEND_API_KEY")


def test_an_address_that_is_kept_from_mail(told: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    from digest.cli.common import service
    from digest.store.db import writing
    from subscribers.suppressions import suppress

    with service() as opened, writing(opened.engine) as session:
        (hashed, *_) = opened.keyring.address_hashes("ops@example.org")
        suppress(session, hashed, reason="bounced", now=opened.now())
    done = told("report", "--mail")
    assert done.code == 1
    assert done.err == "error: the report was not mailed everywhere: 1 address of OPERATOR_EMAIL cannot be mailed\n"
    assert len(told.outbox) == 1


def test_a_broken_template_is_one_line(told: Digest, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = told.folder / "own" / "email" / "report"
    folder.mkdir(parents=True)
    (folder / "body.txt").write_text("{% for %}")
    monkeypatch.setenv("TEMPLATES_DIR", str(told.folder / "own"))
    assert told("report").code == 0, "the terminal needs no template"
    told("report", "--mail").fails("email/report/body.txt, line 1")


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("OPERATOR_EMAIL", "nobody", "addresses such as me@example.org"),
        ("OPERATOR_EMAIL", "a@example.org, Boss <b@example.org>", "addresses such as"),
        ("OPERATOR_EMAIL", "jürgen@example.org", "nothing but ASCII before the @"),
        ("REPORT_AT", "6:00", "a time such as 05:50"),
        ("REPORT_AT", "24:00", "a time such as 05:50"),
        ("OPERATOR_LANGUAGE", "xx", "there are en, "),
        ("GOODBYE_MAIL", "perhaps", "true or false"),
    ],
)
def test_settings_that_cannot_be(
    digest: Digest, monkeypatch: pytest.MonkeyPatch, name: str, value: str, cause: str
) -> None:
    monkeypatch.setenv(name, value)
    digest("report").fails(name, cause)
