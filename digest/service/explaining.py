"""Why a story was or was not in a mail, from what is stored: the frozen edition, the reader's choices as they were, the
ledger, and how articles came to their stories. Reads only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session

from digest.compose import wishes
from digest.compose.content import BREAKING, Manifest, unpack_manifest
from digest.compose.room import WHOLE
from digest.compose.seen import ruled_told, seen_by
from digest.compose.select import BRIEFS
from digest.compose.verdicts import TOLD, Judged, Verdict, judge
from digest.errors import InputError, NothingToDo
from digest.service.building import CANDIDATES, Workshop
from digest.service.drafting import STORIES, draft, sample_reader
from digest.service.hours import topic_starts
from digest.service.profiles import profiles_of
from digest.service.ruled import hidden_everywhere
from digest.store import editions, explaining, links, stories
from digest.store.db import reading
from digest.store.editions import LONGEST_WINDOW
from digest.store.explaining import Member, Planned, SentBefore
from digest.store.lineage import lineage
from digest.stories.rights import credited
from digest.types import Earlier, ExplainedMail, ExplainedStory, ExplainedTopic, Membership, ReaderProfile
from subscribers import listing
from subscribers import topics as shelf

EMPTY = "empty"
"""The reason of a delivery that was composed and had nothing to tell (`compose.assemble`)."""

NO_CANDIDATE = "no candidate"
BACKLOG = "backlog"
BEYOND = "beyond what is kept"
"""Verdicts on stories that an edition does not hold at all."""

LONGEST_LOOK = LONGEST_WINDOW.days
"""Days that a topic's window may have: no reader's is longer."""


@dataclass(frozen=True, slots=True)
class _Case:
    """One mail to be explained."""

    manifest: Manifest
    """As it was frozen."""
    seen: Manifest
    """As this reader sees it (`compose.seen`)."""
    profile: ReaderProfile
    until: datetime
    windows: tuple[datetime, ...]
    sent: Mapping[int, tuple[SentBefore, ...]]
    composed: bool

    @property
    def topics(self) -> tuple[int, ...]:
        return tuple(topic for topic in self.profile.topics if topic in self.manifest.topics)


class Explainer:
    """Explains mails that were planned, and digests that would be."""

    def __init__(self, shop: Workshop, *, now: Callable[[], datetime]) -> None:
        self._shop, self._engine, self._now = shop, shop.engine, now

    def mail(self, address: str, edition_id: int | None = None, story_id: int | None = None) -> ExplainedMail:
        """One reader's digest in an edition, by default the last that was planned for them; with `story_id`, only that
        story, also when it was no candidate.

        Raises UnknownReader; NothingToDo for a reader who has had no digest; InputError for an edition or a story that
        there is not, that was not this reader's, that is not frozen yet, or whose content is kept no longer.
        """
        with reading(self._engine) as session:
            reader = listing.show(session, address)
            chosen = edition_id if edition_id is not None else explaining.latest_digest(session, reader.id)
            if chosen is None:
                raise NothingToDo(f"no digest was planned for {reader.address} yet, so there is nothing to explain")
            planned = _planned(session, chosen, reader.id, reader.address)
            case, judged = _case(session, planned, reader.id)
            told = _explained(session, case, judged, story_id)
        return ExplainedMail(
            edition_id=planned.edition_id,
            slot=planned.slot,
            planned_at=planned.planned_at,
            state=planned.state,
            reason=planned.reason,
            composed=case.composed,
            topics=tuple(case.manifest.topics[topic] for topic in case.topics),
            max_stories=case.profile.max_stories,
            windows=case.windows,
            stories=told,
        )

    def topic(self, slug: str, *, days: int = 1) -> ExplainedTopic:
        """What a topic's digest of the last `days` would hold now for a reader with every setting as the form suggests
        it. Nothing is stored. Raises UnknownTopic, for days out of range InputError, TemplateError and StoreError."""
        if not 1 <= days <= LONGEST_LOOK:
            raise InputError(f"{days} days cannot be looked at; give --days from 1 to {LONGEST_LOOK}")
        now = self._now()
        since = now - timedelta(days=days)
        with reading(self._engine) as session:
            topic = shelf.get_topic(session, slug)
        reader = sample_reader(topic.id, "en", "UTC")
        frozen = draft(self._shop, reader, since=since, until=now, now=now).frozen
        seen = seen_by(frozen.manifest, reader)
        case = _Case(frozen.manifest, seen, reader, now, (since,), {}, composed=False)
        judged = judge(frozen.manifest, since.isoformat(), reader, {}, {}, None)
        with reading(self._engine) as session:
            told = _explained(session, case, judged, None)
            known = {each.story_id for each in told}
            inside = stories.stories_in_window(session, topic_ids=[topic.id], since=since, until=now)
            old = explaining.backlog_stories(session, [topic.id], since=since, until=now)
            others = [story for story in dict.fromkeys([*inside, *old]) if story not in known]
            left = tuple(_outsider(session, case, story) for story in others)
        return ExplainedTopic(slug, since, now, STORIES, (*told, *left))


def _planned(session: Session, edition_id: int, subscriber_id: int, address: str) -> Planned:
    found = explaining.find_digest(session, edition_id, subscriber_id)
    if found is None:
        latest = explaining.latest_digest(session, subscriber_id)
        hint = f"their last digest is edition {latest}" if latest is not None else "they have had no digest yet"
        if not explaining.edition_exists(session, edition_id):
            raise InputError(f"there is no edition {edition_id}, or it is kept no longer; {hint}")
        raise InputError(f"edition {edition_id} was no digest for {address}; {hint}")
    if not found.frozen:
        raise InputError(f"edition {edition_id} is still being planned; ask again when it is frozen")
    if found.blob is None:
        raise InputError(f"what edition {edition_id} held is kept no longer, so it cannot be explained")
    return found


def _case(session: Session, planned: Planned, subscriber_id: int) -> tuple[_Case, list[Judged]]:
    """The inputs of one delivery as they were, and the verdict on each of its candidates."""
    blob = planned.blob or ""
    manifest = unpack_manifest(editions.blobs(session, [blob])[blob])
    profile = profiles_of(session, [planned.profile_id])[planned.profile_id]
    starts = topic_starts(profile, planned.due_at, planned.planned_at)
    sent = explaining.sent_before(session, subscriber_id, planned)
    picks = planned.picks
    if picks is None and planned.reason == EMPTY:
        picks = ()
    judged = judge(
        manifest,
        planned.since.isoformat(),
        profile,
        {story: tuple(each.pick for each in before) for story, before in sent.items()},
        {topic: start.isoformat() for topic, start in starts.items()},
        picks,
    )
    windows = tuple(sorted({planned.since, *starts.values()}))
    seen = seen_by(manifest, profile)
    return _Case(manifest, seen, profile, planned.planned_at, windows, sent, picks is not None), judged


def _explained(
    session: Session, case: _Case, judged: Sequence[Judged], story_id: int | None
) -> tuple[ExplainedStory, ...]:
    wanted = [each for each in judged if story_id in (None, each.story_id)]
    if not wanted and story_id is not None:
        if not explaining.story_exists(session, story_id):
            raise InputError(f"there is no story {story_id}; without --story every candidate is shown")
        return (_outsider(session, case, story_id),)
    articles = explaining.articles_of(session, [each.story_id for each in wanted], case.manifest.frozen_at)
    return tuple(_story(case, each, articles.get(each.story_id, ())) for each in wanted)


def _story(case: _Case, judged: Judged, articles: Sequence[Member]) -> ExplainedStory:
    facts = case.seen.stories[judged.story_id]
    pick = judged.pick
    update = pick is not None and pick.from_version > 0
    version = pick.version if pick is not None and judged.verdict in TOLD else facts.version
    known = [a for a in articles if a.story_version <= version and (a.news_at is None or a.news_at <= case.until)]
    return ExplainedStory(
        story_id=judged.story_id,
        headline=facts.updates.get(pick.from_version, facts.title) if pick is not None and update else facts.title,
        verdict=judged.verdict,
        why="; ".join(filter(None, (_WHY[judged.verdict](case, judged), *_asked_and_ruled(case, judged)))),
        told=judged.verdict in TOLD,
        update=update,
        topic=case.manifest.topics.get(judged.topic, "") if judged.topic is not None else "",
        window=datetime.fromisoformat(judged.window),
        version=version,
        publishers=facts.publishers,
        parts=case.manifest.parts.get(judged.window, {}).get(judged.story_id, {}),
        sent_before=_earlier(case.sent.get(judged.story_id, ())),
        articles=_members(known),
    )


def _asked_and_ruled(case: _Case, judged: Judged) -> tuple[str, str]:
    """What the reader's votes and the editors did to a story, where its verdict does not say it already."""
    facts, full = case.seen.stories[judged.story_id], judged.pick is not None and not judged.pick.from_version
    ruled = "" if judged.verdict is Verdict.HIDDEN else ruled_told(case.manifest, case.profile, judged.story_id)
    return ruled, wishes.told(facts, case.profile.votes, full=full)


