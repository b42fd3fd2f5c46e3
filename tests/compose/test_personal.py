"""What of a template is a reader's own: parts that read differently, values in any place, and nobody asked in vain."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from benchmarks.baselines_mail import PlainPress, by_premailer
from digest.compose.assemble import Composer
from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks, story_blocks
from digest.compose.content import Card, Frozen, unpack_manifest
from digest.compose.content import pack_manifest as packed
from digest.compose.fragments import cut, guard, pack, unpack
from digest.compose.personal import QUESTIONS, answers_of, asked_by, chosen
from digest.compose.theme import Theme
from digest.dispatch.mime import message_bytes
from digest.errors import TemplateError
from digest.service.letters import compile_letter, subject_of
from digest.types import Due, Envelope, ReaderProfile, Recipient
from tests.compose.edition import (
    EDITION,
    HANDS,
    SINCE,
    SITE,
    TOPICS,
    card,
    compose,
    decoded,
    freeze,
    hrefs,
    parsed,
    profile,
    theme,
    visible,
)
from tests.compose.test_blocks import own_theme

HTML, TEXT = "email/digest/body.html", "email/digest/body.txt"
DATE = '<p class="date">{{ p.date }} · {{ p.stats }}</p>'
RULE = '<tr><td class="rule">&nbsp;</td></tr>'
BY_CADENCE = (
    '{% personal %}{% if p.cadence == "weekly" %}<p class="by">Your week</p>'
    '{% elif p.cadence in ("daily", "weekdays") and not p.several_topics %}<p class="says">Your day, {{ p.date }}</p>'
    "{% else %}<h3>Your news</h3>{% endif %}{% endpersonal %}"
)
STORIES = [(card(number), (number % 3 + 1,), ()) for number in range(1, 5)]
HOSTILE = [
    '"; DROP TABLE subscriber; --',
    "😀" * 200,
    "<b onclick='x'>&amp; \"quoted\"</b>",
    "a\u202eevil\u2066",
    "one\r\nBcc: all@example.org\ntwo",
    "100% ?a=1&b=2#c /../ %(n)s {{ p.leave }}",
]


def edition(templates: Theme, topics: dict[int, str] | None = None) -> Frozen:
    """The same edition for everybody, in one theme, written to bytes and read again."""
    plain = freeze(STORIES)
    names = topics or TOPICS
    blocks = [*chrome_blocks(names, "en"), *story_blocks([told for told, _, _ in STORIES], "en")]
    compiled = compile_blocks(templates, SITE, blocks, BlockCache())
    assert not compiled.dropped
    manifest = unpack_manifest(packed(dataclasses.replace(plain.manifest, topics=names)))
    html, text = (
        {key: unpack(pack(fragment)) for key, fragment in part.items()} for part in (compiled.html, compiled.text)
    )
    return Frozen(manifest, html, text)


def broken(folder: Path, file: str, old: str, new: str) -> str:
    """What the one who changed a template like this is told."""
    with pytest.raises(TemplateError) as caught:
        edition(own_theme(folder, file, old, new))
    line = str(caught.value)
    assert "\n" not in line
    return line


READERS = [
    ({"cadence": "weekly:fri", "id": 2}, "Your week", "by"),
    ({"cadence": "days:mon", "id": 3}, "Your week", "by"),
    ({"cadence": "weekdays", "topics": (2,), "id": 4}, "Your day, Wednesday, March 4, 2026", "says"),
    ({"cadence": "daily", "id": 5}, "Your news", None),
    ({"cadence": "as-it-happens", "topics": (1,), "id": 6}, "Your news", None),
]


@pytest.mark.parametrize("encoding", ["raw", "json", "qp"])
def test_each_reader_gets_the_way_that_fits_them_and_no_other(tmp_path: Path, encoding: str) -> None:
    """Elements of each way have their styles; one composer serves all, whoever comes first."""
    frozen = edition(own_theme(tmp_path, HTML, DATE, DATE + BY_CADENCE))
    composer = Composer(EDITION, frozen, theme(), HANDS, encoding)
    for _ in range(2):
        for changes, says, style in READERS:
            reader = profile(**changes)
            mail = composer.compose(Due(EDITION, 42, reader.id, SINCE), reader, Recipient(42, "a@b.example", ""))
            assert isinstance(mail, Envelope)
            alone = compose(frozen, reader, encoding=encoding)
            assert (mail.html, mail.text) == (alone.html, alone.text)
            if encoding != "raw":
                continue
            page = mail.html.decode()
            assert [each for each in ("Your week", "Your day", "Your news") if each in page] == [says.split(",")[0]]
            (found,) = parsed(page).xpath(f"//*[.='{says}']")
            assert "font-size" in found.get("style", "") or style is None


def test_the_shipped_footer_offers_weekly_instead_to_who_has_it_more_often() -> None:
    frozen = freeze(STORIES)
    for cadence, offered in (("daily", True), ("several:12:00", True), ("weekly:mon", False)):
        mail = compose(frozen, profile(cadence=cadence))
        for part in (mail.html.decode(), mail.text.decode()):
            assert ("Weekly instead" in part) == offered
            assert part.count("/weekly") == offered


@pytest.mark.parametrize("changes", [changes for changes, _, _ in READERS])
def test_the_compiled_way_says_what_asking_each_reader_says(tmp_path: Path, changes: dict[str, object]) -> None:
    """Each question in html, in attributes and in addresses, against rendering the mail for this reader alone."""
    asked = BY_CADENCE + (
        '{% personal %}<a href="https://x.example/{% if p.own_hours %}own{% else %}usual{% endif %}" '
        'title="{% if p.several_topics %}many{% else %}one{% endif %}">{{ p.date }}</a>{% endpersonal %}'
    )
    own = own_theme(tmp_path, HTML, DATE, DATE + asked)
    frozen, reader = edition(own), profile(**changes)
    cards: dict[tuple[int, int], Card] = {(told.story_id, 0): told for told, _, _ in STORIES}
    due, to = Due(EDITION, 42, reader.id, SINCE, memory={}), Recipient(42, "reader42@example.org", "Ada")
    plain = PlainPress(own, frozen.manifest, cards, HANDS).mail(due, reader, to, by_premailer)
    mail = compose(frozen, reader)
    # Between two elements with nothing between them libxml2 breaks the line, a hole between them keeps it from that.
    assert visible(mail.html.decode()).replace(" ", "") == visible(plain["html"]).replace(" ", "")
    assert hrefs(mail.html.decode()) == hrefs(plain["html"])
    assert parsed(mail.html.decode()).xpath("//a/@title") == parsed(plain["html"]).xpath("//a/@title")
    assert mail.text.decode() == plain["text"]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_value_is_written_as_its_place_wants_it(tmp_path: Path, name: str) -> None:
    """As text, in an attribute, in an address, in the text part's addresses: nothing breaks out, nothing is lost."""
    link = '<a title="{{ p.topics }}" href="{{ site.public_url }}/t?about={{ p.topics }}&amp;x=1#{{ p.topics }}">ON</a>'
    own = own_theme(tmp_path, HTML, '<p class="end">', f'<p class="end"><b>{{{{ p.topics }}}}</b>{link}')
    shutil_text = own.shared[-1].parent / TEXT
    shutil_text.write_text(
        shutil_text.read_text().replace("--\n", "{{ site.public_url }}/t?about={{ p.topics }}\n--\n")
    )
    frozen = edition(own, {1: name, 2: "Two", 3: "Three"})
    mail = compose(frozen, profile(topics=(1,)))
    page = parsed(mail.html.decode())
    (anchor,) = page.xpath("//a[.='ON']")
    address = urlsplit(anchor.get("href"))
    assert (address.netloc, address.path) == ("news.example.org", "/t")
    assert parse_qs(address.query) == {"about": [name], "x": ["1"]}
    assert not page.xpath("//*[@onclick]")
    assert " ".join(anchor.get("title").split()) == " ".join(name.split())
    assert " ".join(anchor.getprevious().text.split()) == " ".join(name.split())
    (line,) = [each for each in mail.text.decode().splitlines() if "/t?about=" in each]
    assert parse_qs(urlsplit(line).query) == {"about": [name]}


