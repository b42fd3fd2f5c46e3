"""System mails: one reader, one thing to say. Rendered once per language, frozen like any edition.

What is frozen holds words and numbers only, never an address: where a mail goes is read when it is composed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlmodel import Session

from digest.compose.blocks import in_place, inline
from digest.compose.content import Manifest, Site, pack_manifest
from digest.compose.fragments import Fragment, address, cut, guard, holes
from digest.compose.theme import Theme
from digest.compose.voice import Voice
from digest.errors import TemplateError
from digest.service.building import Workshop, store_fragments
from digest.store import editions
from subscribers.tokens import Keyring

LETTERS: Mapping[str, str] = {
    "confirm": "confirm",
    "known": "steer",
    "fresh": "fresh",
    "move": "fresh",
    "moving": "stop",
    "goodbye": "back",
}
"""The system mails, each with the one link that it may hold: what goes to an old address cannot confirm a new one,
whatever a template asks for."""

REPORT = "report"
"""The one mail to the people of the house: without a link, and rendered anew each time, with the value of its name."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

LINK = "link"
"""The value of a mail that holds the number of its fresh link, or the mark of the leaving that it confirms, as
text."""


def freeze_system(
    shop: Workshop,
    session: Session,
    edition_id: int,
    mail: str,
    language: str,
    values: Mapping[str, str],
    *,
    now: datetime,
) -> None:
    """Freeze a one-reader system mail within the caller's transaction: what was asked and its mail become durable
    together.

    `values` fill the holes of the same names; `LINK` is the number of the fresh link, where the mail has one. The
    letter itself is rendered and inlined once per language (`prepare`), so that the transaction holds the write lock
    for rows only. Raises TemplateError when the mail's template is broken, StoreError.
    """
    words = {name: guard(value) for name, value in values.items()}
    subject = subject_of(shop.theme, shop.site, mail, language, words)
    freeze_parts(shop, session, edition_id, mail, language, letter(shop, mail, language), words, subject, now=now)


def freeze_parts(
    shop: Workshop,
    session: Session,
    edition_id: int,
    mail: str,
    language: str,
    parts: Mapping[str, Fragment],
    words: Mapping[str, str],
    subject: str,
    *,
    now: datetime,
) -> None:
    """Freeze a mail whose `parts` (`compile_letter`) are rendered already, within the caller's transaction. `words` are
    guarded. Raises StoreError."""
    blobs: dict[str, bytes] = {}
    manifest = Manifest(
        kind=mail,
        frozen_at=now,
        site=shop.site,
        topics={},
        stories={},
        orders={},
        parts={},
        times={},
        html=store_fragments({name: fragment for name, fragment in parts.items() if name != "text"}, blobs),
        text=store_fragments({"body": parts["text"]}, blobs),
        values={**words, "subject": subject, "language": language},
    )
    data = pack_manifest(manifest)
    editions.freeze(session, edition_id, at=now, blob=address(data), blobs={**blobs, address(data): data}, told={})


def letter(shop: Workshop, mail: str, language: str) -> Mapping[str, Fragment]:
    """A system mail compiled for one language: the shell's start and end, the body, the text. Rendered once."""
    if (mail, language) not in shop.letters:
        shop.letters[mail, language] = compile_letter(shop.theme, shop.site, mail, language)
    return shop.letters[mail, language]


def compile_letter(theme: Theme, site: Site, mail: str, language: str, **values: object) -> Mapping[str, Fragment]:
    """The parts that `letter` keeps. `values` are what a mail is rendered with that is made anew each time (REPORT).
    Raises TemplateError."""
    tokens = frozenset((LETTERS[mail],)) if mail in LETTERS else frozenset[str]()
    body, plain = (
        in_place(name, "the letter", theme.render(name, language, site, **values), tokens)
        for name in (f"email/{mail}/body.html", f"email/{mail}/body.txt")
    )
    text = cut(plain)
    (start, end), (inlined,) = inline(theme, site, [body])
    return {"shell/start": start, "shell/end": end, "body": inlined, "text": text}


def subject_of(theme: Theme, site: Site, mail: str, language: str, values: Mapping[str, str]) -> str:
    """The subject of a system mail: one line, without control characters. Raises TemplateError, also for one that asks
    for what is the reader's own: a subject is frozen with the mail."""
    name = f"email/{mail}/subject.txt"
    subject = theme.render(name, language, site, values=values)
    if found := holes(cut(subject)):
        raise TemplateError(f"template {name}: a subject has no p.{found[0]}; it has values.topics, site and lang")
    return " ".join(_CONTROL.sub(" ", subject).split())


def prepare(shop: Workshop) -> None:
    """Render what was not rendered yet, every mail in every language, so that nobody does it under the write lock."""
    for language in shop.languages:
        for mail in LETTERS:
            try:
                letter(shop, mail, language)
            except TemplateError:
                continue  # one broken template must not hold up the other mails; who freezes this one is told


def language_of(shop: Workshop, locale: str) -> str:
    """The language in which a reader of this locale is written to: theirs where there is a catalogue, else English."""
    language = locale.replace("_", "-").split("-")[0]
    return language if language in shop.languages else "en"


def listed(shop: Workshop, names: Sequence[str], language: str, now: datetime) -> str:
    """Topics as a list in the language's manner: the value "topics" of a mail."""
    return Voice(shop.theme, language, "UTC", now).names(names)


def links_of(keyring: Keyring, manifest: Manifest, key_id: int, subscriber_id: int) -> dict[str, str]:
    """The link of a system mail, by the name that its template uses.

    Links of a digest name their edition; these expire, so they name the minute of freezing, or the fresh link or the
    leaving that it is about. Everything comes from what was frozen: composed again, after a rotation of keys too, the
    mail is the same. Raises KeyringError when the edition's key was taken out.
    """
    name = LETTERS.get(manifest.kind, "")
    minute = int(manifest.frozen_at.timestamp() // 60)
    if name == "confirm":
        return {name: keyring.tokens(subscriber_id, minute, key_id).confirm}
    if name == "steer":
        return {name: keyring.seal(name, subscriber_id, minute, key_id)}
    return {name: keyring.seal(name, subscriber_id, int(manifest.values[LINK]), key_id)} if name else {}