def _earlier(sent: Iterable[SentBefore]) -> tuple[Earlier, ...]:
    return tuple(
        Earlier(each.edition_id, each.planned_at, each.pick.version, each.pick.from_version > 0) for each in sent
    )


def _members(articles: Sequence[Member]) -> tuple[Membership, ...]:
    """In the order in which they joined: the first that resembled nothing opened the story."""
    return tuple(
        Membership(
            article_id=each.id,
            title=each.title,
            publisher=credited(each.publisher, each.credit),
            url=each.url,
            published_at=each.published_at,
            news_at=each.news_at,
            version=each.story_version,
            opened=place == 0 and each.score == 0,
            score=each.score,
            terms=each.terms,
        )
        for place, each in enumerate(articles)
    )


# --- one sentence for each verdict ------------------------------------------------------------------------------------


def _in_the_mail(case: _Case, judged: Judged) -> str:
    sent = case.sent.get(judged.story_id, ())
    if judged.pick is not None and judged.pick.from_version:
        first = next((each for each in sent if each.pick.version == judged.pick.from_version), None)
        where = f" in edition {first.edition_id}" if first is not None else ""
        return f"an update on what was sent{where} as version {judged.pick.from_version}"
    return "not sent before"


def _cut(case: _Case, judged: Judged) -> str:
    return (
        f"the mail has {case.profile.max_stories} stories and {BRIEFS} one-liners at most, and the others rank higher "
        "or are the best of their topic"
    )