REFUSED_PLACES = [
    ('<a href="{{ p.date }}">x</a>', "an address says its host"),
    ('<a href="https://{{ p.date }}.example/">x</a>', "an address says its host"),
    ('<img src="javascript:{{ p.date }}">', "an address says its host"),
    ("<p title={{ p.date }}>x</p>", "outside of a quoted attribute"),
    ("<p {{ p.date }}>x</p>", "outside of a quoted attribute"),
    ('<p style="width: {{ p.date }}">x</p>', "the attribute style"),
    ('<p class="{{ p.date }}">x</p>', "the attribute class"),
    ('<p onclick="{{ p.date }}">x</p>', "the attribute onclick"),
    ("<style>p { color: {{ p.date }} }</style>", "in <style>"),
    ("<script>{{ p.date }}</script>", "in <script>"),
    ("<!-- {{ p.date }} -->", "in a comment"),
]


@pytest.mark.parametrize(("markup", "told"), REFUSED_PLACES)
def test_where_a_value_cannot_be_written_safely_is_an_error(tmp_path: Path, markup: str, told: str) -> None:
    line = broken(tmp_path, HTML, DATE, DATE + markup)
    assert line.startswith(f"template {HTML}: in masthead, p.date stands")
    assert told in line


ASKED_IN_SHARED = [
    ("{% if p.next %}x{% endif %}", "p.next in a condition", "{% personal %}"),
    ("{% if lang == 'en' %}x{% elif p.next %}x{% endif %}", "p.next in a condition", "{% personal %}"),
    ("{{ 'x' if p.next else 'y' }}", "p.next in a condition", "{% personal %}"),
    ("{{ p.next or 'never' }}", "p.next in a condition", "{% personal %}"),
    ("{% if not p.next is defined %}x{% endif %}", "p.next in a condition", "{% personal %}"),
    ("{% if p.next == 'x' %}x{% endif %}", "p.next in a comparison", "{% personal %}"),
    ("{% if p.cadence == 'weekly' %}x{% endif %}", "p.cadence in a comparison", "put it into"),
    ("{{ p.cadence }}", "p.cadence outside of {% personal %}", "put it into"),
    ("{{ p.next | upper }}", "p.next in a filter", "print it as it is"),
    ("{{ 'x' | replace('x', p.next) }}", "p.next in a filter", "print it as it is"),
    ("{{ ('a' ~ p.next) | upper }}", "p.next in a filter", "print it as it is"),
    ("{% filter upper %}{{ p.next }}{% endfilter %}", "p.next in a filter", "print it as it is"),
    ("{{ p.next + 'x' }}", "p.next in a sum", "print it as it is"),
    ("{{ '%s' % p.next }}", "p.next in a sum", "print it as it is"),
    ("{{ p.next[0] }}", "p.next with something of its own", "print it as it is"),
    ("{{ p.next.upper() }}", "p.next with something of its own", "print it as it is"),
    ("{% for each in p.next %}{{ each }}{% endfor %}", "p.next in a loop", "print it as it is"),
    ("{% for each in [p.next] %}{{ each }}{% endfor %}", "p.next in a list", "hand it on by itself"),
    ("{{ range(p.next) }}", "p.next handed to what is no macro", "print it as it is"),
    ("{{ ngettext('one', 'many', p.next) }}", "p.next handed to what is no macro", "print it as it is"),
    ("{{ p }}", "p by itself", "name the value"),
    ("{{ p['next'] }}", "p by itself", "name the value"),
    ("{{ p.time }}", "p.time without a story", "p.time(story)"),
    ("{% set p = 1 %}", "p is the reader", "another name"),
    ("{% set x = p.next %}{% if x %}x{% endif %}", "p.next in a condition", "{% personal %}"),
    ("{% set x %}on {{ p.next }}{% endset %}{{ x | upper }}", "p.next in a filter", "print it as it is"),
    ("{% with x = p.next %}{% if x %}x{% endif %}{% endwith %}", "p.next in a condition", "{% personal %}"),
    ("{{ asks(p.next) }}", "p.next in a condition", "{% personal %}"),
    ("{{ asks(x=p.next) }}", "p.next in a condition", "{% personal %}"),
    ("{{ hands_on(p.next) }}", "p.next in a condition", "{% personal %}"),
    ("{% call prints() %}{{ p.next }}{% endcall %}{{ quiet('x', p.next) | upper }}", "p.next in a filter", "print"),
    ("{% call cares() %}{{ p.next }}{% endcall %}", "p.next in a condition", "{% personal %}"),
    ("{% if footer() %}x{% endif %}", "in a condition", "{% personal %}"),
]
MACROS = (
    "{% macro asks(x) %}{% if x %}x{% endif %}{% endmacro %}{% macro hands_on(y) %}{{ asks(y) }}{% endmacro %}"
    "{% macro prints() %}{{ caller() }}{% endmacro %}{% macro cares() %}{% if caller() %}x{% endif %}{% endmacro %}"
    "{% macro quiet(path, says) %}"
)


