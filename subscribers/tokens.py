"""Signed links. Pure: keys in, tokens out.

A token is base64url without padding of

    key id (1 byte) | purpose (1) | subscriber id (6) | context (4) | MAC (16)

38 characters of A-Z a-z 0-9 - _. Short and ASCII on purpose: long List-Unsubscribe URLs get folded into encoded words
that mailbox providers ignore (odoo#289182). `context` is an edition id for the links of a mail, and the minute of
issue (minutes since 1970, UTC) for links that expire.

The MACs of all four purposes are the four quarters of **one** keyed BLAKE2b-512 over subscriber id and context (RFC
7693, section 2.9: keyed mode is a MAC), so a mail of a hundred links costs one hash, and a second one for the links
below its stories (`Keyring.mail_links`). 128 bits each: an online guess
succeeds with 2^-128, and parts of a pseudorandom function's output are independent of each other, so knowing the
`view` part of a forwarded mail says nothing about its `leave` part.

What pages and other mails hand out is sealed one by one (SEALS): the same shape, but the MAC covers key id and purpose
as well, so its message is two bytes longer than that of the four and neither kind can pass for the other.
"""

from __future__ import annotations

import hmac
import ipaddress
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import b2a_base64
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import NamedTuple

from subscribers.errors import BadToken, KeyringError
from subscribers.types import address_key, mailbox_of

PURPOSES = ("leave", "view", "confirm", "manage")
"""Position is the byte in the token and the quarter of the hash: only append, and never beyond four."""

SEALS = {
    "form": 0x80,
    "steer": 0x81,
    "fresh": 0x82,
    "desk": 0x83,
    "stop": 0x84,
    "undo": 0x85,
    "tune": 0x86,
    "back": 0x87,
}
"""Sealed purposes and their bytes; only append. The context is

form    seconds since 1970 at which we served the form: proof that it is ours, and its timer
steer   minutes since 1970 at which a page of ours linked to the preferences
fresh   the number of the fresh link that was mailed
desk    the number of the fresh link that was opened: stands in the forms of the page it opened, never in an address
stop    the number of a move's fresh link, for the old address: may stop the move, never confirm it
undo    which leaving the page after it may take back (`consent.mark`): stands in its form, never in an address
tune    the edition of a digest whose stories its reader may ask about and vote on, and do nothing else
back    which leaving the mail that confirms it may take back (`consent.mark`), by a page with one button
"""

_MAC = 16
_PAD = b"\0\0"
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_LENGTH = 12 + _MAC


class Tokens(NamedTuple):
    """One reader's links for one context."""

    leave: str
    view: str
    confirm: str
    manage: str


class MailLinks(NamedTuple):
    """What the links of one reader's digest carry."""

    leave: str
    view: str
    manage: str
    tune: str


@dataclass(frozen=True, slots=True)
class Claim:
    """What a valid token says."""

    subscriber_id: int
    context: int