def _long(case: _Case, judged: Judged) -> str:
    size = case.manifest.stories[judged.story_id].size
    return (
        f"it is {size / 1000:.0f} KB of HTML, and with what ranks higher the mail would be more than {WHOLE // 1000} KB"
    )


def _sent(case: _Case, judged: Judged) -> str:
    sent = case.sent[judged.story_id]
    first, last = sent[0], sent[-1]
    if any(each.pick.from_version for each in sent):
        update = next(each for each in sent if each.pick.from_version)
        return f"sent in edition {first.edition_id}, and its one update in edition {update.edition_id}"
    grown = case.manifest.stories[judged.story_id].version > last.pick.version
    since = ", and what came since says nothing new" if grown else ""
    return f"sent in edition {last.edition_id} of {last.planned_at:%Y-%m-%d %H:%M} UTC{since}"


def _muted(case: _Case, judged: Judged) -> str:
    story = wishes.muted_itself(judged.story_id, case.manifest.stories[judged.story_id], case.profile.votes)
    return "the reader muted this story" if story else "the reader muted every publisher that tells it"


def _hidden(case: _Case, judged: Judged) -> str:
    return ruled_told(case.manifest, case.profile, judged.story_id)


def _no_topic(case: _Case, judged: Judged) -> str:
    theirs = [case.manifest.topics[topic] for topic in case.manifest.stories[judged.story_id].topics]
    return f"it belongs to {', '.join(theirs)}, and this mail is about {_about(case)}"


