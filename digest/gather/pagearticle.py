"""A piece of a page -> `RawArticle`. Pure."""

from __future__ import annotations

from hashlib import blake2b

from digest.gather import clean
from digest.gather.build import MAX_GUID
from digest.gather.pagesplit import Piece
from digest.types import RawArticle


def finished(piece: Piece, *, language: str = "", publisher: str = "", summary: str = "") -> RawArticle:
    """The article; `publisher` where the piece names none.

    Its guid is its address, or without one (a plain text has none) a hash of publisher and headline.
    """
    url = piece.whole_link or piece.link
    by = piece.publisher or publisher
    return RawArticle(
        guid=url if url and len(url) <= MAX_GUID else guid(by, url or piece.title),
        url=url,
        title=piece.title,
        text=clean.paragraphs("\n\n".join(piece.paragraphs)),
        author=piece.author,
        publisher=by,
        language=language,
        image_url=piece.image.url if piece.image else "",
        image_alt=piece.image.alt if piece.image else "",
        published_at=piece.published_at,
        updated_at=piece.updated_at,
        summary=summary,
        credit=piece.credit,
    )


def guid(publisher: str, title: str) -> str:
    """The name of an article that has no address."""
    return "hash:" + blake2b(f"{publisher}\0{title}".encode(), digest_size=16).hexdigest()
