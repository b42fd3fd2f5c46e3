"""Where well-known hosts and systems keep the feeds that their pages do not name. Pure: addresses in, addresses out.

A rule is a line of a table: which host and path it is for, and where the feed then is. Nothing here is trusted: what a
rule says is fetched and must be a feed. Each rule names where it comes from; "feedscout" is the catalogue of such rules
that https://github.com/macieklamberski/feedscout keeps with its tests.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from digest.gather import clean
from digest.types import FeedLink


class Rule(NamedTuple):
    """`host` and `path` are patterns for the whole host (in lower case, without "www.") and for the whole path (without
    its last slash), with the query or without it. In the addresses of `feeds`, {names} are the patterns' groups,
    {origin} is scheme and host, {path} is the path."""

    host: str
    path: str
    feeds: tuple[tuple[str, str], ...]
    """Addresses with titles, the most wanted first."""


_YOUTUBE = r"(?:m\.|music\.)?youtube\.com"
_REDDIT = r"(?:old\.|new\.|np\.)?reddit\.com"
_STACKS = r"(?:[a-z0-9.-]+\.)?(?:stackoverflow|serverfault|superuser|askubuntu|stackexchange)\.com|mathoverflow\.net"
_GITLAB = r"gitlab\.(?:com|[a-z0-9-]+\.[a-z0-9.-]+)"
_VIDEOS = "https://www.youtube.com/feeds/videos.xml"

HOSTS = (
    # A channel's page names the same address with rel=alternate, but not to every client: some get a page of consent.
    Rule(_YOUTUBE, r"/channel/(?P<id>UC[\w-]{22})(?:/.*)?", ((_VIDEOS + "?channel_id={id}", "Videos"),)),
    Rule(_YOUTUBE, r"/playlist\?(?:.*&)?list=(?P<id>[\w-]+)(?:&.*)?", ((_VIDEOS + "?playlist_id={id}", "Playlist"),)),
    Rule(_YOUTUBE, r"/user/(?P<id>[\w.-]+)(?:/.*)?", ((_VIDEOS + "?user={id}", "Videos"),)),
    # https://www.reddit.com/wiki/rss/
    Rule(_REDDIT, r"", (("https://www.reddit.com/.rss", "Front page"),)),
    Rule(
        _REDDIT,
        r"/r/(?P<name>[\w+]+)(?P<sort>/(?:new|hot|top|rising|controversial))?(?:\?(?P<query>.*))?",
        (("https://www.reddit.com/r/{name}{sort}/.rss?{query}", "Posts"),),
    ),
    Rule(
        _REDDIT,
        r"/r/(?P<name>\w+)/comments/(?P<post>\w+)(?:/.*)?",
        (("https://www.reddit.com/r/{name}/comments/{post}/.rss", "Comments on the post"),),
    ),
    Rule(
        _REDDIT,
        r"/u(?:ser)?/(?P<name>[\w-]+)(?P<list>/(?:submitted|m/\w+))?(?:[?/].*)?",
        (("https://www.reddit.com/user/{name}{list}/.rss", "Posts"),),
    ),
    # https://docs.github.com/en/rest/activity/feeds names the user's feed; the others are the links of those pages.
    Rule(
        r"github\.com",
        r"/(?P<repo>[\w.-]+/[\w.-]+)(?:/(?:releases|tags|tree/.*|issues|pulls|wiki)(?:/.*)?)?",
        (
            ("https://github.com/{repo}/releases.atom", "Releases"),
            ("https://github.com/{repo}/commits.atom", "Commits"),
            ("https://github.com/{repo}/tags.atom", "Tags"),
        ),
    ),
    Rule(
        r"github\.com",
        r"/(?P<repo>[\w.-]+/[\w.-]+)/commits(?P<branch>/[\w./-]+)?",
        (("https://github.com/{repo}/commits{branch}.atom", "Commits"),),
    ),
    Rule(
        r"github\.com",
        r"/(?P<repo>[\w.-]+/[\w.-]+)/discussions(?:/.*)?",
        (("https://github.com/{repo}/discussions.atom", "Discussions"),),
    ),
    Rule(r"github\.com", r"/(?P<user>[\w-]+)", (("https://github.com/{user}.atom", "Public activity"),)),
    # Releases: https://gitlab.com/gitlab-org/gitlab/-/merge_requests/151062; the others are the links of those pages.
    Rule(
        _GITLAB,
        r"/(?P<project>[\w.-]+(?:/(?!-/)[\w.-]+)+)(?:/-/(?:releases|tags)(?:/.*)?)?",
        (
            ("{origin}/{project}/-/releases.atom", "Releases"),
            ("{origin}/{project}/-/tags?format=atom", "Tags"),
            ("{origin}/{project}.atom", "Activity"),
        ),
    ),
    Rule(
        _GITLAB,
        r"/(?P<project>[\w.-]+(?:/(?!-/)[\w.-]+)+)/-/(?:commits|tree)/(?P<branch>[\w./-]+)",
        (("{origin}/{project}/-/commits/{branch}?format=atom", "Commits"),),
    ),
    # https://help.medium.com/hc/en-us/articles/214874118
    Rule(r"medium\.com", r"/tag/(?P<tag>[\w-]+)(?:/.*)?", (("https://medium.com/feed/tag/{tag}", "Tag"),)),
    Rule(r"medium\.com", r"/(?P<name>@?[\w.-]+)(?:/.*)?", (("https://medium.com/feed/{name}", "Stories"),)),
    Rule(r"[\w-]+\.medium\.com", r".*", (("{origin}/feed", "Stories"),)),
    # https://support.substack.com/hc/en-us/articles/360038239391
    Rule(r"[\w-]+\.substack\.com", r".*", (("{origin}/feed", "Posts"),)),
    # https://memorva.jp/memo/website/bluesky_rss_feed_url.php
    Rule(r"bsky\.app", r"/profile/(?P<who>[\w.:-]+)(?:/.*)?", (("https://bsky.app/profile/{who}/rss", "Posts"),)),
    # feedscout (vimeo); a channel's is the same with its path before it.
    Rule(
        r"vimeo\.com",
        r"/(?P<who>(?:channels/|groups/)?[A-Za-z][\w-]*)(?:/videos)?",
        (("https://vimeo.com/{who}/videos/rss", "Videos"),),
    ),
    # {RSS} of https://www.tumblr.com/docs/en/custom_themes
    Rule(r"tumblr\.com", r"/(?P<blog>[a-z0-9-]+)", (("https://{blog}.tumblr.com/rss", "Posts"),)),
    Rule(r"[a-z0-9-]+\.tumblr\.com", r"/tagged/(?P<tag>[^/?]+)", (("{origin}/tagged/{tag}/rss", "Tag"),)),
    Rule(r"[a-z0-9-]+\.tumblr\.com", r".*", (("{origin}/rss", "Posts"),)),
    # https://support.google.com/blogger/answer/97933
    Rule(
        r"[a-z0-9-]+\.blogspot\.[a-z.]+",
        r"/search/label/(?P<label>[^/?]+)",
        (("{origin}/feeds/posts/default/-/{label}", "Label"),),
    ),
    Rule(r"[a-z0-9-]+\.blogspot\.[a-z.]+", r".*", (("{origin}/feeds/posts/default", "Posts"),)),
    # The front page links /rss; /showrss is its twin for /show.
    Rule(r"news\.ycombinator\.com", r"(?:/news)?", (("https://news.ycombinator.com/rss", "Front page"),)),
    Rule(r"news\.ycombinator\.com", r"/show", (("https://news.ycombinator.com/showrss", "Show"),)),
    # https://meta.stackexchange.com/questions/151519
    Rule(
        _STACKS,
        r"/questions/tagged/(?P<tag>[^/?]+)",
        (("{origin}/feeds/tag?tagnames={tag}&sort=newest", "Newest questions"),),
    ),
    Rule(_STACKS, r"/questions/(?P<id>\d+)(?:/.*)?", (("{origin}/feeds/question/{id}", "Answers"),)),
    Rule(_STACKS, r"(?:/questions)?", (("{origin}/feeds", "Questions"),)),
    # https://info.arxiv.org/help/rss.html; empty at weekends.
    Rule(
        r"(?:export\.)?arxiv\.org",
        r"/(?:list|archive)/(?P<subject>[a-z-]+(?:\.[A-Za-z-]+)?)(?:/.*)?",
        (("https://rss.arxiv.org/rss/{subject}", "New papers"), ("https://rss.arxiv.org/atom/{subject}", "New papers")),
    ),
    # https://github.com/Akagi201/rss
    Rule(r"dev\.to", r"/t/(?P<tag>\w+)(?:/.*)?", (("https://dev.to/feed/tag/{tag}", "Tag"),)),
    Rule(r"dev\.to", r"/(?P<who>\w+)", (("https://dev.to/feed/{who}", "Posts"),)),
    # Podcasts: the addresses that these hosts give to directories, as feedscout has them.
    Rule(r"(?P<show>[a-z0-9-]+)\.podbean\.com", r".*", (("https://feed.podbean.com/{show}/feed.xml", "Episodes"),)),
    Rule(r"buzzsprout\.com", r"/(?P<id>\d+)(?:/.*)?", (("https://feeds.buzzsprout.com/{id}.rss", "Episodes"),)),
    Rule(
        r"spreaker\.com",
        r"/(?:show|podcast)/(?:[\w-]*--)?(?P<id>\d+)(?:/.*)?",
        (("https://www.spreaker.com/show/{id}/episodes/feed", "Episodes"),),
    ),
    Rule(r"[a-z0-9-]+\.libsyn\.com", r".*", (("{origin}/rss", "Episodes"),)),
)
"""By host, the more particular rules of a host first: only the first that fits is used."""

SYSTEMS = (
    # Mastodon: https://www.rssboard.org/news/211/every-mastodon-user-has-rss-feed; hashtags have one as well.
    Rule(r".+", r"/(?:@[\w.-]+|tags/\w+)", (("{origin}{path}.rss", "Posts"),)),
    # Lemmy: crates/routes/src/feeds.rs of https://github.com/LemmyNet/lemmy
    Rule(r".+", r"/(?P<list>[cu])/(?P<name>[\w.@-]+)", (("{origin}/feeds/{list}/{name}.xml", "Posts"),)),
    # Discourse: https://meta.discourse.org/t/finding-discourse-rss-feeds/264134
    Rule(r".+", r"/(?:c(?:/[\w-]+)+/\d+|tag/[\w-]+)", (("{origin}{path}.rss", "Topics"),)),
    # WordPress: https://codex.wordpress.org/WordPress_Feeds, categories and tags
    Rule(r".+", r"(?:/.+)?/(?:category|tag|author)/[^?]+", (("{origin}{path}/feed/", "Section"),)),
)
"""By path, for systems that run on anybody's host; all that fit are worth a try."""

