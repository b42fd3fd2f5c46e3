"""A batch of finished mails: what composing gave, written as the provider wants it, and hashed for the ledger."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from digest.dispatch.proof import Proofs
from digest.dispatch.providers import Provider
from digest.errors import InputError
from digest.store.attempts import Composed
from digest.types import Due, Envelope, LeftOut, Recipient

Compose = Callable[[int, Sequence[Due], str], list[Envelope | LeftOut]]
"""(edition id, readers, encoding) -> one verdict for each reader. A pure function of what the edition froze; for a Due
with `picks` it must obey them and look at nothing else, so that the same bytes come out. No transaction is open."""


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail that is ready to travel."""

    due: Due
    address: str
    payload: bytes
    composed: Composed


def write_batch(
    compose: Compose,
    provider: Provider,
    proofs: Proofs,
    edition_id: int,
    readers: Sequence[Due],
    redirect_to: str = "",
) -> tuple[list[Mail], list[LeftOut]]:
    """Compose for these readers; the mails in composing's order, and the verdicts on everybody else.

    With `redirect_to` they travel to that address (MAIL_REDIRECT_TO), each saying whose it is; who may be sent to, and
    what the ledger keeps, goes by the reader's own.

    A mail that cannot be written rejects its reader, not the batch. A reader of whom composing said nothing is rejected
    too: silence must not keep a delivery waiting for ever. Raises what `compose` raises, SettingError for a sender that
    cannot be one, and Garbled when the first mail of the edition does not read back as it was written.
    """
    silent = {each.subscriber_id: each for each in readers}
    mails: list[Mail] = []
    left_out: list[LeftOut] = []
    for result in compose(edition_id, readers, provider.encoding):
        due = silent.pop(result.subscriber_id)
        if isinstance(result, LeftOut):
            left_out.append(result)
            continue
        travels = _redirected(result, redirect_to) if redirect_to else result
        try:
            payload = provider.payload(travels)
        except InputError as error:
            left_out.append(LeftOut(result.subscriber_id, "rejected", str(error)))
            continue
        proofs.prove(edition_id, travels, payload)
        mails.append(_mail(due, result, payload))
    left_out += [LeftOut(reader, "rejected", "composing gave no mail for this reader") for reader in silent]
    return mails, left_out


def _redirected(envelope: Envelope, address: str) -> Envelope:
    """The mail on its way to another address. Whose it is stands in the name: spelt out, for a name that looks like an
    address is taken for one by some programs, and for phishing by others."""
    reader = envelope.recipient
    whose = f"for {reader.address.replace('@', ' at ')}"
    return envelope._replace(recipient=Recipient(reader.subscriber_id, address, whose))


def _mail(due: Due, envelope: Envelope, payload: bytes) -> Mail:
    address = envelope.recipient.address
    # SHA-256, because processors do it themselves: 36 us for 63 KB where BLAKE2b took 178, on the same busy machine.
    payload_hash = hashlib.sha256(payload).digest()
    return Mail(
        due,
        address,
        payload,
        Composed(due.subscriber_id, address, envelope.picks, due.memory, payload_hash, due.profile_id),
    )