def _outside(case: _Case, judged: Judged) -> str:
    name = case.manifest.topics[judged.topic] if judged.topic is not None else "its topic"
    return f"it has no news in the window of {name}, which has hours of its own"


def _held(case: _Case, judged: Judged) -> str:
    return "another mail with it overtook this one, or was under way when this one was composed and failed later"


_WHY: Mapping[Verdict, Callable[[_Case, Judged], str]] = {
    **dict.fromkeys(TOLD, _in_the_mail),
    Verdict.CUT: _cut,
    Verdict.LONG: _long,
    Verdict.SENT: _sent,
    Verdict.MUTED: _muted,
    Verdict.HIDDEN: _hidden,
    Verdict.NO_TOPIC: _no_topic,
    Verdict.OUTSIDE: _outside,
    Verdict.HELD: _held,
}


# --- stories that the edition does not hold ---------------------------------------------------------------------------


def _outsider(session: Session, case: _Case, story_id: int) -> ExplainedStory:
    """A story that is no candidate, and the first reason for it."""
    articles = explaining.articles_of(session, [story_id], case.manifest.frozen_at).get(story_id, ())
    since = case.windows[0]
    mine = [each for each in articles if each.topic_ids & case.manifest.topics.keys()]
    inside = [each for each in mine if each.news_at is not None and since < each.news_at <= case.until]
    elsewhere = [] if articles else explaining.stories_then(session, story_id, case.manifest.frozen_at)
    if elsewhere:
        then = " and ".join(map(str, elsewhere))
        verdict, why = NO_CANDIDATE, f"its articles were in story {then} when this mail was made"
    else:
        verdict, why = _first_reason(case, story_id, articles, mine, inside)
    became = lineage(session).now(story_id)
    if became != story_id:
        why += f"; it has become story {became}"
    sent = case.sent.get(story_id, ())
    if sent:
        why += f"; they were sent it in edition {sent[0].edition_id}"
    return ExplainedStory(
        story_id=story_id,
        headline=links.titles(session, [story_id]).get(story_id, ""),
        verdict=verdict,
        why=why,
        told=False,
        version=max((each.story_version for each in articles), default=0),
        publishers=len({each.publisher for each in articles}),
        sent_before=_earlier(sent),
        articles=_members(articles),
    )


def _first_reason(
    case: _Case, story_id: int, articles: Sequence[Member], mine: Sequence[Member], inside: Sequence[Member]
) -> tuple[str, str]:
    if not articles:
        return NO_CANDIDATE, "none of its articles is kept any more"
    if case.manifest.values.get(BREAKING, str(story_id)) != str(story_id):
        return NO_CANDIDATE, f"a breaking mail tells one story alone, here {case.manifest.values[BREAKING]}"
    if not mine:
        return NO_CANDIDATE, f"none of its articles belongs to {_about(case)}"
    if inside and story_id in hidden_everywhere(case.manifest.rulings):
        return Verdict.HIDDEN, ruled_told(case.manifest, case.profile, story_id)
    if inside:
        return BEYOND, f"{CANDIDATES} stories of its topic rank higher, or its text could not be rendered"
    if not any(each.news_at for each in mine):
        return BACKLOG, "its articles were there when their source was added, and backlog is never news"
    if all(each.news_at is None or each.news_at > case.until for each in mine):
        return NO_CANDIDATE, f"it became news only after this window closed at {case.until:%Y-%m-%d %H:%M} UTC"
    since = f"{case.windows[0]:%Y-%m-%d %H:%M} UTC"
    return NO_CANDIDATE, f"no article of it was news after {since}, when this window begins"


def _about(case: _Case) -> str:
    return ", ".join(case.manifest.topics[topic] for topic in case.topics) or "no topic any more"