LOOKUPS = (
    # https://performance-partners.apple.com/search-api, "lookup": its answer holds feedUrl.
    Rule(
        r"(?:podcasts|itunes)\.apple\.com",
        r"/.*/id(?P<id>\d+)",
        (("https://itunes.apple.com/lookup?id={id}&entity=podcast", ""),),
    ),
)
"""Addresses whose answer is no feed but names one (`named_in`)."""

_NAMED = (
    (_YOUTUBE, r'"externalId":"(?P<id>UC[\w-]{22})"', _VIDEOS + "?channel_id={id}", "Videos"),
    (r"itunes\.apple\.com", r'"feedUrl"\s*:\s*"(?P<feed>https?:[^"\\]+)"', "{feed}", "Episodes"),
    # feedscout (soundcloud): the feed's address has the number, which stands in the page for the telephone's app.
    (
        r"(?:m\.)?soundcloud\.com",
        r'content="soundcloud://users:(?P<id>\d+)"',
        "https://feeds.soundcloud.com/users/soundcloud:users:{id}/sounds.rss",
        "Tracks",
    ),
)
"""Host, a pattern within its page, and the feed that it leads to."""


def by_host(url: str) -> tuple[FeedLink, ...]:
    """The feeds that the first rule for this host and path names; none for a host that is not known."""
    return next((links for rule in HOSTS if (links := _apply(rule, url))), ())


