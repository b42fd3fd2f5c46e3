"""Whole messages, read back with the standard library's own parser."""

from __future__ import annotations

import email
import email.policy
import re
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.compose.qp import encode_qp
from digest.dispatch.header import mailbox, mailbox_text
from digest.dispatch.mime import boundary_of, message_bytes
from digest.dispatch.providers.outbox import Outbox
from digest.errors import InputError, SettingError
from digest.types import Envelope, Recipient
from tests.dispatch.contract import BODY, changed, envelope

OUTBOX = Outbox(Path("unused"))
LINE = st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120)
NAMES = [
    "",
    "Doe, Jane (née Müller)",
    "a very long name with, commas, and a tail " * 3 + "end",
    "日本語の名前 " * 20 + "終",
    'He said "no" \\ yes',
    "semi; colon: <angle@brackets>",
    "=?utf-8?q?not_encoded?=",
    "x" * 200,
]
SUBJECTS = [
    "Plain",
    "Grüße und Küsse aus Köln " * 6 + "!",
    "An ordinary English headline that is long enough to be folded over more than one line of the header, twice over",
    "=?utf-8?q?literal?= stays literal",
    "two  spaces and a " + "w" * 400,
    "عناوين الصباح: ما حدث اليوم في المدينة وما سيحدث غدا",
]


def parsed(mail: Envelope) -> EmailMessage:
    message = email.message_from_bytes(message_bytes(mail), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def check_headers(raw: bytes) -> None:
    head = raw[: raw.index(b"\r\n\r\n")]
    assert head.isascii()
    for line in head.split(b"\r\n"):
        assert len(line) <= 998
        assert line.strip()
        assert b"\n" not in line
        assert b"\r" not in line


@pytest.mark.parametrize("name", NAMES)
def test_any_name_comes_back_as_it_is_with_its_one_address(name: str) -> None:
    raw = message_bytes(envelope(OUTBOX, recipient=Recipient(1, "reader1@example.org", name)))
    # Read with the legacy parser: in 3.11 the newer one puts a space between encoded words, against RFC 2047, 6.2.
    ((phrase, address),) = getaddresses([email.message_from_bytes(raw, policy=email.policy.compat32)["To"]])
    assert str(make_header(decode_header(phrase))) == name or phrase == name
    assert address == "reader1@example.org"
    (seen,) = email.message_from_bytes(raw, policy=email.policy.default)["To"].addresses
    assert seen.addr_spec == "reader1@example.org"
    assert "".join(seen.display_name.split()) == "".join(name.split())


@pytest.mark.parametrize("subject", SUBJECTS)
def test_any_subject_comes_back_as_it_is(subject: str) -> None:
    raw = message_bytes(envelope(OUTBOX, subject=subject))
    assert email.message_from_bytes(raw, policy=email.policy.default)["Subject"] == subject
    for line in raw.split(b"\r\nDate: ")[0].split(b"\r\nSubject: ")[1].split(b"\r\n"):
        assert len(line) <= 76


@given(LINE.map(str.strip), LINE)
def test_whatever_a_name_or_subject_holds_the_headers_stay_whole(name: str, subject: str) -> None:
    mail = envelope(OUTBOX, subject=subject, recipient=Recipient(1, "reader1@example.org", name))
    raw = message_bytes(mail)
    check_headers(raw)
    message = email.message_from_bytes(raw, policy=email.policy.compat32)
    assert message.keys() == [
        "From",
        "To",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "List-Unsubscribe",
        "List-Unsubscribe-Post",
        "MIME-Version",
        "Content-Type",
    ]
    decoded = str(make_header(decode_header(message["Subject"])))
    assert decoded == subject or "".join(decoded.split()) == "".join(subject.split())
    (address,) = email.message_from_bytes(raw, policy=email.policy.default)["To"].addresses
    assert address.addr_spec == "reader1@example.org"


def test_list_headers_and_message_id_stand_in_one_line_as_they_are() -> None:
    long = f"<https://news.example/u/{'t' * 800}>"
    raw = message_bytes(envelope(OUTBOX, headers=(("List-Unsubscribe", long), ("Feedback-ID", "1:2:digest:paper"))))
    assert f"\r\nList-Unsubscribe: {long}\r\n".encode() in raw
    assert b"\r\nFeedback-ID: 1:2:digest:paper\r\n" in raw
    assert b"\r\nMessage-ID: <e1.1@news.example>\r\n" in raw


def test_the_message_is_plain_text_first_then_html_and_both_come_back() -> None:
    mail = envelope(OUTBOX, text=encode_qp("Text — ünï\n" * 20), html=encode_qp(f"<p>{'é' * 300}</p>"))
    raw = message_bytes(mail)
    assert raw == message_bytes(mail)
    assert raw.replace(b"\r\n", b"").find(b"\n") == -1
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    message = parsed(mail)
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    assert plain.get_content().replace("\r\n", "\n").strip() == ("Text — ünï\n" * 20).strip()
    assert html.get_content().strip() == f"<p>{'é' * 300}</p>"
    assert message["Date"].datetime == mail.sheet.date
    assert message["From"].addresses[0].display_name == "Morning, Paper"
    assert boundary_of(mail.sheet) not in BODY


@pytest.mark.parametrize(
    "changes",
    [
        {"headers": (("List-Id", "ünï"),)},
        {"headers": (("List Id", "x"),)},
        {"headers": (("X-Long", "x" * 1000),)},
        {"message_id": lambda reader: "<a\r\nb@c>"},
    ],
)
def test_a_header_that_cannot_travel_as_it_stands_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError):
        message_bytes(changed(envelope(OUTBOX), **changes))


