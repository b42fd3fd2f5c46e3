"""What the values of settings may be. Pure: each takes what was read and gives it back as it is kept.

All raise ValueError, whose text says what is allowed; `digest.settings` makes it one line with the variable's name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from ipaddress import ip_network
from types import MappingProxyType
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email

RANK_WEIGHTS: Mapping[str, float] = MappingProxyType(
    {"coverage": 0.4, "freshness": 0.2, "source": 0.1, "fit": 0.1, "completeness": 0.1, "diversity": 0.1}
)
"""What each scorer counts (`digest.stories.scorers`). What several newsrooms chose to tell matters most; freshness
decides among equals; a source of weight 10 gains what a late second publisher gives."""


def line(value: object) -> object:
    """One line: most of these become mail headers, and a line break there would begin another header."""
    if isinstance(value, str) and not value.isprintable():
        raise ValueError("one line without control characters")
    return value


def web_address(value: str) -> str:
    """An http or https address without query, fragment and trailing slash; empty is allowed."""
    if not value:
        return value
    told = "an address that starts with http:// or https://, without ? and #"
    try:
        parts = urlsplit(value)
        _port = parts.port  # read for its check: a port beyond 65535 raises here
    except ValueError:
        raise ValueError(told) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(told)
    if not value.isascii() or any(char in value for char in ' <>"\\^`{|}') or "@" in parts.netloc:
        # It stands in headers such as List-Unsubscribe, where RFC 3986 leaves no choice.
        raise ValueError("an address in plain ASCII without a password (international domains as xn--...)")
    return value.rstrip("/")


def picture_address(value: str) -> str:
    """An https address, with a query if it must be; empty is allowed. Mail programs show no picture from http."""
    told = "an address in plain ASCII that starts with https://"
    try:
        parts = urlsplit(value)
        _port = parts.port  # read for its check, as above
    except ValueError:
        raise ValueError(told) from None
    if value and (parts.scheme != "https" or not parts.hostname or "@" in parts.netloc):
        raise ValueError(told)
    if not value.isascii() or any(char in value for char in ' <>"\\^`{|}'):
        raise ValueError(told)
    return value


def mailbox(value: str) -> str:
    """One mailbox with or without a name (RFC 5322, section 3.4), its address in ASCII; empty is allowed."""
    if not value:
        return value
    found = getaddresses([value])
    try:
        Address(addr_spec=found[0][1])
    except (ValueError, IndexError, HeaderParseError):
        found = []
    if len(found) != 1 or "@" not in found[0][1]:
        raise ValueError("one mailbox such as Morning Paper <paper@example.org>")
    if not found[0][1].isascii():
        raise ValueError("a mailbox whose address is plain ASCII (international domains as xn--...)")
    return value


def addresses(value: str) -> tuple[str, ...]:
    """Mail addresses as providers take them, each once: the domain in its ASCII form, without a name."""
    try:
        told = [validate_email(each, check_deliverability=False, globally_deliverable=False) for each in words(value)]
    except EmailNotValidError:
        raise ValueError("addresses such as me@example.org, separated by commas") from None
    if not all(each.ascii_email for each in told):
        raise ValueError("addresses with nothing but ASCII before the @")
    return tuple(dict.fromkeys(each.ascii_email for each in told if each.ascii_email))


def one_address(value: str) -> str:
    """One of `addresses`; empty is allowed."""
    found = addresses(value)
    if len(found) > 1:
        raise ValueError("one address such as me@example.org")
    return found[0] if found else ""


def database(value: str) -> str:
    """The address of a SQLite or PostgreSQL database."""
    if not value.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://", "postgres://")):
        raise ValueError("sqlite:///path/to/file.db or postgresql://user:password@host/name")
    return value


def folder(value: object) -> object:
    """Any path but none: an empty one would be the folder the program happens to be started in."""
    if not value:
        raise ValueError("the path of a folder; it is created when missing")
    return value


def zone(value: str) -> str:
    """A name of the tz database."""
    if value not in available_timezones():
        raise ValueError("a zone of the tz database such as Europe/Berlin")
    return value


def words(value: str) -> tuple[str, ...]:
    """What stands between the commas; a tuple stays as it is."""
    return (
        tuple(word for word in (part.strip() for part in value.split(",")) if word) if isinstance(value, str) else value
    )


def keys(value: str) -> tuple[str, ...]:
    """Signing keys, the newest first, of 32 characters or more."""
    found = words(value)
    if any(len(key) < 32 for key in found):
        raise ValueError("keys of at least 32 characters, the newest first, separated by commas")
    return found


def weights(value: str | Mapping[str, float]) -> dict[str, float]:
    """Scorers and what each counts, "coverage=0.5,freshness=0.25"; one that is not named counts nothing. A mapping is
    held to the same."""
    told = [each.partition("=")[::2] for each in words(value)] if isinstance(value, str) else list(value.items())
    found: dict[str, float] = {}
    for name, number in ((name.strip(), number) for name, number in told):
        if name not in RANK_WEIGHTS or name in found:
            said = "named twice" if name in found else "no scorer"
            raise ValueError(f"each of {', '.join(RANK_WEIGHTS)} once, with a number; {name[:40]!r} is {said}")
        try:
            found[name] = float(number)
        except ValueError:
            found[name] = math.nan
        if not 0 <= found[name] <= 100:
            raise ValueError(f"a number from 0 to 100 for each, such as coverage=0.5; see {name}")
    if not any(found.values()):
        raise ValueError("at least one scorer above 0, such as coverage=0.5,freshness=0.25")
    return {name: found[name] for name in RANK_WEIGHTS if name in found}


def host(value: object) -> object:
    """The name or the address of a machine; empty is allowed."""
    if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9.:-]{0,253}", value):
        raise ValueError(
            "a host such as smtp.example.org, without port and in ASCII (international domains as xn--...)"
        )
    return value


def plain(value: object) -> object:
    """One line of ASCII: the standard library sends no other names and passwords by SMTP."""
    if isinstance(value, str) and not (value.isascii() and value.isprintable()):
        raise ValueError("printable ASCII characters")
    return value


def token(value: object) -> object:
    """What can stand in an HTTP header as a key: ASCII without blanks (RFC 9110, 5.5); empty is allowed."""
    if isinstance(value, str) and any(not "!" <= char <= "~" for char in value):
        raise ValueError("a key of ASCII characters without blanks")
    return value


def networks(value: str) -> tuple[str, ...]:
    """Networks in CIDR form (RFC 4632); a lone address is a network of one.

    A network with host bits set ("10.0.0.7/8") is refused: nobody can tell whether the address or the network was
    meant, and the wrong guess would believe strangers.
    """
    try:
        return tuple(str(ip_network(each)) for each in words(value))
    except ValueError:
        raise ValueError("addresses or networks such as 10.0.0.7, 192.168.0.0/24, separated by commas") from None


def domains(value: str) -> tuple[str, ...]:
    """Domains in lower case and in their ASCII form, by the rules that addresses are read by (IDNA 2008 with UTS 46).

    One label is enough ("ru"): a domain stands for its subdomains, too.
    """
    try:
        return tuple(dict.fromkeys(_ascii_domain(each.removeprefix("@").strip(".")) for each in words(value)))
    except EmailNotValidError:
        raise ValueError("domains such as example.org, separated by commas") from None


def _ascii_domain(name: str) -> str:
    told = validate_email(f"any@{name}", check_deliverability=False, globally_deliverable=False)
    return told.ascii_domain.lower()
