"""The consent log in words that readers know, for their page. Pure."""

from __future__ import annotations

from subscribers.forms import FORM_NAME
from subscribers.pages import Voice
from subscribers.types import ConsentRow


def form_words(line: ConsentRow, voice: Voice) -> str:
    """On which form a line of the consent log came about, in words; as it was logged for one that we do not know."""
    if line.form.startswith(f"{FORM_NAME}-"):
        return voice.say("Sign-up form")
    if not line.form:  # what a link does has no form
        links = {"returned": voice.say("Goodbye page"), "confirmed": voice.say("Link in our mail")}
        return links.get(line.action, "–")
    words = {
        "one-click": voice.say("Unsubscribe button of the mail program"),
        "page": voice.say("Page to unsubscribe"),
        "less-often": voice.say("Page to unsubscribe: once a week instead"),
        "preferences": voice.say("Page with your choices"),
        "move": voice.say("Link in the mail to the new address"),
        "operator": voice.say("By hand"),
        "import": voice.say("From a file"),
        "complaint": voice.say("Report as spam in the mail program"),
        "provider": voice.say("Unsubscribe link of the mail service"),
    }
    return words.get(line.form, line.form)


def action_words(action: str, voice: Voice) -> str:
    """A line of the consent log in words."""
    words = {
        "asked": voice.say("Asked for"),
        "confirmed": voice.say("Confirmed"),
        "changed": voice.say("Changed"),
        "left": voice.say("Left"),
        "returned": voice.say("Came back"),
        "moved": voice.say("Moved to another address"),
        "added": voice.say("Added by the publisher"),
        "imported": voice.say("Brought over from another service"),
        "let in": voice.say("Mail allowed again by the publisher"),
    }
    return words.get(action, action)
