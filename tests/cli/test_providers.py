"""The whole way of a mail through each email API, from the settings to what the API was handed."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Digest
from tests.cli.test_commands import with_reader
from tests.dispatch import test_brevo, test_mailgun, test_sendgrid, test_ses
from tests.dispatch.api_contract import KEY, ApiContract
from tests.dispatch.api_sink import answering_as
from tests.gather.site import Site

READY = {
    "FROM": "Paper <paper@news.example.org>",
    "REPLY_TO": "editor@example.org",
    "POSTAL_ADDRESS": "4 Tallow Hill",
    "PUBLIC_URL": "https://digest.example.org",
    "OPERATOR_EMAIL": "desk@example.org",
}
DESKS: dict[str, type[ApiContract]] = {
    "brevo": test_brevo.TestBrevo,
    "mailgun": test_mailgun.TestMailgun,
    "sendgrid": test_sendgrid.TestSendGrid,
    "ses": test_ses.TestSes,
}


@pytest.mark.parametrize("name", DESKS)
def test_a_digest_and_a_mail_of_the_house_leave(
    digest: Digest, site: Site, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with_reader(digest, site)
    desk = DESKS[name]()
    with answering_as(digest.folder / "sink.log", desk.clerk) as sink:
        needed = {setting.upper(): KEY for setting in desk.needs}
        more = {setting.upper(): value for setting, value in desk.more.items()}
        variables = {**READY, "PROVIDER": name, f"{name.upper()}_BASE_URL": sink.url, **needed, **more}
        for variable, value in variables.items():
            monkeypatch.setenv(variable, value)
        assert "sent 1 mail of 1" in digest("send", "--yes").out
        assert digest("report", "--mail").code == 0
        assert [desk.accepted(mail) for mail in sink.mails()] == ["ada@example.org", "desk@example.org"]
    shown = {row["setting"]: row["value"] for row in digest("config", "--json").rows}
    secrets = set(needed) - {"SES_REGION"}
    assert {shown[setting] for setting in secrets} == {"(set)"}
