"""What an operator sees of stories, and what is to be known before one is corrected. Reads only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlmodel import Session

from digest.errors import InputError, NothingToDo
from digest.store import editing, golden, rulings, ties
from digest.store.editing import LOOKED_AT, Filed, StoryRow
from digest.stories.rank import lead_telling
from digest.stories.sofar import publishers_of
from digest.stories.terms import language_of
from digest.types import Ruling, Telling
from subscribers import topics as shelf


@dataclass(frozen=True, slots=True)
class Listed:
    """A story in a list."""

    row: StoryRow
    headline: str
    articles: int
    publishers: int
    """Independent ones, of its newest 60 articles."""
    topics: tuple[str, ...]
    """Slugs."""
    open: bool
    rulings: tuple[str, ...]
    """In words."""


@dataclass(frozen=True, slots=True)
class Related:
    """Another story."""

    story_id: int
    headline: str
    value: float = 0.0
    """How near it is; 0 when that is not known."""


@dataclass(frozen=True, slots=True)
class Apart:
    """A story that this one is kept apart from."""

    story: Related
    pairs: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Everything about a story."""

    asked: int
    """The number that was asked for; another one when that story became this one."""
    story: Listed
    members: tuple[Filed, ...]
    merged_from: tuple[int, ...]
    together: tuple[int, ...]
    """Articles of it that an operator's word holds here."""
    apart: tuple[Apart, ...]
    related: tuple[Related, ...]


# --- looking ----------------------------------------------------------------------------------------------------------


def listed(session: Session, rows: Sequence[StoryRow], now: datetime) -> list[Listed]:
    """The rows with all that a list shows."""
    ids = [row.id for row in rows]
    articles, totals = editing.filed(session, ids, most=LOOKED_AT), editing.counts(session, ids)
    slugs = {topic.id: topic.slug for topic in shelf.list_topics(session)}
    told: dict[int, list[str]] = defaultdict(list)
    for ruling in rulings.rulings(session, ids):
        told[ruling.story_id].append(_in_words(ruling, slugs))
    return [
        _listed(row, articles.get(row.id, []), totals.get(row.id, 0), slugs, tuple(told[row.id]), now) for row in rows
    ]


def shown(session: Session, row: StoryRow, asked: int, now: datetime) -> Shown:
    """One story."""
    (story,) = listed(session, [row], now)
    members = editing.filed(session, [row.id]).get(row.id, [])
    mine = {each.id for each in members}
    together, apart = ties.ties_of(session, mine)
    held = {article for pair in together if mine.issuperset(pair) for article in pair}
    others = [article for pair in apart for article in pair if article not in mine]
    pairs: dict[int, int] = defaultdict(int)
    homes = editing.homes_of(session, sorted(set(others)))
    for article in others:
        home = homes.get(article)
        if home is not None and home != row.id:
            pairs[home] += 1
    near = dict(editing.related_to(session, row.id))
    names = _headlines(session, [*near, *pairs])
    return Shown(
        asked,
        story,
        tuple(members),
        editing.merged_from(session, row.id),
        tuple(sorted(held)),
        tuple(Apart(Related(other, names.get(other, "")), pairs[other]) for other in sorted(pairs)),
        tuple(Related(other, names[other], value) for other, value in near.items() if other in names),
    )


def _listed(
    row: StoryRow,
    articles: Sequence[Filed],
    total: int,
    slugs: Mapping[int, str],
    ruled: tuple[str, ...],
    now: datetime,
) -> Listed:
    tellings = [each.telling for each in articles]
    topics = {slugs[topic] for telling in tellings for topic in telling.topic_ids if topic in slugs}
    headline = lead_of(tellings).title if tellings else ""
    return Listed(row, headline, total, publishers_of(tellings), tuple(sorted(topics)), row.open(now), ruled)


def lead_of(tellings: Sequence[Telling]) -> Telling:
    """Who leads: of what is news, if anything is."""
    return lead_telling([telling for telling in tellings if telling.news_at] or tellings)


def _in_words(ruling: Ruling, slugs: Mapping[int, str]) -> str:
    done = {"pin": "pinned", "hide": "hidden"}[ruling.kind]
    where = f" in {slugs.get(ruling.topic_id, 'a topic that is gone')}" if ruling.topic_id else ""
    return f"{done}{where}{f' on {ruling.day}' if ruling.day else ''}"


def _headlines(session: Session, story_ids: Iterable[int]) -> dict[int, str]:
    found = editing.filed(session, story_ids, most=LOOKED_AT)
    return {story: lead_of([each.telling for each in articles]).title for story, articles in found.items()}


