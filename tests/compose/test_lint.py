"""Each check fires on what it is for, and is silent on a good mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from digest.compose.lint import CHECKS, Finding, Mail, Severity, lint
from digest.compose.lint.contrast import contrast
from digest.compose.lint.mail import opened
from tests.compose.bench import built

Change = Callable[[Mail], Mail]


def html(pattern: str, instead: str) -> Change:
    """The first match in the HTML replaced; a pattern that matches nothing is a mistake in the test."""

    def change(mail: Mail) -> Mail:
        changed, count = re.subn(pattern, instead, mail.html, count=1, flags=re.DOTALL)
        assert count == 1, pattern
        return replace(mail, html=changed)

    return change


def inside(markup: str) -> Change:
    """More HTML at the end of the body."""
    return html("</body>", f"{markup}</body>")


def sheet(css: str) -> Change:
    return html("</head>", f"<style>{css}</style></head>")


def text(pattern: str, instead: str) -> Change:
    def change(mail: Mail) -> Mail:
        changed, count = re.subn(pattern, instead, mail.text, count=1, flags=re.DOTALL)
        assert count == 1, pattern
        return replace(mail, text=changed)

    return change


def header(name: str, value: str | None) -> Change:
    """A header with another value, or without."""

    def change(mail: Mail) -> Mail:
        others = tuple(each for each in mail.headers if each[0] != name)
        return replace(mail, headers=others if value is None else (*others, (name, value)))

    return change


ERROR, WARNING, NOTE = Severity

BAD: list[tuple[str, Severity, str, Change]] = [
    # what caniemail says of elements, attributes, properties, values, units, at-rules and selectors
    ("clients", ERROR, "<bdi>: not supported", inside("<bdi>x</bdi>")),
    ("clients", ERROR, "<video>: not supported", inside("<video></video>")),
    ("clients", ERROR, "<svg>: not supported", inside("<svg></svg>")),
    ("clients", ERROR, "the attribute srcset: not supported", inside('<img srcset="a 2x" alt="" width="1">')),
    ("clients", ERROR, "display: flex: not supported", inside('<p style="display:flex">x</p>')),
    ("clients", ERROR, "position: not supported", inside('<p style="position:absolute">x</p>')),
    ("clients", ERROR, "border-radius: not supported", inside('<p style="border-radius:4px">x</p>')),
    ("clients", ERROR, "border-top-left-radius: not supported", inside('<p style="border-top-left-radius:4px">x</p>')),
    ("clients", ERROR, "var(): not supported", inside('<p style="width:var(--x)">x</p>')),
    ("clients", ERROR, "linear-gradient(): not supported", inside('<p style="color:linear-gradient(red,blue)">x</p>')),
    ("clients", ERROR, "the unit rem: not supported", inside('<p style="font-size:1rem">x</p>')),
    ("clients", ERROR, "the unit vw: not supported", inside('<p style="font-size:2vw">x</p>')),
    ("clients", ERROR, "@font-face: not supported", sheet("@font-face { font-family: x; src: url(x) }")),
    ("clients", ERROR, "@import: not supported", sheet("@import url(x.css);")),
    ("clients", ERROR, "the selector a > b: not supported", sheet("td > p { color: red }")),
    ("clients", ERROR, "the selector a + b: not supported", sheet("td + td { color: red }")),
    ("clients", ERROR, "the selector .a.b: not supported", sheet(".a.b { color: red }")),
    ("clients", ERROR, "the selector *: not supported", sheet("* { color: red }")),
    ("clients", ERROR, ":hover: not supported", sheet("a:hover { color: red }")),
    ("clients", ERROR, "::before: not supported", sheet("p::before { color: red }")),
    (
        "clients",
        ERROR,
        "Base 64 image format: not supported",
        inside('<img src="data:image/png;base64,x" alt="" width="1">'),
    ),
    (
        "clients",
        ERROR,
        "SVG image format: not supported",
        inside('<img src="https://a.example/x.svg" alt="" width="1">'),
    ),
    ("clients", ERROR, "max-height: not supported", inside('<p style="max-height:10px">x</p>')),
    ("clients", WARNING, "padding: partly supported", inside('<p style="padding:4px">x</p>')),
    ("clients", WARNING, "margin: partly supported", inside('<p style="margin:-4px">x</p>')),
    ("clients", WARNING, "margin-left: partly supported", inside('<p style="margin-left:auto">x</p>')),
    ("clients", WARNING, "font-weight: partly supported", inside('<p style="font-weight:550">x</p>')),
    ("clients", WARNING, "a comment: not or partly supported", sheet("/* x */")),
    ("clients", NOTE, "marks: caniemail has no page on it", inside('<p style="marks:none">x</p>')),
    ("clients", NOTE, "<output>: caniemail has no page on it", inside("<output>x</output>")),
    # contrast by day, by night, and where Outlook recolours
    ("contrast", ERROR, "contrast 3.54 in the light colours: #888888 on #ffffff", html("color:#5c5850", "color:#888")),
    ("contrast", ERROR, "contrast 1.", inside('<p style="background:#ffffff; color:rgba(0,0,0,0.2)">x</p>')),
    ("contrast", ERROR, "in the light colours: #fefefe", html("(<h1[^>]*)#1b1b1b", r"\1#fefefe")),
    (
        "contrast",
        ERROR,
        "in the dark colours: #1b1b1b on #16181a",
        html(r"(@media \(prefers-color-scheme: dark\) \{\s*)", r"\1 td p.by { color: #1b1b1b !important } "),
    ),
    ("contrast", ERROR, "in the Outlook's dark colours", sheet("[data-ogsc] p.by { color: #222222 !important }")),
    # pictures
    ("pictures", ERROR, "a picture without alt", html(r'(<img [^>]*?) alt="[^"]*"', r"\1")),
    ("pictures", ERROR, "a picture without width", html(r'(<img [^>]*?) width="\d+"', r"\1")),
    ("pictures", ERROR, "width is '100%'", html(r'(<img [^>]*?) width="\d+"', r'\1 width="100%"')),
    ("pictures", ERROR, "a link that is a picture without words", html(r'(<img [^>]*?) alt="[^"]*"', r'\1 alt=""')),
    # structure
    ("tables", ERROR, "a layout table without role", html(' role="presentation"', "")),
    ("shell", ERROR, "no lang", html(' lang="en"', "")),
    ("shell", ERROR, "no dir", html(r'(<table [^>]*?) dir="ltr"', r"\1")),
    ("shell", ERROR, "dir is 'auto'", html(' dir="ltr"', ' dir="auto"')),
    ("shell", ERROR, "no title", html("<title>.*?</title>", "")),
    ("headings", ERROR, "h3 after h1", html(r"<h2(.*?)</h2>", r"<h3\1</h3>")),
    ("headings", ERROR, "a second h1", inside("<h1>x</h1>")),
    ("headings", ERROR, "an empty heading", inside("<h2></h2>")),
    ("headings", ERROR, "an empty heading", inside('<h2><img src="https://x.example/y.png" width="9" alt=" "></h2>')),
    ("preheader", ERROR, "no preheader", html('<div class="preheader".*?</div>', "")),
    ("preheader", ERROR, "the preheader says nothing", html('(<div class="preheader"[^>]*>).*?(&#847;|͏)', r"\1\2")),
    (
        "preheader",
        ERROR,
        "0 invisible characters",
        html('(<div class="preheader"[^>]*>).*?</div>', r"\1Some words</div>"),
    ),
    ("preheader", ERROR, "not the first text", html("(<body[^>]*>)", r"\1Hello ")),
    # what was left unsaid
    ("placeholders", ERROR, "'{{ p.name }}' was never replaced", inside("<p>Dear {{ p.name }}</p>")),
    ("placeholders", ERROR, "'{% if x %}' was never replaced", inside("<p>{% if x %}</p>")),
    (
        "placeholders",
        ERROR,
        "'zq5holex6162x' was never replaced",
        inside('<a href="https://a.example/zq5holex6162x">x</a>'),
    ),
    ("placeholders", ERROR, "'%(n)s' was never replaced", text("Harbour", "%(n)s")),
    ("placeholders", ERROR, "'%recipient.name%' was never replaced", header("Subject", "For %recipient.name%")),
    ("placeholders", ERROR, "it says 'None'", text("Harbour", "None")),
    ("placeholders", ERROR, "it says 'undefined'", inside("<p>undefined</p>")),
    # links
    ("links", ERROR, "a relative address: '/a'", inside('<a href="/a">x</a>')),
    ("links", ERROR, "not https: 'http://a.example/'", inside('<a href="http://a.example/">x</a>')),
    ("links", ERROR, "not https: 'javascript:x()'", inside('<a href="javascript:x()">x</a>')),
    ("links", ERROR, "not https: 'http://pictures.example.org", html('src="https:', 'src="http:')),
    ("links", ERROR, "an empty address", inside('<a href="">x</a>')),
    ("links", ERROR, "not an address", inside('<a href="https://[">x</a>')),
    # sizes
    ("size", ERROR, "bytes of style sheets", sheet("p.x { color: red }\n" * 900)),
    ("size", ERROR, "a style sheet in the body", inside("<style>p.x { color: red }</style>")),
    ("size", ERROR, "101 KB of HTML", lambda mail: replace(mail, html=mail.html.ljust(101_000, "\n"))),
    ("lines", ERROR, "a line of 999 octets", inside("\n" + "x" * 999 + "\n")),
    ("lines", ERROR, "a line of 1000 octets", text("$", "\n" + "é" * 500)),
    ("lines", ERROR, "a line of 2000 octets", lambda mail: replace(mail, message=b"x" * 2000 + b"\r\n")),
    # the text part
    ("text", ERROR, "no text part", lambda mail: replace(mail, text="\n")),
    ("text", ERROR, "HTML: '<b>'", text("Harbour", "<b>Harbour</b>")),
    ("text", ERROR, "HTML: '&amp;'", text("&", "&amp;")),
    ("text", ERROR, "73 columns", text("$", "\n" + "word " * 14 + "abc")),
    ("text", WARNING, "white space at the end of a line", text("$", "\nword \n")),
    # headers
    ("headers", ERROR, "no List-Unsubscribe", header("List-Unsubscribe", None)),
    ("headers", ERROR, "List-Unsubscribe is 'mailto:a@b.example'", header("List-Unsubscribe", "mailto:a@b.example")),
    (
        "headers",
        ERROR,
        "List-Unsubscribe is '<http://",
        header("List-Unsubscribe", "<http://digest.example.org/leave>"),
    ),
    ("headers", ERROR, "no List-Unsubscribe-Post", header("List-Unsubscribe-Post", None)),
    ("headers", ERROR, "List-Id is 'daily'", header("List-Id", "daily")),
    ("headers", ERROR, "no Auto-Submitted", header("Auto-Submitted", None)),
    ("headers", ERROR, "List-Unsubscribe on a system mail", lambda mail: replace(mail, is_digest=False)),
]


def found(mail: Mail, check: str) -> list[Finding]:
    return list(CHECKS[check](opened(mail)))


@pytest.mark.parametrize(("check", "severity", "told", "change"), BAD, ids=[f"{row[0]}-{row[2]}" for row in BAD])
def test_a_check_fires_on_a_bad_mail_and_not_on_a_good_one(
    check: str, severity: Severity, told: str, change: Change
) -> None:
    def fires(mail: Mail) -> list[Finding]:
        return [each for each in found(mail, check) if each.severity == severity and told in each.what]

    assert fires(built()) == []
    bad = change(built())
    assert fires(bad), [each.what for each in found(bad, check) if each.severity == severity]
    assert fires(bad)[0].cure


def test_every_check_is_tried() -> None:
    assert {row[0] for row in BAD} == CHECKS.keys()


GOOD: list[tuple[str, Change]] = [
    (
        "clients",
        inside('<table role="presentation" width="9" style="max-width:9px"><tr><td style="padding:4px">x</table>'),
    ),
    ("clients", sheet("@media (max-width: 300px) { p.x { padding: 4px } }")),
    ("contrast", inside('<p style="background-color:#ffffff; color:#888888; font-size:24px">large</p>')),
    ("contrast", inside('<p style="display:none; color:#ffffff; background-color:#ffffff">hidden</p>')),
    ("contrast", inside('<p style="color:#ffffff; background-color:#ffffff">&nbsp;&zwnj;</p>')),
    ("contrast", sheet("p:hover { color: #ffffff !important }")),
    ("contrast", sheet("@media print { p { color: #ffffff !important } }")),
    ("pictures", inside('<img src="https://a.example/line.png" alt="" width="600">')),
    ("tables", inside("<table><tr><th>Time</th></tr></table>")),
    ("placeholders", inside("<p>Nonetheless an undefined50 NaNo percent: 100% done</p>")),
    ("links", inside('<a href="mailto:a@b.example">x</a> <a href="#end">x</a>')),
    ("text", text("$", "\n" + "x" * 80 + "\nhttps://a.example/" + "x" * 80)),
    ("text", text("Harbour", "5 < 6 and 7 > 6")),
]


@pytest.mark.parametrize(("check", "change"), GOOD)
def test_a_check_is_silent_on_what_is_right(check: str, change: Change) -> None:
    before = {(each.severity, each.what) for each in found(built(), check)}
    after = {(each.severity, each.what) for each in found(change(built()), check)}
    assert {each for each in after - before if each[0] != NOTE} == set()


def test_links_to_this_machine_are_a_note_and_others_an_error() -> None:
    def at(address: str) -> Mail:
        mail = built()
        headers = tuple((name, value.replace(mail.public_url, address)) for name, value in mail.headers)
        return replace(mail, public_url=address, html=mail.html.replace(mail.public_url, address), headers=headers)

    local, public = at("http://127.0.0.1:8080"), at("http://paper.example")
    assert [(each.severity, each.what) for each in found(local, "links")] == [(NOTE, "links lead to this machine")]
    assert found(local, "headers") == []
    assert {each.severity for each in found(public, "links")} == {ERROR}
    assert [each.where for each in found(public, "headers")] == ["List-Unsubscribe"]


def test_the_clients_are_named_and_gone_ones_are_not() -> None:
    (bad,) = [each for each in found(inside("<bdi>x</bdi>")(built()), "clients") if each.what.startswith("<bdi>")]
    assert "Gmail (Webmail)" in bad.clients
    assert "Outlook (Windows)" in bad.clients
    assert "Outlook (Windows Mail)" not in bad.clients
    assert "https://www.caniemail.com/features/html-bdi/" in bad.cure
    assert (bad.where, bad.line > 100) == ("bdi", True)


def test_a_mail_of_text_alone_is_checked_as_that() -> None:
    alone = replace(built(), html="")
    assert [each for each in lint(alone) if each.severity != NOTE] == []
    assert [each.what for each in lint(replace(alone, text="None")) if each.severity == ERROR] == ["it says 'None'"]


def test_the_gravest_comes_first() -> None:
    told = [each.severity for each in lint(inside('<bdi>x</bdi><p style="padding:4px">x</p>')(built()))]
    assert told == sorted(told, key=list(Severity).index)
    assert set(told) == set(Severity)


def test_contrast_is_that_of_wcag() -> None:
    # The worked figures of WCAG 2.2's technique G18: black on white is 21, #777777 on white is just below 4.5.
    from tinycss2.color3 import RGBA, parse_color

    white, black, grey = (parse_color(name) for name in ("#ffffff", "#000000", "#777777"))
    assert isinstance(white, RGBA)
    assert isinstance(black, RGBA)
    assert isinstance(grey, RGBA)
    assert contrast(white, black) == pytest.approx(21)
    assert contrast(grey, white) == pytest.approx(4.478, abs=0.001)
