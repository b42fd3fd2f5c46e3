"""What a template cannot do: reach out of the mail, run on without end, or fail without saying where."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks
from digest.compose.bounds import LARGEST
from digest.compose.content import Site
from digest.compose.sandbox import STEPS
from digest.compose.theme import Theme
from digest.errors import TemplateError
from subscribers.i18n import Catalogues
from tests.compose.edition import SITE, TEMPLATES, TOPICS
from tests.parts import ROOT

NAME = "email/_base/shell.html"


def rendered(folder: Path, source: str, site: Site = SITE) -> str:
    """What an operator's own shell renders."""
    file = folder / NAME
    file.parent.mkdir(parents=True)
    file.write_text(source)
    (folder / "secret.txt").write_text("no template's business")
    theme = Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, folder)
    return theme.render(NAME, "en", site, content="")


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{{ settings.secret_keys }}", "'settings' is undefined"),
        ("{{ environ }}", "'environ' is undefined"),
        ("{{ environment }}", "'environment' is undefined"),
        ("{{ os.environ }}", "'os' is undefined"),
        ("{{ session }}", "'session' is undefined"),
        ("{{ Subscriber }}", "'Subscriber' is undefined"),
        ("{{ lipsum(n=9) }}", "'lipsum' is undefined"),
        ("{{ site.secret_keys }}", "secret_keys"),
        ("{{ site.__class__ }}", "unsafe"),
        ("{{ p.__class__ }}", "unsafe"),
        ("{{ p.time.__globals__ }}", "p.time with something of its own"),
        ("{{ p.time.__func__ }}", "p.time with something of its own"),
        ("{{ ''.__class__.__mro__ }}", "unsafe"),
        ("{{ _.__globals__ }}", "unsafe"),
        ("{{ range.__globals__ }}", "unsafe"),
        ("{{ site|attr('__class__') }}", "unsafe"),
        ("{{ '{0.__class__}'.format(site) }}", "unsafe"),
        ("{{ self._TemplateReference__context }}", "unsafe"),
        ("{{ site.update(name='x') }}", "unsafe"),
        ("{% include '../../secret.txt' %}", "there is no such file"),
        ("{% include 'email/../../secret.txt' %}", "there is no such file"),
        ("{% include 'secret.txt' %}", "there is no such file"),
        ("{% include '/etc/passwd' %}", "there is no such file"),
        ("{% include 'web/base.html' %}", "there is no such file"),
        ("{% include 'email/../web/base.html' %}", "there is no such file"),
        ("{% import 'shared/nothing.html' as nothing %}", "there is no such file"),
    ],
)
def test_a_template_reaches_nothing_but_its_mail(tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(tmp_path, f"line one\n{source}\n")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in range(60000) %}\n{% for b in range(60000) %}x{% endfor %}{% endfor %}",
        "{% for a in 'x' * 99 %}{% for b in 'x' * 99 %}{% for c in 'x' * 99 %}\n.{% endfor %}{% endfor %}{% endfor %}",
        "{% macro twice(n) %}{% if n %}{{ twice(n - 1) }}\n{{ twice(n - 1) }}{% endif %}{% endmacro %}{{ twice(64) }}",
        "{% for a in 'x' * 5000 %}\n{{ range(90000) | sum }}{% endfor %}",
        f"{{% for a in 'x' * 50000 %}}{'a page of words ' * 900}{{% endfor %}}",
        (
            "{% macro wrap() %}{{ caller() }}{% endmacro %}{% for a in range(300) %}{% for b in range(300) %}"
            "{% call wrap() %}{% for c in 'x' * 99 %}{% endfor %}{% endcall %}{% endfor %}{% endfor %}"
        ),
    ],
    ids=["loops", "texts", "macros", "ranges", "pages", "calls"],
)
def test_what_does_not_end_is_ended(tmp_path: Path, source: str) -> None:
    with pytest.raises(
        TemplateError, match=r"shell\.html, line \d: it does not come to an end: more than 100,000 turns"
    ):
        rendered(tmp_path, source)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("{% macro deep() %}{{ deep() }}{% endmacro %}{{ deep() }}", "RecursionError"),
        (f"{{% include '{NAME}' %}}", "RecursionError"),
        ("{{ 'x' * 10 ** 9 }}", "more than 1,000,000 characters or items"),
        ("{{ 3 * [1] * 10 ** 6 }}", "more than 1,000,000 characters or items"),
        ("{{ 10 ** (10 ** 10) }}", "an exponent above 100"),
        ("{% for a in range(2) %}{{ 'x' * 999999 }}{% endfor %}", "it came to more than 1,000,000 characters"),
    ],
)
def test_what_grows_without_bound_is_refused(tmp_path: Path, source: str, told: str) -> None:
    with pytest.raises(TemplateError) as caught:
        rendered(tmp_path, source)
    assert told in str(caught.value)


