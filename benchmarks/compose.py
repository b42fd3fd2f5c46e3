"""Finished mails a second against the straightforward way (`baselines_mail`), on one core, in the same run.

What is measured is all that the sender does for a reader until there is something to hand over: choose the stories,
compose, sign the links, and write what travels. As JSON for an API that is the provider's own `payload` (Resend's, in
batches of its size), as MIME `message_bytes`. Every reader has three topics of five stories, the text part included:

one topic set    all readers chose the same topics
200 topic sets   of which each reader has one
all distinct     topics in any order, and a memory that leaves to each reader other stories

In every case all links carry the reader's own tokens, and every round has new readers. A composer serves all rounds, as
it serves all readers of an edition; the first round only warms up. Rounds go by turns; a figure is the ratio of the
medians. What is counted is the processor time of this one thread, for both alike: a machine that others use as well
slows a long run and a short one differently. Compiling the edition, once for all readers, is told beside it.

In each round some of our mails are compared with those of the straightforward way: the same subject, headers and text
to the letter, the same HTML but for white space between elements (against css-inline: the same visible text, links,
pictures and style declarations). Memory is that of a process of its own, which composes for ever new readers of the
last case, in four places.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from math import inf
from statistics import median
from typing import Any

from lxml import html as lxml_html

from benchmarks.baselines_mail import PlainPress, by_css_inline, by_premailer, full_message
from benchmarks.compose_data import CASES, PLACES, Morning, Reader, all_distinct, batches, morning
from benchmarks.memory import peak_mb
from benchmarks.report import Figure
from benchmarks.turns import turns
from digest.compose.assemble import Composer
from digest.dispatch.mime import message_bytes
from digest.dispatch.providers.resend import Resend
from digest.types import Envelope

MAILS, QUICK_MAILS = 20_000, 3_000
"""Of each case in a round."""
PLAIN, QUICK_PLAIN = 12, 4
"""The straightforward way's, of which the first few are compared."""
COMPARED = 3
ROUNDS, QUICK_ROUNDS = 7, 3
LEAST_ROUNDS, QUICK_SECONDS = 1, 20
READERS, QUICK_READERS = 1_000_000, 20_000
MEMORY_GOAL = 200
GOALS = {"one topic set": 4000, "200 topic sets": 2000, "all distinct": 1200}
MIME_GOAL = 120

Write = Callable[[Envelope], bytes]


@dataclass(frozen=True, slots=True)
class _Race:
    """Ours and the straightforward way to the same end."""

    name: str
    goal: float
    readers: Callable[[], Iterator[Reader]]
    encoding: str
    write: Write
    plain: Callable[[Reader], bytes]
    check: Callable[[bytes, bytes], None]


def run(quick: bool, mails: int | None = None, rounds: int | None = None, readers: int | None = None) -> list[Figure]:
    """The ratios and the memory; `mails`, `rounds` and `readers` for a run smaller still."""
    started = time.thread_time()
    edition = morning()
    compiled = time.thread_time() - started
    count = mails or (QUICK_MAILS if quick else MAILS)
    most = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    provider = Resend("http://127.0.0.1:9", "nobody-is-called")
    races = _races(edition, provider)
    ours: dict[str, list[float]] = {race.name: [] for race in races}
    plain: dict[str, list[float]] = {race.name: [] for race in races}
    lanes = {race.name: (edition.composer(race.encoding), race.readers()) for race in races}
    least = min(most, LEAST_ROUNDS if quick else most)
    for turn in turns(most + 1, least + 1, QUICK_SECONDS if quick else inf):
        for race in races:
            found = _ours(race, *lanes[race.name], count, provider.batch)
            if turn:
                ours[race.name].append(found)
                plain[race.name].append(_plain(edition, race, min(count, QUICK_PLAIN if quick else PLAIN)))
        races = [*races[1:], races[0]]
    provider.close()
    memory = _memory(readers or (QUICK_READERS if quick else READERS))
    speed, slow = ({name: median(each) for name, each in found.items()} for found in (ours, plain))
    ratios = [
        Figure(f"{race.name}, to the straightforward way", speed[race.name] / slow[race.name], goal=race.goal)
        for race in _races(edition, provider)
    ]
    return [
        *ratios,
        Figure("memory, composing for ever new readers", memory, "MB", MEMORY_GOAL, "lower"),
        *(Figure(f"{name}: ours (told only)", found, "/s") for name, found in speed.items()),
        *(Figure(f"{name}: ours, each (told only)", 1e6 / found, "us") for name, found in speed.items()),
        *(Figure(f"{name}: straightforward (told only)", found, "/s") for name, found in slow.items()),
        Figure("compiling the edition, once (told only)", compiled, "s"),
        *(Figure(f"{part} of a mail (told only)", size / 1000, "KB") for part, size in _sizes(edition).items()),
    ]


