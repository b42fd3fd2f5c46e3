"""Links to the sign-up form, for posters, profiles and other sites. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from subscribers.errors import BadSource
from subscribers.types import check_address, clean_name

SOURCE_LENGTH = 64


def check_source(source: str) -> str:
    """Where readers come from, as a link says it and the consent log keeps it. Raises BadSource."""
    if source != clean_name(source) or len(source) > SOURCE_LENGTH:
        raise BadSource(f"{clean_name(source)[:80]!r} is no source; use one line of {SOURCE_LENGTH} characters at most")
    return source


def sign_up_link(
    public_url: str, topics: Sequence[str] = (), *, source: str = "", email: str = "", language: str = ""
) -> str:
    """The address of the form with these topics (slugs) chosen and these fields filled in; what is empty is left out.

    Raises BadSource, BadAddress.
    """
    fields = [("topic", slug) for slug in topics]
    fields += [("email", check_address(email))] if email else []
    fields += [("source", check_source(source))] if source else []
    fields += [("lang", language)] if language else []
    return f"{public_url}/subscribe" + (f"?{urlencode(fields)}" if fields else "")