class Keyring:
    """The secret keys, newest first: the newest signs, all of them read."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Raises KeyringError without a key, or when two keys share the one-byte id that links carry."""
        if not keys:
            raise KeyringError("there is no key to sign links with; set SECRET_KEYS")
        self._links: dict[int, blake2b] = {}
        self._heads: dict[int, tuple[bytes, ...]] = {}
        """Key id -> the first two bytes of the tokens of a mail, in the order of PURPOSES, then of "tune"."""
        self._addresses: list[bytes] = []
        for key in keys:
            secret = key.encode()
            key_id = _derive(secret, b"key id")[0]
            if key_id in self._links:
                raise KeyringError("two of SECRET_KEYS have the same id; replace the newest by another random one")
            self._links[key_id] = blake2b(key=_derive(secret, b"links"), digest_size=64)
            self._heads[key_id] = tuple(bytes((key_id, purpose)) for purpose in (0, 1, 2, 3, SEALS["tune"]))
            self._addresses.append(_derive(secret, b"addresses"))
        self.key_id: int = next(iter(self._links))
        """The id of the newest key: what an edition freezes, so that a recomposition signs with the same."""
        self._networks = _derive(keys[0].encode(), b"networks")
        self._mailboxes = _derive(keys[0].encode(), b"mailboxes")

    def tokens(self, subscriber_id: int, context: int, key_id: int | None = None) -> Tokens:
        """The four links of a reader, signed with the newest key or the one an edition froze.

        Raises KeyringError when that key was removed or a number does not fit (ids below 2^48, context below 2^32).
        """
        wanted = self.key_id if key_id is None else key_id
        keyed = self._links.get(wanted)
        if keyed is None:
            raise KeyringError(f"the key with id {wanted} is no longer among SECRET_KEYS; put it back at the end")
        try:
            body = subscriber_id.to_bytes(6, "big") + context.to_bytes(4, "big")
        except OverflowError:
            raise KeyringError(f"subscriber {subscriber_id} with {context} does not fit into a link") from None
        keyed = keyed.copy()
        keyed.update(body)
        mac = keyed.digest()
        encode = urlsafe_b64encode
        # 28 bytes are 37 1/3 characters: 38 and two of padding.
        return Tokens(
            encode(bytes((wanted, 0)) + body + mac[:16])[:38].decode(),
            encode(bytes((wanted, 1)) + body + mac[16:32])[:38].decode(),
            encode(bytes((wanted, 2)) + body + mac[32:48])[:38].decode(),
            encode(bytes((wanted, 3)) + body + mac[48:])[:38].decode(),
        )

    def mail_links(self, subscriber_id: int, edition_id: int, key_id: int | None = None) -> MailLinks:
        """The links of a reader's digest: those of `tokens` and the seal "tune". Raises as `tokens`.

        Written in one go, as there is one of these for every mail: 30 bytes are 40 characters, so two of padding behind
        each token's 28 let all four be encoded together, and each begins where it would begin alone.
        """
        wanted = self.key_id if key_id is None else key_id
        keyed = self._links.get(wanted)
        if keyed is None:
            raise KeyringError(f"the key with id {wanted} is no longer among SECRET_KEYS; put it back at the end")
        try:
            body = subscriber_id.to_bytes(6, "big") + edition_id.to_bytes(4, "big")
        except OverflowError:
            raise KeyringError(f"subscriber {subscriber_id} with {edition_id} does not fit into a link") from None
        leave, view, _, manage, tune = self._heads[wanted]
        tune += body
        four, seal = keyed.copy(), keyed.copy()
        four.update(body)
        seal.update(tune)
        mac = four.digest()
        raw = b"".join((leave, body, mac[:16], _PAD, view, body, mac[16:32], _PAD, manage, body, mac[48:], _PAD, tune))
        told = b2a_base64(raw + seal.digest()[:_MAC], newline=False).translate(_URL_SAFE).decode()
        return MailLinks(told[:38], told[40:78], told[80:118], told[120:158])

    def read(self, token: str, purpose: str) -> Claim:
        """What the token says, if we made it for this purpose; BadToken, and no other error, for everything else."""
        raw = self._open(token)
        index = PURPOSES.index(purpose)
        mac = self._mac(raw[0], raw[2:12])[index * _MAC : (index + 1) * _MAC]
        if not hmac.compare_digest(mac, raw[12:]) or raw[1] != index:
            raise BadToken
        return Claim(int.from_bytes(raw[2:8], "big"), int.from_bytes(raw[8:12], "big"))

    def seal(self, purpose: str, subscriber_id: int, context: int, key_id: int | None = None) -> str:
        """A token of one of SEALS, signed with the newest key or the one an edition froze. `subscriber_id` 0 is nobody.

        Raises KeyringError when that key was removed or a number does not fit (ids below 2^48, context below 2^32).
        """
        wanted = self.key_id if key_id is None else key_id
        if wanted not in self._links:
            raise KeyringError(f"the key with id {wanted} is no longer among SECRET_KEYS; put it back at the end")
        try:
            body = subscriber_id.to_bytes(6, "big") + context.to_bytes(4, "big")
        except OverflowError:
            raise KeyringError(f"subscriber {subscriber_id} with {context} does not fit into a link") from None
        head = bytes((wanted, SEALS[purpose])) + body
        return urlsafe_b64encode(head + self._mac(wanted, head)[:_MAC])[:38].decode()

    def unseal(self, token: str, purpose: str) -> Claim:
        """What a sealed token says, if we made it for this purpose; BadToken, and no other error, otherwise."""
        raw = self._open(token)
        if not hmac.compare_digest(self._mac(raw[0], raw[:12])[:_MAC], raw[12:]) or raw[1] != SEALS[purpose]:
            raise BadToken
        return Claim(int.from_bytes(raw[2:8], "big"), int.from_bytes(raw[8:12], "big"))

    def address_hashes(self, address: str) -> list[bytes]:
        """HMAC-SHA-256 of the address in lower case, its domain in ASCII; one for each key, newest first.

        A suppression is written with the first and looked for with all, so it survives a rotation for as long as the
        old key stays in the list.
        """
        told = address_key(address.strip()).encode()
        return [hmac.digest(key, told, "sha256") for key in self._addresses]

    def mailbox_key(self, address: str) -> str:
        """The tally's key for the mailbox behind an address (`mailbox_of`): "mailbox:" and a keyed hash in hex."""
        return "mailbox:" + hmac.digest(self._mailboxes, mailbox_of(address).encode(), "sha256").hex()

    def network_hash(self, host: str) -> bytes | None:
        """32 bytes: 16 of HMAC-SHA-256 for the site, the /48 of an IPv6 address, and 16 for the network, its /64 (what
        one household holds at least, RFC 6177). An IPv4 address is both.

        An IPv4 address in IPv6 clothes (::ffff:192.0.2.7), as a socket for both shows it, is the IPv4 address: all of
        them lie in one /64. None for what is no network address.
        """
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        site, network = (address.packed,) * 2 if address.version == 4 else (address.packed[:6], address.packed[:8])
        return b"".join(hmac.digest(self._networks, told, "sha256")[:16] for told in (site, network))

    def _mac(self, key_id: int, body: bytes) -> bytes:
        keyed = self._links.get(key_id)
        if keyed is None:
            raise BadToken
        keyed = keyed.copy()
        keyed.update(body)
        return keyed.digest()

    @staticmethod
    def _open(token: str) -> bytes:
        try:
            raw = urlsafe_b64decode(token.encode("ascii") + b"==")
        except ValueError:  # UnicodeEncodeError and binascii.Error are both
            raise BadToken from None
        # The decoder skips foreign characters and ignores spare bits; only the one spelling we write is valid.
        if len(raw) != _LENGTH or urlsafe_b64encode(raw)[:38].decode() != token:
            raise BadToken
        return raw


def _derive(secret: bytes, use: bytes) -> bytes:
    """A key of its own for each use, so that a hash of one kind can never pass for one of another."""
    return blake2b(secret, digest_size=64, person=use).digest()
