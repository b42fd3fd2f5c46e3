"""SMTP, against somebody else's server (aiosmtpd) on loopback: TLS by an authority of our own, passwords, replies."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from digest.dispatch.providers import HalfSent, Provider, make_provider, smtp
from digest.dispatch.providers.smtp import Smtp
from digest.dispatch.smtpline import Server
from digest.errors import Garbled, NotSent, ProviderError, Refused, SettingError
from digest.settings import Settings
from digest.types import Accepted, ItemResult, NotSentItem, Recipient, RejectedItem, UnknownItem
from tests.dispatch.contract import ProviderContract, envelope
from tests.dispatch.smtp_sink import CUT, HANG, LOSE, PASSWORD, TLS, USER, Sink, running

MakeSettings = Callable[..., Settings]


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[Sink]:
    with running(tmp_path / "sink.log") as started:
        yield started


def server(sink: Sink, silence: float = 5.0) -> Server:
    return Server("127.0.0.1", sink.port, "none", ssl.create_default_context(), "", "", "pages.example", silence)


@pytest.fixture
def direct(sink: Sink) -> Iterator[Smtp]:
    provider = Smtp(server(sink))
    yield provider
    provider.close()


class TestSmtp(ProviderContract):
    @pytest.fixture
    def provider(self, make_settings: MakeSettings, sink: Sink) -> Iterator[Provider]:
        self.sink = sink
        made = make_provider(
            make_settings(provider="smtp", smtp_host="127.0.0.1", smtp_port=sink.port, smtp_security="none")
        )
        yield made
        made.close()

    def arrived(self) -> list[str]:
        return [to for mail in self.sink.mails() for to in mail["to"]]


def payloads(provider: Smtp, *numbers: int) -> list[bytes]:
    return [provider.payload(envelope(provider, number)) for number in numbers]


def arrived(sink: Sink) -> list[str]:
    return [to.removesuffix("@example.org") for mail in sink.mails() for to in mail["to"]]


def kinds(results: list[ItemResult] | list[ItemResult | None]) -> list[str]:
    return [type(result).__name__ if result else "-" for result in results]


# --- what travels -----------------------------------------------------------------------------------------------------


def test_the_message_arrives_as_it_was_written_and_goes_to_nobody_else(direct: Smtp, sink: Sink) -> None:
    text = b".\r\n..\r\nend" + b" =\r\n.x" * 3 + b"\r\n."
    payload = direct.payload(envelope(direct, text=text, html=b""))
    (result,) = direct.send([payload], "k")
    (mail,) = sink.mails()
    message = payload.split(b"\r\nDATA\r\n")[1].decode()
    assert mail["raw"] == message + "\r\n"
    assert (mail["from"], mail["to"]) == ("paper@news.example", ["reader1@example.org"])
    assert mail["options"] == [f"SIZE={len(message)}"]
    assert "Bcc" not in mail["headers"]
    assert isinstance(result, Accepted)
    assert result.provider_message_id.startswith("2.0.0 Ok: queued as ")


@pytest.mark.parametrize(
    ("bounce", "verp", "sender"),
    [
        ("", False, "paper@news.example"),
        ("Bounces <bounces@mail.example>", False, "bounces@mail.example"),
        ("bounces@mail.example", True, "bounces+e1.1@mail.example"),
        ("", True, "paper+e1.1@news.example"),
    ],
)
def test_bounces_go_where_they_should(sink: Sink, bounce: str, verp: bool, sender: str) -> None:
    provider = Smtp(server(sink), bounce=bounce, verp=verp)
    provider.send(payloads(provider, 1), "k")
    provider.close()
    assert [mail["from"] for mail in sink.mails()] == [sender]


def test_an_envelope_that_names_another_reader_is_seen(direct: Smtp) -> None:
    (payload,) = payloads(direct, 1)
    with pytest.raises(Garbled, match="envelope"):
        direct.read(payload.replace(b"RCPT TO:<reader1", b"RCPT TO:<reader2"))


# --- TLS and passwords ------------------------------------------------------------------------------------------------


def opened(make_settings: MakeSettings, sink: Sink, **more: Any) -> Smtp:
    ours = {"smtp_host": "localhost", "smtp_port": sink.port, "smtp_ca_file": str(TLS / "ca.pem")}
    made = make_provider(make_settings(**{"provider": "smtp", "public_url": "https://pages.example", **ours, **more}))
    assert isinstance(made, Smtp)
    return made


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_travels_by_tls_only_to_whom_the_authority_vouches_for(
    make_settings: MakeSettings, tmp_path: Path, security: str
) -> None:
    with running(tmp_path / "log", security, auth=True) as sink:
        login = {"smtp_security": security, "smtp_user": USER, "smtp_password": PASSWORD}
        good = opened(make_settings, sink, **login)
        good.send(payloads(good, 1), "k")
        good.close()
        (mail,) = sink.mails()
        assert (mail["user"], mail["tls"]) == (USER, True)
        bad: list[tuple[dict[str, str], str]] = [
            ({"smtp_ca_file": ""}, r"certificate is not trusted .*SMTP_CA_FILE"),
            ({"smtp_host": "127.0.0.1"}, r"certificate is not trusted .*SMTP_HOST"),
            ({"smtp_password": "wrong"}, r"does not accept the password; check SMTP_USER and SMTP_PASSWORD \(535"),
        ]
        for change, told in bad:
            provider = opened(make_settings, sink, **{**login, **change})
            with pytest.raises(Refused, match=told):
                provider.send(payloads(provider, 2), "k")
            provider.close()
        assert len(sink.mails()) == 1


def test_a_server_that_wants_a_password_says_so(make_settings: MakeSettings, tmp_path: Path) -> None:
    with running(tmp_path / "log", "starttls", auth=True) as sink:
        provider = opened(make_settings, sink)
        with pytest.raises(Refused, match=r"wants a password first; set SMTP_USER"):
            provider.send(payloads(provider, 1), "k")


@pytest.mark.parametrize(
    ("there", "here", "told"),
    [
        ("none", {"smtp_security": "starttls"}, "offers no STARTTLS; check SMTP_PORT and SMTP_SECURITY"),
        ("none", {"smtp_security": "tls"}, "does not speak TLS there; check SMTP_PORT and SMTP_SECURITY"),
        (
            "none",
            {"smtp_security": "none", "smtp_user": "u", "smtp_password": "p"},
            "offers no way to log in that we know",
        ),
    ],
)
def test_what_the_server_does_not_offer_is_named(
    make_settings: MakeSettings, tmp_path: Path, there: str, here: dict[str, str], told: str
) -> None:
    with running(tmp_path / "log", there) as sink:
        provider = opened(make_settings, sink, **here)
        with pytest.raises(Refused, match=told):
            provider.send(payloads(provider, 1), "k")


# --- replies ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("phase", "reply", "kind"),
    [
        ("mail", "421 4.7.0 Too many", NotSent),
        ("mail", "451 4.3.0 Try again", NotSent),
        ("mail", "452 4.3.1 No space", NotSent),
        ("mail", "530 5.7.0 Must issue a STARTTLS command first", Refused),
        ("mail", "530 5.7.0 Authentication required", Refused),
        ("mail", "535 5.7.8 Bad", Refused),
        ("mail", "550 5.4.5 Daily user sending limit exceeded", Refused),
        ("mail", "550 5.7.1 Sender <paper@news.example> not yours", Refused),
        ("mail", "552 5.3.4 Too big", RejectedItem),
        ("rcpt", "421 4.7.0 Too many", NotSent),
        ("rcpt", "450 4.2.0 <reader1@example.org>: Greylisted", NotSentItem),
        ("rcpt", "451 4.7.1 Try later", NotSentItem),
        ("rcpt", "452 4.2.2 Mailbox full", NotSentItem),
        ("rcpt", "452 4.5.3 Too many recipients", NotSent),
        ("rcpt", "550 5.1.1 <reader1@example.org>: no such user", RejectedItem),
        ("rcpt", "501 5.1.3 Bad address", RejectedItem),
        ("rcpt", "554 5.7.1 <reader1@example.org>: Relay access denied", Refused),
        ("rcpt", "550 5.7.1 Relaying denied", Refused),
        ("rcpt", "554 5.7.1 blocked using zen.spamhaus.org", Refused),
        ("data", "452 4.3.1 No space", NotSent),
        ("data", "451 4.3.0 Try again", NotSentItem),
        ("data", "554 5.7.1 Looks like spam", RejectedItem),
        ("data", "421 4.3.2 Going down", NotSent),
        ("mail", "299 What", Refused),
    ],
)
def test_every_reply_has_its_meaning(
    direct: Smtp, sink: Sink, phase: str, reply: str, kind: type[ProviderError] | type[ItemResult]
) -> None:
    sink.script[phase].append(reply)
    if issubclass(kind, ProviderError):
        with pytest.raises(kind) as raised:
            direct.send(payloads(direct, 1), "k")
        assert raised.type is kind
        told = str(raised.value)
    else:
        (result,) = direct.send(payloads(direct, 1), "k")
        assert isinstance(result, kind)
        told = str(result)
    assert reply[:3] in told
    assert "@" not in told
    assert "\n" not in told
    assert sink.mails() == []
    assert kinds(direct.send(payloads(direct, 2), "k2")) == ["Accepted"], "the next mail is none the worse"


def test_a_reply_to_the_mail_that_is_none_leaves_doubt(direct: Smtp, sink: Sink) -> None:
    sink.script["data"].append("999 what")
    (result,) = direct.send(payloads(direct, 1), "k")
    assert isinstance(result, UnknownItem)


def test_one_bad_mailbox_does_not_hold_up_the_others(direct: Smtp, sink: Sink) -> None:
    sink.refused = {"reader2@example.org": "550 5.1.1 no such user", "reader3@example.org": "450 4.2.1 later"}
    sink.script["data"].extend(["", "554 5.7.1 spam"])
    results = direct.send(payloads(direct, 1, 2, 3, 4, 5), "k")
    assert kinds(results) == ["Accepted", "RejectedItem", "NotSentItem", "RejectedItem", "Accepted"]
    assert arrived(sink) == ["reader1", "reader5"]
    assert sink.connections == 1


def test_a_server_that_has_just_taken_mails_does_relay_for_us(direct: Smtp, sink: Sink) -> None:
    sink.refused = {"reader2@example.org": "554 5.7.1 Relay access denied"}
    assert kinds(direct.send(payloads(direct, 1, 2, 3), "k")) == ["Accepted", "NotSentItem", "Accepted"]


# --- connections ------------------------------------------------------------------------------------------------------


def test_one_connection_carries_call_after_call_and_is_looked_at_first(direct: Smtp, sink: Sink) -> None:
    for call in range(3):
        direct.send(payloads(direct, 2 * call, 2 * call + 1), "k")
    assert sink.connections == 1
    assert sink.commands.count("noop") == 2
    sink.script["noop"].append(CUT)
    direct.send(payloads(direct, 7), "k")
    sink.script["noop"].append("421 4.4.2 Timeout")
    direct.send(payloads(direct, 8), "k")
    assert sink.connections == 3
    assert len(sink.mails()) == 8


class Impatient(Smtp):
    """Two mails over a connection."""

    per_line = 2


def test_a_connection_is_left_after_so_many_mails(sink: Sink) -> None:
    provider = Impatient(server(sink))
    assert kinds(provider.send(payloads(provider, *range(5)), "k")) == ["Accepted"] * 5
    provider.close()
    assert sink.connections == 3


@pytest.mark.parametrize("reply", [CUT, "421 4.7.0 Enough mails in this session"])
def test_a_server_that_has_had_enough_of_a_connection_gets_another(direct: Smtp, sink: Sink, reply: str) -> None:
    sink.script["mail"].extend(["", "", reply])
    assert kinds(direct.send(payloads(direct, 1, 2, 3, 4), "k")) == ["Accepted"] * 4
    assert arrived(sink) == ["reader1", "reader2", "reader3", "reader4"]
    assert sink.connections == 2


@pytest.mark.parametrize(
    ("phase", "fault", "third", "took"),
    [
        ("mail", "451 4.3.0 Overloaded", "-", 2),
        ("rcpt", CUT, "-", 2),
        ("rcpt", HANG, "-", 2),
        ("data", CUT, "UnknownItem", 2),
        ("data", LOSE, "UnknownItem", 3),
        ("data", HANG, "UnknownItem", 2),
        ("data", "421 4.3.2 Going down", "-", 2),
    ],
)
def test_what_is_known_when_the_connection_dies_with_the_third_of_four(
    sink: Sink, phase: str, fault: str, third: str, took: int
) -> None:
    provider = Smtp(server(sink, silence=0.4 if fault == HANG else 5.0))
    sink.script[phase].extend(["", "", fault])
    with pytest.raises(HalfSent) as told:
        provider.send(payloads(provider, 1, 2, 3, 4), "k")
    assert kinds(list(told.value.results)) == ["Accepted", "Accepted", third, "-"]
    assert type(told.value.cause) is NotSent
    assert "@" not in str(told.value)
    assert len(sink.mails()) == took
    assert kinds(provider.send(payloads(provider, 5), "k2")) == ["Accepted"]
    provider.close()


@pytest.mark.parametrize(("fault", "took"), [(CUT, 0), (LOSE, 1)])
def test_doubt_about_the_last_mail_is_a_result_like_others(direct: Smtp, sink: Sink, fault: str, took: int) -> None:
    sink.script["data"].append(fault)
    assert kinds(direct.send(payloads(direct, 1), "k")) == ["UnknownItem"]
    assert len(sink.mails()) == took


class Hasty(Smtp):
    """No mail begins once time has passed."""

    last_start = 0.0


def test_a_slow_server_leaves_the_rest_for_the_next_call(sink: Sink) -> None:
    provider = Hasty(server(sink))
    with pytest.raises(HalfSent, match="slow") as told:
        provider.send(payloads(provider, 1, 2, 3), "k")
    provider.close()
    assert kinds(list(told.value.results)) == ["Accepted", "-", "-"]


def test_silence_and_a_closed_door_are_not_sent(direct: Smtp) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        there = Server("127.0.0.1", port, "none", ssl.create_default_context(), "", "", "x.example", 0.2)
        with pytest.raises(NotSent, match=r"cannot be reached .* check SMTP_HOST, SMTP_PORT and SMTP_SECURITY"):
            Smtp(there).send(payloads(direct, 1), "k")
    with pytest.raises(NotSent, match="cannot be reached"):
        Smtp(there).send(payloads(direct, 1), "k")
    with pytest.raises(NotSent, match=r"cannot be reached .* check SMTP_HOST"):
        Smtp(replace(there, host="x" * 70 + ".example")).send(payloads(direct, 1), "k")


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"smtp_host": ""}, "SMTP_HOST is not set"),
        ({"smtp_user": "u"}, "SMTP_USER is set and SMTP_PASSWORD is not"),
        ({"smtp_password": "p"}, "SMTP_PASSWORD is set and SMTP_USER is not"),
        (
            {"smtp_user": "u", "smtp_password": "p", "smtp_security": "none"},
            "SMTP_SECURITY=none would show SMTP_PASSWORD to the network",
        ),
        ({"smtp_ca_file": "/no/such.pem"}, "SMTP_CA_FILE /no/such.pem cannot be used"),
        (
            {"smtp_verp": True, "smtp_bounce": "mails-that-came-back-to-us@x.example"},
            "SMTP_VERP needs a shorter SMTP_BOUNCE",
        ),
    ],
)
def test_settings_that_cannot_work_are_named(make_settings: MakeSettings, values: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        make_provider(make_settings(**{"provider": "smtp", "smtp_host": "mail.example", **values}))


@pytest.mark.parametrize(("security", "port"), [("starttls", 587), ("tls", 465), ("none", 25)])
def test_the_usual_ports(make_settings: MakeSettings, security: str, port: int) -> None:
    assert smtp.server_of(make_settings(smtp_host="mail.example", smtp_security=security)).port == port


@pytest.mark.parametrize(
    ("url", "hello"),
    [
        ("https://digest.paper.example/x", "digest.paper.example"),
        ("http://127.0.0.1:8080", "[127.0.0.1]"),
        ("http://localhost:8080", "[127.0.0.1]"),
    ],
)
def test_how_we_call_ourselves(make_settings: MakeSettings, url: str, hello: str) -> None:
    assert smtp.server_of(make_settings(smtp_host="mail.example", public_url=url)).hello == hello


def test_an_address_of_other_letters_travels_in_ascii(direct: Smtp, sink: Sink) -> None:
    direct.send([direct.payload(envelope(direct, recipient=Recipient(1, "ada@bücher.example", "Ada")))], "k")
    assert [mail["to"] for mail in sink.mails()] == [["ada@xn--bcher-kva.example"]]
