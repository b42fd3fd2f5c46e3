"""The mails as a reader sees them: structure, text part, and real Chromium with axe-core.

Screenshots are kept in artifacts/ to be looked at.
"""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from lxml import html as markup
from playwright.sync_api import Browser, Page, Route, sync_playwright

from digest.compose.content import Site
from digest.compose.fragments import MARK
from digest.compose.theme import PAPER, SUBJECT, direction
from digest.types import Envelope
from tests.browser import ARGUMENTS, keep_picture
from tests.compose import morning

CLIPPED = 102_000
"""Bytes of HTML after which Gmail hides the rest."""


@cache
def mail(language: str, kind: str, look: str = PAPER, site: Site = morning.SITE) -> Envelope:
    """A sample mail of the theme `look`: "mixed" in all languages, "bare" without pictures, "one" story, "many", the
    first mail of a reader with stories ("welcome") or without ("quiet"), that of a day without anything new
    ("all-quiet"), or a letter."""
    given: dict[str, Any] = {"look": look, "site": site}
    if kind in morning.LETTERS:
        return morning.letter(kind, language, look, site)
    if kind in ("welcome", "quiet"):
        return morning.digest(language, morning.cards(language) if kind == "welcome" else [], welcome=True, **given)
    if kind == "all-quiet":
        return morning.digest(language, [], all_quiet=True, **given)
    if kind == "one":
        return morning.digest(language, morning.cards(language)[:1], **given)
    if kind == "many":
        told = [card for turn in range(14) for card in morning.cards(language, first=1 + 10 * turn, updates=False)]
        return morning.digest(language, told[:40], max_stories=35, **given)
    others = [other for other in morning.LANGUAGES if other != language]
    told = morning.cards(language, pictures=kind != "bare")
    for place, other in enumerate(others):
        told += morning.cards(other, pictures=kind != "bare", first=20 + 20 * place)
    return morning.digest(language, told, max_stories=7, **given)


KINDS = ("mixed", "bare", "one", "many", "welcome", "quiet", "all-quiet", *morning.LETTERS)
EVERY = pytest.mark.parametrize(("language", "kind"), [(lang, kind) for lang in morning.LANGUAGES for kind in KINDS])
OTHERS = ("compact", "letter")
EVERY_LOOK = pytest.mark.parametrize(
    ("language", "kind", "look"),
    [(lang, kind, PAPER) for lang in morning.LANGUAGES for kind in KINDS]
    + [
        (lang, kind, look)
        for look in OTHERS
        for lang in morning.LANGUAGES
        for kind in ("mixed", "welcome", "all-quiet", "confirm")
    ],
)

# --- structure --------------------------------------------------------------------------------------------------------


def parsed(sent: Envelope) -> Any:
    return markup.document_fromstring(sent.html.decode())


def nodes(element: Any, path: str) -> list[Any]:
    """What an XPath finds; lxml's stubs allow for numbers and strings too."""
    return list(element.xpath(path))


@EVERY_LOOK
def test_the_html_is_sound(language: str, kind: str, look: str) -> None:
    sent = mail(language, kind, look)
    source = sent.html.decode()
    assert MARK not in source.lower()
    assert "{{" not in source
    assert "{%" not in source
    assert len(sent.html) < (CLIPPED if kind == "many" else 40_000)
    page = parsed(sent)
    assert page.get("lang") == language
    assert page.get("dir") == direction(language)
    # Webmail drops html and body, so the first table carries both again.
    first = nodes(page, "//table")[0]
    assert (first.get("lang"), first.get("dir")) == (language, direction(language))
    assert len(nodes(page, "//h1")) == 1
    assert len(nodes(page, "//h2[contains(@class, 'lead')]")) == (kind not in ("quiet", "all-quiet"))
    for picture in nodes(page, "//img"):
        assert picture.get("alt")
        assert picture.get("width")
        assert picture.get("src").startswith("https://pictures.example.org/")
    links = nodes(page, "//a/@href")
    assert links
    assert len(nodes(page, "//a[@class='button']")) == (kind in morning.LETTERS), "at most one button in a mail"
    assert all(re.match(r"https?://[^/]+/.", link) for link in links)
    assert not nodes(page, "//script | //form | //link | //div[@style='']")


@EVERY_LOOK
def test_the_head_is_small_and_every_class_is_used(language: str, kind: str, look: str) -> None:
    page = parsed(mail(language, kind, look))
    head = "".join(nodes(page, "//head/style/text()"))
    assert len(head.encode()) < 16_384  # more is dropped by Gmail (caniemail, html-style)
    named = set(re.findall(r"\.([a-z][\w-]*)", re.sub(r"\{[^{}]*\}", "{}", head)))
    for element in nodes(page, "//body//*[@class]"):
        assert set(element.get("class").split()) & (named | {"preheader"}), markup.tostring(element)[:200]
    for painted in nodes(page, "//*[self::td or self::table][contains(@style, 'background-color')]"):
        assert painted.get("bgcolor")


