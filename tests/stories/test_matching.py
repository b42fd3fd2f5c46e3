"""Many rules in one pass: the same as each by itself, on any article; and which topics that makes."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import RuleError
from digest.stories.folding import fold
from digest.stories.match import TopicRules, topics_of
from digest.stories.matching import Matcher, Reason, compile_rules
from digest.stories.rules import FIELDS, NEVER, And, Not, Rule, Term, all_of, any_of, negated
from digest.types import RawArticle


def article(title: str = "", text: str = "", **fields: str) -> RawArticle:
    told = RawArticle(guid="1", url="https://paper.example/1", title=title, text=text)
    return replace(told, **fields)  # type: ignore[arg-type]


def matches(rule: str, told: RawArticle) -> bool:
    matcher = compile_rules({7: rule})
    found = matcher.match_ids(told)
    assert found == matcher.match(told).keys()
    return found == {7}


# --- the same as each by itself ---------------------------------------------------------------------------------------

_WORDS = ("harbour", "harbours", "harbo", "ferry", "night", "Nacht", "fähre", "fahre", "pier", "ميناء", "الميناء", "a")
_SIGNS = (" ", " ", ", ", "-", "’", ".\n", " “", "…")
_CHINESE = "東京都港"

_words = st.one_of(st.sampled_from(_WORDS), st.text(_CHINESE, min_size=1, max_size=3))
_texts = st.lists(st.tuples(_words, st.sampled_from(_SIGNS)), max_size=8).map(
    lambda parts: "".join(word + sign for word, sign in parts)
)
_articles = st.builds(
    article,
    title=_texts,
    text=_texts,
    summary=_texts,
    author=_texts,
    publisher=_texts,
    language=st.sampled_from(["", "de", "en", "ar"]),
)
_terms = st.one_of(
    st.builds(
        # "a*" is no rule that can be written (rules.LEAST_PREFIX)
        lambda words, field, prefix: Term(" ".join(words), field, prefix and words[-1] != "a"),
        st.lists(_words, min_size=1, max_size=2),
        st.sampled_from(["", "", "", *FIELDS[:-1]]),
        st.booleans(),
    ),
    st.sampled_from([Term("de", "language"), Term("ar", "language")]),
)
_rules = st.recursive(
    _terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(all_of),
        st.lists(inner, min_size=2, max_size=3).map(any_of),
        inner.map(negated),
    ),
    max_leaves=8,
)


def by_hand(rule: Rule, told: RawArticle) -> bool:
    """A rule evaluated by its definition: lists of words side by side, letters in scripts without spaces."""
    if isinstance(rule, Term):
        return any(_holds(_pieces(getattr(told, field)), _pieces(rule.text), rule.prefix) for field in rule.fields)
    if isinstance(rule, Not):
        return not by_hand(rule.of, told)
    join = all if isinstance(rule, And) else any
    return join(by_hand(part, told) for part in rule.parts)


def _pieces(text: str) -> list[str]:
    """Words, each closed by a border; a run of Chinese letter by letter, with a border only where a word would end."""
    pieces = []
    for word in fold(text).split():
        pieces.extend([*word, " "] if word[0] in _CHINESE else [word, " "])
    return pieces


def _holds(pieces: list[str], wanted: list[str], prefix: bool) -> bool:
    *before, last = wanted[:-1]  # a border at the end asks for nothing: after a word there always is one
    for at in range(len(pieces) - len(before)):
        here = pieces[at + len(before)]
        if pieces[at : at + len(before)] == before and (here.startswith(last) if prefix else here == last):
            return True
    return False


@given(st.lists(_rules, min_size=1, max_size=12), st.lists(_articles, min_size=1, max_size=3))
def test_one_pass_finds_what_each_rule_finds_by_itself(rules: list[Rule], articles: list[RawArticle]) -> None:
    matcher = compile_rules(dict(enumerate(rules, start=1)))
    for told in articles:
        expected = {number for number, rule in enumerate(rules, start=1) if by_hand(rule, told)}
        assert matcher.match_ids(told) == expected
        assert matcher.match(told).keys() == expected


@given(_rules, _articles)
def test_the_reasons_alone_make_a_rule_true(rule: Rule, told: RawArticle) -> None:
    """Each reason is a term of the rule that is there, in the fields that are named."""
    for reason in compile_rules({1: rule}).match(told).get(1, ()):
        assert reason.fields
        for field in reason.fields:
            alone = article(**{field: getattr(told, field)})
            assert compile_rules({1: reason.term}).match(alone)[1] == (Reason(reason.term, (field,)),)


# --- examples ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "text", "there"),
    [
        ("harbour", "The HARBOUR, again.", True),
        ("harbour", "The harbours", False),
        ("harbour", "The harbour’s master", True),
        ("harbo*", "Harbouring", True),
        ("harbo*", "A safe-harbor", True),
        ("arbour", "harbour", False),
        ('"night ferry"', "The night\nferry", True),
        ('"night ferry"', "The night-ferry", True),
        ('"night ferry"', "The night, the ferry", False),
        ('"night fer"*', "night ferries", True),
        ("wind-farm", "a wind farm", True),
        ("U.S.", "the U.S. senate", True),
        ("U.S.", "tell us", False),
        ("Müller", "Frau Muller", True),
        ("Strasse", "Die Straße am Hafen", True),
        ("Hafen", "Das Hafenfest", False),
        ("Hafen*", "Das Hafenfest", True),
        ("Größe", "GRÖSSE", True),
        ("cote", "Côté mer", True),
        ("الميناء", "افتُتِحَ المِيناءُ أمس", True),
        ("ميناء", "افتتح الميناء", False),
        ("المدينه", "في المدينة", True),
        ("أحمد", "احمد", True),
        ("東京", "大東京都で火事", True),
        ("東京", "京東", False),
        ("NHK", "はNHKと", True),
        ("か", "が", False),
        ("กรุงเทพ", "ในกรุงเทพมหานคร", True),
        ("한국", "한국은", False),
        ("한국*", "한국은", True),
    ],
)
def test_words(rule: str, text: str, there: bool) -> None:
    assert matches(rule, article(text=text)) is there
    assert matches(f"NOT {rule}", article(text=text)) is not there
    assert matches(f"title:{rule}", article(text=text)) is False


def test_fields() -> None:
    told = article("Harbour", "ferry", summary="pier", author="Ada Quay", publisher="The Post", language="de")
    for rule in ("harbour", "title:harbour", "pier", "summary:pier", "text:ferry", "author:ada", "publisher:post"):
        assert matches(rule, told)
    for rule in ("text:harbour", "ada", "author:post", "language:en", "de"):
        assert not matches(rule, told)
    assert matches("language:de", told)
    assert matches("language:en", article("x", language="en-GB"))
    assert not matches('"harbour pier"', told), "a phrase does not reach from one field into the next"


def test_a_rule_of_exclusions_takes_everything_else() -> None:
    matcher = compile_rules({1: "NOT ferry", 2: "NOT ferry NOT pier", 3: "NOT (ferry OR pier) OR quay"})
    assert matcher.match(article("Harbour")) == {1: (), 2: (), 3: ()}
    assert matcher.match_ids(article("The pier")) == {1}
    assert matcher.match(article("Ferry at the quay")) == {3: (Reason("quay", ("title",)),)}
    assert matcher.match_ids(article()) == {1, 2, 3}


def test_only_what_makes_a_rule_true_is_a_reason() -> None:
    rule = '(harbour AND fire) OR title:ferry OR "night ferry" OR NOT (NOT pier OR quay)'
    told = article("Night ferry", "The ferry left the harbour and the pier", summary="A night ferry")
    assert compile_rules({3: rule}).match(told) == {
        3: (
            Reason("title:ferry", ("title",)),
            Reason('"night ferry"', ("title", "summary")),
            Reason("pier", ("text",)),
        )
    }


def test_rules_may_be_none_and_must_be_rules() -> None:
    assert compile_rules({}).match_ids(article("Harbour")) == frozenset()
    assert Matcher({1: NEVER}).match(article("Harbour")) == {}
    assert Matcher({1: NEVER}).ids == {1}
    with pytest.raises(RuleError, match="not closed"):
        compile_rules({1: "harbour", 2: "(ferry"})


def test_the_same_rules_in_another_order_find_the_same() -> None:
    rules = {number: f"w{number % 7} OR title:w{number % 5} AND NOT w{number % 3}x" for number in range(1, 60)}
    one, other = compile_rules(rules), compile_rules(dict(reversed(rules.items())))
    told = article("w1 w2 w3", "w4 w0x w6")
    assert list(one.match(told).items()) == list(other.match(told).items())


def test_hostile_rules_and_texts_take_time_that_grows_only_with_the_text() -> None:
    """Every place of the text ends as many terms as one can be long, and every rule is a candidate."""
    runs = {number: "京" * (number + 1) + " OR " + "a" * (number + 2) + "*" for number in range(98)}
    deep = {100 + number: "NOT (" * 20 + f"京京 OR b{number}" + ")" * 20 for number in range(200)}
    matcher = compile_rules({**runs, **deep})
    for text in ("京" * 2_000_000, "aaaa " * 400_000, "a" * 2_000_000, "\u0301" * 2_000_000):
        started = time.thread_time()
        found = matcher.match_ids(article(text=text))
        assert time.thread_time() - started < 8
        assert found >= (runs.keys() if text[0] == "京" else set())


# --- topics -----------------------------------------------------------------------------------------------------------

RULES = TopicRules(compile_rules({1: "harbour", 2: "ferry", 3: "harbour"}), everywhere=frozenset({3}))


@pytest.mark.parametrize(
    ("title", "fed", "topics"),
    [
        ("Harbour", (9, 8, 9), (3, 8, 9)),
        ("Harbour", (1, 2, 9), (1, 3, 9)),
        ("Ferry", (1, 2), (2,)),
        ("Pier", (1, 2), ()),
        ("Harbour", (), (3,)),
        ("Harbour", (3,), (3,)),
    ],
)
def test_a_topic_takes_what_its_rule_says_of_its_sources_or_of_all(
    title: str, fed: tuple[int, ...], topics: tuple[int, ...]
) -> None:
    assert topics_of(article(title), fed, RULES) == topics
    assert topics_of(article(title), fed) == tuple(sorted(set(fed))), "without rules, everything of its sources"


def test_what_says_nothing_belongs_nowhere() -> None:
    nothing = RawArticle(guid="1", url="", title="")
    everywhere = TopicRules(compile_rules({1: "NOT ferry"}), frozenset({1}))
    assert topics_of(nothing, (2,), everywhere) == ()
    assert topics_of(article(), (2,), everywhere) == (1, 2)
