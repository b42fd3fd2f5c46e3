"""Finding the feeds of a site: what `gather.discover` names is fetched and read, within bounds. Stores nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

from digest.errors import FeedError, FetchError
from digest.gather import conventions, tree
from digest.gather.discover import Candidate, How, Lead, best_first, format_of, guesses, leads
from digest.gather.feed import is_page, parse_feed
from digest.gather.fetch import Door
from digest.types import Feed, Fetched

log = logging.getLogger(__name__)

MAX_FETCHES = 24
"""Of one search: the page, what it names, and all common places under its path and its root."""
SEARCH_SECONDS = 30.0
"""After this nothing further is fetched: a person is waiting, and a slow site answers every guess slowly."""
AT_ONCE = 4
"""Addresses of one search that are fetched at the same time; most are of one host, which should not notice."""

OnFetch = Callable[[int, int], None]
"""Hears how many addresses were looked at, and of how many."""


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of a lead: a candidate, a page that may name feeds, or a problem."""

    lead: Lead
    candidate: Candidate | None = None
    page: Fetched | None = None
    problem: str = ""


class _Search:
    """One search's bounds: how much was fetched, and until when more may be."""

    def __init__(self, door: Door, on_fetch: OnFetch | None) -> None:
        self._door = door
        self._until = monotonic() + SEARCH_SECONDS
        self._on_fetch = on_fetch
        self._left = MAX_FETCHES
        self._done = self._known = 0

    def try_all(self, found: Sequence[Lead]) -> list[_Tried]:
        """Fetch and read all of these, several at once, as far as the bounds allow; in their order."""
        found = self._allowed(found)
        with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="find") as pool:
            tried = []
            for each in pool.map(self._try, found):
                self._hear()
                tried.append(each)
        return tried

    def try_first(self, found: Sequence[Lead]) -> list[_Tried]:
        """Fetch and read one after the other until one is a feed."""
        for lead in self._allowed(found):
            tried = self._try(lead)
            self._hear()
            if tried.candidate is not None:
                return [tried]
        return []

    def _allowed(self, found: Sequence[Lead]) -> Sequence[Lead]:
        found = found[: self._left]
        self._left -= len(found)
        self._known += len(found)
        return found

    def _try(self, lead: Lead) -> _Tried:
        if monotonic() > self._until:
            return _Tried(lead)
        try:
            fetched = self._door.get(lead.url)
        except FetchError as error:
            return _Tried(lead, problem=str(error))
        try:
            return _Tried(lead, candidate=_candidate(lead, fetched))
        except FeedError as error:
            page = fetched if is_page(fetched.body, fetched.content_type) else None
            return _Tried(lead, page=page, problem=str(error))

    def _hear(self) -> None:
        self._done += 1
        if self._on_fetch is not None:
            self._on_fetch(self._done, self._known)


def find(door: Door, url: str, *, on_fetch: OnFetch | None = None) -> tuple[Candidate, ...]:
    """The feeds that `url` is or leads to, the most wanted first; at least one. Without a scheme, https is meant.

    An address that is a feed is the only one. Otherwise all that its page declares, that are usual for its host, and
    that its page links to; when these give nothing, the first common place that holds a feed. At most `MAX_FETCHES` are
    fetched, and none begun after `SEARCH_SECONDS`. Raises FetchError when `url` cannot be fetched, FeedError when there
    is no feed to be found.
    """
    address = with_scheme(url)
    search = _Search(door, on_fetch)
    named = [Lead(link.url, link.title, How.CONVENTION) for link in conventions.by_host(address)]
    named += _looked_up(door, address)
    try:
        fetched = door.get(address)
    except FetchError:
        # Some hosts refuse their pages to programs and still give them the feeds.
        found = [tried.candidate for tried in search.try_all(named) if tried.candidate]
        if not found:
            raise
        return best_first(found, address)
    try:
        return (_candidate(Lead(address, "", How.ITSELF), fetched),)
    except FeedError:
        if not is_page(fetched.body, fetched.content_type) and not named:
            raise
    return _of_page(search, url, fetched, named)


def _of_page(search: _Search, url: str, fetched: Fetched, named: Sequence[Lead]) -> tuple[Candidate, ...]:
    wanted = {lead.url: lead for lead in leads(fetched.body, fetched.url, content_type=fetched.content_type)}
    wanted = wanted | {lead.url: lead for lead in named if lead.url not in wanted}
    tried = search.try_all(list(wanted.values()))
    found = [each.candidate for each in tried if each.candidate]
    if not found:
        found = [each.candidate for each in search.try_all(_second(tried, wanted)) if each.candidate]
    if not found:
        places = [Lead(place, "", How.GUESS) for place in guesses(fetched.url) if place not in wanted]
        found = [each.candidate for each in search.try_first(places) if each.candidate]
    if not found:
        declared = (each.problem for each in tried if each.problem and each.lead.how == How.DECLARED)
        problem = next((f"; the feed it names cannot be used: {told}" for told in declared), "")
        raise FeedError(
            f"no feed found at {url}{problem}; give the feed's own address, or --kind page watches the page"
        )
    return best_first(found, with_scheme(url))


def _second(tried: Sequence[_Tried], seen: dict[str, Lead]) -> list[Lead]:
    """What the pages behind links that looked like feeds link to: newspapers have a page that lists their feeds."""
    found: dict[str, Lead] = {}
    for page in [each.page for each in tried if each.page]:
        for lead in leads(page.body, page.url, content_type=page.content_type):
            if lead.url not in seen:
                found.setdefault(lead.url, lead)
    return list(found.values())


def _looked_up(door: Door, url: str) -> list[Lead]:
    """The feeds that a host's directory names for `url`; what cannot be asked names none."""
    found = []
    for question in conventions.lookups(url):
        try:
            answer = door.get(question)
        except FetchError as error:
            log.info("no answer about %s: %s", url, error)
            continue
        links = conventions.named_in(question, tree.decode(answer.body, answer.content_type))
        found += [Lead(link.url, link.title, How.CONVENTION) for link in links]
    return found


def with_scheme(url: str) -> str:
    """The address that a person means."""
    told = url.strip()
    if told.startswith("feed:"):  # feed:https://... and feed://..., as old browsers wrote it
        told = told.removeprefix("feed:").removeprefix("//")
    return told if "://" in told else f"https://{told}"


def read(fetched: Fetched) -> Feed:
    """The feed that was fetched. Raises FeedError."""
    return parse_feed(fetched.body, content_type=fetched.content_type, url=fetched.url)


def _candidate(lead: Lead, fetched: Fetched) -> Candidate:
    feed = read(fetched)
    return Candidate(lead.url, lead.how, lead.title, format_of(fetched.body, fetched.content_type), feed)
