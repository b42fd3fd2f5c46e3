"""Reading feeds against feedparser with its defaults (sanitised, addresses resolved), the same bytes for both.

The feeds are those of newspapers that never were: 30 items, 120 KB, whole articles as markup in CDATA with links and
pictures, a short text beside them, media:content in two widths, dc:creator, categories, entities. Every seed is another
paper. In each round every reader reads all papers, one reader after the other, as a gatherer does that polls many
sources. Of a paper counts its best round, in processor time, because others use the machine too (Python's timeit says
why: what is above the least is not the code's); a figure is the ratio of the medians over the papers. What both find
(titles, links, dates, authors, the text down to its letters) is compared outside of what is timed.

Told without a goal: the same with markup kept for sources of full rights (nh3), and what a poll costs that must be read
whole because its document cannot be cut.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from math import inf
from statistics import median
from time import thread_time

from benchmarks import baselines
from benchmarks.report import Figure
from benchmarks.turns import turns
from digest.gather.feed import parse_feed
from digest.gather.slices import fingerprint
from digest.types import Feed

FEEDS, QUICK_FEEDS = 40, 10
ROUNDS, QUICK_ROUNDS = 5, 4
QUICK_SECONDS = 9
ITEMS = 30
FRESH = 2
"""New items of a poll: what an hourly poll of a paper with 50 articles a day finds."""
URL = "https://feeds.example/news/rss.xml"
START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)

_SYLLABLES = re.findall(
    r"\w+",
    "ba co de fi gu ha jo ka le mi no pa ri sa tu va we xi yo zu bren dal fen gor hul mar nor pel ros sel",
)
_SMALL = re.findall(r"\w+", "the of and to in a that for on with as at by from it is was has not but")
_ENTITIES = ("&rsquo;", "&#8217;", "&amp;", "&nbsp;", "&ldquo;", "&#8212;", "&eacute;", "&hellip;")
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:media="http://search.yahoo.com/mrss/"
 xmlns:atom="http://www.w3.org/2005/Atom" xmlns:sy="http://purl.org/rss/1.0/modules/syndication/">
<channel>
<title>{paper}</title>
<link>https://paper{seed}.example/</link>
<atom:link href="https://paper{seed}.example/rss.xml" rel="self" type="application/rss+xml"/>
<description>News from {place}</description>
<language>en-GB</language>
<lastBuildDate>{built}</lastBuildDate>
<sy:updatePeriod>hourly</sy:updatePeriod><sy:updateFrequency>1</sy:updateFrequency>
<image><url>https://paper{seed}.example/logo.png</url><title>{paper}</title><link>https://paper{seed}.example/</link></image>
"""


def run(quick: bool, feeds: int | None = None, rounds: int | None = None) -> list[Figure]:
    """The three ratios that issue 4 sets goals for, and what is only told; `feeds` and `rounds` for a smaller run."""
    papers = [Paper(seed) for seed in range(feeds or (QUICK_FEEDS if quick else FEEDS))]
    for paper in papers:
        _same(paper.second, parse_feed(paper.second, url=URL))
    ways: dict[str, Callable[[Paper], object]] = {
        "feedparser": lambda paper: baselines.feedparser_read(paper.second),
        "first": lambda paper: parse_feed(paper.second, url=URL),
        "poll": lambda paper: parse_feed(paper.second, url=URL, known=paper.known),
        "unchanged": lambda paper: fingerprint(paper.second) == paper.print,
        "markup": lambda paper: parse_feed(paper.second, url=URL, html=True),
        "uncut": lambda paper: parse_feed(paper.uncut, url=URL, known=paper.known),
    }
    took: dict[str, list[list[float]]] = {way: [[] for _ in papers] for way in ways}
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    done = 0
    for _ in turns(rounds, 1 if quick else rounds, QUICK_SECONDS if quick else inf):
        for way, read in ways.items():
            for paper, times in zip(papers, took[way], strict=True):
                started = thread_time()
                read(paper)
                times.append(thread_time() - started)
        done += 1
    middle = {way: median(min(times) for times in each) for way, each in took.items()}
    slow = middle["feedparser"]
    return [
        Figure("first full read with cleaning, to feedparser", slow / middle["first"], goal=12),
        Figure(f"poll with {FRESH} new of {ITEMS}, to feedparser", slow / middle["poll"], goal=100),
        Figure("unchanged bytes recognised, to feedparser", slow / middle["unchanged"], goal=300),
        Figure("first full read with markup kept (told only)", slow / middle["markup"]),
        Figure("poll of a document that cannot be cut (told only)", slow / middle["uncut"]),
        *(Figure(f"{way} (told only)", each * 1000, "ms") for way, each in middle.items()),
        Figure("size of a feed (told only)", median(len(paper.second) for paper in papers) / 1000, "KB"),
        Figure("rounds (told only)", done, ""),
    ]


