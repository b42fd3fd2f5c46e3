"""How editions stand, for operators. Reads only; going on with one is `DigestService.resume`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Engine

from digest.errors import InputError
from digest.store import standing
from digest.store.db import reading
from digest.store.standing import Standing
from digest.types import EditionState


class EditionDesk:
    """What `digest editions` shows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, *, limit: int = 20, unfinished: bool = False, system: bool = False) -> Sequence[Standing]:
        """Editions, the newest first; confirmations and the like only when asked for."""
        with reading(self._engine) as session:
            return standing.newest(session, limit=limit, unfinished=unfinished, system=system)

    def show(self, edition_id: int) -> Standing:
        """One edition. Raises InputError when there is none."""
        with reading(self._engine) as session:
            found = standing.newest(session, limit=1, edition_id=edition_id)
        if not found:
            raise InputError(f"there is no edition {edition_id}; see `digest editions list`")
        return found[0]


def finished(edition: Standing) -> str:
    """Whether an edition is finished, and if not, what it lacks, in words."""
    if edition.state is EditionState.PLANNING:
        return "not frozen yet"
    if edition.state is EditionState.DONE:
        return "finished"
    if edition.stopped:
        return f"stopped: {edition.stopped}"
    if edition.waiting:
        return f"{edition.waiting} of {edition.frozen_count} wait"
    if edition.missing:
        return f"never: {edition.frozen_count} were frozen, {sum(edition.mails.values())} are there"
    return "all sent, about to be closed"
