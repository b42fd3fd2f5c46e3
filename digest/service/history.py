"""What a reader was sent, for their account page and to take out: only the frozen facts are read, no fragment."""

from __future__ import annotations

from sqlmodel import Session

from digest.compose.assemble import Composer, Hands
from digest.compose.content import Frozen, unpack_manifest
from digest.compose.theme import Theme
from digest.service.hours import next_mail
from digest.service.profiles import profiles_of
from digest.store import deliveries, editions, events, links
from digest.store.links import Sent, sent_to
from digest.types import ReaderProfile
from subscribers.errors import KeyringError
from subscribers.tokens import Keyring, MailLinks
from subscribers.types import Mailed, Mailing

MOST = 50
"""Digests on the account page, and digests of an export that come with their subject: each is a manifest to read."""


def history(session: Session, subscriber_id: int, theme: Theme, keyring: Keyring) -> tuple[Mailing, ...]:
    """The last digests of a reader, newest first, at most MOST, each with the link to its page in the browser."""
    sent = sent_to(session, subscriber_id, MOST)
    profiles = profiles_of(session, sorted({each.profile_id for each in sent}))
    return tuple(
        Mailing(
            each.edition_id,
            each.planned_at,
            _subject(session, each, profiles[each.profile_id], theme, keyring),
            _view(keyring, subscriber_id, each),
        )
        for each in sent
    )


def everything(session: Session, subscriber_id: int, theme: Theme, keyring: Keyring) -> tuple[Mailed, ...]:
    """Every mail to a reader that the ledger knows, newest first: digests, welcomes and system mails, sent or not. The
    last MOST digests with their subject; each with what the provider told of it."""
    subjects = {each.edition_id: each for each in history(session, subscriber_id, theme, keyring)}
    entries = links.everything_to(session, subscriber_id)
    told_of = events.told_of(session, subscriber_id)
    for edition_id, deeds in deliveries.changes_of(session, subscriber_id).items():
        told_of[edition_id] = sorted([*told_of.get(edition_id, []), *deeds])
    titles = links.titles(session, {pick.story_id for each in entries for pick in each.picks or ()})
    return tuple(
        Mailed(
            each.edition_id,
            each.planned_at,
            kind := _kind(each.slot),
            each.state,
            each.reason,
            each.message_id,
            told.subject if (told := subjects.get(each.edition_id)) else "",
            _token(keyring, subscriber_id, each.edition_id, each.key_id)
            if each.picks is not None and kind in VIEWED
            else "",
            tuple((pick.story_id, titles.get(pick.story_id, "")) for pick in each.picks or ()),
            tuple(told_of.get(each.edition_id, ())),
        )
        for each in entries
    )


VIEWED = ("digest", "breaking", "welcome")


def _kind(slot: str) -> str:
    first, _, rest = slot.partition(":")
    return {"system": rest.partition(":")[0], "breaking": first}.get(first, "digest")


def _subject(session: Session, sent: Sent, profile: ReaderProfile, theme: Theme, keyring: Keyring) -> str:
    """Empty when it is forgotten what the mail held."""
    if sent.blob is None or sent.picks is None:
        return ""
    manifest = unpack_manifest(editions.blobs(session, [sent.blob])[sent.blob])

    def signed(reader: int) -> MailLinks:
        return keyring.mail_links(reader, sent.edition_id, sent.key_id)

    hands = Hands(links=signed, letter_links=lambda _: {}, next_due=next_mail)
    return Composer(sent.edition_id, Frozen(manifest, {}, {}), theme, hands, "raw").subject(sent.picks, profile)


def _view(keyring: Keyring, subscriber_id: int, sent: Sent) -> str:
    return "" if sent.picks is None else _token(keyring, subscriber_id, sent.edition_id, sent.key_id)


def _token(keyring: Keyring, subscriber_id: int, edition_id: int, key_id: int) -> str:
    try:
        return keyring.tokens(subscriber_id, edition_id, key_id).view
    except KeyringError:  # the key that signed this edition was taken out of SECRET_KEYS: its links are void
        return ""
