"""What a template cannot do: reach out of the mail, run on without end, or fail without saying where."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.compose.blocks import BlockCache, chrome_blocks, compile_blocks
from digest.compose.content import Site
from digest.compose.sandbox import LARGEST, STEPS
from digest.compose.theme import Theme
from digest.errors import TemplateError
from subscribers.i18n import Catalogues
from tests.compose.edition import SITE, TEMPLATES, TOPICS

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