def by_path(url: str) -> tuple[FeedLink, ...]:
    """Feeds that would be there if the host ran one of the common systems; none for a host with rules of its own."""
    host = _host(url)
    if any(re.fullmatch(rule.host, host) for rule in HOSTS):
        return ()
    return tuple(link for rule in SYSTEMS for link in _apply(rule, url))


def lookups(url: str) -> tuple[str, ...]:
    """Addresses to ask for the feed of what is at `url`."""
    return tuple(link.url for rule in LOOKUPS for link in _apply(rule, url))


def named_in(url: str, text: str) -> tuple[FeedLink, ...]:
    """The feeds that the document from `url`, of a host that has them, names in its own way."""
    host = _host(url)
    links = []
    for wanted, pattern, feed, title in _NAMED:
        if re.fullmatch(wanted, host) and (found := re.search(pattern, text)):
            links += [FeedLink(address, title) for address in [clean.address(feed.format(**found.groupdict()), url)]]
    return tuple(link for link in links if link.url)


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:  # "http://[" is no address
        return ""


def _apply(rule: Rule, url: str) -> tuple[FeedLink, ...]:
    host = re.fullmatch(rule.host, _host(url))
    if host is None:
        return ()
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    found = re.fullmatch(rule.path, f"{path}?{parts.query}") or re.fullmatch(rule.path, path)
    if found is None:
        return ()
    values = {name: value or "" for name, value in (host.groupdict() | found.groupdict()).items()}
    values |= {"origin": f"{parts.scheme}://{parts.netloc}", "path": path}
    made = ((clean.address(feed.format(**values), url).rstrip("?"), title) for feed, title in rule.feeds)
    return tuple(FeedLink(address, title) for address, title in made if address)
