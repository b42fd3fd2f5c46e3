"""What a built mail must be: checks of its HTML, its text and its headers, as a provider would get them. Pure.

A check is a function from an opened mail to findings; to add one, write it and give it a line in CHECKS.
"""

from __future__ import annotations

from collections.abc import Mapping

from digest.compose.lint.clients import check_clients
from digest.compose.lint.contrast import check_contrast
from digest.compose.lint.headers import check_headers
from digest.compose.lint.links import check_links, check_placeholders
from digest.compose.lint.mail import Check, Finding, Mail, Severity, opened
from digest.compose.lint.plain import check_text
from digest.compose.lint.size import check_lines, check_size
from digest.compose.lint.structure import check_headings, check_pictures, check_preheader, check_shell, check_tables

__all__ = ["CHECKS", "Finding", "Mail", "Severity", "lint"]

CHECKS: Mapping[str, Check] = {
    "clients": check_clients,
    "contrast": check_contrast,
    "pictures": check_pictures,
    "tables": check_tables,
    "shell": check_shell,
    "headings": check_headings,
    "preheader": check_preheader,
    "placeholders": check_placeholders,
    "links": check_links,
    "size": check_size,
    "lines": check_lines,
    "text": check_text,
    "headers": check_headers,
}


def lint(mail: Mail) -> list[Finding]:
    """Everything that all checks have to say of one mail, the gravest first."""
    ready = opened(mail)
    found = [finding for check in CHECKS.values() for finding in check(ready)]
    order = list(Severity)
    return sorted(found, key=lambda finding: order.index(finding.severity))
