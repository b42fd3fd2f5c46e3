"""The language of topic rules: what is understood, what is refused and how, and that both ways of writing agree."""

from __future__ import annotations

import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import InputError, RuleError
from digest.stories.folding import LOOKED_AT, fold, pattern
from digest.stories.rules import (
    ANYWHERE,
    FIELDS,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_TERM,
    MAX_TERMS,
    And,
    Not,
    Or,
    Rule,
    Term,
    all_of,
    any_of,
    negated,
    parse,
    terms_in,
    unparse,
)
from tests.parts import ROOT

# --- what is understood -----------------------------------------------------------------------------------------------

A, B, C = Term("a1"), Term("b2"), Term("c3")


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("harbour", Term("harbour")),
        ("a1 b2", And((A, B))),
        ("a1 AND b2 c3", And((A, B, C))),
        ("a1 OR b2 AND c3", Or((A, And((B, C))))),
        ("(a1 OR b2) c3", And((Or((A, B)), C))),
        ("NOT a1 b2", And((Not(A), B))),
        ("NOT (a1 OR b2)", Not(Or((A, B)))),
        ("NOT NOT a1", A),
        ("a1 AND (b2 AND c3)", And((A, B, C))),
        ("a1 OR (b2 OR c3)", Or((A, B, C))),
        ('"night  ferry"', Term("night ferry")),
        ("„night ferry“ «a1»", And((Term("night ferry"), A))),
        ('"AND" "(a1)" "title:x"', And((Term("AND"), Term("(a1)"), Term("title:x")))),
        ("harbo*", Term("harbo", prefix=True)),
        ('"night fer"*', Term("night fer", prefix=True)),
        ("title:a1 TEXT: b2", And((Term("a1", "title"), Term("b2", "text")))),
        ('title:(a1 OR NOT "b2")', Or((Term("a1", "title"), Not(Term("b2", "title"))))),
        ("language:de", Term("de", "language")),
        ("a1(b2)c3", And((A, B, C))),
        ("wind-farm U.S. l’eau", And((Term("wind-farm"), Term("U.S."), Term("l’eau")))),
        ("東京 الميناء", And((Term("東京"), Term("الميناء")))),
    ],
)
def test_what_is_understood(text: str, tree: Rule) -> None:
    assert parse(text) == tree
    assert parse(unparse(tree)) == tree


def test_the_plainest_writing_has_only_the_parentheses_it_needs() -> None:
    text = 'a1 (b2 OR title:(c3 "the end")) NOT (d4 e5) OR NOT f6* "or"'
    assert unparse(parse(text)) == (
        'a1 AND (b2 OR title:c3 AND title:"the end") AND NOT (d4 AND e5) OR NOT f6* AND "or"'
    )


def test_a_term_says_where_and_for_what_it_looks() -> None:
    term, named = terms_in(parse('"The Night-Ferry" NOT publisher:Côte*'))
    assert (term.fields, term.pattern) == (ANYWHERE, " the night ferry ")
    assert (named.fields, named.pattern) == (("publisher",), " cote")


def test_every_rule_of_the_manual_can_be_read() -> None:
    manual = (ROOT / "docs" / "topics.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in manual.splitlines() if line.startswith("| `")]
    rules = re.findall(r"--match '([^']+)'", manual) + re.findall(r"`([^`]+)`", " ".join(rows))
    assert len(rules) > 12
    for rule in rules:
        assert parse(unparse(parse(rule))) == parse(rule)


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "at", "told"),
    [
        ("(harbour", 1, "this ( is not closed"),
        ("harbour) ferry", 8, "this ) closes nothing"),
        ("harbour OR", 9, "something is missing behind 'OR'"),
        ("OR harbour", 1, "something is missing before 'OR'"),
        ("a1 AND OR b2", 8, "something is missing before 'OR'"),
        ("a1 NOT", 4, "something is missing behind 'NOT'"),
        ("a1 ()", 5, "something is missing before ')'"),
        ('a1 "night ferry', 4, 'write a second "'),
        ("pier:a1", 1, "no field 'pier'; fields are title, summary, text, author, publisher, language"),
        ("at 10:30", 4, "written in quotes"),
        (":a1", 1, "a colon without a field"),
        ("title:", 1, "title: needs a word"),
        ("title: OR a1", 1, "title: needs a word"),
        ("title:NOT a1", 1, "title: needs a word"),
        ("title:(a1 text:b2)", 11, "text: stands inside of title:"),
        ("language:german", 10, "two or three letters"),
        ("language:d*", 10, "write 2 letters or more"),
        ("language:de*", 10, "is no language"),
        ("rock and roll", 6, 'write AND, or "and" in quotes'),
        ("a1 Or b2", 4, "write OR"),
        ("a1 -b2", 4, "write NOT instead"),
        ("a1 –b2", 4, "write NOT instead"),
        ("ha*bour", 1, "behind the last letter only"),
        ("h*", 1, "write 2 letters or more before the star"),
        ("a1 & b2", 4, "holds no letter and no digit"),
        ('a1 "…"', 4, "holds no letter and no digit"),
        ("a1 🚢", 4, "holds no letter and no digit"),
        ("a1 b\x00c", 5, "cannot be seen"),
        ("a1 \ud800", 4, "cannot be seen"),
        ("x" * (MAX_TERM + 1), 1, f"longer than {MAX_TERM} characters"),
        ("a1 " + "ﷺ" * 10, 4, f"longer than {MAX_TERM} characters"),
        ("(" * (MAX_DEPTH + 1) + "a1" + ")" * (MAX_DEPTH + 1), MAX_DEPTH + 1, "write it more plainly"),
    ],
)
def test_an_error_names_the_place_and_the_way_out(text: str, at: int, told: str) -> None:
    with pytest.raises(RuleError) as error:
        parse(text)
    line = str(error.value)
    assert line.startswith(f"the rule, character {at}: ")
    assert told in line
    assert line.isprintable()
    assert len(line) < 240
    assert isinstance(error.value, InputError)


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_an_empty_rule_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="the rule is empty; write what to look for"):
        parse(text)


