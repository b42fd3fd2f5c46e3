"""A payload read back: what a provider was about to be handed, as a mail program will understand it.

Writing is ours (`mime`, the providers' JSON), and made of joined bytes; so before the first mail of an edition goes to
a provider it is parsed by somebody else's code, the standard library's, and compared with its envelope. A mistake there
would be in every mail of the edition: it stops the edition, not a reader.
"""

from __future__ import annotations

import email
import email.policy
import json
import quopri
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import getaddresses
from typing import Any, NamedTuple

from digest.dispatch.header import unencoded
from digest.errors import Garbled, InputError
from digest.types import Envelope


@dataclass(frozen=True, slots=True)
class Written:
    """A mail as it was read back. Names, subject and bodies are compared without white space: line ends differ by
    encoding, and CPython 3.11 puts a space between two encoded words (against RFC 2047, section 6.2)."""

    recipient: str
    """The address alone."""
    name: str | None
    """None where the provider takes no such name: it may leave out one that is too long."""
    subject: str
    headers: Mapping[str, str]
    text: str
    html: str
    """Empty where there is none."""


def read_message(payload: bytes) -> Written:
    """What `mime.message_bytes` wrote. Raises Garbled for what is no sound message."""
    message = email.message_from_bytes(payload, policy=email.policy.default)
    if not isinstance(message, EmailMessage) or message.defects:
        raise Garbled("it is no sound message")
    addresses: tuple[Address, ...] = message["To"].addresses if message["To"] is not None else ()
    if len(addresses) != 1:
        raise Garbled(f"it goes to {len(addresses)} addresses")
    parts = {each.get_content_type(): each for each in message.walk() if not each.is_multipart()}
    if any(part.defects for part in parts.values()) or "text/plain" not in parts:
        raise Garbled("its parts are not sound")
    bodies = {kind: str(part.get_content()) for kind, part in parts.items()}
    headers = {name: str(value) for name, value in message.items()}
    to = addresses[0]
    html = bodies.get("text/html", "")
    return Written(to.addr_spec, to.display_name, str(message["Subject"]), headers, bodies["text/plain"], html)


class Fields(NamedTuple):
    """How a provider calls the parts of a mail in its JSON."""

    to: str = "to"
    """A mailbox, or a list of one."""
    subject: str = "subject"
    headers: str = "headers"
    """Names with their values, or a list of objects with `header_name` and `header_value`."""
    text: str = "text"
    html: str = "html"
    header_name: str = "name"
    header_value: str = "value"


FIELDS = Fields()


def read_json(payload: bytes, fields: Fields = FIELDS) -> Written:
    """What a provider's JSON says, its parts called as in `fields`. Raises Garbled."""
    try:
        told: dict[str, Any] = json.loads(payload)
        to = told[fields.to]
        ((name, address),) = getaddresses([to] if isinstance(to, str) else to)
        headers = told[fields.headers]
        if isinstance(headers, list):
            headers = {each[fields.header_name]: each[fields.header_value] for each in headers}
        bodies = told[fields.text], told.get(fields.html, "")
        return Written(address, name, told[fields.subject], headers, *bodies)
    except (ValueError, KeyError, TypeError) as error:
        raise Garbled(f"its JSON cannot be read ({type(error).__name__})") from None


BODIES: Mapping[str, Callable[[bytes], str]] = {
    "json": lambda body: str(json.loads(b'"' + body + b'"')),
    "qp": lambda body: quopri.decodestring(body).decode(),
}
"""What an envelope's body says, by the encoding in which it was composed."""


class Proofs:
    """Reads back the first mail of each edition. Threads may share it: two may both read the same one."""

    def __init__(self, encoding: str, read: Callable[[bytes], Written]) -> None:
        self._body = BODIES[encoding]
        self._read = read
        self._proved: set[int] = set()

    def prove(self, edition_id: int, envelope: Envelope, payload: bytes) -> None:
        """Raises Garbled, naming the edition and what differs, when the first mail does not read as it was meant."""
        if edition_id in self._proved:
            return
        try:
            told = differing(envelope, self._read(payload), self._body)
        except (Garbled, InputError, ValueError, LookupError) as error:
            told = str(error)
        if told:
            raise Garbled(
                f"the first mail of edition {edition_id} does not read back as it was written: {told}; none of it was "
                "sent, please report this"
            )
        self._proved.add(edition_id)


def differing(envelope: Envelope, written: Written, body: Callable[[bytes], str]) -> str:
    """What is not as it was meant; empty when all is. `body` says what the envelope's bodies say."""
    meant = {
        "subject": (unencoded(envelope.subject), unencoded(written.subject)),
        "name": ("", "") if written.name is None else (unencoded(envelope.recipient.name), unencoded(written.name)),
        "text": (body(envelope.text), written.text),
        "HTML": (body(envelope.html) if envelope.html else "", written.html),
        **{name: (value, written.headers.get(name, "")) for name, value in envelope.headers},
    }
    # A domain of other letters travels in ASCII (`header.mailbox`): its reader's half is what is left to compare.
    address = envelope.recipient.address
    found = written.recipient if address.isascii() else written.recipient.partition("@")[0]
    meant["recipient"] = (address if address.isascii() else address.partition("@")[0], found)
    differ = [what for what, (one, other) in meant.items() if "".join(one.split()) != "".join(other.split())]
    return f"its {' and '.join(differ)} differ" + ("s" if len(differ) == 1 else "") if differ else ""
