"""What every provider that is an HTTP API must do, beyond `contract`: when nobody answers, or not as documented."""

from __future__ import annotations

import logging
import socket
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest

from digest.dispatch.providers import Provider, make_provider
from digest.errors import NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.ready import missing_for_sending
from digest.settings import Settings
from digest.types import Accepted, ItemResult
from tests.dispatch.api_sink import ApiSink, Call, Reply, answering_as
from tests.dispatch.contract import ProviderContract, envelope
from tests.dispatch.resend_sink import answering, dropped, lost

KEY = "key-0123-secret"


class ApiContract(ProviderContract):
    """Inherited by the test class of each provider that is an HTTP API."""

    needs: ClassVar[tuple[str, ...]]
    """The settings that it cannot do without; all of them take KEY."""
    more: ClassVar[dict[str, Any]] = {}
    """Others that its tests want."""

    @abstractmethod
    def clerk(self, sink: ApiSink, call: Call) -> Reply:
        """The API as documented."""

    @abstractmethod
    def open(self, url: str, timeout: httpx.Timeout) -> Provider:
        """The provider at `url`, with KEY and some patience."""

    @abstractmethod
    def complaint(self, text: str) -> bytes:
        """The body of an error that says this, as the API would."""

    @abstractmethod
    def accepted(self, mail: dict[str, Any]) -> str:
        """The address of a mail in the sink's log."""

    # --- given --------------------------------------------------------------------------------------------------------

    @pytest.fixture
    def sink(self, tmp_path: Path) -> Iterator[ApiSink]:
        with answering_as(tmp_path / "sink.log", self.clerk) as started:
            self.log = started
            yield started

    @pytest.fixture
    def settings(self, make_settings: Callable[..., Settings], sink: ApiSink) -> Settings:
        name = self.provider_name
        keys = dict.fromkeys(self.needs, KEY)
        return make_settings(provider=name, **{f"{name}_base_url": sink.url, **keys, **self.more})

    @pytest.fixture
    def provider(self, settings: Settings) -> Iterator[Provider]:
        made = make_provider(settings)
        yield made
        made.close()

    @pytest.fixture
    def quick(self, sink: ApiSink) -> Iterator[Provider]:
        made = self.open(sink.url, httpx.Timeout(0.5))
        yield made
        made.close()

    def arrived(self) -> list[str]:
        return [self.accepted(mail) for mail in self.log.mails()]

    @property
    def provider_name(self) -> str:
        return type(self).__name__.removeprefix("Test").lower()

    def doubt(self, provider: Provider) -> type[ProviderError]:
        """What a call is whose answer got lost: repeating it helps only under a key."""
        return Unclear if provider.key_lifetime is not None else Unknowable

    # --- asked --------------------------------------------------------------------------------------------------------

    def test_it_is_told_which_settings_it_lacks(self, settings: Settings) -> None:
        for name in self.needs:
            without = settings.model_copy(update={name: ""})
            assert [line for line in missing_for_sending(without) if name.upper() in line]
            for bad in ("", "with space", "ümlaut"):
                with pytest.raises(SettingError, match=name.upper()):
                    make_provider(settings.model_copy(update={name: bad}))

    def test_a_lost_answer_is_in_doubt(self, quick: Provider, sink: ApiSink) -> None:
        sink.script.append(lost)
        with pytest.raises(ProviderError) as told:
            send(quick, 1)
        assert type(told.value) is self.doubt(quick)
        assert len(sink.mails()) == 1
        sink.script.append(dropped)
        with pytest.raises(ProviderError) as told:
            send(quick, 1)
        assert type(told.value) is self.doubt(quick)
        if quick.key_lifetime is not None and self.repeats_tell:
            assert all(isinstance(result, Accepted) for result in send(quick, 1))
            assert len(sink.mails()) == 1, "the same call brings its answer again"

    def test_silence_is_in_doubt_and_a_closed_door_is_not_sent(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}"
            quiet = self.open(address, httpx.Timeout(0.2))
            with pytest.raises(ProviderError, match="did not answer") as told:
                send(quiet, 1)
            assert type(told.value) is self.doubt(quiet)
            quiet.close()
        gone = self.open(address, httpx.Timeout(0.5))
        with pytest.raises(NotSent, match="cannot be reached"):
            send(gone, 1)
        gone.close()

    @pytest.mark.parametrize("status", [204, 207, 301, 408, 418, 500, 502, 503, 504])
    def test_an_answer_that_nobody_documents_marks_nobody(self, quick: Provider, sink: ApiSink, status: int) -> None:
        sink.script.append(answering(status, b"" if status == 204 else self.complaint("no")))
        with pytest.raises(ProviderError) as told:
            send(quick, 1)
        assert type(told.value) is (Refused if status in (301, 418) else self.doubt(quick))

    @pytest.mark.parametrize("body", [b"", b"[]", b"<html>welcome to the hotel</html>", b'{"id', b'{"message": "Hi"}'])
    def test_a_success_that_says_nothing_of_mails_is_in_doubt(
        self, quick: Provider, sink: ApiSink, body: bytes
    ) -> None:
        for status in (200, 201, 202):
            sink.script.append(answering(status, body))
            with pytest.raises(ProviderError) as told:
                send(quick, 1)
            assert type(told.value) is self.doubt(quick)

    def test_no_message_and_no_log_holds_an_address_or_the_key(
        self, quick: Provider, sink: ApiSink, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.DEBUG, logger="digest"):
            for status in (400, 401, 403, 404, 409, 413, 422, 429, 500):
                said = f"{KEY} may not write\r\nto reader0@example.org"
                sink.script.append(answering(status, self.complaint(said)))
                with pytest.raises(ProviderError, match=rf"^[ -~]*{status}[ -~]*$") as told:
                    send(quick, 1)
                assert KEY not in str(told.value)
                assert "reader0" not in str(told.value)
        assert "reader0" not in caplog.text
        assert KEY not in caplog.text

    def test_a_mail_of_plain_text_arrives_too(self, provider: Provider) -> None:
        (result,) = provider.send([provider.payload(envelope(provider, 3, html=b""))], "k")
        assert isinstance(result, Accepted)
        assert self.arrived() == ["reader3@example.org"]


def send(provider: Provider, count: int, key: str = "key-1") -> Sequence[ItemResult]:
    return provider.send([provider.payload(envelope(provider, number)) for number in range(count)], key)


def failing(provider: Provider, sink: ApiSink, status: int, body: bytes, **headers: str) -> ProviderError:
    """What one call raises when it is answered so; nothing was taken by then."""
    sink.script.append(answering(status, body, **headers))
    with pytest.raises(ProviderError) as told:
        send(provider, 1)
    assert sink.mails() == []
    return told.value
