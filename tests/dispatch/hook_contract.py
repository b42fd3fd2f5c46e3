"""What every provider's webhook must do. A provider's test class inherits this and says how the provider calls."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.dispatch.events import WEBHOOKS, Webhook
from digest.errors import Malformed, NotSigned
from digest.types import Event, EventKind

NOW = datetime(2026, 3, 4, 6, 0, tzinfo=UTC)
ADDRESS = "Reader1@example.org"

JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["", "a@b.c", "\x00", "\ud800", "2026", "9" * 400, "<", "=?utf-8?q?x?="]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each part of a document."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def put(value: Any, path: tuple[Any, ...], what: Any) -> Any:
    """The document with something else in one place."""
    if not path:
        return what
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = put(copy[path[0]], path[1:], what)
    return copy


def sound(event: Event) -> None:
    """It can be stored, and told of."""
    assert 1 <= len(event.event_id) <= 200
    for text in (event.event_id, event.provider_message_id, event.detail, event.address, event.mark):
        text.encode()
        assert not any(c < " " for c in text)
    assert "@" not in event.detail
    assert event.at.utcoffset() == timedelta(0)
    assert event.at <= NOW


class HookContract(ABC):
    """Inherited by each provider's test class."""

    provider: str

    @abstractmethod
    def hook(self) -> Webhook:
        """The webhook, with a secret that `signed` knows."""

    @abstractmethod
    def signed(self, body: Any) -> tuple[Mapping[str, str], bytes]:
        """Headers and body of a call as the provider makes it, at NOW."""

    @abstractmethod
    def examples(self) -> list[tuple[Any, EventKind]]:
        """Bodies from the vendor's documentation, about a mail to ADDRESS, each with what it means."""

    def unproven(self, headers: Mapping[str, str], body: bytes) -> list[tuple[Mapping[str, str], bytes]]:
        """The same call as somebody else would make it."""
        worse = [dict.fromkeys(headers, change) for change in ("x", "")]
        return [({}, body), *((each, body) for each in worse)]

    def whole(self, raw: bytes) -> tuple[Mapping[str, str], bytes]:
        """A call whose body is that, signed where it can be."""
        return self.signed(raw)

    def read(self, body: Any) -> list[Event]:
        return self.hook().parse_webhook(*self.signed(body), NOW)

    def test_it_can_be_found(self) -> None:
        assert self.provider in WEBHOOKS

    def test_each_event_in_our_words(self) -> None:
        for body, kind in self.examples():
            (event,) = self.read(body)
            assert (event.provider, event.kind, event.address) == (self.provider, kind, ADDRESS), body
            assert event.provider_message_id
            assert event.mark == "7-12"
            sound(event)
            assert self.read(body)[0].event_id == event.event_id, "told again it is the same"
        ids = [self.read(body)[0].event_id for body, _ in self.examples()]
        assert len(set(ids)) in (1, len(ids)), "the id is the call's (Resend, Mailgun), or each event's"

    def test_who_does_not_prove_it_is_refused(self) -> None:
        for headers, body in self.unproven(*self.signed(self.examples()[0][0])):
            with pytest.raises(NotSigned):
                self.hook().parse_webhook(headers, body, NOW)

    @pytest.mark.parametrize("raw", [b"", b"\xff", b"null", b"5", b'"x"', b"[" * 100_000, b'{"a":' * 50_000])
    def test_what_is_not_of_the_form_is_refused(self, raw: bytes) -> None:
        with pytest.raises((Malformed, NotSigned)):
            self.hook().parse_webhook(*self.whole(raw), NOW)

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(data=st.data())
    def test_anything_in_any_place_is_an_event_or_is_refused(self, data: st.DataObject) -> None:
        body, _ = data.draw(st.sampled_from(self.examples()))
        for _ in range(data.draw(st.integers(1, 3))):
            body = put(body, data.draw(st.sampled_from(places(body))), data.draw(JUNK))
        try:
            found = self.read(json.dumps(body).encode())
        except (Malformed, NotSigned):
            return
        for event in found:
            sound(event)


class SignsBody(HookContract):
    """Of providers whose signature is over the body."""

    def test_a_body_that_was_changed_is_refused(self) -> None:
        headers, body = self.signed(self.examples()[0][0])
        for old, new in ((b"eader1", b"eader2"), (b"example", b"EXAMPLE"), (b"}", b" }")):
            changed = body.replace(old, new)
            assert changed != body
            if old == b"}" and not headers:  # what is signed of SNS are the fields' values
                continue
            with pytest.raises(NotSigned):
                self.hook().parse_webhook(headers, changed, NOW)
