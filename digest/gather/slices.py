"""What of a document was not read before: items by the hash of their bytes. Pure.

A poll of a busy feed brings thirty items of which two are new, and reading an item costs many times as much as finding
where it begins and ends. So a document is cut at the borders of its items; of those whose checksum is known from the
reading before nothing is read, and the new and changed ones are read by the ordinary reader, in a small document that
has the beginning and the end of the large one: declarations of namespaces, xml:base, xml:lang and the feed's own fields
stand there. Unlike stopping at the first known item this finds edits of old items, and asks no order of the items.

A cut must never show the reader anything else than the whole document would. The scan therefore follows XML's own rules
for what is markup (CDATA, comments and processing instructions: XML 1.0, 2.4 to 2.7), and gives up, so that the whole
document is read, whenever a border is in doubt; each reason is one of `Doubt`. Checksums are handed out only for
documents that are well-formed (at least after `tree.mend`, which changes nothing across a border) and in which the
reader finds as many items: then every item was one element, and a small document that is well-formed proves that the
large one is.

What a known item took from the feed's own fields (its publisher's name, its language, its author) stays as it was when
it was read.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import sha256
from itertools import islice
from struct import unpack_from
from zlib import crc32

MAX_ITEMS = 2_000
"""Items read from one document: the longest real archives (podcasts) have about 1,500."""
WIDTH = 8
"""Bytes that stand for an item in `Feed.slices`: four for its length, four of its CRC-32. An edit goes unseen when it
changes neither, which happens by chance once in 4 x 10^9 edits that keep the length. Who wants to hide edits from us by
forging one could as well send us another document. A hash that cannot be forged would take half as long as all the rest
of a poll's cutting (120 KB: SHA-256 84 us, BLAKE2 133 us, CRC-32 31 us)."""
_BITS = 32
_CRC = 2**_BITS - 1

_FIRST = re.compile(rb"<((?:[A-Za-z_][\w.-]*:)?(?:item|entry))(?=[\s/>])", re.IGNORECASE)
_CONTENT = (
    # Text, then by turns: tags of other elements; CDATA; comments and processing instructions, which must not hold the
    # beginning of CDATA, because `tree.mend` would take it for one. All possessive: no place is looked at twice.
    rb"[^<]*+(?:(?:<(?!!|\?|/?%(name)s[\s/>])[^<]*+)++"
    rb"|<!\[CDATA\[[^\]]*+(?:\](?!\]>)[^\]]*+)*+\]\]>[^<]*+"
    rb"|<!--[^-<]*+(?:(?:-(?!->)|<(?!!\[CDATA\[))[^-<]*+)*+-->[^<]*+"
    rb"|<\?[^?<]*+(?:(?:\?(?!>)|<(?!!\[CDATA\[))[^?<]*+)*+\?>[^<]*+)*+"
)
_ITEM = rb"<%(name)s(?=[\s/>])" + _CONTENT + rb"</%(name)s\s*+>"
_GAP = re.compile(rb"\s*+")


class Doubt(StrEnum):
    """Why a document is not cut."""

    NO_ITEM = "no element is called item or entry"
    OPAQUE = "a document type, CDATA or a comment that never ends, or CDATA within a comment"
    ITEM = "an item is an empty element, never ends or has another one in it; or something stands between two items"


class Known:
    """The items of the reading before, in their order."""

    def __init__(self, packed: bytes) -> None:
        """Of anything that `pack` did not write, as much as makes whole names."""
        number = len(packed) // WIDTH
        self._names: tuple[int, ...] = unpack_from(f">{number}Q", packed)
        self._places = dict(zip(self._names, range(number), strict=True))

    def __contains__(self, name: object) -> bool:
        return name in self._places

    def __iter__(self) -> Iterator[int]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def run(self, name: int) -> Iterator[int]:
        """What stood behind an item, in order; nothing when it is unknown."""
        return islice(self._names, self._places.get(name, len(self._names)) + 1, None)

    def without(self, names: Iterable[int]) -> list[int]:
        """The places, in `names`, of those that are not known."""
        places = self._places
        return [place for place, name in enumerate(names) if name not in places]


NOTHING = Known(b"")


@dataclass(frozen=True, slots=True)
class Cut:
    """A document by its items."""

    data: bytes
    names: tuple[int, ...]
    """Of the first MAX_ITEMS, for only these are read."""
    borders: Mapping[int, tuple[int, int]]
    """Where the items begin and end that had to be looked for, by their places: the first one and all unknown ones."""
    total: int
    end: int
    """Where the last of all `total` items ends."""

    def small(self, places: Sequence[int]) -> bytes:
        """The document with only the items at these places (in `names`), which must be unknown ones or the first."""
        kept = (self.data[slice(*self.borders[place])] for place in places)
        return b"".join((self.data[: self.borders[0][0]], *kept, self.data[self.end :]))


def cut(data: bytes, known: Known = NOTHING) -> Cut | Doubt:
    """`data` (an XML document in UTF-8) cut at its items, or why it cannot be cut safely."""
    first = _FIRST.search(data)
    if first is None:
        return Doubt.NO_ITEM
    tag = {b"name": re.escape(bytes(first[1]))}
    content, item = re.compile(_CONTENT % tag), re.compile(_ITEM % tag)
    borders: dict[int, tuple[int, int]] = {}
    names: list[int] = []
    view = memoryview(data)
    end = place = _end(content, data, 0)
    while found := item.match(data, place):
        end = found.end()
        borders[len(names)] = place, end
        names.append(name_of(view[place:end]))
        place = _end(_GAP, data, end)
        gap = data[end:place]
        # Behind a known item usually stands what stood there before: as long as it does, nothing has to be looked for.
        for name in known.run(names[-1]):
            next_end = place + (name >> _BITS)
            if crc32(view[place:next_end]) != name & _CRC or next_end > len(data):
                break
            names.append(name)
            end = next_end
            place = end + len(gap) if data.startswith(gap + b"<", end) else _end(_GAP, data, end)
    last = _end(content, data, place)
    if last < len(data):
        inside = _end(content, data, last + 1)  # of the item that did not end
        is_opaque = data.startswith((b"<!", b"<?"), last) or data.startswith((b"<!", b"<?"), inside)
        return Doubt.OPAQUE if is_opaque else Doubt.ITEM
    if not names:
        return Doubt.NO_ITEM
    return Cut(data, tuple(names[:MAX_ITEMS]), borders, len(names), end)


def _end(pattern: re.Pattern[bytes], data: bytes, place: int) -> int:
    found = pattern.match(data, place)
    return found.end() if found else place


def name_of(item: bytes | memoryview) -> int:
    """What stands for an item written in these bytes: their number and CRC-32."""
    return len(item) << _BITS | crc32(item)


def pack(names: Sequence[int]) -> bytes:
    """`Feed.slices`: the names in the document's order."""
    return struct.pack(f">{len(names)}Q", *names)


def fingerprint(body: bytes, version: bytes = b"") -> str:
    """SHA-256 (hex) of a body as it came, by which an unchanged one is recognised before anything is read. `version`
    makes a new reader read everything again."""
    return sha256(version + b"\0" + body if version else body).hexdigest()
