"""What every provider must do, whoever carries the mail. A provider's test class inherits this and says how to look."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest

from digest.compose.qp import encode_qp
from digest.dispatch.proof import BODIES, Proofs, differing
from digest.dispatch.providers import Provider
from digest.errors import Garbled, InputError, SettingError, Unknowable
from digest.types import Accepted, Envelope, Recipient, Sheet

BODY = 'Müller\'s "café"\\ & <b>\n'


def envelope(provider: Provider, number: int = 1, **changes: object) -> Envelope:
    """A mail with bodies in the encoding that the provider declares."""
    body = encode_qp(BODY) if provider.encoding == "qp" else b'M\xc3\xbcller\'s \\"caf\xc3\xa9\\"\\\\ & <b>\\n'
    sheet = Sheet(
        edition_id=7,
        sender='"Morning, Paper" <paper@news.example>',
        reply_to="desk@news.example",
        subject="Grüße, and “good morning”",
        date=datetime(2026, 3, 4, 6, 30, tzinfo=UTC),
        leave_at=f"https://news.example/u/{'t' * 120}",
        headers=(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),),
        message_id=lambda reader: f"<e1.{reader}@news.example>",
    )
    recipient = Recipient(number, f"reader{number}@example.org", "Doe, Jane (née Müller)")
    return changed(Envelope(sheet, recipient, str(number).encode(), (body,), (body,)), **changes)


def changed(mail: Envelope, **changes: Any) -> Envelope:
    """The mail with other values, each where it belongs; bodies may be given whole."""
    for part in ("html", "text"):
        if part in changes:
            whole = changes.pop(part)
            changes[f"{part}_pieces"] = (whole,) if whole else ()
    of_mail = {name: changes.pop(name) for name in Envelope._fields if name in changes}
    return mail._replace(**{"sheet": replace(mail.sheet, **changes), **of_mail})


class ProviderContract(ABC):
    """Inherited by each provider's test class, which gives the fixture `provider`."""

    repeats_tell: ClassVar[bool] = True
    """Whether a call that is repeated under its key tells its results again. Otherwise it is Unknowable."""

    @abstractmethod
    def arrived(self) -> list[str]:
        """The addresses of the mails that arrived, in any order, one for each arrival."""

    def test_declares_itself(self, provider: Provider) -> None:
        assert provider.batch >= 1
        assert provider.encoding in ("json", "qp")
        assert provider.key_lifetime is None or provider.key_lifetime > timedelta(0)

    def test_a_payload_is_pure(self, provider: Provider) -> None:
        assert provider.payload(envelope(provider)) == provider.payload(envelope(provider))
        assert provider.payload(envelope(provider)) != provider.payload(envelope(provider, 2))

    @pytest.mark.parametrize(
        "name", ["", "Doe, Jane (née Müller)", '"; DROP TABLE', "😀" * 200, "=?utf-8?q?x?=", "a@b <c>"]
    )
    @pytest.mark.parametrize("subject", ["Plain", "=?utf-8?q?x?= and", "عناوين الصباح " * 5, "😀" * 60, "w" * 300])
    def test_a_payload_reads_back_as_it_was_meant(self, provider: Provider, name: str, subject: str) -> None:
        mail = envelope(provider, subject=subject, recipient=Recipient(1, "reader1@example.org", name))
        for whole in (mail, changed(mail, html=b"")):
            payload = provider.payload(whole)
            written = provider.read(payload)
            assert (differing(whole, written, BODIES[provider.encoding]), written.recipient) == (
                "",
                "reader1@example.org",
            )
            assert b"=?utf-8?q?x?=" not in payload, "nobody's text can pass for an encoded word"
            other = changed(whole, subject="Another", text=b"else", recipient=Recipient(1, "x@example.org", name))
            told = differing(other, written, BODIES[provider.encoding])
            assert told == "its subject and text and recipient differ"

    def test_what_cannot_be_read_back_says_so(self, provider: Provider) -> None:
        payload = provider.payload(envelope(provider))
        for broken in (b"", payload[:40], payload.replace(b"reader1@example.org", b"a@b.example, c@d.example")):
            with pytest.raises(Garbled, match=r"^[ -~]+$"):
                Proofs(provider.encoding, provider.read).prove(7, envelope(provider), broken)

    def test_every_mail_of_the_largest_batch_arrives_once(self, provider: Provider) -> None:
        payloads = [provider.payload(envelope(provider, number)) for number in range(provider.batch)]
        results = provider.send(payloads, "key-1")
        assert len(results) == provider.batch
        assert all(isinstance(result, Accepted) and result.provider_message_id for result in results)
        assert sorted(self.arrived()) == sorted(f"reader{number}@example.org" for number in range(provider.batch))

    def test_the_same_call_under_the_same_key_sends_nothing_twice(self, provider: Provider) -> None:
        numbers = range(1, min(provider.batch, 2) + 1)
        payloads = [provider.payload(envelope(provider, number)) for number in numbers]
        first = provider.send(payloads, "key-1")
        if provider.key_lifetime is not None and self.repeats_tell:
            assert provider.send(payloads, "key-1") == first
        elif provider.key_lifetime is not None:
            with pytest.raises(Unknowable):
                provider.send(payloads, "key-1")
        assert sorted(self.arrived()) == [f"reader{number}@example.org" for number in numbers]

    @pytest.mark.parametrize("sign", ["\r\n", "\n", "\r", "\0", "\x1b", "\x85", "\u2028", "\ud800"])
    @pytest.mark.parametrize(
        "place", ["subject", "sender", "reply_to", "message_id", "leave_at", "name", "address", "header", "value"]
    )
    def test_nothing_can_be_injected(self, provider: Provider, place: str, sign: str) -> None:
        bad = f"a{sign}Bcc: eve@example.net"
        plain = envelope(provider)
        changes: dict[str, dict[str, object]] = {
            "name": {"recipient": Recipient(1, "reader1@example.org", bad)},
            "address": {"recipient": Recipient(1, f"reader1@example.org{sign}", "Jane")},
            "sender": {"sender": f"{bad} <paper@news.example>"},
            "header": {"headers": ((bad, "x"),)},
            "value": {"headers": (("List-Id", bad),)},
            "message_id": {"message_id": lambda reader: f"<{bad}>"},
        }
        mail = changed(plain, **changes.get(place, {place: bad}))
        if place == "message_id" and provider.encoding == "json":
            assert b"eve@example.net" not in provider.payload(mail)
            return
        with pytest.raises((InputError, SettingError), match=r"^[ -~]+$"):
            provider.payload(mail)

    @pytest.mark.parametrize("address", ["nobody", "a@b, c@d.example", "@example.org", "jürgen@example.org", ""])
    def test_an_address_that_cannot_be_mailed_is_one_clear_line(self, provider: Provider, address: str) -> None:
        with pytest.raises(InputError, match=r"the mail's To is not an address that can be mailed"):
            provider.payload(envelope(provider, recipient=Recipient(1, address, "Jane")))
