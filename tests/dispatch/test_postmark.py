"""Postmark, against a server on loopback that answers as documented, and as it has been seen to misbehave."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from postmarker.core import PostmarkClient

from digest.dispatch.providers import HalfSent, Provider, make_provider
from digest.dispatch.providers.postmark import CODES, Postmark
from digest.errors import BadBatch, NotSent, ProviderError, Refused, SettingError, Unclear, Unknowable
from digest.settings import Settings
from digest.types import Accepted, ItemResult, NotSentItem, Recipient, RejectedItem
from tests.dispatch.contract import BODY, ProviderContract, envelope
from tests.dispatch.postmark_sink import TOKEN, PostmarkSink, failing, items, strict
from tests.dispatch.resend_sink import answering, dropped, lost, serving

STREAMS = ("broadcast", "outbound")


@pytest.fixture
def pm(tmp_path: Path) -> Iterator[PostmarkSink]:
    with serving(PostmarkSink(tmp_path / "sink.log")) as started:
        yield started


@pytest.fixture
def provider(pm: PostmarkSink) -> Iterator[Postmark]:
    made = Postmark(pm.url, TOKEN, STREAMS, httpx.Timeout(0.5))
    yield made
    made.close()


class TestPostmark(ProviderContract):
    @pytest.fixture
    def provider(self, make_settings: Callable[..., Settings], pm: PostmarkSink) -> Iterator[Provider]:
        self.pm = pm
        pm.script.append(strict)
        made = make_provider(make_settings(provider="postmark", postmark_token=TOKEN, postmark_base_url=pm.url))
        yield made
        made.close()

    def arrived(self) -> list[str]:
        return [mail["to"][0].split("<")[-1].rstrip(">") for mail in self.pm.mails()]


def send(provider: Postmark, *numbers: int) -> list[ItemResult]:
    return provider.send([provider.payload(envelope(provider, number)) for number in numbers or (0, 1)], "k")


def kinds(results: list[ItemResult] | list[ItemResult | None]) -> list[str]:
    return [type(result).__name__ if result else "-" for result in results]


# --- what travels -----------------------------------------------------------------------------------------------------


def test_the_request_is_what_the_documentation_asks_for(provider: Postmark, pm: PostmarkSink) -> None:
    pm.script.append(strict)
    send(provider, 7)
    (mail,) = json.loads(pm.calls[0][1])
    assert mail == {
        "From": '"Morning, Paper" <paper@news.example>',
        "To": '"Doe, Jane (née Müller)" <reader7@example.org>',
        "ReplyTo": "desk@news.example",
        "Subject": "Grüße, and “good morning”",
        "HtmlBody": BODY,
        "TextBody": BODY,
        "Headers": [
            {"Name": "List-Unsubscribe", "Value": f"<https://news.example/u/{'t' * 120}7>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
        ],
        "MessageStream": "broadcast",
        "Metadata": {"delivery": "7-7"},
        "TrackOpens": False,
        "TrackLinks": "None",
    }


def test_the_call_is_the_one_that_somebody_else_s_package_makes(provider: Postmark, pm: PostmarkSink) -> None:
    theirs = PostmarkClient(server_token=TOKEN, root_api_url=pm.url, timeout=5)
    pm.script.extend([strict, strict])
    ours = send(provider, 7, 8)
    told = theirs.emails.send_batch(
        *(
            {
                "From": '"Morning, Paper" <paper@news.example>',
                "To": f'"Doe, Jane (née Müller)" <reader{number}@example.org>',
                "ReplyTo": "desk@news.example",
                "Subject": "Grüße, and “good morning”",
                "HtmlBody": BODY,
                "TextBody": BODY,
                "Headers": {
                    "List-Unsubscribe": f"<https://news.example/u/{'t' * 120}{number}>",
                    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
                },
                "MessageStream": "broadcast",
                "Metadata": {"delivery": f"7-{number}"},
                "TrackOpens": False,
                "TrackLinks": "None",
            }
            for number in (7, 8)
        )
    )
    theirs.session.close()
    assert [Accepted(item["MessageID"]) for item in told] == ours
    (our_headers, our_body), (their_headers, their_body) = pm.calls
    for name in ("x-postmark-server-token", "content-type", "accept"):
        assert our_headers[name] == their_headers[name]
    # Their package adds what a message does not have as empty or null.
    assert json.loads(our_body) == [
        {name: value for name, value in mail.items() if value not in ([], None)} for mail in json.loads(their_body)
    ]


def test_what_nobody_subscribed_to_takes_the_other_stream_and_text_stays_alone(provider: Postmark) -> None:
    plain = json.loads(provider.payload(envelope(provider, leave_at="", leave=b"", html=b"", reply_to="")))
    assert plain["MessageStream"] == "outbound"
    assert plain["Headers"] == [{"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"}]
    assert {"HtmlBody", "ReplyTo"}.isdisjoint(plain)
    bare = json.loads(provider.payload(envelope(provider, leave_at="", leave=b"", headers=())))
    assert bare["Headers"] == []


# --- what comes back --------------------------------------------------------------------------------------------------


def test_one_bad_address_does_not_hold_up_the_others(provider: Postmark) -> None:
    who = ["a@example.org", "inactive@example.org", "b@example.org", "x@invalid.example"]
    results = provider.send([provider.payload(envelope(provider, recipient=Recipient(1, to, ""))) for to in who], "k")
    assert kinds(list(results)) == ["Accepted", "RejectedItem", "Accepted", "RejectedItem"]
    assert "(ErrorCode 406)" in str(results[1])
    assert "(ErrorCode 300)" in str(results[3])
    assert "example" not in f"{results[1]} {results[3]}", "what is kept holds no address"
    assert len({result.provider_message_id for result in results if isinstance(result, Accepted)}) == 2


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        *((code, "", kind) for code, pattern, kind, _ in CODES if not pattern),
        (300, "Invalid 'From' address: 'paper@x.example'.", Refused),
        (0, "Message OK, but will not deliver to these inactive addresses: a@x.example.", RejectedItem),
        (777, "a code of the day after tomorrow", NotSentItem),
    ],
)
def test_every_item_code_has_its_meaning_and_leaves_the_others_alone(
    provider: Postmark, pm: PostmarkSink, code: int, message: str, kind: type
) -> None:
    pm.script.append(answering(200, items((0, "OK"), (code, message))))
    if issubclass(kind, ProviderError):
        with pytest.raises(HalfSent) as told:
            send(provider)
        assert kinds(list(told.value.results)) == ["Accepted", "-"]
        assert type(told.value.cause) is kind
        line = str(told.value)
    else:
        results = send(provider)
        assert [type(each) for each in results] == [Accepted, kind]
        line = str(results[1])
    assert f"ErrorCode {code}" in line
    assert "@" not in line
    assert "\n" not in line


def test_of_several_causes_the_gravest_tells(provider: Postmark, pm: PostmarkSink) -> None:
    pm.script.append(answering(200, items((429, "slow"), (405, "credits"))))
    with pytest.raises(Refused, match="raise the plan"):
        send(provider)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (401, 10, Refused),
        (403, None, Refused),
        (404, None, Refused),
        (413, None, BadBatch),
        (415, None, Refused),
        (422, 300, BadBatch),
        (422, 400, Refused),
        (422, 402, BadBatch),
        (422, 403, BadBatch),
        (422, 405, Refused),
        (422, 409, Refused),
        (422, 410, Refused),
        (422, 412, Refused),
        (422, 413, Refused),
        (422, 1235, Refused),
        (422, 4711, BadBatch),
        (429, 429, NotSent),
        (429, None, NotSent),
        (500, None, Unclear),
        (502, None, Unclear),
        (503, None, Unclear),
        (503, 100, NotSent),
        (301, None, Refused),
        (204, None, Unclear),
    ],
)
def test_every_answer_to_the_whole_call_has_its_meaning(
    provider: Postmark, pm: PostmarkSink, status: int, code: int | None, kind: type[ProviderError]
) -> None:
    html = b"" if status == 204 else b"<html><h1>Forbidden</h1></html>"
    pm.script.append(answering(status, html) if code is None else failing(status, code, "for a@b.example\nand more"))
    with pytest.raises(kind) as told:
        send(provider)
    assert type(told.value) is kind
    line = str(told.value)
    assert str(status) in line
    assert "@" not in line
    assert "\n" not in line
    assert pm.mails() == []


def test_how_long_to_wait_is_taken_from_the_answer(provider: Postmark, pm: PostmarkSink) -> None:
    pm.script.append(failing(429, 429, "slow", retry_after="30"))
    with pytest.raises(NotSent) as told:
        send(provider)
    assert told.value.retry_after == 30.0


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'[{"ErrorCode": 0, "MessageID": "1"}, {"Err', Unclear),
        (b"<html>welcome to the hotel</html>", Unclear),
        (b'{"ErrorCode": 0}', Unclear),
        (items((0, "OK")), Unknowable),
        (items((0, "OK"), (0, "OK"), (0, "OK")), Unknowable),
        (b'[{"ErrorCode": 0, "MessageID": "1"}, {"Message": "x"}]', Unknowable),
        (b'[{"ErrorCode": 0, "MessageID": "1"}, {"ErrorCode": false}]', Unknowable),
    ],
)
def test_an_answer_that_does_not_add_up_marks_nobody(
    provider: Postmark, pm: PostmarkSink, body: bytes, kind: type[ProviderError]
) -> None:
    pm.script.append(answering(200, body))
    with pytest.raises(kind) as told:
        send(provider)
    assert type(told.value) is kind


def test_an_acceptance_without_a_number_is_unknown(provider: Postmark, pm: PostmarkSink) -> None:
    pm.script.append(answering(200, b'[{"ErrorCode": 0, "MessageID": "1"}, {"ErrorCode": 0, "MessageID": ""}]'))
    assert kinds(send(provider)) == ["Accepted", "UnknownItem"]


def test_silence_is_unclear_and_a_closed_door_is_not_sent(provider: Postmark) -> None:
    payload = provider.payload(envelope(provider))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        quiet = Postmark(address, TOKEN, STREAMS, httpx.Timeout(0.2))
        with pytest.raises(Unclear, match="Postmark did not answer"):
            quiet.send([payload], "k")
        quiet.close()
    gone = Postmark(address, TOKEN, STREAMS, httpx.Timeout(0.5))
    with pytest.raises(NotSent, match="Postmark cannot be reached"):
        gone.send([payload], "k")
    gone.close()


# --- large batches ----------------------------------------------------------------------------------------------------


class InParts(Postmark):
    """Two mails of these tests in a request."""

    part = 1400


class Hasty(InParts):
    """No request begins once time has passed."""

    last_start = 0.0


@pytest.fixture
def in_parts(request: pytest.FixtureRequest, pm: PostmarkSink) -> Iterator[Postmark]:
    made: Postmark = getattr(request, "param", InParts)(pm.url, TOKEN, STREAMS, httpx.Timeout(0.5))
    yield made
    made.close()


def test_large_batches_travel_in_parts(in_parts: Postmark, pm: PostmarkSink) -> None:
    assert kinds(send(in_parts, 1, 2, 3, 4, 5)) == ["Accepted"] * 5
    size = len(in_parts.payload(envelope(in_parts)))
    assert 2 * size + 2 <= InParts.part < 3 * size
    assert [len(json.loads(body)) for _, body in pm.calls] == [2, 2, 1]


@pytest.mark.parametrize(
    ("step", "second", "cause", "calls"),
    [
        (lost, "UnknownItem", NotSent, 2),
        (dropped, "UnknownItem", NotSent, 2),
        (answering(500), "UnknownItem", NotSent, 2),
        (failing(429, 429), "-", NotSent, 2),
        (failing(422, 405), "-", Refused, 2),
    ],
)
def test_only_the_part_whose_answer_was_lost_is_in_doubt(
    in_parts: Postmark, pm: PostmarkSink, step: object, second: str, cause: type, calls: int
) -> None:
    pm.script.extend([lambda _: False, step])  # type: ignore[list-item]
    with pytest.raises(HalfSent) as told:
        send(in_parts, 1, 2, 3, 4, 5)
    assert kinds(list(told.value.results)) == ["Accepted", "Accepted", second, second, "-"]
    assert type(told.value.cause) is cause
    assert len(pm.calls) == calls


def test_a_part_that_is_refused_for_its_content_does_not_hold_up_the_next(in_parts: Postmark, pm: PostmarkSink) -> None:
    pm.script.append(failing(422, 403))
    with pytest.raises(HalfSent) as told:
        send(in_parts, 1, 2, 3)
    assert kinds(list(told.value.results)) == ["-", "-", "Accepted"]
    assert type(told.value.cause) is BadBatch


def test_doubt_about_the_last_part_is_a_result_like_others(in_parts: Postmark, pm: PostmarkSink) -> None:
    pm.script.extend([lambda _: False, lost])
    assert kinds(send(in_parts, 1, 2, 3)) == ["Accepted", "Accepted", "UnknownItem"]


@pytest.mark.parametrize("in_parts", [Hasty], indirect=True)
def test_a_slow_line_leaves_the_rest_for_the_next_call(in_parts: Postmark) -> None:
    with pytest.raises(HalfSent, match="slow") as told:
        send(in_parts, 1, 2, 3)
    assert kinds(list(told.value.results)) == ["Accepted", "Accepted", "-"]


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "with space", "ümlaut"])
def test_a_token_that_cannot_be_one_is_named(make_settings: Callable[..., Settings], token: str) -> None:
    with pytest.raises(SettingError, match="POSTMARK_TOKEN"):
        make_provider(make_settings(provider="postmark", postmark_token=token))


def test_what_names_a_setting_names_one_that_exists() -> None:
    named = {word for _, _, _, words in CODES for word in re.findall(r"[A-Z]+(?:_[A-Z]+)*", words) if len(word) > 2}
    assert {name.lower() for name in named - {"FROM"}} <= set(Settings.model_fields)