# --- before a correction ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Side:
    """The articles of a story, or a part of them."""

    story_id: int
    articles: tuple[Filed, ...]

    @cached_property
    def lead(self) -> Filed:
        """Who leads it, of its newest sixty: what a list names it by."""
        newest = self.articles[-LOOKED_AT:]
        lead = lead_of([each.telling for each in newest])
        return next(each for each in newest if each.id == lead.id)

    @property
    def language(self) -> str:
        """The language that clustering compares it in; "" when nothing tells."""
        lead = self.lead.telling
        return language_of(lead.language, lead.title, lead.text)

    @property
    def ids(self) -> frozenset[int]:
        return frozenset(each.id for each in self.articles)

    @property
    def originals(self) -> list[int]:
        """Its articles that are no copies of others here."""
        inside = {each.id for each in self.articles}
        return [each.id for each in self.articles if each.original == each.id or each.original not in inside]

    @property
    def words(self) -> list[Telling]:
        """What the golden set keeps of it: the lead, then originals by age, then copies."""
        rest = sorted(self.articles, key=lambda each: (each.id != self.lead.id, each.original != each.id, each.id))
        return [each.telling for each in rest[: golden.MOST]]

    def parted(self, named: frozenset[int]) -> tuple[Side, Side]:
        """(the named articles with their copies, the rest). Copies that are named without their original stay copies
        of one another. Raises InputError when nothing would be left."""
        off = tuple(each for each in self.articles if each.id in named or each.original in named)
        gone = {each.id for each in off}
        rest = tuple(each for each in self.articles if each.id not in gone)
        if not rest:
            if len(named) == len(self.articles):
                raise InputError(f"these are all articles of story {self.story_id}; name fewer of them")
            raise InputError(
                f"all other articles of story {self.story_id} are copies of what you named; name the copies instead"
            )
        heads: dict[int, int] = {}
        for each in off:
            heads.setdefault(each.original, each.id)  # by id: the first of them
        own = tuple(
            Filed(
                each.telling, each.original if each.original in gone else heads[each.original], each.score, each.terms
            )
            for each in off
        )
        return Side(self.story_id, own), Side(self.story_id, rest)

    def severed(self, off: Side) -> dict[int, int]:
        """Of the articles that go, the copies whose original stays -> that original."""
        goes = {each.id for each in off.articles}
        return {each.id: each.original for each in self.articles if each.id in goes and each.original not in goes}


def sides(session: Session, story_ids: Sequence[int]) -> list[Side]:
    """All articles of these stories. Raises InputError for one that there is not, or that has none."""
    for story_id in story_ids:
        find(session, story_id)
    found = editing.filed(session, story_ids)
    return [Side(story_id, tuple(found[story_id])) for story_id in story_ids]


def find(session: Session, story_id: int) -> StoryRow:
    """The story of that number. Raises InputError when there is none, when it became another one, or when nothing of it
    is kept."""
    row = editing.find_story(session, story_id)
    if row is None:
        raise InputError(f"there is no story {story_id}; `digest stories list` shows those there are")
    now_id = editing.became(session, story_id)
    if now_id != story_id:
        raise InputError(f"story {story_id} became story {now_id}; name that one")
    if not editing.counts(session, [story_id]):
        raise InputError(f"no article of story {story_id} is kept any more, so there is nothing to look at or change")
    return row


def found_articles(session: Session, whole: Side, articles: Sequence[int]) -> None:
    """Raises InputError for an article that is not in the story, NothingToDo when they were split from it before."""
    mine = {each.id for each in whole.articles}
    strange = [article for article in articles if article not in mine]
    if not strange:
        return
    homes = editing.homes_of(session, strange)
    where = {homes.get(article) for article in articles}
    _, apart = ties.ties_of(session, strange)
    parted = {article for pair in apart if mine & set(pair) for article in pair}
    (home, *others) = where if where else (None,)
    if not others and home is not None and len(strange) == len(articles) and parted.issuperset(strange):
        raise NothingToDo(f"they were split from story {whole.story_id} already and are story {home} now")
    first = strange[0]
    if first not in homes:
        raise InputError(
            f"there is no article {first}; `digest stories show {whole.story_id}` shows those of the story"
        )
    there = f"in story {homes[first]}" if homes[first] is not None else "in no story yet"
    raise InputError(f"article {first} is not in story {whole.story_id} but {there}")