@pytest.mark.parametrize(("asked", "told", "cure"), ASKED_IN_SHARED)
def test_a_personal_value_that_shared_code_asks_is_an_error_as_the_template_is_loaded(
    tmp_path: Path, asked: str, told: str, cure: str
) -> None:
    """Nothing is rendered: the macro that holds it is never called."""
    line = broken(
        tmp_path, HTML, "{% macro quiet(path, says) %}", "{% macro unused() %}" + asked + "{% endmacro %}" + MACROS
    )
    assert line.startswith(f"template {HTML}, line 1")
    assert told in line
    assert cure in line


def test_an_imported_macro_that_asks_is_named_where_it_asks(tmp_path: Path) -> None:
    own = own_theme(tmp_path, "email/_base/letter.html", "{{ after }}", "{% if link %}{{ after }}{% endif %}")
    with pytest.raises(TemplateError, match=r"template email/_base/letter.html, line 14: p\.confirm in a condition"):
        own.render("email/confirm/body.html", "en", SITE)


REFUSED_PARTS = [
    ("{% if p.next %}x{% endif %}", "asks p.cadence, p.format"),
    ("{% if lang == 'en' %}x{% endif %}", "asks p.cadence, p.format"),
    ("{% if p.cadence %}x{% endif %}", "p.cadence is one of 'daily'"),
    ("{% if p.cadence == 'monthly' %}x{% endif %}", "p.cadence is one of 'daily'"),
    ("{% if p.format in lang %}x{% endif %}", "p.format is one of"),
    ("{% if p.shoe_size %}x{% endif %}", "asks p.cadence, p.format"),
    ("{% for x in (1, 2) %}x{% endfor %}", "no for"),
    ("{% set x = 1 %}", "no assign"),
    ("{% personal %}x{% endpersonal %}", "no callblock"),
    ("{% include 'email/_base/head.css' %}", "no include"),
    ("{% if p.own_hours %}<b>{% endif %}x</b>", "<b> is not closed"),
    ("{% if p.own_hours %}x</td>{% endif %}", "</td> closes what is not open"),
    ("<b>{% if p.own_hours %}x{% endif %}", "<b> is not closed"),
    ("{% if p.own_hours %}x{% else %}<i{% endif %}", "a tag is cut in two"),
    (
        "{% if p.cadence == 'daily' %}{% if p.own_hours %}{% if p.several_topics %}x{% endif %}{% endif %}{% endif %}",
        "24 ways",
    ),
    ("{{ footer() }}", "holds another one"),
    ('<b title="{% if p.own_hours %}x" class="y{% endif %}">x</b>', "in one attribute"),
    ("{{ p.next | upper }}", "p.next in a filter"),
    ("{{ 'x' if p.own_hours else 'y' }}", "p.own_hours in a condition"),
    ("{{ p.format }}", "p.format outside of {% personal %}"),
]