class Paper:
    """One paper's feed: as it was read last, and as it is now with `FRESH` new items on top."""

    def __init__(self, seed: int) -> None:
        dice = random.Random(seed)  # noqa: S311 -- the same papers in every run
        items = [_item(dice, seed, number) for number in range(ITEMS + FRESH)]
        head = _HEAD.format(
            paper=f"The {_word(dice).title()} {dice.choice(('Courier', 'Post', 'Lantern', 'Echo'))} &amp; Tide",
            place=_word(dice).title(), seed=seed, built=format_datetime(START + timedelta(hours=seed)),
        )  # fmt: skip
        self.first = _document(head, items[:ITEMS])
        self.second = _document(head, items[FRESH:])
        self.uncut = self.second.replace(b"</item>\n", b"</item>\n<!-- next -->\n")
        self.print = fingerprint(self.second)
        self.known = parse_feed(self.first, url=URL).slices
        polled = parse_feed(self.second, url=URL, known=self.known)
        whole = parse_feed(self.second, url=URL)
        assert polled.items == whole.items[:FRESH], "a poll finds the new items and no others"
        assert (polled.passed_over, polled.slices) == (ITEMS - FRESH, whole.slices)
        assert parse_feed(self.uncut, url=URL, known=self.known).items == whole.items


def _same(body: bytes, feed: Feed) -> None:
    """Both readers find the same; the text is compared without its whitespace, which each folds in its own way."""
    theirs = baselines.feedparser_values(baselines.feedparser_read(body))
    ours = [
        (item.title, item.url, item.guid, item.published_at, item.author, _letters(item.text), _letters(item.summary))
        for item in feed.items
    ]
    told = [(*values[:5], _letters(values[5]), _letters(values[6])) for values in theirs]
    assert ours == told, next(pair for pair in zip(ours, told, strict=True) if pair[0] != pair[1])


def _letters(text: str) -> str:
    return "".join(text.split())


def _document(head: str, oldest_first: Sequence[str]) -> bytes:
    return (head + "".join(reversed(oldest_first)) + "</channel>\n</rss>\n").encode()


def _item(dice: random.Random, seed: int, number: int) -> str:
    address = f"https://paper{seed}.example/2026/03/{number:03d}-{'-'.join(_word(dice) for _ in range(4))}"
    picture = f"https://img{dice.randrange(4)}.paper{seed}.example/{number}"
    day = format_datetime(START + timedelta(minutes=29 * number + seed))
    kinds = "".join(f"<category><![CDATA[{_word(dice).title()}]]></category>" for _ in range(3))
    return f"""<item>
<title>{_sentence(dice, 6, 11).rstrip(".")} &amp; {_word(dice)}</title>
<link>{address}?utm_source=rss&amp;n={number}</link>
<guid isPermaLink="false">paper{seed}:{number}</guid>
<pubDate>{day}</pubDate>
<dc:creator><![CDATA[{_word(dice).title()} {_word(dice).title()}]]></dc:creator>
{kinds}
<description><![CDATA[<p>{_sentence(dice, 18, 30)}</p>]]></description>
<content:encoded><![CDATA[{_body(dice, picture, address)}]]></content:encoded>
<media:content url="{picture}-1600.jpg" width="1600" height="900" type="image/jpeg" medium="image"/>
<media:content url="{picture}-640.jpg" width="640" height="360" type="image/jpeg" medium="image">
<media:description type="plain">{_sentence(dice, 6, 10)}</media:description></media:content>
</item>
"""


def _body(dice: random.Random, picture: str, address: str) -> str:
    image = f'<img src="{picture}-640.jpg" alt="{_sentence(dice, 4, 7)}" width="640" height="360"/>'
    parts = [f'<figure class="lead">{image}</figure>']
    for number in range(dice.randint(6, 8)):
        words = _sentence(dice, 30, 55).split(" ")
        place = dice.randrange(2, len(words) - 6)
        words[place] = f'<a href="/tag/{words[place]}" class="tag" target="_blank">{words[place]}</a>'
        words[place + 2] = f"<strong>{words[place + 2]}</strong>"
        words[place + 4] += dice.choice(_ENTITIES)
        text = " ".join(words)
        parts.append(f"<h2>{_sentence(dice, 3, 5)}</h2>" if number == 3 else "")
        parts.append(f"<blockquote><p>{text}</p></blockquote>" if number == 4 else f"<p>{text}</p>")
    parts.append(f'<p><em>{_sentence(dice, 5, 8)}</em> <a href="{address}">{_sentence(dice, 3, 4)}</a></p>')
    return "\n".join(part for part in parts if part)


def _sentence(dice: random.Random, least: int, most: int) -> str:
    words = [_word(dice) if dice.random() < 0.6 else dice.choice(_SMALL) for _ in range(dice.randint(least, most))]
    return " ".join(words).capitalize() + "."


def _word(dice: random.Random) -> str:
    return "".join(dice.choice(_SYLLABLES) for _ in range(dice.randint(2, 4)))
