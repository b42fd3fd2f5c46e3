"""Compiling blocks: once, in one document, and a broken story is nobody else's trouble."""

from __future__ import annotations

import cProfile
import pstats
import shutil
from pathlib import Path
from typing import Any

import pytest

from digest.compose.blocks import Block, BlockCache, Compiled, chrome_blocks, compile_blocks, story_blocks
from digest.compose.content import Card, Site
from digest.compose.fragments import guard, holes
from digest.compose.theme import Theme
from digest.errors import TemplateError
from subscribers.i18n import Catalogues
from tests.compose.edition import SITE, TEMPLATES, TOPICS, card, theme

OF_EVERY_STORY = {"time:1", "time:2", "lang", "dir", "own", "own_end", "tune"}
"""What holes the blocks of the stories 1 and 2 have whatever they tell."""


def passes(blocks: list[Block], cache: BlockCache) -> tuple[Compiled, int]:
    """What compiling gives, and how often premailer went over a document."""
    profiler = cProfile.Profile()
    compiled: Compiled = profiler.runcall(compile_blocks, theme(), SITE, blocks, cache)
    counted = pstats.Stats(profiler)
    found = [
        calls[0]
        for (file, _, name), calls in counted.stats.items()  # type: ignore[attr-defined]
        if name == "transform" and file.endswith("premailer.py")
    ]
    return compiled, sum(found)


def all_blocks(cards: list[Card], *languages: str) -> list[Block]:
    return [
        block for language in languages for block in (*chrome_blocks(TOPICS, language), *story_blocks(cards, language))
    ]


def own_theme(folder: Path, file: str, old: str, new: str) -> Theme:
    """The repository's theme with one place of one file changed."""
    copy = folder / "templates"
    shutil.copytree(TEMPLATES, copy)
    changed = copy / file
    text = changed.read_text()
    assert old in text, f"{file} no longer holds {old}"
    changed.write_text(text.replace(old, new, 1))
    return Theme(copy, Catalogues(copy / "locale").translations)


def test_one_pass_for_everything_and_none_for_what_is_known() -> None:
    cards = [card(number, image_url=f"https://paper.example/{number}.jpg") for number in range(1, 6)]
    cache = BlockCache()
    first, once = passes(all_blocks(cards, "en", "de", "ar"), cache)
    again, never = passes(all_blocks(cards, "en", "de", "ar"), cache)
    assert (once, never) == (1, 0)
    assert again == first
    assert len(first.html) == 2 + 3 * (5 + len(TOPICS) + 3 * 5)


def test_blocks_are_the_same_alone_and_in_company() -> None:
    cards = [card(number, title=f"Storm {number} <b>&</b>") for number in range(1, 5)]
    together = compile_blocks(theme(), SITE, all_blocks(cards, "en", "ar"), BlockCache())
    for one in cards:
        alone = compile_blocks(theme(), SITE, story_blocks([one], "ar"), BlockCache())
        assert {key: together.html[key] for key in alone.html} == dict(alone.html)
        assert {key: together.text[key] for key in alone.text} == dict(alone.text)


def test_the_cache_knows_a_changed_story_and_a_changed_site() -> None:
    cache = BlockCache()
    before = compile_blocks(theme(), SITE, story_blocks([card(1, "Before")], "en"), cache)
    after = compile_blocks(theme(), SITE, story_blocks([card(1, "After")], "en"), cache)
    assert "Before" in str(before.html["card/en/1/1/0"])
    assert "After" in str(after.html["card/en/1/1/0"])
    assert "Before" not in str(after.html)
    red = Site("Red", SITE.public_url, SITE.sender, "", "", "#a1b2c3", "#d4e5f6", "example.org")
    assert "#a1b2c3" in str(compile_blocks(theme(), red, chrome_blocks(TOPICS, "en"), cache).html)


def test_the_cache_knows_one_theme_from_another() -> None:
    cache, blocks = BlockCache(), all_blocks([card(1, image_url="https://paper.example/1.jpg")], "en")
    looks = [Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, name=name) for name in ("paper", "letter")]
    shared = [compile_blocks(look, SITE, blocks, cache) for look in looks]
    assert shared == [compile_blocks(look, SITE, blocks, BlockCache()) for look in looks]
    assert shared[0].html["shell/start"] != shared[1].html["shell/start"]
    assert shared[0].html["card/en/1/1/0"] != shared[1].html["card/en/1/1/0"]


def test_the_cache_forgets_the_least_used_first() -> None:
    cache = BlockCache(size=2)
    cache.put("a", ("1",))
    cache.put("b", ("2",))
    assert cache.get("a") == ("1",)
    cache.put("c", ("3",))
    assert [cache.get(key) for key in "abc"] == [("1",), None, ("3",)]


