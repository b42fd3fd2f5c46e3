"""What the values of settings may be. Pure: each takes what was read and gives it back as it is kept.

All raise ValueError, whose text says what is allowed; `digest.settings` makes it one line with the variable's name.
"""

from __future__ import annotations

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import getaddresses
from ipaddress import ip_network
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from email_validator import EmailNotValidError, validate_email


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
