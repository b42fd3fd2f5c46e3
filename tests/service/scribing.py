"""Stories for a language model to sum up, and what became of them."""

from __future__ import annotations

import quopri
from collections.abc import Callable

from sqlalchemy import select

from digest.models import MachineSummary
from digest.settings import Settings
from digest.store import machine
from digest.store.db import reading
from tests.service.town import NOW, Town

KEY = "sk-hush-hush-0001"
MARK = "This summary was written by a machine."
FIRST = "The ferry {0} ran aground off the island quay in thick fog."
WRITTEN = "Lifeboats took all 84 passengers of the {0} off by midnight. The harbour master blames a buoy that drifted."
REST = " Repairs will take until spring, and the island is served by a fishing boat meanwhile." * 5
DAY = f"{NOW:%Y-%m-%d}"

MakeSettings = Callable[..., Settings]


def article(name: str) -> str:
    return f"{FIRST.format(name)} {WRITTEN.format(name)}{REST}"


def tell(town: Town, *names: str) -> None:
    """A topic with a reader, and a story about each ship."""
    town.topics("Harbour")
    town.reader("ada@example.org", "harbour")
    for name in names:
        town.story(
            f"{name} aground", "harbour", text=f"{FIRST.format(name)} {WRITTEN.format(name)}{REST}", publisher=name
        )


def mail(town: Town) -> str:
    return quopri.decodestring(town.mails()[-1].read_bytes()).decode().replace("\n", " ")


def spent(town: Town) -> int:
    with reading(town.engine) as session:
        return machine.spent(session, DAY)


def answers(town: Town) -> list[tuple[str, str]]:
    with reading(town.engine) as session:
        return [(row.text, row.reason) for row in session.execute(select(MachineSummary)).scalars()]
