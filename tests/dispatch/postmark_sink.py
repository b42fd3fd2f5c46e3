"""An email API that speaks as Postmark's batch endpoint is documented to, and keeps a log of its own.

It knows no idempotency key, asks for the token and for JSON, and holds every message against what the documentation
allows in it: an undocumented field is refused. What the steps of `tests.dispatch.resend_sink` do, they do here too.
"""

from __future__ import annotations

import json
import os
import uuid
from typing import Any

from tests.dispatch.resend_sink import Handler, Sink, Step, answering

TOKEN = "11111111-2222-3333-4444-555555555555"
FIELDS: dict[str, type] = {
    "From": str,
    "To": str,
    "Cc": str,
    "Bcc": str,
    "Subject": str,
    "Tag": str,
    "HtmlBody": str,
    "TextBody": str,
    "ReplyTo": str,
    "Headers": list,
    "TrackOpens": bool,
    "TrackLinks": str,
    "Metadata": dict,
    "Attachments": list,
    "MessageStream": str,
}
"""https://postmarkapp.com/developer/api/email-api, "Body format"."""


class PostmarkSink(Sink):
    """Mails to an address with `inactive` or `invalid` in it are refused, each for itself."""

    streams = ("broadcast", "outbound")

    def take(self, mails: list[dict[str, Any]]) -> bytes:
        answers = []
        with self.log.open("a") as log:
            for mail in mails:
                answer = self._judge(mail)
                if answer["ErrorCode"] == 0:
                    headers = {each["Name"]: each["Value"] for each in mail["Headers"]}
                    log.write(json.dumps({"to": [mail["To"]], "headers": headers, "mail": mail}) + "\n")
                answers.append(answer)
            log.flush()
            os.fsync(log.fileno())
        return json.dumps(answers).encode()

    def _judge(self, mail: dict[str, Any]) -> dict[str, Any]:
        if problem := wrong_with(mail):
            return failure(300, problem)
        if "inactive" in mail["To"]:
            return failure(406, f"You tried to send to a recipient that has been marked as inactive: {mail['To']}")
        if "invalid" in mail["To"]:
            return failure(300, f"Error parsing 'To': Illegal email domain in address '{mail['To']}'.")
        if mail["MessageStream"] not in self.streams:
            return failure(1235, "The 'MessageStream' provided does not exist on this server.")
        number = str(uuid.uuid5(uuid.NAMESPACE_URL, mail["To"]))
        at = "2026-11-25T06:30:00.0000000-05:00"
        return {"To": mail["To"], "SubmittedAt": at, "MessageID": number, "ErrorCode": 0, "Message": "OK"}


def wrong_with(mail: dict[str, Any]) -> str:
    """What the documentation does not allow in a message; empty when all is well."""
    unfit = [name for name, value in mail.items() if not isinstance(value, FIELDS.get(name, ()))]
    headers, metadata = mail.get("Headers", []), mail.get("Metadata", {})
    if unfit:
        return f"undocumented or of another type: {unfit}"
    if any(set(each) != {"Name", "Value"} for each in headers):
        return "Headers are objects of Name and Value"
    if len(metadata) > 10 or any(len(name) > 20 or len(value) > 80 for name, value in metadata.items()):
        return "Metadata has at most 10 fields, names of 20 characters and values of 80"
    if "From" not in mail or "To" not in mail or not (mail.get("TextBody") or mail.get("HtmlBody")):
        return "From, To and a body are required"
    return ""


def failure(code: int, message: str = "") -> dict[str, Any]:
    return {"ErrorCode": code, "Message": message}


def items(*answers: tuple[int, str]) -> bytes:
    """The answer to a batch: code and message of each mail."""
    return json.dumps([{**failure(*each), "MessageID": "m", "To": "x@y.example"} for each in answers]).encode()


def failing(status: int, code: int, message: str = "", **headers: str) -> Step:
    """A step that answers for the whole call."""
    return answering(status, json.dumps(failure(code, message)).encode(), **headers)


def strict(handler: Handler) -> bool:
    """A step: what the endpoint asks of every call, before it looks into it."""
    if handler.headers["X-Postmark-Server-Token"] != TOKEN:
        return handler.reply(401, json.dumps(failure(10, "The Server Token you provided was invalid.")).encode())
    if {handler.headers["Accept"], handler.headers["Content-Type"]} != {"application/json"}:
        return handler.reply(422, json.dumps(failure(409, "JSON required")).encode())
    if handler.path != "/email/batch":
        return handler.reply(404, b"")
    return False