@pytest.mark.parametrize("language", morning.LANGUAGES)
@pytest.mark.parametrize("look", [PAPER, *OTHERS])
def test_a_foreign_story_has_its_own_language_and_we_keep_ours(language: str, look: str) -> None:
    page = parsed(mail(language, "mixed", look))
    seen = set()
    for link in nodes(page, "//h2/a | //h3/a | //a[contains(@class, 'brief')]"):
        theirs = link.get("href").split("/")[3]
        (table,) = nodes(link, "ancestor::table[@dir][1]")
        assert table.get("dir") == direction(theirs)
        cell = nodes(link, "ancestor::td[1]")[0]
        assert ("text-align:right" in cell.get("style")) == (direction(theirs) == "rtl")
        if theirs != language:
            assert table.get("lang") == theirs
            for ours in nodes(table, ".//p[@class='by' or @class='also'] | .//span[@class]"):
                inside = nodes(ours, "ancestor-or-self::*[@lang][1]")[0]
                assert (inside.get("lang"), inside.get("dir")) == (language, direction(language))
        seen.add(theirs)
    assert seen == set(morning.LANGUAGES)


@pytest.mark.parametrize("look", OTHERS)
def test_other_themes_tell_the_same_stories_in_their_own_way(look: str) -> None:
    paper, other = parsed(mail("en", "mixed")), parsed(mail("en", "mixed", look))
    for path in ("//h2/a/@href", "//h3/a/@href", "//a[@class='brief']/@href", "//a[@class='ask']/@href", "//h2/text()"):
        assert nodes(other, path) == nodes(paper, path)
    assert not nodes(other, "//img")
    greeting = b"\nGood morning, Ada.\n" if look == "letter" else b""
    assert mail("en", "mixed", look).text.replace(greeting, b"", 1) == mail("en", "mixed").text
    said = len(nodes(other, "//p[@class='says']"))
    assert said == (1 if look == "compact" else len(nodes(paper, "//p[@class='says']")))
    underlined = nodes(other, "//a[@class='plain'][contains(@style, 'text-decoration:underline')]")
    assert len(underlined) == (len(nodes(other, "//a[@class='plain']")) if look == "letter" else 0)
    for cell in nodes(other, "//td[contains(@class, 'in ')]"):
        assert ("Georgia" in cell.get("style")) == (look == "letter")


LOGO = replace(morning.SITE, logo_url="https://pictures.example.org/harbour.jpg", logo_width=180)


@pytest.mark.parametrize("kind", ["mixed", "confirm"])
@pytest.mark.parametrize("look", [PAPER, *OTHERS])
def test_a_logo_says_the_name_and_headlines_take_the_type_that_was_set(kind: str, look: str) -> None:
    page = parsed(mail("en", kind, look, replace(LOGO, fonts="sans")))
    (logo,) = nodes(page, "//h1/img")
    assert (logo.get("alt"), logo.get("width"), logo.get("src")) == (LOGO.name, "180", LOGO.logo_url)
    assert "width:180px" in logo.get("style")
    assert not nodes(page, "//h1/text()[normalize-space()]")
    for heading in nodes(page, "//h2[@class='lead'] | //h3"):
        assert "font-family:Helvetica, Arial, sans-serif" in heading.get("style")


def test_what_the_inbox_shows_before_the_mail_is_opened() -> None:
    for language in morning.LANGUAGES:
        for kind in KINDS:
            assert 5 < len(mail(language, kind).subject) <= SUBJECT
    lead, second = morning.cards("en")[:2]
    sent = mail("en", "mixed")
    assert lead.title.startswith(sent.subject.removesuffix("…"))
    (hidden,) = nodes(parsed(sent), "//div[@class='preheader']")
    assert hidden.text_content().startswith(f"{second.title} · ")
    assert hidden.text_content().count("\u200c") == 40
    (alone,) = nodes(parsed(mail("en", "one")), "//div[@class='preheader']")
    assert alone.text_content().startswith("1 story, 1 min")


# --- text -------------------------------------------------------------------------------------------------------------


