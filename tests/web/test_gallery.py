"""The gallery of mails: every dress by links, changes as they are saved, mistakes as one line."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from digest.service.gallery import Gallery
from digest.service.places import templates_folder
from digest.service.specimens import MAILS
from digest.settings import Settings
from digest.web.gallery import MOST, at_night, create_gallery
from digest.web.outbox import LOOPBACK
from tests.web.conftest import AUTHORITIES, serving
from tests.web.looking import looked_at

PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(22, 24, 26)"}


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """A copy of the shipped templates that may be spoilt."""
    return Path(shutil.copytree(templates_folder(), tmp_path / "shipped"))


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """An operator's folder with one template."""
    folder = tmp_path / "own"
    (folder / "email" / "confirm").mkdir(parents=True)
    shutil.copy(templates_folder() / "email" / "confirm" / "body.html", folder / "email" / "confirm")
    return folder


@pytest.fixture
def gallery(make_settings: Callable[..., Settings], shipped: Path, own: Path) -> Gallery:
    return Gallery(make_settings(templates_dir=str(own)), shipped)


@pytest.fixture
def served(gallery: Gallery) -> Iterator[str]:
    with serving(create_gallery(gallery, templates_folder(), LOOPBACK)) as address:
        yield address


@pytest.fixture
def client(served: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=served, trust_env=False, verify=AUTHORITIES, timeout=60) as client:
        yield client


def frames(page: httpx.Response) -> list[str]:
    assert page.status_code == 200
    return [source.replace("&amp;", "&") for source in re.findall(r'<iframe src="([^"]+)"', page.text)]


def changed(file: Path, text: str) -> None:
    """Save a file; its time moves on even where the clock of the disk is coarse."""
    before = file.stat().st_mtime_ns if file.exists() else 0
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    os.utime(file, ns=(before + 10**9, before + 10**9))


def test_every_mail_in_every_dress_is_a_link_away(client: httpx.Client) -> None:
    first = client.get("/")
    assert len(frames(first)) == 2, "light and dark"
    for mail in MAILS:
        assert f"mail={mail}&amp;" in first.text
    every = client.get("/?mail=confirm&language=all&scheme=all&width=all&part=all&pictures=all")
    sources = frames(every)
    assert len(sources) == 3 * 2 * 2 * (2 + 1), "plain text has no pictures"
    for source in sources[:6] + sources[-6:]:
        body = client.get(source)
        assert body.status_code == 200
        assert body.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    themes = frames(client.get("/?theme=all&scheme=light"))
    assert [re.findall(r"theme=(\w+)", source)[0] for source in themes] == ["paper", "compact", "letter"]
    assert len({client.get(source).text for source in themes}) == 3
    crowded = client.get("/?mail=all&language=all&scheme=all&width=all")
    assert len(frames(crowded)) == MOST
    assert f"The first {MOST} of {len(MAILS) * 12} are shown" in crowded.text


def test_what_there_is_not_is_not_found(client: httpx.Client) -> None:
    assert "there is no mail" in client.get("/?mail=nope").json()["detail"]
    assert client.get("/?mail=nope").status_code == 404
    assert client.get("/mail?mail=digest").status_code == 404
    assert client.get("/gallery.html").status_code == 404
    assert client.get("/gallery.css").headers["content-type"] == "text/css; charset=utf-8"


