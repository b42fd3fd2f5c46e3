"""The settings of who carries the mail: each provider's own (docs/providers.md, docs/webhooks.md)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator

from digest import checks
from digest.fields import Line, Mailbox, WebAddress, number, setting

LOCAL = frozenset({"outbox", "console", "memory"})
"""The providers that keep mail on this machine."""


class Carrying(BaseModel):
    """Part of `digest.settings.Settings`."""

    provider: Literal[
        "outbox", "console", "memory", "brevo", "mailgun", "postmark", "resend", "sendgrid", "ses", "smtp"
    ] = setting(
        "outbox",
        "Who carries the mail: an email API or smtp (docs/providers.md), or nobody: outbox (files under DATA_DIR), "
        "console or memory.",
        allowed="outbox, console, memory, brevo, mailgun, postmark, resend, sendgrid, ses or smtp",
    )
    resend_api_key: Line = setting("", "The key of your Resend account, re_...", secret=True)
    resend_webhook_secret: Line = setting("", "The signing secret of Resend's webhook, whsec_...", secret=True)
    postmark_webhook_secret: Line = setting(
        "", "What Postmark's webhooks carry as user:password in their address.", secret=True
    )
    mailgun_api_key: Line = setting("", "A sending key of your Mailgun domain, or a key of the account.", secret=True)
    mailgun_domain: Line = setting("", "The domain at Mailgun that mails are sent from; that of FROM when empty.")
    mailgun_base_url: WebAddress = setting("https://api.mailgun.net", "Where Mailgun's API answers.")
    mailgun_webhook_secret: Line = setting("", "Mailgun's HTTP webhook signing key.", secret=True)
    brevo_api_key: Line = setting("", "A key of your Brevo account, xkeysib-...", secret=True)
    brevo_base_url: WebAddress = setting("https://api.brevo.com", "Where Brevo's API answers.")
    brevo_webhook_secret: Line = setting("", "What Brevo's webhook carries: a token, or user:password.", secret=True)
    sendgrid_api_key: Line = setting("", "A key of your SendGrid account that may send, SG....", secret=True)
    sendgrid_base_url: WebAddress = setting("https://api.sendgrid.com", "Where SendGrid's API answers.")
    sendgrid_webhook_key: Line = setting("", "The verification key of SendGrid's signed event webhook.")
    ses_region: Line = setting("", "The AWS region whose SES carries the mail, such as eu-central-1.")
    ses_access_key_id: Line = setting("", "The key of an IAM user that may send, AKIA...", secret=True)
    ses_secret_access_key: Line = setting("", "The secret that belongs to it.", secret=True)
    ses_configuration_set: Line = setting("", "The configuration set that publishes the events of mails.")
    ses_base_url: WebAddress = setting("", "Where SES answers; when empty, where it does in SES_REGION.")
    ses_topic_arn: Line = setting("", "The SNS topic to which Amazon SES publishes events, arn:aws:sns:...")
    resend_base_url: WebAddress = setting(
        "https://api.resend.com", "Where Resend's API answers; a proxy or a test server can stand in."
    )
    postmark_token: Line = setting("", "The API token of your server at Postmark.", secret=True)
    postmark_stream: Annotated[str, BeforeValidator(checks.token)] = setting(
        "broadcast", "The message stream at Postmark by which digests travel."
    )
    postmark_system_stream: Annotated[str, BeforeValidator(checks.token)] = setting(
        "outbound", "The message stream by which confirmations and the like travel, which nobody subscribed to."
    )
    postmark_base_url: WebAddress = setting(
        "https://api.postmarkapp.com", "Where Postmark's API answers; a proxy or a test server can stand in."
    )
    smtp_host: Annotated[str, BeforeValidator(checks.host)] = setting(
        "", "The name of your mail server, such as smtp.example.org."
    )
    smtp_port: int = number(0, 0, 65535, "Its port; 0 is the usual one for SMTP_SECURITY: 587, 465 or 25.")
    smtp_security: Literal["starttls", "tls", "none"] = setting(
        "starttls",
        "starttls (begin in the clear, then TLS), tls (from the first byte) or none; certificates are always verified.",
        allowed="starttls, tls or none",
    )
    smtp_user: Annotated[str, BeforeValidator(checks.plain)] = setting("", "The name to log in with, if it asks.")
    smtp_password: Annotated[str, BeforeValidator(checks.plain)] = setting(
        "", "The password to log in with.", secret=True
    )
    smtp_ca_file: Line = setting(
        "", "A PEM file with the authority of the server's certificate, for one of your own; the system's when empty."
    )
    smtp_bounce: Mailbox = setting("", "Where mails that bounce are returned to; the address in FROM when empty.")
    smtp_verp: bool = setting(
        False,
        "Name the mail in that address, so that each bounce tells which it was: bounces+12.345.0f9a@example.org.",
        allowed="true or false",
    )

    send_rate: float = number(
        0.0, 0, 1_000_000, "Mails a second at most, over all processes; 0 for as fast as the provider takes them."
    )
    stop_percent: float = number(
        5.0, 0, 100, "An edition stops when so many of a hundred mails are rejected or bounce; 0 for never."
    )
    stop_after: int = number(100, 1, 100_000_000, "Of at least so many mails that a provider answered for.")
    mail_redirect_to: Annotated[str, BeforeValidator(checks.one_address)] = setting(
        "", "Where every mail goes instead of to its reader, to try things out; to the readers when empty."
    )