@pytest.mark.parametrize(("inside", "told"), REFUSED_PARTS)
def test_a_part_holds_only_what_can_be_compiled(tmp_path: Path, inside: str, told: str) -> None:
    part = "{% personal %}" + inside + "{% endpersonal %}"
    if "class=" in inside:  # the part stands within the tag
        part = '<b title="{% personal %}{% if p.own_hours %}x" lang="y{% endif %}{% endpersonal %}">x</b>'
    line = broken(tmp_path, HTML, DATE, DATE + part)
    assert line.startswith(f"template {HTML}")
    assert told in line


def test_every_question_has_an_answer_that_its_registry_names() -> None:
    cadences = ("daily", "weekdays", "weekly:fri", "days:mon", "days:mon,fri", "several:12:00", "as-it-happens")
    readers: list[ReaderProfile] = [
        profile(cadence=cadence, format=format_, topics=topics, own=own)
        for cadence in cadences
        for format_ in ("html", "text")
        for topics in ((1,), (1, 2))
        for own in ({}, {1: ("daily", 420)})
    ]
    for name, question in QUESTIONS.items():
        assert {answers_of(reader, [name])[name] for reader in readers} == set(question.answers), name


def test_what_was_frozen_before_there_were_parts_reads_as_it_did() -> None:
    before = cut("one zq5 two")
    assert asked_by(before) == ()
    assert chosen(before, answers_of(profile(), QUESTIONS)) == before