def test_a_wrong_sender_is_the_operators_affair() -> None:
    with pytest.raises(SettingError, match="FROM must be a mailbox"):
        message_bytes(envelope(OUTBOX, sender="nobody"))
    with pytest.raises(SettingError, match="REPLY_TO must be a mailbox"):
        message_bytes(envelope(OUTBOX, reply_to="a@b, c@d"))


def test_an_international_domain_travels_in_ascii_and_a_naive_date_is_a_bug() -> None:
    mail = envelope(OUTBOX, recipient=Recipient(1, "anna@müller.example.com", "Anna"))
    assert b"To: Anna <anna@xn--mller-kva.example.com>\r\n" in message_bytes(mail)
    with pytest.raises(ValueError, match="aware"):
        message_bytes(changed(mail, date=datetime(2026, 3, 4, tzinfo=UTC).replace(tzinfo=None)))


def test_without_html_the_message_is_plain_text_alone() -> None:
    mail = envelope(OUTBOX, text=encode_qp("Text — ünï\n" * 20), html=b"")
    message = parsed(mail)
    assert (message.get_content_type(), message.is_multipart()) == ("text/plain", False)
    assert message.get_content().replace("\r\n", "\n") == "Text — ünï\n" * 20
    check_headers(message_bytes(mail))
    assert message["MIME-Version"] == "1.0"


@given(
    st.text(max_size=12) | st.sampled_from(["Ada", "Doe, Jane", "Q. E. D.", "=?utf-8?q?x?=", "Zoë"]),
    st.from_regex(r"[a-z.+=?'\"%é-]{0,6}@?[a-zA-Z.-]{0,6}\n?", fullmatch=True) | st.text(max_size=12),
)
def test_a_usual_address_is_written_as_one_that_was_parsed(name: str, address: str) -> None:
    try:
        parsed = str(mailbox(name, address, "To"))
    except InputError as error:
        with pytest.raises(InputError, match=f"^{re.escape(str(error))}$"):
            mailbox_text(name, address, "To")
    else:
        assert mailbox_text(name, address, "To") == parsed


@pytest.mark.parametrize("name", ["Ada Quill", "Zoë", "", "Doe, Jane", "=?utf-8?q?x?=", "A" * 45])
def test_a_recipient_is_written_as_any_other_mailbox(name: str) -> None:
    """The sender's header always takes the long way."""
    mail = changed(
        envelope(OUTBOX),
        sender=str(mailbox(name, "ada@example.org", "To")),
        recipient=Recipient(1, "ada@example.org", name),
    )
    head = message_bytes(mail).decode("ascii", "replace").split("\r\n\r\n")[0]
    fields = dict(re.findall(r"^(From|To): (.*(?:\r\n .*)*)", head, re.MULTILINE))
    assert fields["To"] == fields["From"]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Eine Zeile für alle im Hafen\n" * 20, "quoted-printable"), ("أخبار\n" * 50, "base64")],
)
def test_a_body_is_written_in_the_encoding_that_suits_its_script(text: str, encoding: str) -> None:
    mail = envelope(OUTBOX, text=encode_qp(text), html=encode_qp(f"<p class='x'>{'markup ' * 30}</p>"))
    raw = message_bytes(mail)
    plain, html = parsed(mail).iter_parts()
    assert (plain["Content-Transfer-Encoding"], html["Content-Transfer-Encoding"]) == (encoding, "quoted-printable")
    assert plain["Content-Type"] == 'text/plain; charset="utf-8"; format="flowed"'
    assert plain.get_content().replace("\r\n", "\n") == text
    assert not plain.defects
    assert max(map(len, raw.partition(b"\r\n\r\n")[2].split(b"\r\n"))) <= 78
    assert raw.replace(b"\r\n", b"").find(b"\n") == -1


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_whatever_the_text_holds_it_comes_back(text: str) -> None:
    mail = envelope(OUTBOX, text=encode_qp(text), html=b"")
    got = email.message_from_bytes(message_bytes(mail), policy=email.policy.default).get_payload(decode=True)
    assert got.decode().replace("\r\n", "\n") == re.sub("\r\n?", "\n", text)  # type: ignore[union-attr]
