"""Where well-known hosts keep their feeds."""

from __future__ import annotations

import re

import pytest

from digest.gather.conventions import HOSTS, LOOKUPS, SYSTEMS, by_host, by_path, lookups, named_in
from digest.gather.discover import guesses, leads

CHANNEL = "UC" + "a1-_" * 5 + "xy"
VIDEOS = "https://www.youtube.com/feeds/videos.xml?"

KNOWN = {
    f"https://www.youtube.com/channel/{CHANNEL}": [f"{VIDEOS}channel_id={CHANNEL}"],
    f"https://m.youtube.com/channel/{CHANNEL}/videos?view=0": [f"{VIDEOS}channel_id={CHANNEL}"],
    "https://www.youtube.com/playlist?list=PL-12_3&si=x": [f"{VIDEOS}playlist_id=PL-12_3"],
    "https://youtube.com/playlist?si=x&list=PL123": [f"{VIDEOS}playlist_id=PL123"],
    "https://www.youtube.com/user/TownHall/": [f"{VIDEOS}user=TownHall"],
    "https://www.youtube.com/watch?v=123": [],
    "https://www.reddit.com/": ["https://www.reddit.com/.rss"],
    "https://old.reddit.com/r/ferries": ["https://www.reddit.com/r/ferries/.rss"],
    "https://www.reddit.com/r/ferries+lamps/top/?t=week": ["https://www.reddit.com/r/ferries+lamps/top/.rss?t=week"],
    "https://www.reddit.com/r/ferries/comments/ab12/late_again/": [
        "https://www.reddit.com/r/ferries/comments/ab12/.rss"
    ],
    "https://www.reddit.com/u/ada-quay": ["https://www.reddit.com/user/ada-quay/.rss"],
    "https://www.reddit.com/user/ada/submitted/": ["https://www.reddit.com/user/ada/submitted/.rss"],
    "https://github.com/quay/ferry": [
        "https://github.com/quay/ferry/releases.atom",
        "https://github.com/quay/ferry/commits.atom",
        "https://github.com/quay/ferry/tags.atom",
    ],
    "https://github.com/quay/ferry/releases": [
        "https://github.com/quay/ferry/releases.atom",
        "https://github.com/quay/ferry/commits.atom",
        "https://github.com/quay/ferry/tags.atom",
    ],
    "https://github.com/quay/ferry/commits/fix/lamp": ["https://github.com/quay/ferry/commits/fix/lamp.atom"],
    "https://github.com/quay/ferry/discussions": ["https://github.com/quay/ferry/discussions.atom"],
    "https://github.com/quay?tab=repositories": ["https://github.com/quay.atom"],
    "https://gitlab.com/town/harbour/ferry": [
        "https://gitlab.com/town/harbour/ferry/-/releases.atom",
        "https://gitlab.com/town/harbour/ferry/-/tags?format=atom",
        "https://gitlab.com/town/harbour/ferry.atom",
    ],
    "https://gitlab.town.example/a/b/-/tags": [
        "https://gitlab.town.example/a/b/-/releases.atom",
        "https://gitlab.town.example/a/b/-/tags?format=atom",
        "https://gitlab.town.example/a/b.atom",
    ],
    "https://gitlab.com/a/b/-/commits/main": ["https://gitlab.com/a/b/-/commits/main?format=atom"],
    "https://medium.com/@ada": ["https://medium.com/feed/@ada"],
    "https://medium.com/the-quay/lamps-1a2b?x=1": ["https://medium.com/feed/the-quay"],
    "https://medium.com/tag/ferries/latest": ["https://medium.com/feed/tag/ferries"],
    "https://quay.medium.com/": ["https://quay.medium.com/feed"],
    "https://quay.substack.com/archive": ["https://quay.substack.com/feed"],
    "https://bsky.app/profile/quay.example": ["https://bsky.app/profile/quay.example/rss"],
    "https://bsky.app/profile/did:plc:ab12": ["https://bsky.app/profile/did:plc:ab12/rss"],
    "https://vimeo.com/townhall": ["https://vimeo.com/townhall/videos/rss"],
    "https://vimeo.com/channels/lamps/videos": ["https://vimeo.com/channels/lamps/videos/rss"],
    "https://vimeo.com/12345": [],
    "https://quay.tumblr.com": ["https://quay.tumblr.com/rss"],
    "https://quay.tumblr.com/tagged/old%20lamps": ["https://quay.tumblr.com/tagged/old%20lamps/rss"],
    "https://www.tumblr.com/quay": ["https://quay.tumblr.com/rss"],
    "https://quay.blogspot.com/2026/03/lamps.html": ["https://quay.blogspot.com/feeds/posts/default"],
    "https://quay.blogspot.co.uk/search/label/Lamps?m=1": ["https://quay.blogspot.co.uk/feeds/posts/default/-/Lamps"],
    "https://news.ycombinator.com/": ["https://news.ycombinator.com/rss"],
    "https://news.ycombinator.com/show": ["https://news.ycombinator.com/showrss"],
    "https://stackoverflow.com/questions/tagged/python?tab=Newest": [
        "https://stackoverflow.com/feeds/tag?tagnames=python&sort=newest"
    ],
    "https://sailing.stackexchange.com/questions/77/why": ["https://sailing.stackexchange.com/feeds/question/77"],
    "https://superuser.com/": ["https://superuser.com/feeds"],
    "https://arxiv.org/list/cs.LG/recent?skip=0": [
        "https://rss.arxiv.org/rss/cs.LG",
        "https://rss.arxiv.org/atom/cs.LG",
    ],
    "https://dev.to/ada": ["https://dev.to/feed/ada"],
    "https://dev.to/t/python": ["https://dev.to/feed/tag/python"],
    "https://quay.podbean.com/e/one": ["https://feed.podbean.com/quay/feed.xml"],
    "https://www.buzzsprout.com/123456/episodes/9": ["https://feeds.buzzsprout.com/123456.rss"],
    "https://www.spreaker.com/podcast/the-quay--5634793": ["https://www.spreaker.com/show/5634793/episodes/feed"],
    "https://quay.libsyn.com/episode-1": ["https://quay.libsyn.com/rss"],
}


