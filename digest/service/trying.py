"""A first look: feeds in, one mail out, in a folder that is thrown away."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from digest.errors import DigestError, InputError
from digest.service.core import DigestService
from digest.service.schema import prepare
from digest.settings import Settings
from digest.store import backlog
from digest.store.db import reading
from digest.types import GatherRow

NEWEST = 40
"""Articles a first look is made from: what a busy feed brings in a day."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What a first look found."""

    page: Path
    """The mail as a page on disk."""
    subject: str
    articles: int
    stories: int
    accepted: int
    problem: str
    name: str
    """A name for the topic that would keep it."""
    urls: tuple[str, ...]
    """The feeds that were found, ready for `--from`."""
    failed: tuple[GatherRow, ...]


def try_feeds(
    settings: Settings, urls: Sequence[str], *, to: str | None = None, on_row: Callable[[GatherRow], None] | None = None
) -> Tried:
    """Gather the feeds into a fresh database in a temporary folder and compose one mail from what is newest.

    With `to` the mail also leaves through the configured provider. Raises InputError when no feed gave an article.
    """
    folder = Path(tempfile.mkdtemp(prefix="digest-try-"))
    keys = settings.secret_keys or (secrets.token_urlsafe(48),)
    changed: dict[str, object] = {"database_url": f"sqlite:///{folder / 'try.db'}", "secret_keys": keys}
    if not to:
        changed |= {"provider": "outbox", "data_dir": folder}
    trial = settings.model_copy(update=changed)
    service = DigestService(trial, engine=prepare(trial))
    done = False
    try:
        tried = _try(service, folder, urls, to, on_row)
        done = True
        return tried
    finally:
        service.close()
        for file in folder.glob("try.db*"):
            file.unlink()
        if not done:
            shutil.rmtree(folder, ignore_errors=True)


def _try(
    service: DigestService,
    folder: Path,
    urls: Sequence[str],
    to: str | None,
    on_row: Callable[[GatherRow], None] | None,
) -> Tried:
    topic = service.topics.add("First look", public=False)  # its stories have no page: nothing is kept to make one of
    failed: list[GatherRow] = []
    found: list[tuple[str, str]] = []
    for url in urls:
        try:
            added = service.sources.add(url, topics=[topic.slug])
            found.append((added.url, added.name))
        except DigestError as error:
            failed.append(GatherRow(0, url, "failed", reason=str(error)))
            if on_row:
                on_row(failed[-1])
    rows = service.gather(on_row=on_row, backlog_too=True) if found else []
    failed += [row for row in rows if row.status == "failed"]
    gathered = sum(row.new for row in rows)
    if not gathered:
        raise InputError("; ".join(f"{row.source}: {row.reason}" for row in failed) or "no feed had an article")
    service.topics.edit(topic.slug, name=found[0][1] if len(found) == 1 else "First look")
    service.readers.add(to or "reader@example.org", topics=[topic.slug])
    _, _, reader_id = service.audience(None, to or "reader@example.org")
    planned = service.send_by_hand(None, reader_id, since=newest_since(service))
    if planned is None or reader_id is None:
        raise InputError("nothing could be planned")
    report = service.dispatch(edition_id=planned.edition_id)
    mail = service.press.view(planned.edition_id, reader_id)
    if mail is None:
        raise InputError(report.problem or "the feeds hold nothing that can be told")
    page = folder / "digest.html"
    page.write_text(mail.html, encoding="utf-8")
    told = service.press.told(planned.edition_id, reader_id)
    return Tried(
        page,
        mail.subject,
        gathered,
        len(told.picks) if told else 0,
        report.accepted,
        report.problem or "the provider did not take it",
        found[0][1],
        tuple(url for url, _ in found),
        tuple(failed),
    )


def newest_since(service: DigestService, keep: int = NEWEST) -> datetime:
    """A window start that lets about `keep` of the newest articles in."""
    with reading(service.engine) as session:
        return backlog.since_newest(session, keep)