def test_rules_have_bounds() -> None:
    most = " OR ".join(f"a{number}" for number in range(MAX_TERMS))
    assert len(list(terms_in(parse(most)))) == MAX_TERMS
    with pytest.raises(RuleError, match="more than 200 words and phrases; make two topics"):
        parse(most + " OR more")
    deepest = "(" * MAX_DEPTH + "a1" + ")" * MAX_DEPTH
    assert parse(f"{deepest} OR {deepest}") == Or((A, A)), "it is the depth that counts, not the number"
    with pytest.raises(RuleError, match=r"2,001 characters and may have 2,000"):
        parse("a1 OR " * (MAX_LENGTH // 6) + "b" * (MAX_LENGTH % 6 + 1))


def understood(text: str) -> Rule | str:
    """The tree, or what is wrong."""
    try:
        return parse(text)
    except RuleError as error:
        return str(error)


def test_no_text_takes_long_to_refuse_or_to_understand() -> None:
    hostile = ["NOT " * 499 + "a1", "(" * 2_000, '"' * 1_999, "a:" * 1_000, "*" * 2_000, "a1(" * 600, "title:(" * 280]
    for text in [*hostile, *(each * 1_000 for each in hostile)]:
        started = time.thread_time()
        told = understood(text)
        assert time.thread_time() - started < 0.5
        assert not isinstance(told, str) or len(told) < 240


@given(st.text(alphabet=st.one_of(st.sampled_from('ab(")*: :titleANDORNOT-'), st.characters()), max_size=80))
def test_any_text_is_a_rule_or_one_line(text: str) -> None:
    told = understood(text)
    if isinstance(told, str):
        assert len(told.splitlines()) == 1
    else:
        assert parse(unparse(told)) == told


# --- both ways of writing ---------------------------------------------------------------------------------------------


def _usable(text: str) -> bool:
    return 2 <= len(fold(text).strip()) <= 40 and unicodedata.normalize("NFC", text) == text


_letters = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters='"“”„‟«»＂')
_texts = st.one_of(
    st.sampled_from(["harbour", "night ferry", "OR", "and", "-x1", "a:b", "Not", "(x1)", "10:30", "東京", "الميناء"]),
    st.text(_letters, min_size=2, max_size=12).map(lambda text: " ".join(text.split())),
).filter(_usable)
_fields = st.sampled_from(["", *(field for field in FIELDS if field != "language")])
_terms = st.one_of(st.builds(Term, _texts, _fields, st.booleans()), st.just(Term("de", "language")))
trees = st.recursive(
    _terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=4).map(all_of),
        st.lists(inner, min_size=2, max_size=4).map(any_of),
        inner.map(negated),
    ),
    max_leaves=12,
)


@given(trees)
def test_what_is_written_is_read_as_the_same_tree(tree: Rule) -> None:
    assert parse(unparse(tree)) == tree


# --- folding ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("The NIGHT-ferry’s  late…", " the night ferry s late "),
        ("Straße, Größe, ÉTÉ, Ñandú", " strasse grosse ete nandu "),
        ("ﬁsh ｆｕｌｌ ① ²", " fish full 1 2 "),
        ("σίγμας ΣΊΓΜΑΣ", " σιγμασ σιγμασ "),
        ("الْمِينَاءُ إلى الـمـديـنة", " الميناء الي المدينه "),
        ("שָׁלוֹם", " שלום "),
        ("हिन्दी में", " हिन्दी में "),
        ("東京都、人々NHKは2020年", " 東京都 人々 nhk は 2020 年 "),
        ("กรุงเทพ Bangkok", " กรุงเทพ bangkok "),
        ("ガ ｶﾞ か", " ガ ガ か "),
        ("in\u00advisible\u200b_mark\ufeff", " invisible mark "),
        ("🚢 – !", ""),
        ("", ""),
    ],
)
def test_what_does_not_count_is_folded_away(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert not folded or (folded[0] == folded[-1] == " " and "  " not in folded)


def test_a_text_is_looked_at_up_to_a_bound() -> None:
    assert fold("a " * LOOKED_AT + "harbour").endswith(" a ")
    assert len(fold("ﷺ" * LOOKED_AT)) <= LOOKED_AT + 2


def test_borders_are_spaces_except_in_scripts_without() -> None:
    assert pattern(fold("Night ferry")) == " night ferry "
    assert pattern(fold("harbo"), prefix=True) == " harbo"
    assert pattern(fold("東京")) == "東京"
    assert pattern(fold("東京2020")) == "東京 2020 "
    assert pattern(fold("NHKは")) == " nhk は"
    assert pattern("") == ""
