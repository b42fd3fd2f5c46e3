"""Every theme looks as it was accepted: light and dark, phone and desktop, left to right and right to left.

`make accept` takes the pictures anew. What the comparison sees and what it overlooks is tried here on purpose.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.looks.compare import STACK, STRIP, Bounds, Means, difference
from tests.looks.studio import Studio, studio
from tests.looks.views import FOLDER, VIEWS, View

BOUNDS = Bounds()
BY_NAME = {view.name: view for view in VIEWS}


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as made:
        yield made


@pytest.fixture(scope="module")
def taking(playwright: Playwright, chromium: str) -> Iterator[Studio]:
    with studio(playwright, chromium) as made:
        yield made


def told(taking: Studio, view: View, mail: str, artifacts: Path | None = None) -> str:
    """What is different about a mail; with `artifacts`, pictures of it go there."""
    accepted, actual = view.accepted.read_bytes(), taking.take(mail, view.width, view.scheme)
    found = difference(taking.means(accepted), taking.means(actual))
    wrong = found.told(BOUNDS)
    if wrong and artifacts is not None:
        pictures = {"expected": accepted, "actual": actual, "difference": taking.marked(accepted, found.cells)}
        for what, picture in pictures.items():
            (artifacts / f"{view.name}-{what}.webp").write_bytes(picture)
    return wrong


def test_there_is_a_picture_of_every_view_and_no_other() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {view.accepted.name for view in VIEWS}
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 3_000_000


@pytest.mark.browser
@pytest.mark.parametrize("name", BY_NAME)
def test_a_mail_looks_as_accepted(taking: Studio, artifacts: Path, name: str) -> None:
    view = BY_NAME[name]
    wrong = told(taking, view, view.html(), artifacts)
    assert not wrong, f"{name}: {wrong}; look at artifacts/{name}-difference.webp; if it is meant: make accept"


# --- what is seen -----------------------------------------------------------------------------------------------------


def without(pattern: str, place: int = 0) -> Callable[[str], str]:
    def broken(mail: str) -> str:
        found = list(re.finditer(pattern, mail, re.DOTALL))[place]
        return mail[: found.start()] + mail[found.end() :]

    return broken


def instead(*pairs: tuple[str, str]) -> Callable[[str], str]:
    def broken(mail: str) -> str:
        for one, other in pairs:
            mail = mail.replace(one, other)
        return mail

    return broken


def mirrored(mail: str) -> str:
    swapped = {"left": "right", "right": "left", "ltr": "rtl", "rtl": "ltr"}
    return re.sub(r'(text-align: ?|dir=")(left|right|ltr|rtl)', lambda found: f"{found[1]}{swapped[found[2]]}", mail)


TABLE = r'<table[^>]*>\s*<tr>\s*<td class="in {}.*?</table>'
BROKEN: dict[str, Callable[[str], str]] = {
    "a section has no head": without(TABLE.format("section"), 1),
    "the last head is missing": without(TABLE.format("section"), -1),
    "a story is missing": without(TABLE.format("card"), 1),
    "the end is missing": without(TABLE.format("end")),
    "the footer is missing": without(TABLE.format("foot")),
    "another accent": instead(("#8a3324", "#24518a"), ("#d4745f", "#5f9ad4")),
    "another paper": instead(("#fff", "#fff4e0"), ("#16181a", "#2a2420")),
    "pale ink": instead(("#1b1b1b", "#8a8a8a"), ("#ececec", "#8a8a8a")),
    "mirrored": mirrored,
}
SEEN = (
    "digest-paper-en-desktop-light",
    "digest-paper-ar-phone-dark",
    "digest-compact-en-phone-light",
    "digest-letter-ar-desktop-light",
)
MORE: list[tuple[str, str, Callable[[str], str]]] = [
    ("digest-paper-en-desktop-light", "a picture is missing", without(r'<img class="thumb.*?>')),
    ("digest-paper-ar-phone-dark", "a picture is missing", without(r'<img class="picture.*?>')),
    ("digest-paper-ar-phone-dark", "no night", instead(("prefers-color-scheme: dark", "prefers-color-scheme: none"))),
    ("digest-compact-en-phone-light", "no phone", instead(("max-width: 620px", "max-width: 62px"))),
    ("confirm-paper-en-phone-light", "no button", without(r'<table[^>]*><tr><td class="button.*?</table>')),
    ("confirm-letter-ar-desktop-dark", "mirrored", mirrored),
]


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "broken"),
    [
        *(pytest.param(name, broken, id=f"{name}: {what}") for name in SEEN[::3] for what, broken in BROKEN.items()),
        *(pytest.param(name, broken, id=f"{name}: {what}") for name, what, broken in MORE),
    ],
)
def test_what_is_broken_is_seen(taking: Studio, name: str, broken: Callable[[str], str]) -> None:
    view = BY_NAME[name]
    mail = broken(view.html())
    assert mail != view.html()
    assert told(taking, view, mail)


# --- what is overlooked -----------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(("name", "spacing"), [(name, f"{(-1) ** n * 0.08}px") for n, name in enumerate(SEEN)])
def test_letters_of_another_version_are_overlooked(taking: Studio, name: str, spacing: str) -> None:
    view = BY_NAME[name]
    other = f"<style>* {{ letter-spacing: {spacing}; }}</style></head>"
    assert told(taking, view, view.html().replace("</head>", other)) == ""


@pytest.mark.browser
def test_another_rasteriser_is_overlooked(playwright: Playwright, chromium: str) -> None:
    with studio(playwright, chromium, "--font-render-hinting=full", "--disable-font-subpixel-positioning") as other:
        assert [told(other, BY_NAME[name], BY_NAME[name].html()) for name in SEEN] == [""] * len(SEEN)


# --- the comparison by itself -----------------------------------------------------------------------------------------

WHITE, INK, RED = (255.0, 255.0, 255.0), (40.0, 40.0, 40.0), (255.0, 60.0, 60.0)


def page(*rows: tuple[int, tuple[float, float, float]], wide: int = 20) -> Means:
    """A page of so many ROWs in one colour each."""
    return [[colour] * wide for high, colour in rows for _ in range(high)]


LINED = page(*[(8, WHITE), (8, INK)] * 20)


def test_a_page_is_like_itself() -> None:
    found = difference(LINED, LINED)
    assert (found.all, found.strip, found.colour, found.height, found.cells) == (0, 0, 0, 0, ())
    assert found.told(BOUNDS) == ""


def test_a_page_that_moved_by_a_line_is_like_it_and_one_that_moved_by_a_block_is_not() -> None:
    assert difference(LINED, [*page((6, WHITE)), *LINED]).told(BOUNDS) == ""
    assert "height" in difference(LINED, [*page((20, WHITE)), *LINED]).told(BOUNDS)


def test_a_strip_in_another_colour_is_told_with_its_cells() -> None:
    changed = [*LINED[:64], *page((16, RED)), *LINED[80:]]
    found = difference(LINED, changed)
    assert found.colour > BOUNDS.colour
    assert {row for _, row in found.cells} >= {64 // STACK, 64 // STACK + STRIP - 1}
    assert "of one strip" in found.told(BOUNDS)
    assert "another colour" in found.told(BOUNDS)


def test_what_is_cut_off_differs() -> None:
    assert difference(LINED, LINED[:160]).told(BOUNDS)
    assert difference(LINED, [row[:10] for row in LINED]).all > 0.4