@pytest.mark.parametrize(
    "text",
    [
        "<!--/block-->",
        "<!--block 3-->x<!--/block-->",
        "<!--/zq5hole block-->",
        "<!--zq5hole block 0--><script>",
        "--><script>alert(1)</script><!--",
        "\"'><img src=x onerror=alert(1)>",
        "{{ p.leave }} {% raw %}",
        "%(names)s %s 100%",
    ],
)
def test_no_text_can_leave_its_block(text: str) -> None:
    told: dict[str, Any] = {
        "summary": text,
        "publisher": text,
        "image_alt": text,
        "also": (guard(text),) * 2,
        "others": 2,
    }
    image = "https://paper.example/1.jpg"
    bad = card(1, text, image_url=image, url=f"https://paper.example/?q={text}", **told)
    good = card(2, image_url="https://paper.example/2.jpg")
    compiled = compile_blocks(theme(), SITE, all_blocks([bad, good], "en"), BlockCache())
    plain = compile_blocks(theme(), SITE, all_blocks([good], "en"), BlockCache())
    assert not compiled.dropped
    assert {key: compiled.html[key] for key in plain.html} == dict(plain.html)
    for key, fragment in compiled.html.items():
        assert set(holes(fragment)) <= {*holes(plain.html.get(key, ())), *OF_EVERY_STORY}
        written = "".join(fragment[0::2])
        if not key.startswith("shell"):
            assert written.count("<table") == written.count("</table>"), f"{key} is cut short"
        assert "<script>" not in written.replace('"<!--', ""), key


def test_a_story_whose_block_fails_is_left_out_alone(tmp_path: Path) -> None:
    broken = own_theme(tmp_path, "email/digest/body.html", "{{ story.title }}", "{{ 1 // (story.story_id - 2) }}")
    cards = [card(1), card(2), card(3)]
    compiled = compile_blocks(broken, SITE, all_blocks(cards, "en"), BlockCache())
    assert {key.split("/")[2] for key in compiled.dropped} == {"2"}
    reason = next(iter(compiled.dropped.values()))
    assert "email/digest/body.html, line" in reason
    assert "ZeroDivisionError" in reason
    assert {"card/en/1/1/0", "card/en/3/1/0"} <= compiled.html.keys()


HTML, SHELL = "email/digest/body.html", "email/_base/shell.html"
BROKEN = [
    (HTML, "p.next", "nothing_given", (f"{HTML}, line", "nothing_given")),
    (HTML, "{{ p.date }}", "{{ site.motto }}", (f"{HTML}, line", "motto")),
    ("email/digest/body.txt", "{{ site.name", "{{ nothing_given ~ site.name", ("body.txt, line", "nothing_given")),
    (HTML, "{% macro masthead() %}", "{% macro mast() %}", (HTML, "masthead")),
    (HTML, "{% macro masthead() %}", "{% macro masthead( %}", (f"{HTML}, line",)),
    (HTML, "{{ p.date }}", "{{ p.shoe_size }}", (HTML, "masthead", "p.shoe_size", "p.date")),
    (HTML, "{{ p.date }}", "{{ lang + 1 }}", (f"{HTML}, line", "TypeError")),
    (SHELL, "{{ site.name }}", "{{ site.motto }}", (f"{SHELL}, line", "motto")),
    (SHELL, "{{ content }}", "", (SHELL, "no <body> with {{ content }}")),
    (SHELL, '<body class="page">', "", (SHELL, "no <body> with {{ content }}")),
    (SHELL, "email/_base/inline.css", "email/_base/none.css", ("email/_base/none.css", "no such file")),
]


@pytest.mark.parametrize(("file", "old", "new", "told"), BROKEN)
def test_a_broken_chrome_is_one_clear_line(
    tmp_path: Path, file: str, old: str, new: str, told: tuple[str, ...]
) -> None:
    broken = own_theme(tmp_path, file, old, new)
    with pytest.raises(TemplateError) as caught:
        compile_blocks(broken, SITE, all_blocks([card(1)], "en"), BlockCache())
    line = str(caught.value)
    assert "\n" not in line
    for part in told:
        assert part in line


def test_a_template_cannot_reach_out(tmp_path: Path) -> None:
    nosy = own_theme(tmp_path, "email/digest/body.html", "{{ p.date }}", "{{ ''.__class__.__mro__ }}")
    with pytest.raises(TemplateError, match="unsafe"):
        compile_blocks(nosy, SITE, chrome_blocks(TOPICS, "en"), BlockCache())