@EVERY
def test_the_text_is_set_with_care(language: str, kind: str) -> None:
    text = mail(language, kind).text.decode()
    assert MARK not in text.lower()
    assert "\n\n\n" not in text
    assert not text.startswith("\n")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    lines = text.split("\n")
    assert set(lines[1]) == {"="}
    for line, after in zip(lines, [*lines[1:], ""], strict=True):
        assert line == line.rstrip() or (line[:-1] == line.rstrip() and after), "one space says that a line goes on"
        assert len(line) <= 72 or "://" in line
    if kind in morning.LETTERS:
        assert len(re.findall(r"^https://\S+$", text, re.MULTILINE)) == 1, "one link, alone on its line"
        return
    told = [int(number) for number in re.findall(r"^\[(\d+)\] (?!https?://)", text, re.MULTILINE)]
    linked = [int(number) for number in re.findall(r"^\[(\d+)\] https?://", text, re.MULTILINE)]
    assert told == linked == list(range(1, len(told) + 1))


def test_the_voice_of_each_language() -> None:
    german, arabic = (mail(language, "mixed").text.decode() for language in ("de", "ar"))
    assert "Montag, 23. November 2026 · 10 Meldungen, 1 Min." in german
    assert "Der Hafenbote, Mo. 06:00" in german
    assert "Das war’s. Nächste Ausgabe: morgen, 07:00 Uhr." in german
    assert "الاثنين، 23 نوفمبر 2026 · 10 أخبار، دقيقة واحدة" in arabic
    assert "رصيف لانثورن، الاثنين 06:00" in arabic
    assert "هذا كل شيء. النشرة التالية: غدًا، الساعة 07:00." in arabic
    # A Latin name with "&" inside an Arabic sentence is kept apart from its neighbours.
    assert "\u2068Harbour & Town\u2069 و\u2068Energy & Science\u2069" in " ".join(arabic.split())
    for language in ("de", "ar"):
        for kind in KINDS:
            sent = mail(language, kind)
            assert not re.search(r"Also covered|That’s all|Unsubscribe|Forwarded|click", sent.text.decode())


def test_quoted_printable_gives_the_same_text() -> None:
    told = morning.cards("ar")
    plain, encoded = morning.digest("ar", told), morning.digest("ar", told, encoding="qp")
    assert quopri.decodestring(encoded.text).replace(b"\r\n", b"\n") == plain.text


# --- Chromium ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=ARGUMENTS)
        yield browser
        browser.close()


# Visible text against the first background below it, by the formula of WCAG 2.2. Text in a picture's place counts too.
CONTRASTS = """() => {
  const light = (colour) => {
    const [r, g, b] = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => {
      const c = part / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const below = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!/, 0\\)$/.test(colour) && colour !== 'transparent') return colour;
    }
    return 'rgb(255, 255, 255)';
  };
  const own = (e) => e.tagName === 'IMG' || [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim());
  return [...document.body.querySelectorAll('*')].filter((e) => own(e) && e.checkVisibility()).map((e) => {
    const [a, b] = [light(getComputedStyle(e).color), light(below(e))];
    return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), `${e.tagName}.${e.className}`];
  });
}"""

# How far the words of each line are from the edge of their paragraph at which lines stand, at most.
EDGES = """() => [...document.querySelectorAll('p.by, p.brief')].map((p) => {
  const [box, atLeft] = [p.getBoundingClientRect(), getComputedStyle(p).textAlign === 'left'];
  const words = [];
  const walk = document.createTreeWalker(p, NodeFilter.SHOW_TEXT);
  for (let node = walk.nextNode(); node; node = walk.nextNode()) {
    for (const found of node.data.matchAll(/\\S+/g)) {
      const range = document.createRange();
      range.setStart(node, found.index);
      range.setEnd(node, found.index + found[0].length);
      words.push(...[...range.getClientRects()].filter((at) => at.width > 0));
    }
  }
  const lines = [];
  for (const at of words.sort((a, b) => a.top + a.bottom - b.top - b.bottom)) {
    const off = atLeft ? at.left - box.left : box.right - at.right;
    const line = lines.at(-1);
    if (line && (at.top + at.bottom) / 2 - line.middle < 10) line.off = Math.min(line.off, off);
    else lines.push({middle: (at.top + at.bottom) / 2, off});
  }
  return [p.textContent.trim().replace(/\\s+/g, ' '), Math.max(...lines.map((line) => line.off))];
})"""

# A mail has no landmarks: it is a fragment of the page of a mail program, which owns them.
OPTIONS = {"rules": {"region": {"enabled": False}, "landmark-one-main": {"enabled": False}}}

