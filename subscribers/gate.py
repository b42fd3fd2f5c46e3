"""Which addresses may sign up, by their domain. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from subscribers.types import address_key


@dataclass(frozen=True, slots=True)
class Gate:
    """Domains in their ASCII form and in lower case; a domain stands for its subdomains too."""

    allowed: frozenset[str] = frozenset()
    """Empty: every domain."""
    blocked: frozenset[str] = frozenset()

    def takes(self, address: str) -> bool:
        """Whether this address (checked by `check_address`) may sign up; being blocked wins over being allowed."""
        above = set(_with_parents(address_key(address).rpartition("@")[2]))
        return above.isdisjoint(self.blocked) and (not self.allowed or not above.isdisjoint(self.allowed))


def _with_parents(domain: str) -> Iterable[str]:
    while domain:
        yield domain
        domain = domain.partition(".")[2]
