"""Lists of addresses that other services mail no more: which column holds what, and what its words mean. Pure.

Where the columns come from:

Postmark   EmailAddress, SuppressionReason (HardBounce, SpamComplaint, ManualSuppression), Origin, CreatedAt
           (https://postmarkapp.com/developer/api/suppressions-api)
SendGrid   a file for each kind: email, created, and for bounces status and reason, which is the mail server's answer
           (suppressions in the API description twilio/sendgrid-oai, tsg_suppressions_v3)
Mailgun    a file for each kind: address, created_at, and for bounces code and error
           (bounces, complaints and unsubscribes in mailgun's API description)
Amazon     EmailAddress, Reason (BOUNCE, COMPLAINT), LastUpdateTime (SuppressedDestinationSummary in SES v2's model)
Resend     email, origin (bounce, complaint, manual) (suppressions in resend/resend-openapi)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from subscribers.errors import BadFile
from subscribers.types import clean_name

ADDRESS = ("email", "emailaddress", "email address", "email_address", "e-mail", "address", "recipient")
WHY = ("suppressionreason", "reason", "origin", "type", "status", "event")
"""Columns that may hold one of WORDS; of several that are there, the first that does."""
_BOUNCED = ("bounce", "bounced", "hardbounce", "hard_bounce", "hard bounce", "cleaned", "invalid")
_COMPLAINED = ("complaint", "complained", "spamcomplaint", "spam complaint", "spamreport", "spam", "abuse")
_LEFT = ("unsubscribe", "unsubscribed", "manualsuppression", "left", "opted out")
WORDS: Mapping[str, str] = {
    **dict.fromkeys(_BOUNCED, "bounced"),
    **dict.fromkeys(_COMPLAINED, "complained"),
    **dict.fromkeys(_LEFT, "left"),
    **dict.fromkeys(("manual", "operator", "blocklisted", "blacklisted", "blocked"), "operator"),
}
"""What these services write, in lower case -> our reason. A word that is not here proves nothing; the address is kept
out all the same, for it stands in a list of those that are."""
REASONS = tuple(dict.fromkeys(WORDS.values()))


def columns(names: Sequence[str]) -> tuple[int, tuple[int, ...]]:
    """Where the address stands, and where a reason may. Raises BadFile when no column is known to hold addresses."""
    at = {name.strip().lower(): place for place, name in reversed(list(enumerate(names)))}
    for name in ADDRESS:
        if name in at:
            return at[name], tuple(at[each] for each in WHY if each in at and each != name)
    told = ", ".join(clean_name(each)[:40] for each in names[:20])
    raise BadFile(f"no column is known to hold addresses; name one of them email; there is {told}")


def reason_of(cells: Sequence[str], places: Sequence[int], default: str) -> str:
    """Why the address of this row is kept out."""
    said = (WORDS.get(cells[place].strip().lower()) for place in places if place < len(cells))
    return next((reason for reason in said if reason), default)
