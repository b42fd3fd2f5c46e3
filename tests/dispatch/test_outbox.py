"""The local outbox."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.dispatch.providers import Provider, make_provider
from digest.dispatch.providers.outbox import Outbox, file_name
from digest.errors import BadBatch, Refused
from digest.settings import Settings
from digest.types import Accepted
from tests.dispatch.contract import BODY, ProviderContract, envelope


class TestOutbox(ProviderContract):
    @pytest.fixture
    def provider(self, make_settings: Callable[..., Settings], tmp_path: Path) -> Provider:
        self.folder = tmp_path / "mail" / "outbox"
        return make_provider(make_settings(provider="outbox", data_dir=tmp_path / "mail"))

    def arrived(self) -> list[str]:
        found = [
            email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            for file in (self.folder / "new").iterdir()
        ]
        return [message["To"].addresses[0].addr_spec for message in found]

    def test_the_file_is_the_message_and_tmp_is_left_empty(self, provider: Provider) -> None:
        payload = provider.payload(envelope(provider))
        (result,) = provider.send([payload], "k")
        assert isinstance(result, Accepted)
        assert result.provider_message_id.startswith("e1.1@news.example.")
        file = self.folder / "new" / result.provider_message_id
        assert file.suffix == ".eml"
        assert file.read_bytes() == payload
        assert list((self.folder / "tmp").iterdir()) == []
        message = email.message_from_bytes(payload, policy=email.policy.default)
        html = message.get_body(("html",))
        assert html is not None
        assert html.get_content().replace("\r\n", "\n").strip() == BODY.strip()

    def test_a_mail_that_was_read_is_not_delivered_again(self, provider: Provider) -> None:
        payload = provider.payload(envelope(provider))
        (result,) = provider.send([payload], "k")
        assert isinstance(result, Accepted)
        (self.folder / "new" / result.provider_message_id).rename(
            self.folder / "cur" / f"{result.provider_message_id}:2,S"
        )
        assert provider.send([payload], "k") == [result]
        assert self.arrived() == []


def test_a_folder_that_cannot_be_written_is_for_the_operator(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")
    outbox = Outbox(tmp_path / "outbox")
    with pytest.raises(Refused, match=r"outbox .* cannot be written"):
        outbox.send([outbox.payload(envelope(outbox))], "k")


def test_file_names_cannot_leave_the_folder() -> None:
    name = file_name(b"Message-ID: <../../etc/passwd@x>\r\n\r\n")
    assert "/" not in name
    assert not name.startswith(".")
    with pytest.raises(BadBatch):
        file_name(b"Subject: x\r\n\r\nMessage-ID: <body@x>\r\n")