@pytest.mark.parametrize("page", KNOWN)
def test_a_known_host_leads_to_its_feeds(page: str) -> None:
    assert [link.url for link in by_host(page)] == KNOWN[page]
    assert by_path(page) == (), "what is known of a host goes before what may be"


def test_every_rule_of_a_host_is_shown_by_an_example() -> None:
    made = {link.url for page in KNOWN for link in by_host(page)}
    for rule in HOSTS:
        for feed, _ in rule.feeds:
            pattern = re.sub(r"\\{\w+\\}", ".*", re.escape(feed)).removesuffix("\\?.*")
            assert any(re.match(pattern, url) for url in made), feed


@pytest.mark.parametrize(
    ("page", "feed"),
    [
        ("https://toot.example/@ada", "https://toot.example/@ada.rss"),
        ("https://toot.example/tags/ferries/", "https://toot.example/tags/ferries.rss"),
        ("https://lem.example/c/ferries?sort=New", "https://lem.example/feeds/c/ferries.xml"),
        ("https://lem.example/u/ada", "https://lem.example/feeds/u/ada.xml"),
        ("https://talk.example/c/harbour/ferries/12", "https://talk.example/c/harbour/ferries/12.rss"),
        ("https://talk.example/tag/lamps", "https://talk.example/tag/lamps.rss"),
        ("https://paper.example/category/harbour/", "https://paper.example/category/harbour/feed/"),
        ("https://paper.example/blog/tag/lamps?page=2", "https://paper.example/blog/tag/lamps/feed/"),
        ("https://paper.example/author/ada", "https://paper.example/author/ada/feed/"),
    ],
)
def test_common_systems_are_told_by_the_path(page: str, feed: str) -> None:
    assert feed in [link.url for link in by_path(page)]
    assert feed in guesses(page)
    assert guesses(page).index(feed) < 3
    assert len(SYSTEMS) == 4


def test_a_page_may_tell_its_number() -> None:
    channel = f'<script>var a={{"channelId":"UC{"b" * 22}","externalId":"{CHANNEL}"}}</script>'
    (link,) = named_in("https://www.youtube.com/@town", channel)
    assert link.url == f"{VIDEOS}channel_id={CHANNEL}"
    (link,) = named_in("https://soundcloud.com/quay", '<meta content="soundcloud://users:42">')
    assert link.url == "https://feeds.soundcloud.com/users/soundcloud:users:42/sounds.rss"
    assert named_in("https://elsewhere.example/", channel) == ()
    page = f'<!doctype html><link rel="canonical" href="https://www.youtube.com/channel/{CHANNEL}">'.encode()
    assert [lead.url for lead in leads(page, "https://www.youtube.com/@town")] == [f"{VIDEOS}channel_id={CHANNEL}"]
    stray = f'<!doctype html><link rel="canonical" href="https://www.youtube.com/channel/{CHANNEL}">'.encode()
    assert leads(stray, "https://elsewhere.example/") == (), "a canonical address of another host is no authority"


def test_a_directory_is_asked_for_a_podcast() -> None:
    (question,) = lookups("https://podcasts.apple.com/gb/podcast/the-quay/id1234567890?i=1")
    assert question == "https://itunes.apple.com/lookup?id=1234567890&entity=podcast"
    (link,) = named_in(question, '{"results": [{"feedUrl": "https://pod.example/quay.rss"}]}')
    assert link.url == "https://pod.example/quay.rss"
    assert named_in(question, '{"results": [{"feedUrl": "javascript:alert(1)"}]}') == ()
    assert lookups("https://podcasts.apple.com/gb/browse") == ()
    assert len(LOOKUPS) == 1


@pytest.mark.parametrize("odd", ["", "http://[", "https://", "javascript:alert(1)", "https://github.com/" + "a/" * 900])
def test_odd_addresses_lead_nowhere(odd: str) -> None:
    assert by_host(odd) == by_path(odd) == ()
    assert lookups(odd) == ()
    assert named_in(odd, "soundcloud://users:42") == ()
