"""Which topics an article belongs to. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from digest.stories.matching import Matcher, Reason
from digest.types import RawArticle


@dataclass(frozen=True, slots=True)
class TopicRules:
    """The rules of all topics that have one."""

    matcher: Matcher = field(default_factory=lambda: Matcher({}))
    everywhere: frozenset[int] = frozenset()
    """Those of them that no source feeds: they take what matches from every source."""


NO_RULES = TopicRules()


def topics_of(article: RawArticle, fed: Sequence[int], rules: TopicRules = NO_RULES) -> tuple[int, ...]:
    """The ids of the topics that `article` belongs to, ascending. `fed` are those that its source feeds.

    A topic without a rule takes everything of its sources. One with a rule takes what matches: of its sources, or of
    all sources when it has none. An article that neither says anything nor leads anywhere belongs nowhere.
    """
    if not article.title and not article.text and not article.url:
        return ()
    matching = rules.matcher.match_ids(article)
    plain = set(fed) - rules.matcher.ids
    return tuple(sorted(plain | (matching & (rules.everywhere | set(fed)))))


IN_THE_TEXT = 0.5
"""How well an article meets a rule whose terms are only in its text: it may be about something else."""


def strength(reasons: Sequence[Reason]) -> float:
    """How well an article that a rule takes meets it, from the terms that were found (`Matcher.match`): 1 when one
    stands in the headline, or when the rule takes it because of what is not there."""
    return 1.0 if not reasons or any("title" in reason.fields for reason in reasons) else IN_THE_TEXT
