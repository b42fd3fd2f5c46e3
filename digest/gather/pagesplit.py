"""Blocks of a page -> the whole articles in it, each credited and dated from its own part of the page only. Pure.

An article begins with a *head*: a run of headings, short lines, by-lines and pictures with a headline in it and
something that says so (a by-line, a repeated headline, an <article> around it, or the page's <h1>). Everything up to
the next head is its body, until a line says that it ends ("Read full story", "No comments yet"). Where an <article>
stands inside another, the outer one goes on after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from digest.gather import clean
from digest.gather.pageblocks import Block, Kind
from digest.gather.pagebyline import Byline, is_name, read_byline
from digest.gather.pagefurniture import Furniture, Verdict, fold

MAX_HEADLINE = 250
MIN_HEADLINE_WORDS = 3
"""Of a headline that no heading element names; with fewer words it is a publisher or a label."""
MAX_ARTICLES = 500
WHOLE_CHARS = 280
"""A single paragraph of so many characters is a body: teasers follow the 160 that search engines show."""
PROSE = 40
"""Characters of a line with a final stop that count as a paragraph of prose."""
_ENDS = (".", "!", "?", "…", "؟", "۔", "।", "。", "”", "»", '"', ":", "’", "“")

_NO_HEADLINE = tuple(end for end in _ENDS if end not in ("!", "?", "؟", "”", "»", '"', "’", "“"))


@dataclass(slots=True)
class Piece:
    """An article as split from its page; texts are clean. What its part of the page does not tell is empty."""

    title: str = ""
    publisher: str = ""
    credit: str = ""
    author: str = ""
    published_at: datetime | None = None
    updated_at: datetime | None = None
    paragraphs: list[str] = field(default_factory=list)
    link: str = ""
    whole_link: str = ""
    """Where "Read full story" leads: the publisher's own address, so it goes before `link`."""
    image: clean.Image | None = None
    closed: bool = False

    @property
    def text(self) -> str:
        return "\n".join(self.paragraphs)

    @property
    def is_whole(self) -> bool:
        """Whether it has a body, and not only a teaser's sentence."""
        prose = sum(len(line) >= PROSE and line.endswith(_ENDS) for line in self.paragraphs)
        return bool(self.title) and (prose >= 2 or sum(map(len, self.paragraphs)) >= WHOLE_CHARS)


@dataclass(frozen=True, slots=True)
class _Line:
    block: Block
    text: str
    byline: Byline | None = None

    @property
    def is_heading(self) -> bool:
        return self.block.kind is Kind.HEADING

    @property
    def is_label(self) -> bool:
        """Short, without a final stop: a headline, a name, a caption."""
        return (
            not self.block.quoted and len(self.text) <= MAX_HEADLINE and not self.text.endswith(_ENDS[:1] + _ENDS[3:])
        )


@dataclass(slots=True)
class _Splitter:
    now: datetime
    furniture: Furniture
    pieces: list[Piece] = field(default_factory=list)
    around: list[Piece | None] = field(default_factory=list)
    """The articles around the current one, outermost first."""
    current: Piece | None = None
    run: list[_Line] = field(default_factory=list)
    opened: bool = False
    """Whether an <article> began just before the run."""

    def feed(self, block: Block) -> None:
        if block.kind in (Kind.OPEN, Kind.CLOSE):
            self._edge(block.kind)
            return
        if block.kind is Kind.IMAGE:
            self.run.append(_Line(block, ""))
            return
        verdict, text = self.furniture.judge(block.text) if block.text else (Verdict.TEXT, "")
        if verdict is Verdict.TEXT:
            self._text(block, text)
        elif verdict in (Verdict.MORE, Verdict.END):
            self._settle()
            if self.current is not None:
                if verdict is Verdict.MORE and not self.current.closed:
                    _points_on(self.current, block, text)
                self.current.closed = True

    def _edge(self, kind: Kind) -> None:
        self._settle()
        if kind is Kind.OPEN:
            self.around.append(self.current)
            self.current, self.opened = None, True
        elif self.around:
            self.current, self.opened = self.around.pop(), False
            if self.current is None:
                self._close_last()

    def _close_last(self) -> None:
        """What follows an <article> that stands in no other is the page's own."""
        if self.pieces:
            self.pieces[-1].closed = True

    def _text(self, block: Block, text: str) -> None:
        byline = read_byline(block.apart or text, self.now, self.furniture)
        if block.moment is not None and len(text) <= MAX_HEADLINE and block.kind is Kind.TEXT:
            told = byline or Byline()
            byline = Byline(told.publisher, told.credit, block.author or told.author, block.moment, told.updated_at)
        elif block.author and len(text) <= MAX_HEADLINE:
            told = byline or Byline(publisher=text if is_name(text) else "")
            byline = Byline(told.publisher, told.credit, block.author, told.published_at, told.updated_at)
        line = _Line(block, text, byline)
        if line.byline is not None or line.is_heading or (text and line.is_label):
            self.run.append(line)
            return
        if not text:
            return
        self._settle()
        if self.current is not None and not self.current.closed:
            self.current.paragraphs.append(text)

    def _settle(self) -> None:
        """Decide what the run is: the head of a new article, or part of the current one."""
        run, self.run = self.run, []
        if not run:
            return
        at = _headline(run, opened=self.opened)
        if at is None:
            self._belongs(run)
            return
        self.opened = False
        first = _first_of_head(run, at)
        # A heading just before a head names a part of the page ("More from the coast").
        self._belongs([line for line in run[:first] if not line.is_heading])
        if len(self.pieces) < MAX_ARTICLES:
            self.current = _begin(run[first:], run[at])
            self.pieces.append(self.current)

    def _belongs(self, run: Sequence[_Line]) -> None:
        piece = self.current
        if piece is None or piece.closed:
            return
        for line in run:
            if line.block.image is not None:
                piece.image = piece.image or line.block.image
            elif line.byline is not None:
                _credit(piece, line.byline)
            elif line.text and not _says_the_same(line.text, piece.title):
                piece.paragraphs.append(line.text)


