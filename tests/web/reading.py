"""Reading a page as a browser without JavaScript does: its forms, with every field as it stands."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

import httpx


@dataclass
class PageForm:
    """One form of a page."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    """What a browser would send if its first button were pressed, in order."""

    def sent(self, **others: str | list[str]) -> dict[str, str | list[str]]:
        """The fields as httpx takes them, some of them filled in otherwise."""
        filled: dict[str, str | list[str]] = {}
        for name, value in self.fields:
            before = filled.get(name)
            filled[name] = value if before is None else [*([before] if isinstance(before, str) else before), value]
        return {**filled, **others}


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[PageForm] = []
        self._form: PageForm | None = None
        self._select: list[tuple[str, bool]] | None = None
        self._name = ""
        self._pressed = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form, self._pressed = PageForm(told.get("action", ""), told.get("method", "get")), False
            self.forms.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and told.get("name"):
            unticked = told.get("type") in ("checkbox", "radio") and "checked" not in told
            if not unticked:
                self._form.fields.append((told["name"], told.get("value", "")))
        elif tag == "button" and told.get("type", "submit") == "submit" and not self._pressed:
            self._pressed = True
            if told.get("name"):
                self._form.fields.append((told["name"], told.get("value", "")))
        elif tag == "select":
            self._name, self._select = told.get("name", ""), []
        elif tag == "option" and self._select is not None:
            self._select.append((told.get("value", ""), "selected" in told))
        elif tag == "textarea":
            self._form.fields.append((told.get("name", ""), ""))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select" and self._form is not None and self._select is not None:
            chosen = [value for value, selected in self._select if selected] or [value for value, _ in self._select[:1]]
            self._form.fields += [(self._name, value) for value in chosen]
            self._select = None


def forms(page: httpx.Response) -> list[PageForm]:
    """The forms of a page, in order."""
    reader = _Reader()
    reader.feed(page.text)
    return reader.forms


def form(page: httpx.Response, action: str = "") -> PageForm:
    """The first form whose action begins like this."""
    found = [each for each in forms(page) if each.action.startswith(action)]
    assert found, f"no form to {action or 'anywhere'} on the page: {page.text[:2000]}"
    return found[0]


def press(
    client: httpx.Client, page: httpx.Response | str, action: str = "", **others: str | list[str]
) -> httpx.Response:
    """Press the button of a page's form (of the page at this path), some fields filled in otherwise."""
    seen = client.get(page) if isinstance(page, str) else page
    asked = form(seen, action)
    return client.request(asked.method.upper(), asked.action, data=asked.sent(**others))