def test_ways_that_read_the_same_are_stored_once(tmp_path: Path) -> None:
    frozen = edition(own_theme(tmp_path, HTML, DATE, DATE + BY_CADENCE))
    stored = "".join(frozen.html["masthead/en"])
    assert stored.count("Your week") == stored.count("Your news") == stored.count("Your day") == 1


def test_a_letter_reads_by_its_readers_profile_and_its_subject_by_nobodys(tmp_path: Path) -> None:
    """A part in a system mail, and hostile values in all its places."""
    own = own_theme(
        tmp_path,
        "email/confirm/body.html",
        "<b>{{ p.topics }}</b>",
        '<b>{{ p.topics }}</b>{% personal %}{% if p.cadence == "weekly" %}<i>weekly</i>{% endif %}{% endpersonal %}',
    )
    parts = compile_letter(own, SITE, "confirm", "en")
    for name in HOSTILE:
        subject = subject_of(own, SITE, "confirm", "en", {"topics": name})
        values = {"topics": guard(name), "language": "en", "subject": subject}
        manifest = dataclasses.replace(freeze(STORIES).manifest, kind="confirm", values=values)
        html = {key: part for key, part in parts.items() if key != "text"}
        hands = dataclasses.replace(HANDS, letter_links=lambda _: {"confirm": "token"})
        composer = Composer(EDITION, Frozen(manifest, html, {"body": parts["text"]}), own, hands, "qp")
        for cadence in ("weekly:fri", "daily"):
            due, to = Due(EDITION, 42, 1, SINCE), Recipient(42, "a@b.example", '"; DROP' + "😀" * 200)
            mail = composer.compose(due, profile(cadence=cadence), to)
            assert isinstance(mail, Envelope)
            assert (parsed(decoded(mail.html, "qp")).xpath("//i/text()") == ["weekly"]) == (cadence == "weekly:fri")
            assert parsed(decoded(mail.html, "qp")).xpath("//b")[0].text.split() == name.split()
            written = email.message_from_bytes(message_bytes(mail), policy=email.policy.default)
            assert written["Bcc"] is None
            assert str(written["Subject"]).split() == subject.split()
    asking = own_theme(tmp_path / "two", "email/confirm/subject.txt", "{{", "{{ p.topics }}{{")
    with pytest.raises(TemplateError, match=r"email/confirm/subject.txt: a subject has no p\.topics"):
        subject_of(asking, SITE, "confirm", "en", {"topics": "x"})