LOOKS = [
    ("en", "mixed", 700, "light", True),
    ("en", "mixed", 320, "dark", False),
    ("en", "one", 700, "light", True),
    ("en", "many", 375, "light", True),
    ("en", "confirm", 700, "light", True),
    ("en", "known", 375, "dark", True),
    ("en", "fresh", 320, "light", True),
    ("en", "move", 700, "dark", True),
    ("en", "moving", 375, "light", True),
    ("en", "welcome", 700, "light", True),
    ("en", "quiet", 375, "dark", True),
    ("en", "all-quiet", 700, "light", True),
    ("de", "all-quiet", 320, "dark", True),
    ("ar", "all-quiet", 375, "light", True),
    ("de", "welcome", 320, "light", True),
    ("ar", "welcome", 375, "dark", True),
    ("de", "mixed", 320, "light", True),
    ("de", "mixed", 700, "dark", True),
    ("de", "bare", 375, "light", True),
    ("de", "confirm", 320, "dark", True),
    ("ar", "mixed", 320, "dark", True),
    ("ar", "mixed", 700, "light", False),
    ("ar", "one", 375, "light", True),
    ("ar", "confirm", 320, "light", True),
    ("ar", "moving", 700, "dark", True),
]


THEMED = [
    (language, kind, width, scheme, True, look)
    for look in OTHERS
    for language, kind, width, scheme in (
        ("en", "mixed", 700, "light"),
        ("en", "mixed", 375, "dark"),
        ("de", "mixed", 320, "light"),
        ("ar", "mixed", 375, "light"),
        ("ar", "mixed", 700, "dark"),
        ("en", "welcome", 375, "light"),
        ("ar", "all-quiet", 320, "dark"),
        ("ar", "confirm", 320, "dark"),
        ("en", "confirm", 700, "light"),
    )
]
WITH_LOGO = [
    ("en", "mixed", 700, "light", True, "logo"),
    ("ar", "mixed", 375, "dark", True, "logo"),
    ("en", "mixed", 375, "dark", False, "logo"),
]
"""Paper with a logo, which at night stands on a plate; the last with pictures blocked."""


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "kind", "width", "scheme", "pictures", "look"),
    [*((*each, PAPER) for each in LOOKS), *THEMED, *WITH_LOGO],
)
def test_in_a_real_browser(
    browser: Browser, artifacts: Path, language: str, kind: str, width: int, scheme: str, pictures: bool, look: str
) -> None:
    sent = mail(language, kind, PAPER, LOGO) if look == "logo" else mail(language, kind, look)
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if scheme == "dark" else "light"
    )
    page = context.new_page()
    asked: list[str] = []

    def serve(route: Route) -> None:
        asked.append(route.request.url)
        if pictures:
            route.fulfill(path=morning.PICTURES / route.request.url.rsplit("/", 1)[1])
        else:
            route.abort()

    page.route("**/*", serve)
    page.set_content(sent.html.decode(), wait_until="load")
    themed = "" if look == PAPER else f"-{look}"
    name = f"mail{themed}-{kind}-{language}-{width}-{scheme}{'' if pictures else '-blocked'}"
    keep_picture(page, artifacts / f"{name}.png")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, f"{name} scrolls sideways"
    assert all(url.startswith("https://pictures.example.org/") for url in asked), "a mail asks for pictures only"
    contrasts = page.evaluate(CONTRASTS)
    assert len(contrasts) > 5
    assert [(seen, where) for seen, where in contrasts if seen < 4.5] == []
    paper = page.evaluate("getComputedStyle(document.querySelector('.paper')).backgroundColor")
    assert paper == ("rgb(22, 24, 26)" if scheme == "dark" else "rgb(255, 255, 255)")
    results = Axe().run(page, options=OPTIONS)
    assert results.violations_count == 0, results.generate_report()
    _stands_where_it_should(page, width, pictures)
    assert [(line, off) for line, off in page.evaluate(EDGES) if off > 1.5] == [], "a line does not stand at its edge"
    context.close()


def _stands_where_it_should(page: Page, width: int, pictures: bool) -> None:
    """The lead's picture above it, small pictures on the far side of the headline, a blocked picture one line high."""
    for picture in page.locator("img.picture").all():
        lead = page.locator("h2.lead").bounding_box()
        assert lead
        box = picture.bounding_box()
        assert box
        assert box["y"] + box["height"] <= lead["y"]
        assert abs(box["width"] - min(width, 600)) <= 1
        assert (box["height"] / box["width"] == pytest.approx(9 / 16, abs=0.01)) if pictures else box["height"] <= 120
    for card in page.locator("table:has(> tbody > tr > td > h3):has(img)").all():
        headline, picture_box = card.locator("h3").bounding_box(), card.locator("img").bounding_box()
        assert headline
        assert picture_box
        assert (picture_box["x"] < headline["x"]) == (card.get_attribute("dir") == "rtl")