DOUBLING = "{% set n = namespace(x='xx') %}{% for _ in range(60) %}"
BOMBS = {
    "{{ '%1000000000d'|format(1) }}": "No filter named 'format'",
    "{{ '%1000000000d' % 1 }}": "a text on the left of %",
    "{{ '%*d' % (1000000000, 1) }}": "a text on the left of %",
    "{{ '{:>1000000000}'.format('x') }}": "unsafe",
    "{{ _('%(n)1000000000d', n=1) }}": "holds % otherwise than in %(name)s",
    "{{ ngettext('%(num)1000000000d', 'x', 1) }}": "holds % otherwise than in %(name)s",
    "{{ 'a'|center(10**9) }}": "more than 1,000,000",
    "{{ 'a'.center(10**9) }}": "unsafe",
    "{{ 'a'.ljust(10**9) }}": "unsafe",
    "{{ 'a'.rjust(10**9) }}": "unsafe",
    "{{ 'a'.zfill(10**9) }}": "unsafe",
    "{{ ('\t' * 99999).expandtabs(10**5) }}": "unsafe",
    "{{ ('x' * 99999).join(range(99999)) }}": "unsafe",
    "{{ ('x' * 99999).replace('x', 'y' * 99999) }}": "unsafe",
    "{{ (5).to_bytes(10**9, 'big') }}": "unsafe",
    "{{ 'a' * 10**9 }}": "more than 1,000,000",
    "{{ [[0] * 1000] * 1000 * 1000 }}": "more than 1,000,000",
    "{% set a = [0] * 1000 %}{% set b = [a] * 999 %}{{ [b] * 1000 }}": "more than 1,000,000",
    "{{ range(10**9)|list }}": "it does not come to an end",
    "{{ [1]|batch(10**9, 'x')|list }}": "more than 1,000,000",
    "{{ [1]|slice(10**9, 'x')|list }}": "more than 1,000,000",
    "{{ 'a'|indent(10**9, first=True) }}": "more than 1,000,000",
    "{{ ('a\\n' * 1000)|indent('x' * 99999) }}": "more than 1,000,000",
    "{{ ('a ' * 99999)|wordwrap(1, wrapstring='x' * 99999) }}": "more than 1,000,000",
    "{{ ('a' * 99999)|replace('a', 'x' * 99999) }}": "more than 1,000,000",
    "{{ ('a' * 99999)|join('x' * 99999) }}": "more than 1,000,000",
    "{{ range(99999)|join('x' * 99999) }}": "more than 1,000,000",
    "{{ [1]|tojson(indent=10**9) }}": "No filter named 'tojson'",
    "{{ 1|round(10**9, 'ceil') }}": "more than 1,000,000",
    "{{ ([[0] * 9999] * 99)|sum(start=[]) }}": "more than 1,000,000",
    "{{ 2 ** (10**8) }}": "an exponent above 100",
    "{{ ((10 ** 100) ** 100) ** 100 }}": "too many digits",
    "{{ lipsum(n=10**9) }}": "'lipsum' is undefined",
    DOUBLING + "{% set n.x = n.x ~ n.x %}{% endfor %}": "more than 1,000,000",
    DOUBLING + "{% set n.x = n.x + n.x %}{% endfor %}": "more than 1,000,000",
    DOUBLING + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}": "more than 1,000,000",
    DOUBLING + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x|string }}": "more than 1,000,000",
    DOUBLING + "{% set n.x = [n.x, n.x] %}{% endfor %}{{ 'x' ~ n.x }}": "more than 1,000,000",
    DOUBLING + "{% set n.x %}{{ n.x }}{{ n.x }}{% endset %}{% endfor %}": "more than 1,000,000",
    "{% set n = namespace(x=9) %}{% for _ in range(60) %}{% set n.x = n.x * n.x %}{% endfor %}": "too many digits",
    (
        "{% macro f(n) %}{% if n %}{% set y = f(n - 1) %}{{ y }}{{ y }}{% else %}x{% endif %}{% endmacro %}{{ f(60) }}"
    ): "more than 1,000,000",
}
CHILD = """
import json, resource, sys
from pathlib import Path
from digest.errors import TemplateError
from tests.compose.test_sandbox import BOMBS, rendered

with open("/proc/self/statm") as told:
    most = int(told.read().split()[0]) * resource.getpagesize() + 200_000_000
resource.setrlimit(resource.RLIMIT_AS, (most, most))
found = []
for place, source in enumerate(BOMBS):
    try:
        found.append("made: " + rendered(Path(sys.argv[1]) / str(place), "line one\\n" + source)[:40])
    except TemplateError as error:
        found.append(str(error))
print(json.dumps(found))
"""