def split(blocks: Iterable[Block], *, now: datetime, furniture: Furniture) -> list[Piece]:
    """The articles in their order, also those without a body (`Piece.is_whole` tells); ages count back from `now`."""
    splitter = _Splitter(now, furniture)
    for block in blocks:
        splitter.feed(block)
    splitter._settle()
    for piece in splitter.pieces:
        piece.paragraphs = without_title(piece.paragraphs, piece.title)
    return splitter.pieces


def _headline(run: Sequence[_Line], *, opened: bool) -> int | None:
    """Where in the run the headline stands; None when the run is not the head of an article."""
    places = [place for place, line in enumerate(run) if line.byline is None and line.text]
    headings = [place for place in places if run[place].is_heading]
    dated = next((place for place, line in enumerate(run) if line.byline is not None), None)
    repeated = _repeated(run, places)
    top = next((place for place in headings if run[place].block.level == 1), None)
    if top is not None:
        return top
    if headings:
        if dated is None and not opened and repeated is None:
            return None
        before = [place for place in headings if dated is None or place < dated]
        return headings[0] if opened or not before else before[-1]
    if repeated is not None:
        return repeated
    if dated is None:
        return None
    labels = [place for place in places if len(run[place].text.split()) >= MIN_HEADLINE_WORDS or _is_dense(run[place])]
    before = [place for place in labels if place < dated][-3:]
    if before:
        named = [place for place in before if not is_name(run[place].text)] or before
        return max(named, key=lambda place: len(run[place].text))
    return next((place for place in labels if place > dated), None)


def _is_dense(line: _Line) -> bool:
    """A script without spaces between words (Chinese, Japanese, Thai): its letters are counted instead."""
    return len(line.text) >= 8 and ord(max(line.text)) >= 0x0E00 and " " not in line.text


def _repeated(run: Sequence[_Line], places: Sequence[int]) -> int | None:
    seen: dict[str, int] = {}
    for place in places:
        key = fold(run[place].text)
        if key in seen and len(key.split()) >= MIN_HEADLINE_WORDS:
            return seen[key]
        seen.setdefault(key, place)
    return None


def _first_of_head(run: Sequence[_Line], at: int) -> int:
    """Where the head begins: pictures, by-lines and names just before the headline belong to it."""
    first = at
    while first and (
        run[first - 1].block.image is not None
        or run[first - 1].byline is not None
        or (is_name(run[first - 1].text) and not run[first - 1].is_heading)
    ):
        first -= 1
    return first


def _begin(head: Sequence[_Line], headline: _Line) -> Piece:
    piece = Piece(title=clean.title(headline.text), link=headline.block.link)
    before: list[str] = []
    after: list[str] = []
    names = before
    for line in head:
        if line.block.image is not None:
            piece.image = piece.image or line.block.image
        elif line.byline is not None:
            _credit(piece, line.byline)
        elif line is not headline and not _says_the_same(line.text, piece.title):
            if is_name(line.text) and not line.is_heading:
                names.append(line.text)
            else:
                piece.paragraphs.append(line.text)
        elif line is headline:
            names = after
    # A name below the headline is the publisher's; above it the nearest, for farther up stands the page's own.
    piece.publisher = piece.publisher or next(iter([*after, *reversed(before)]), "")
    return piece


def _points_on(piece: Piece, block: Block, publisher: str) -> None:
    piece.whole_link = block.link
    if not piece.publisher and is_name(publisher):
        piece.publisher = publisher


def _credit(piece: Piece, byline: Byline) -> None:
    piece.publisher = piece.publisher or byline.publisher
    piece.credit = piece.credit or byline.credit
    piece.author = piece.author or byline.author
    piece.published_at = piece.published_at or byline.published_at
    piece.updated_at = piece.updated_at or byline.updated_at


def without_title(paragraphs: list[str], title: str) -> list[str]:
    """Without the headline where a body repeats it as one of its first lines."""
    return [line for place, line in enumerate(paragraphs) if place >= 3 or not _says_the_same(line, title)]


def _says_the_same(line: str, title: str) -> bool:
    return fold(line) == fold(title)