def test_it_answers_to_loopback_only_unless_told_otherwise(client: httpx.Client, gallery: Gallery) -> None:
    for path in ("/", "/version", "/mail", "/gallery.js"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code == 404
    assert client.get("/version", headers={"Host": "localhost:1"}).status_code == 200
    with (
        serving(create_gallery(gallery, templates_folder(), frozenset())) as address,
        httpx.Client(base_url=address, trust_env=False, verify=AUTHORITIES) as anybody,
    ):
        assert anybody.get("/version", headers={"Host": "desk.example"}).status_code == 200


def test_another_version_for_whatever_changes(gallery: Gallery, own: Path, shipped: Path) -> None:
    new = own / "email" / "moving" / "subject.txt"
    steps: list[Callable[[], None]] = [
        lambda: changed(own / "email" / "confirm" / "body.html", "x"),
        lambda: changed(new, "x"),
        new.unlink,
        lambda: changed(shipped / "locale" / "de.po", "x"),
        lambda: changed(shipped / "email" / "_base" / "head.css", "x"),
    ]
    for step in steps:
        before = gallery.version()
        assert gallery.version() == before
        step()
        assert gallery.version() != before


@pytest.mark.parametrize(
    ("spoilt", "told"),
    [
        ("{% extends 'email/_base/letter.html' %}\n{% block body %}\n{{ nobody }}", "confirm/body.html, line"),
        ("{% if %}", "template email/confirm/body.html, line 1: Expected an expression"),
    ],
)
def test_a_mistake_is_one_line_until_it_is_mended(client: httpx.Client, own: Path, spoilt: str, told: str) -> None:
    file = own / "email" / "confirm" / "body.html"
    good = file.read_text()
    changed(file, spoilt)
    page = client.get("/?mail=confirm")
    assert told in page.text
    assert "Traceback" not in page.text
    assert frames(page) == []
    assert len(frames(client.get("/?mail=digest"))) == 2, "the others are there"
    frame = "/mail?mail=confirm&theme=paper&language=en&scheme=light&width=phone&part=html&pictures=shown"
    assert told in client.get(frame).text
    changed(file, good)
    assert len(frames(client.get("/?mail=confirm"))) == 2


def test_a_broken_catalogue_or_folder_is_one_line(client: httpx.Client, own: Path, shipped: Path) -> None:
    file = shipped / "locale" / "de.po"
    good = file.read_text()
    changed(file, good + '\nmsgid "half\n')
    page = client.get("/")
    assert re.search(r"catalogue de\.po, line \d+: ", page.text)
    assert frames(page) == []
    changed(file, good)
    assert len(frames(client.get("/"))) == 2
    shutil.rmtree(own)
    assert "there is no such folder" in client.get("/").text


def test_lint_says_what_is_wrong(client: httpx.Client, own: Path) -> None:
    file = own / "email" / "confirm" / "body.html"
    changed(file, file.read_text().replace("{% block", "{% block", 1) + "<bdi>x</bdi>")
    page = client.get("/?mail=confirm")
    assert "error: &lt;bdi&gt;: not supported" in page.text
    assert "lint: error" in page.text
    assert "lint:" not in client.get("/?mail=digest").text


def test_the_night_is_decided_before_the_frame() -> None:
    mail = (
        '<meta name="color-scheme" content="light dark"><style>@media (prefers-color-scheme: dark) { p { color: red } }'
        "@media screen and (prefers-color-scheme:light) { p { color: blue } }</style>"
    )
    dark, light = at_night(mail, "dark"), at_night(mail, "light")
    assert "@media (min-width: 0) { p { color: red }" in dark
    assert "screen and (max-width: 0) { p { color: blue }" in dark
    assert "@media (max-width: 0) { p { color: red }" in light
    assert '<meta name="color-scheme" content="dark">' in dark
    assert '<meta name="color-scheme" content="light">' in light


# --- in Chromium ------------------------------------------------------------------------------------------------------


def paper(page: Page, place: int) -> str:
    """The colour behind the stories of a frame."""
    cell = page.frame_locator("iframe").nth(place).locator("table.paper")
    return str(cell.evaluate("cell => getComputedStyle(cell).backgroundColor"))


@pytest.mark.browser
@pytest.mark.parametrize(("system", "script"), [("light", True), ("dark", False)])
def test_light_and_dark_beside_each_other(
    served: str, browser: Browser, artifacts: Path, system: str, script: bool
) -> None:
    """Whatever the system's own scheme; and with links alone, without script."""
    context = browser.new_context(
        color_scheme="dark" if system == "dark" else "light",
        viewport={"width": 1500, "height": 1000},
        java_script_enabled=script,
    )
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(served)
    assert [paper(page, 0), paper(page, 1)] == [PAPER["light"], PAPER["dark"]]
    assert [each.bounding_box()["width"] for each in page.locator("iframe").all()] == [375, 375]  # type: ignore[index]
    looked_at(page, artifacts / f"gallery-{system}-{script}.png", script=script, frames=False)
    page.click("nav a:text-is('ar')")
    page.click("nav a:text-is('desktop')")
    page.click("nav a:text-is('dark')")
    assert page.locator("iframe").count() == 1
    assert paper(page, 0) == PAPER["dark"]
    html = page.frame_locator("iframe").locator("html")
    assert (html.get_attribute("dir"), html.evaluate("innerWidth")) == ("rtl", 698)
    picture = page.frame_locator("iframe").locator("img.picture").first
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0")
    page.click("nav a:text-is('text')")
    assert page.frame_locator("iframe").locator("pre").inner_text().startswith("Digest\n======")
    looked_at(page, artifacts / f"gallery-text-{system}-{script}.png", script=script, frames=False)
    assert complaints == []
    context.close()


@pytest.mark.browser
def test_it_is_as_good_on_a_phone(served: str, browser: Browser, artifacts: Path) -> None:
    context = browser.new_context(viewport={"width": 320, "height": 740})
    page = context.new_page()
    page.goto(f"{served}/?mail=largest&language=de&scheme=dark&width=all")
    looked_at(page, artifacts / "gallery-phone.png", frames=False)
    context.close()


@pytest.mark.browser
def test_what_is_saved_is_shown_at_once(served: str, browser: Browser, own: Path) -> None:
    file = own / "email" / "confirm" / "body.html"
    good = file.read_text()
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{served}/?mail=confirm&scheme=light")
    expect(page.locator("#watch")).to_have_text("Follows what you change.")
    changed(file, good + "<p>Newly written</p>")
    expect(page.frame_locator("iframe").locator("body")).to_contain_text("Newly written")
    changed(file, "{% if %}")
    expect(page.get_by_role("alert")).to_contain_text("template email/confirm/body.html, line 1")
    expect(page.locator("iframe")).to_have_count(0)
    changed(file, good)
    expect(page.locator("iframe")).to_have_count(1)
    expect(page.get_by_role("alert")).to_have_count(0)
    context.close()


@pytest.mark.browser
def test_without_script_a_page_loads_itself_again_only_if_asked(served: str, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/?language=de")
    assert page.locator("meta[http-equiv=refresh]").count() == 0
    page.click("text=Load again every 5 seconds")
    assert page.locator("meta[http-equiv=refresh]").count() == 1
    with page.expect_navigation(timeout=20_000):
        assert "Loads itself again every 5 seconds." in page.inner_text("header")
    assert page.locator("nav a[aria-current]:text-is('de')").count() == 1
    context.close()
