"""The desk's verbs below a story: why it came, and what its reader wants more or less of.

Everything is told from what was frozen with the mail. A vote is written down and stands in the reader's profile from
then on, so the next digest that is planned obeys it; one that is planned already stays as it is (`profiles.Choices`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from digest.compose.content import FrozenStory, Manifest, unpack_manifest
from digest.compose.seen import seen_by
from digest.compose.select import topic_of
from digest.compose.wishes import preferred, shift
from digest.service.desk import DeskParts
from digest.service.profiles import profiles_of
from digest.store import editions
from digest.store.db import reading, writing
from digest.types import Pick, ReaderProfile
from subscribers import asks, roster, votes
from subscribers.errors import UnknownReader, UnknownStory
from subscribers.profiles import settle
from subscribers.votes import About, Cast, Choice, Led, VoteRow, Why, Wish, name_key

VOTES_AN_HOUR = 60
"""Votes of one reader in an hour: each leaves a profile behind, and nobody reads as fast."""


@dataclass(frozen=True, slots=True)
class _Found:
    """A story as one reader's mail told it."""

    manifest: Manifest
    """As this reader saw it."""
    profile: ReaderProfile
    pick: Pick
    place: int

    @property
    def story(self) -> FrozenStory:
        return self.manifest.stories[self.pick.story_id]

    @property
    def title(self) -> str:
        return self.story.updates[self.pick.from_version] if self.pick.from_version else self.story.title

    @property
    def publisher(self) -> str:
        return self.story.tellers[0] if self.story.tellers else ""


class Tuning(DeskParts):
    """What the links below a story lead to."""

    def why(self, subscriber_id: int, edition_id: int, story_id: int) -> Why:
        """Why a story stood in a reader's digest. Raises UnknownStory when it did not, or when that was forgotten."""
        with reading(self.engine) as session:
            found = _find(session, subscriber_id, edition_id, story_id)
        topic = topic_of(found.story, found.profile.topics)
        cards = found.profile.max_stories
        return Why(
            title=found.title,
            topic=found.manifest.topics.get(topic, "") if topic is not None else "",
            publisher=found.publisher,
            publishers=found.story.publishers,
            stood="lead" if found.place == 0 else "card" if found.place < cards else "brief",
            is_update=found.pick.from_version > 0,
            moved=shift(found.story, found.profile.votes),
            led=_led(found),
        )

    def vote(self, subscriber_id: int, edition_id: int, story_id: int, choice: Choice) -> Cast:
        """Note what a reader wants, for every digest that is planned from now on. Raises UnknownStory, also for a
        publisher that nobody named; UnknownReader for who gets no digest any more; TooMany."""
        now = self.now()
        with writing(self.engine) as session:
            _lock(session, subscriber_id)
            wish = _WISHES[choice](_find(session, subscriber_id, edition_id, story_id))
            asks.count(session, {f"votes:{subscriber_id}": VOTES_AN_HOUR}, now=now)
            cast = votes.put(session, subscriber_id, wish, now=now)
            settle(session, subscriber_id, now=now)
        return cast

    def take_back(self, subscriber_id: int, vote_id: int, before: int = 0) -> bool:
        """Delete a vote, or give a like the weight that it had `before`. False when there is none of theirs. Raises
        UnknownReader."""
        now = self.now()
        with writing(self.engine) as session:
            _lock(session, subscriber_id)
            done = votes.take_back(session, subscriber_id, vote_id, before)
            if done:
                settle(session, subscriber_id, now=now)
        return done

    def votes(self, subscriber_id: int) -> Sequence[VoteRow]:
        """What the reader asked for so far, newest first."""
        with reading(self.engine) as session:
            return votes.votes_of(session.connection(), subscriber_id)


def _lock(session: Session, subscriber_id: int) -> None:
    row = roster.locked(session, subscriber_id)
    if row is None or row.status != "active":
        raise UnknownReader("this reader has left or is not here any more")


def _find(session: Session, subscriber_id: int, edition_id: int, story_id: int) -> _Found:
    row = editions.delivery(session, edition_id, subscriber_id) if editions.exists(session, edition_id) else None
    picks = (row.picks or ()) if row is not None else ()
    place = next((place for place, pick in enumerate(picks) if pick.story_id == story_id), None)
    blob = editions.get_edition(session, edition_id).blob if place is not None else None
    if row is None or place is None or blob is None:
        raise UnknownStory("this story was not in that digest, or it is kept no more")
    manifest = unpack_manifest(editions.blobs(session, [blob])[blob])
    profile = profiles_of(session, [row.profile_id])[row.profile_id]
    return _Found(seen_by(manifest, profile), profile, picks[place], place)


def _led(found: _Found) -> Led:
    """Whether a wish of the reader's put the telling in front that they were shown."""
    if found.pick.from_version or not found.story.led_by:
        return ""
    return "prefer" if name_key(found.publisher) in preferred(found.profile.votes) else "mute"


def _mute_story(found: _Found) -> Wish:
    return Wish("story", str(found.pick.story_id), -1, found.story.title)


def _publisher(weight: int) -> Callable[[_Found], Wish]:
    def wish(found: _Found) -> Wish:
        if not found.publisher:
            raise UnknownStory("this story's publisher has no name")
        return Wish("publisher", name_key(found.publisher), weight, found.publisher)

    return wish


def _like(weight: int) -> Callable[[_Found], Wish]:
    def wish(found: _Found) -> Wish:
        about = About(name_key(found.publisher), found.story.topics, found.story.terms)
        return Wish("like", str(found.pick.story_id), weight, found.story.title, about)

    return wish


_WISHES: Mapping[Choice, Callable[[_Found], Wish]] = {
    "story": _mute_story,
    "publisher": _publisher(-1),
    "prefer": _publisher(1),
    "more": _like(1),
    "less": _like(-1),
}
"""What each button of the page asks for."""