def _races(edition: Morning, provider: Resend) -> list[_Race]:
    press = PlainPress(edition.theme, edition.frozen.manifest, edition.cards, edition.hands)

    def as_json(reader: Reader) -> bytes:
        return json.dumps(press.mail(*reader, by_premailer), ensure_ascii=False).encode()

    def as_mime(reader: Reader) -> bytes:
        return full_message(press.mail(*reader, by_css_inline))

    payloads = [
        _Race(f"payload, {case}", GOALS[case], readers, "json", provider.payload, as_json, same_payload)
        for case, readers in CASES.items()
    ]
    return [
        *payloads,
        _Race("MIME, all distinct", MIME_GOAL, CASES["all distinct"], "qp", message_bytes, as_mime, _same_message),
    ]


def _ours(race: _Race, composer: Composer, readers: Iterator[Reader], count: int, batch: int) -> float:
    """Finished mails a second."""
    spent = 0.0
    for some in batches(readers, count, batch):
        started = time.thread_time()
        finished = [race.write(_mail(composer.compose(*reader))) for reader in some]
        spent += time.thread_time() - started
        assert len(finished) == len(some)
    return count / spent


def _plain(edition: Morning, race: _Race, count: int) -> float:
    """The straightforward way's; the first of them, and a reader of each place, are compared with ours."""
    readers = list(islice(race.readers(), count))
    started = time.thread_time()
    finished = [race.plain(reader) for reader in readers]
    spent = time.thread_time() - started
    composer = edition.composer(race.encoding)
    others = list(islice(all_distinct(PLACES), COMPARED))
    pairs = [*islice(zip(readers, finished, strict=True), COMPARED), *((each, race.plain(each)) for each in others)]
    for reader, plain in pairs:
        for _ in range(3):  # the second and third of the same kind may come another way
            race.check(race.write(_mail(composer.compose(*reader))), plain)
    return count / spent


def _mail(composed: object) -> Envelope:
    assert isinstance(composed, Envelope), composed
    return composed


def _sizes(edition: Morning) -> dict[str, int]:
    reader = next(CASES["all distinct"]())
    mail = _mail(edition.composer("raw").compose(*reader))
    return {"HTML": len(mail.html), "text": len(mail.text)}


# --- sameness ---------------------------------------------------------------------------------------------------------


def same_payload(ours: bytes, plain: bytes) -> None:
    """Raises AssertionError unless both say the same to a provider."""
    mine, theirs = json.loads(ours), json.loads(plain)
    assert mine.keys() == theirs.keys()
    for name in mine.keys() - {"html"}:
        assert mine[name] == theirs[name], f"{name}: {mine[name]!r} is not {theirs[name]!r}"
    assert _folded(mine["html"]) == _folded(theirs["html"]), "the HTML is not the same"


def _folded(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r">\s+<", "><", page))


def _same_message(ours: bytes, plain: bytes) -> None:
    """Raises AssertionError unless both messages say the same."""
    mine, theirs = (email.message_from_bytes(each, policy=email.policy.default) for each in (ours, plain))
    for name in ("From", "To", "Reply-To", "Subject", "List-Unsubscribe", "List-Id"):
        told = [" ".join(str(each[name]).split()) for each in (mine, theirs)]
        assert told[0] == told[1], f"{name}: {told[0]!r} is not {told[1]!r}"
    texts, pages = ([_part(each, kind) for each in (mine, theirs)] for kind in ("plain", "html"))
    assert texts[0].rstrip("\n") == texts[1].rstrip("\n"), "the text is not the same"
    assert _seen(pages[0]) == _seen(pages[1]), "the HTML does not show the same"


def _part(message: Any, kind: str) -> str:
    return str(message.get_body((kind,)).get_content()).replace("\r\n", "\n")


def _seen(page: str) -> tuple[str, list[tuple[str, str, str, frozenset[str]]]]:
    """What can be read, and every element of the body with where it leads, what it shows and how it looks; but for
    tbody, which css-inline's parser puts into every table, as browsers do."""
    body: Any = lxml_html.document_fromstring(page).find("body")
    elements = [
        (str(each.tag), each.get("href", ""), each.get("src", ""), _declarations(each.get("style", "")))
        for each in body.iter()
        if each.tag != "tbody"
    ]
    return "".join(str(body.text_content()).split()), elements


def _declarations(style: str) -> frozenset[str]:
    """Order and spelling aside: premailer writes #ffffff as #fff, and other quotes."""
    long = re.sub(r"#([0-9a-f])([0-9a-f])([0-9a-f])(?![0-9a-f])", r"#\1\1\2\2\3\3", style.lower().replace("'", '"'))
    return frozenset(re.sub(r"\s+", "", each) for each in long.split(";") if each.strip())


# --- memory -----------------------------------------------------------------------------------------------------------


def _memory(readers: int) -> float:
    """The most memory, in MB, of a process that composes for so many readers."""
    command = [sys.executable, "-m", "benchmarks.compose", str(readers)]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return float(json.loads(told.stdout)["peak_mb"])


def _child(readers: int) -> None:
    edition, provider = morning(), Resend("http://127.0.0.1:9", "nobody-is-called")
    composer = edition.composer("json")
    for batch in batches(all_distinct(PLACES), readers, provider.batch):
        finished: Sequence[bytes] = [provider.payload(_mail(composer.compose(*reader))) for reader in batch]
        assert all(finished)
    print(json.dumps({"peak_mb": peak_mb()}))


if __name__ == "__main__":
    _child(int(sys.argv[1]))