def test_what_would_fill_the_memory_is_refused_before_it_does(tmp_path: Path) -> None:
    """In a process that may take 200 MB more than it has."""
    done = subprocess.run([sys.executable, "-c", CHILD, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True)
    for (source, told), found in zip(BOMBS.items(), json.loads(done.stdout), strict=True):
        assert told in found, source
        assert found.startswith(f"template {NAME}, line 2: "), source
        assert "MemoryError" not in found


def test_ordinary_filters_and_methods_are_there(tmp_path: Path) -> None:
    source = (
        "{{ 'a b'|title }} {{ 'x,y'.split(',')|join('; ') }} {{ 'a'|center(3) }}| {{ 'a\\nb'|indent(2) }} "
        "{{ [3, 1, 2]|sort|first }} {{ [1, 2]|sum }} {{ 1.25|round(1) }} {{ 'abc'|replace('b', 'x') }} "
        "{{ ['a', 'b', 'c']|batch(2)|list|length }} {{ 'a' ~ 1 ~ 'b' }} {{ 2 ** 3 * 7 % 5 + 1 }} {{ 'ab'.upper() }} "
        "{{ _('%(n)s of 100%% done', n=3) }}"
    )
    assert rendered(tmp_path, source) == "A B x; y  a | a\n  b 1 3 1.2 axc 2 a1b 2 AB 3 of 100% done"


def test_long_but_finite_work_goes_on_and_each_rendering_has_its_own_count(tmp_path: Path) -> None:
    assert rendered(tmp_path / "one", f"{{{{ range({STEPS}) | sum }}}}") == str(sum(range(STEPS)))
    nearly = STEPS // 2 - 10
    source = f"{{% for a in range({nearly}) %}}{{% endfor %}}done"
    assert [rendered(tmp_path / f"run {turn}", source) for turn in range(3)] == ["done"] * 3


def test_the_shell_may_hold_an_edition_of_any_size() -> None:
    theme = Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations)
    content = "x" * (3 * LARGEST)
    assert content in theme.render(NAME, "en", SITE, content=content)


def test_a_block_of_a_story_that_does_not_end_names_its_file(tmp_path: Path) -> None:
    own = tmp_path / "email" / "digest" / "body.html"
    own.parent.mkdir(parents=True)
    source = (TEMPLATES / "email" / "digest" / "body.html").read_text()
    own.write_text(source.replace("range(40)", "range(10 ** 9)"))
    theme = Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, tmp_path)
    with pytest.raises(TemplateError, match=r"^template email/digest/body\.html, line \d+: it does not come to an end"):
        compile_blocks(theme, SITE, chrome_blocks(TOPICS, "en"), BlockCache())


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (
            "{% include 'email/_base/part.html' %}",
            "template email/themes/compact/_base/part.html, line 3: 'nothing' is",
        ),
        ("{% include 'email/_base/open.html' %}", "template email/themes/compact/_base/open.html, line 2: "),
        ("{% include 'email/_base/none.html' %}", "template email/_base/none.html: there is no such file"),
    ],
)
def test_a_mistake_in_a_theme_is_told_with_the_file_it_is_in(tmp_path: Path, source: str, told: str) -> None:
    folder = tmp_path / "email" / "themes" / "compact" / "_base"
    folder.mkdir(parents=True)
    (folder / "part.html").write_text("one\ntwo\n{{ nothing }}")
    (folder / "open.html").write_text("one\n{% if %}")
    (folder / "shell.html").write_text(source)
    theme = Theme(TEMPLATES, Catalogues(TEMPLATES / "locale").translations, tmp_path, "compact")
    with pytest.raises(TemplateError) as caught:
        theme.render(NAME, "en", SITE, content="")
    assert str(caught.value).startswith(told)
