"""What is still missing before mails may leave this machine. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from ipaddress import ip_address
from urllib.parse import urlsplit

from digest.settings import Settings, variable

NEEDS: Mapping[str, tuple[str, ...]] = {
    "brevo": ("brevo_api_key",),
    "mailgun": ("mailgun_api_key",),
    "postmark": ("postmark_token",),
    "resend": ("resend_api_key",),
    "sendgrid": ("sendgrid_api_key",),
    "ses": ("ses_region", "ses_access_key_id", "ses_secret_access_key"),
    "smtp": ("smtp_host",),
}
"""Network provider -> the settings of its own that it cannot do without."""


def missing_for_sending(settings: Settings) -> list[str]:
    """What a network provider still needs before anything may leave, as variable names with what they want."""
    if not settings.sends_over_network:
        return []
    wants = [
        ("FROM is not set to a mailbox on your own domain", not _own_domain(settings.from_)),
        ("REPLY_TO is not set (a mailbox that somebody reads)", not settings.reply_to),
        ("POSTAL_ADDRESS is not set", not settings.postal_address),
        ("PUBLIC_URL is not a public https address", not _public(settings.public_url)),
        *((f"{variable(name)} is not set", not getattr(settings, name)) for name in NEEDS.get(settings.provider, ())),
    ]
    return [text for text, missing in wants if missing]


def _own_domain(mailbox: str) -> bool:
    domain = parseaddr(mailbox)[1].rpartition("@")[2].lower()
    return "." in domain and not domain.endswith((".local", ".localhost", ".internal"))


def _public(url: str) -> bool:
    host = (urlsplit(url).hostname or "").rstrip(".")
    if not url.startswith("https://") or host.endswith((".localhost", ".local", ".internal")):
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host
