"""The providers that need nothing: mails on the terminal, and mails in memory."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from digest.dispatch.providers import Provider, make_provider, memory
from digest.dispatch.providers.console import Console
from digest.dispatch.providers.memory import Box, Memory
from digest.errors import Refused, Unknowable
from digest.ready import missing_for_sending
from digest.settings import Settings
from digest.types import Accepted, Recipient
from tests.dispatch.contract import BODY, ProviderContract, envelope
from tests.parts import ROOT


class TestConsole(ProviderContract):
    @pytest.fixture
    def provider(self) -> Provider:
        self.stream = io.StringIO()
        return Console(self.stream)

    def arrived(self) -> list[str]:
        lines = self.stream.getvalue().splitlines()
        return [line.split("<")[1].rstrip(">") for line in lines if line.startswith("To: ")]

    def test_what_is_printed(self, provider: Provider) -> None:
        (result,) = provider.send([provider.payload(envelope(provider))], "k")
        assert result == Accepted("<e1.1@news.example>")
        rule = "-" * 72
        assert self.stream.getvalue() == (
            f"{rule}\nTo: Doe, Jane (née Müller) <reader1@example.org>\nSubject: Grüße, and “good morning”\n\n"
            f"{BODY.strip()}\n{rule}\n"
        )

    def test_a_feed_cannot_steer_the_terminal(self, provider: Provider) -> None:
        text = b"red =1B[31m, title =1B]0;x=07, back =08=08, =C2=9B2J and =E2=80=AEdliw"
        provider.send([provider.payload(envelope(provider, text=text))], "k")
        shown = self.stream.getvalue()
        assert "red \ufffd[31m, title \ufffd]0;x\ufffd, back \ufffd\ufffd, \ufffd2J and \ufffddliw" in shown
        assert all(sign == "\n" or sign.isprintable() for sign in shown)


def test_the_console_is_the_process_s_own_output(
    make_settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    provider = make_provider(make_settings(provider="console"))
    provider.send([provider.payload(envelope(provider, recipient=Recipient(1, "ada@example.org", "")))], "k")
    provider.close()
    assert "\nTo: ada@example.org\n" in capsys.readouterr().out


def test_a_closed_console_is_for_the_operator() -> None:
    stream = io.StringIO()
    console = Console(stream)
    payload = console.payload(envelope(console))
    stream.close()
    with pytest.raises(Refused, match="closed"):
        console.send([payload], "k")


def test_a_console_of_few_letters_shows_what_it_can() -> None:
    seen = io.BytesIO()
    console = Console(io.TextIOWrapper(seen, encoding="ascii"))
    console.send([console.payload(envelope(console))], "k")
    assert b"\nSubject: Gr??e, and ?good morning?\n" in seen.getvalue()


def test_a_console_that_breaks_off_leaves_doubt() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    stream = os.fdopen(writing, "w")
    console = Console(stream)
    with pytest.raises(Unknowable, match="broke off"):
        console.send([console.payload(envelope(console))], "k")
    with pytest.raises(BrokenPipeError):
        stream.close()


class TestMemory(ProviderContract):
    @pytest.fixture
    def provider(self, make_settings: Callable[..., Settings]) -> Provider:
        memory.forget()
        return make_provider(make_settings(provider="memory"))

    def arrived(self) -> list[str]:
        return [mail.recipient for mail in memory.mails()]

    def test_a_kept_mail_says_all_that_a_test_may_ask(self, provider: Provider) -> None:
        provider.send([provider.payload(envelope(provider))], "k")
        (mail,) = memory.mails()
        assert (mail.recipient, mail.subject) == ("reader1@example.org", "Grüße, and “good morning”")
        assert (mail.text.strip(), mail.html.strip()) == (BODY.strip(), BODY.strip())
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        memory.forget()
        assert memory.mails() == []


def test_every_provider_of_a_process_shares_its_box(make_settings: Callable[..., Settings]) -> None:
    memory.forget()
    for key in ("k1", "k2"):
        provider = make_provider(make_settings(provider="memory"))
        provider.send([provider.payload(envelope(provider))], key)
        provider.close()
    assert len(memory.mails()) == 2


def test_another_batch_under_the_same_key_is_never_kept() -> None:
    provider = Memory(Box())
    provider.send([provider.payload(envelope(provider))], "k")
    with pytest.raises(Unknowable):
        provider.send([provider.payload(envelope(provider, 2))], "k")
    assert len(provider.box.mails()) == 1


@pytest.mark.parametrize("provider", ["console", "memory"])
def test_they_need_no_other_setting(make_settings: Callable[..., Settings], provider: str) -> None:
    settings = make_settings(provider=provider)
    assert missing_for_sending(settings) == []
    assert not settings.sends_over_network


def test_the_example_in_the_docs_runs() -> None:
    text = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    code = text.split("```python\n")[1].split("```")[0]
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
