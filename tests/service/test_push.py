"""Pushing articles: what is stored, what a repeat gets, and what happens when calls meet."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DatabaseError

from digest.errors import InputError
from digest.gather.push import BadBody
from digest.service.push import CALLS_A_MINUTE, Answer, CallInFlight, CallReused, KeyGone, PushDesk
from digest.store import calls
from digest.store.db import writing
from digest.store.keys import Caller
from subscribers.errors import TooMany
from tests.service.town import NOW, Town

HOUR = timedelta(hours=1)


def body(*items: Any) -> bytes:
    return json.dumps({"articles": items}).encode()


def crane(**told: Any) -> dict[str, Any]:
    return {"id": "crane", "url": "https://gull.example/crane", "title": "A new crane", "text": "It lifts.", **told}


@pytest.fixture
def desk(town: Town) -> PushDesk:
    town.topics("Harbour", "Sport")
    return town.service.push


def caller(desk: PushDesk, name: str = "gull", **told: Any) -> Caller:
    made = desk.add_key(name, **{"topics": ["harbour", "sport"], **told})
    found = desk.caller(made.key)
    assert found is not None
    return found


@pytest.fixture
def gull(desk: PushDesk) -> Caller:
    return caller(desk)


def rows(engine: Engine, query: str) -> list[tuple[Any, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def told(answer: Answer) -> list[str]:
    return [each["status"] for each in json.loads(answer.body)["results"]]


def news(town: Town) -> list[datetime | None]:
    return [
        None if at is None else datetime.fromisoformat(str(at)).replace(tzinfo=NOW.tzinfo)
        for (at,) in rows(town.engine, "SELECT news_at FROM article ORDER BY id")
    ]


def test_an_article_comes_changes_and_stays(town: Town, desk: PushDesk, gull: Caller) -> None:
    first = desk.store(gull, body(crane(author="Ada", language="de-AT")))
    assert json.loads(first.body) == {
        "results": [{"index": 0, "status": "new", "id": "crane"}],
        **dict.fromkeys(("changed", "unchanged", "rejected"), 0),
        "new": 1,
    }
    assert (first.status, first.replayed) == (200, False)
    query = "SELECT guid, url, title, text, author, publisher, language FROM article"
    ours = ("crane", "https://gull.example/crane", "A new crane", "It lifts.", "Ada", "gull", "de")
    assert rows(town.engine, query) == [ours]
    assert rows(town.engine, "SELECT count(*) FROM article_topic") == [(2,)]
    assert news(town) == [NOW]

    town.clock.at += HOUR
    assert told(desk.store(gull, body(crane(author="Ada", language="de-AT")))) == ["unchanged"]
    assert told(desk.store(gull, body(crane(title="An old crane")))) == ["changed"]
    assert rows(town.engine, "SELECT title FROM article") == [("An old crane",)]
    assert news(town) == [NOW], "a change is no news"


def test_an_id_is_the_articles_whatever_else_changes(town: Town, desk: PushDesk, gull: Caller) -> None:
    old = crane(published_at=(NOW - 30 * HOUR).isoformat())
    assert told(desk.store(gull, body(old))) == ["new"]
    moved = crane(title="Tides", url="https://gull.example/tides", published_at=NOW.isoformat())
    assert told(desk.store(gull, body(moved))) == ["changed"]
    same_address = crane(id="other", title="Another story on the same page")
    assert told(desk.store(gull, body(same_address))) == ["new"]
    assert rows(town.engine, "SELECT guid, title FROM article ORDER BY id") == [
        ("crane", "Tides"), ("other", "Another story on the same page"),
    ]  # fmt: skip


def test_without_an_id_the_address_names_the_article_in_any_form(town: Town, desk: PushDesk, gull: Caller) -> None:
    plain, tracked = (
        {"url": f"https://gull.example/crane{query}", "title": "A new crane"} for query in ("", "?utm_source=wire")
    )
    assert told(desk.store(gull, body(plain, tracked))) == ["new", "rejected"]
    again = desk.store(gull, body(tracked | {"title": "An old crane"}))
    assert json.loads(again.body)["results"] == [
        {"index": 0, "status": "changed", "id": "https://gull.example/crane"}
    ], "with the name that it has, for later calls"
    named = {"id": "https://gull.example/crane", "title": "A crane"}
    both = json.loads(desk.store(gull, body(named, tracked)).body)["results"]
    assert [each["status"] for each in both] == ["changed", "rejected"]
    assert both[1]["error"] == {"field": "url", "message": "is the address of item 0 of this call"}
    assert rows(town.engine, "SELECT title, version FROM article") == [("A crane", 3)]
    assert rows(town.engine, "SELECT version, title FROM article_version ORDER BY version") == [
        (1, "A new crane"), (2, "An old crane"),
    ]  # fmt: skip


def test_what_is_pushed_is_refined_like_what_is_gathered(town: Town, desk: PushDesk, gull: Caller) -> None:
    told_twice = crane(title="A new crane - The Gull", author="By Ada", publisher="The Gull")
    told_twice |= {"url": "https://gull.example/crane?utm_source=wire", "html": "<p>A new crane</p><p>It lifts.</p>"}
    del told_twice["text"]
    assert told(desk.store(gull, body(told_twice))) == ["new"]
    assert rows(town.engine, "SELECT title, author, url, text, html, words > 0 FROM article") == [
        ("A new crane", "Ada", "https://gull.example/crane", "It lifts.", "", 1),
    ]  # fmt: skip
    assert told(desk.store(gull, body(told_twice))) == ["unchanged"]


def test_markup_is_kept_of_sources_with_full_rights(town: Town, desk: PushDesk) -> None:
    full = caller(desk, "full", rights="full")
    item = {"id": "crane", "title": "A crane", "html": '<p onclick="x()">It <b>lifts</b>.</p><script>x()</script>'}
    assert told(desk.store(full, body(item))) == ["new"]
    ((html,),) = rows(town.engine, "SELECT html FROM article")
    assert "<b>lifts</b>" in html
    assert "onclick" not in html
    assert "script" not in html


def test_what_is_pushed_is_news_from_the_first_call_on(town: Town, desk: PushDesk, gull: Caller) -> None:
    def at(moment: datetime, name: str) -> dict[str, Any]:
        return {"id": name, "title": name, "published_at": moment.isoformat()}

    undated = [{"id": f"undated-{number}", "title": f"Story {number}"} for number in range(40)]
    dated = [at(NOW - 47 * HOUR, "fresh"), at(NOW - 49 * HOUR, "old"), at(NOW + 2 * HOUR, "soon")]
    assert told(desk.store(gull, body(*undated, *dated))) == ["new"] * 43
    assert news(town) == [NOW] * 40 + [NOW, NOW - 49 * HOUR, NOW]


def test_every_item_has_its_own_verdict(town: Town, desk: PushDesk, gull: Caller) -> None:
    answer = desk.store(gull, body(crane(), crane(), {"id": "x"}, {"id": "y", "title": "Tides"}, None))
    results = json.loads(answer.body)["results"]
    assert answer.status == 207
    assert [each["status"] for each in results] == ["new", "rejected", "rejected", "new", "rejected"]
    assert [each["error"]["field"] for each in results if "error" in each] == ["id", "title", ""]
    assert rows(town.engine, "SELECT guid FROM article ORDER BY guid") == [("crane",), ("y",)]
    nothing = desk.store(gull, body({"id": "x"}))
    assert (nothing.status, told(nothing)) == (422, ["rejected"])
    with pytest.raises(BadBody):
        desk.store(gull, b"{")


def test_who_is_credited(town: Town, desk: PushDesk, gull: Caller) -> None:
    named = caller(desk, "wire", publisher="The Wire", language="de", topics=["sport"])
    for who in (gull, named):
        desk.store(who, body(crane(publisher="Somebody"), {"id": "bare", "title": "Tides"}))
    assert rows(town.engine, "SELECT publisher, language FROM article ORDER BY id") == [
        ("Somebody", ""), ("gull", ""), ("The Wire", "de"), ("The Wire", "de"),
    ]  # fmt: skip
    assert rows(town.engine, "SELECT count(*) FROM article_topic") == [(6,)], "of wire, sport only"


def test_topics_with_rules_take_what_matches(town: Town, desk: PushDesk, gull: Caller) -> None:
    town.service.topics.add("Cranes", rule="crane")
    town.service.topics.add("Tides", rule="tide")

    def belongs() -> list[tuple[str, str]]:
        return rows(
            town.engine,
            "SELECT article.guid, topic.slug FROM article JOIN article_topic ON article_id = article.id "
            "JOIN topic ON topic.id = topic_id WHERE rule <> '' ORDER BY guid, slug",
        )

    tide = {"id": "tide", "title": "The tide turns"}
    desk.store(gull, body(crane(), tide))
    assert belongs() == [("crane", "cranes"), ("tide", "tides")], "without a source, from all of them"
    wire = caller(desk, "wire", topics=["tides"])
    assert belongs() == [("crane", "cranes")], "from its own source only, now that it has one"
    desk.store(wire, body(crane(id="second"), {**tide, "id": "third"}))
    assert belongs() == [("crane", "cranes"), ("second", "cranes"), ("third", "tides")]


def test_the_next_gather_puts_it_into_a_story(town: Town, desk: PushDesk, gull: Caller) -> None:
    desk.store(gull, body(crane()))
    assert rows(town.engine, "SELECT story_id FROM article") == [(None,)]
    assert town.service.gather(due_only=True) == []
    assert town.service.gather() == [], "what is pushed to us is never fetched"
    assert rows(town.engine, "SELECT count(*) FROM article WHERE story_id IS NULL") == [(0,)]


# --- calls with an idempotency key ------------------------------------------------------------------------------------


def test_a_repeat_gets_the_first_answer_and_stores_nothing(town: Town, desk: PushDesk, gull: Caller) -> None:
    sent = body(crane(), {"id": "x"})
    first = desk.store(gull, sent, call="one")
    desk.store(gull, body(crane(title="Changed since")), call="two")
    again = desk.store(gull, sent, call="one")
    assert (again.status, again.body, again.replayed) == (207, first.body, True)
    assert rows(town.engine, "SELECT title FROM article") == [("Changed since",)]
    with pytest.raises(CallReused):
        desk.store(gull, sent + b" ", call="one")
    with pytest.raises(BadBody):
        desk.store(gull, b"{", call="three")
    assert not desk.store(gull, sent, call="three").replayed, "what cannot be read does not use a key up"


def test_an_answer_is_kept_for_a_day(town: Town, desk: PushDesk, gull: Caller) -> None:
    desk.store(gull, body(crane()), call="one")
    town.clock.at += calls.KEPT
    assert desk.store(gull, body(crane()), call="one").replayed
    town.clock.at += timedelta(seconds=1)
    desk.store(gull, body(crane()), call="two")
    assert rows(town.engine, "SELECT name FROM api_call") == [("two",)]


def test_what_a_crash_leaves_blocks_a_repeat_for_two_minutes(town: Town, desk: PushDesk, gull: Caller) -> None:
    """The process died between the two transactions: the call is in flight, and nothing is stored."""
    sent = body(crane())
    with writing(town.engine) as session:
        body_hash = blake2b(sent, digest_size=32).hexdigest()
        assert isinstance(calls.begin(session, gull.key_id, "one", body_hash, now=NOW), calls.Begun)
    with pytest.raises(CallInFlight) as told_to_wait:
        desk.store(gull, sent, call="one")
    assert told_to_wait.value.retry_after == 120
    town.clock.at += timedelta(seconds=120)
    assert told(desk.store(gull, sent, call="one")) == ["new"]


@contextmanager
def refusing(engine: Engine) -> Iterator[None]:
    """A database that takes no article, as a full disk would."""
    sqlite = engine.dialect.name == "sqlite"
    made = (
        ["CREATE TRIGGER full BEFORE INSERT ON article BEGIN SELECT RAISE(ABORT, 'full'); END"]
        if sqlite
        else [
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION 'full'; END$$",
            'CREATE TRIGGER "full" BEFORE INSERT ON article FOR EACH ROW EXECUTE FUNCTION refuse()',
        ]
    )
    for line in made:
        with engine.begin() as connection:
            connection.execute(text(line))
    yield
    with engine.begin() as connection:
        connection.execute(text("DROP TRIGGER full" if sqlite else 'DROP TRIGGER "full" ON article'))


def test_a_call_that_fails_leaves_nothing_and_can_be_repeated_at_once(town: Town, desk: PushDesk, gull: Caller) -> None:
    sent = body(crane())
    with refusing(town.engine), pytest.raises(DatabaseError) as failed:
        desk.store(gull, sent, call="one")
    assert "crane" not in str(failed.value)
    assert rows(town.engine, "SELECT count(*) FROM article") == [(0,)]
    assert rows(town.engine, "SELECT count(*) FROM api_call") == [(0,)]
    assert told(desk.store(gull, sent, call="one")) == ["new"]


# --- calls that meet --------------------------------------------------------------------------------------------------


def at_once(count: int, act: Callable[[int], str]) -> list[str]:
    barrier = threading.Barrier(count, timeout=20)

    def one(number: int) -> str:
        barrier.wait()
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return sorted(pool.map(one, range(count)))


def test_the_same_call_many_times_at_once_is_made_once(town: Town, desk: PushDesk, gull: Caller) -> None:
    sent = body(*({"id": str(number), "title": f"Story {number}"} for number in range(100)))
    bodies = set()

    def send(_: int) -> str:
        try:
            answer = desk.store(gull, sent, call="one")
        except CallInFlight:
            return "in flight"
        bodies.add(answer.body)
        return "replayed" if answer.replayed else "stored"

    outcomes = at_once(6, send)
    assert outcomes.count("stored") == 1
    assert set(outcomes) <= {"stored", "replayed", "in flight"}
    assert len(bodies) == 1
    assert rows(town.engine, "SELECT count(*) FROM article") == [(100,)]
    assert rows(town.engine, "SELECT status FROM api_call") == [(200,)]


def test_of_two_tellings_at_once_none_is_lost_unsaid(town: Town, desk: PushDesk, gull: Caller) -> None:
    """Each call without an idempotency key: one finds the article new, each other one finds it there and changes it."""
    outcomes = at_once(5, lambda number: told(desk.store(gull, body(crane(title=f"Telling {number}"))))[0])
    assert outcomes == ["changed"] * 4 + ["new"]
    assert rows(town.engine, "SELECT count(*) FROM article") == [(1,)]


def test_a_key_that_runs_wild_is_stopped_for_the_minute(town: Town, desk: PushDesk, gull: Caller) -> None:
    other = caller(desk, "other", topics=(), source_id=gull.source_id)
    for _ in range(CALLS_A_MINUTE):
        desk.store(gull, body(crane()))
    with pytest.raises(TooMany) as capped:
        desk.store(gull, body(crane(title="Too much")))
    assert 0 < capped.value.retry_after <= 60
    assert told(desk.store(other, body(crane()))) == ["unchanged"]
    town.clock.at += timedelta(minutes=1)
    assert told(desk.store(gull, body(crane()))) == ["unchanged"]


@pytest.mark.parametrize("call", ["", "one"])
@pytest.mark.parametrize("removed", [False, True])
def test_a_key_that_goes_while_its_call_is_read(
    town: Town, desk: PushDesk, gull: Caller, call: str, removed: bool
) -> None:
    if removed:
        town.service.sources.remove(gull.source_id)
    else:
        desk.revoke_key("gull")
    with pytest.raises(KeyGone):
        desk.store(gull, body(crane()), call=call)
    assert rows(town.engine, "SELECT count(*) FROM article") == [(0,)]
    assert rows(town.engine, "SELECT count(*) FROM api_call") == [(0,)]


# --- keys -------------------------------------------------------------------------------------------------------------


def test_keys_are_given_listed_and_taken_back(town: Town, desk: PushDesk) -> None:
    made = desk.add_key("gull", topics=["sport"], rights="full")
    assert len(made.key) == 46
    assert made.key.startswith("dk_")
    second = desk.add_key("second", source_id=made.source_id)
    assert second.source_id == made.source_id
    assert second.key != made.key
    found = desk.caller(made.key)
    assert found is not None
    assert (found.rights, sorted(found.scopes)) == ("full", ["articles:write"])
    desk.store(found, body(crane()))
    first, other = desk.list_keys()
    assert (first.name, first.hint, first.topics, first.used_at) == ("gull", made.key[:8], ("sport",), NOW)
    assert (other.name, other.used_at) == ("second", None)
    assert desk.revoke_key("gull")
    assert not desk.revoke_key("gull")
    assert desk.caller(made.key) is None
    assert desk.caller(second.key) is not None
    for nothing in ("", "dk_", made.key[:-1], made.key + "A", "xx" + made.key, "dk_" + "A" * 43, made.key + "\n"):
        assert desk.caller(nothing) is None


@pytest.mark.parametrize(
    ("name", "told", "message"),
    [
        ("", {}, "1 to 100"),
        (" x", {}, "1 to 100"),
        ("x\x00", {}, "1 to 100"),
        ("x" * 101, {}, "1 to 100"),
        ("x", {"topics": ()}, "--topic"),
        ("x", {"source_id": 1}, "--topic"),
        ("x", {"topics": ["nix"]}, "no topic 'nix'"),
        ("x", {"topics": (), "source_id": 99}, "no source 99"),
        ("x", {"topics": (), "source_id": 1, "publisher": "P"}, "beside --source"),
        ("x", {"language": "klingon"}, "no language"),
        ("x", {"rights": "all"}, "title, excerpt, full"),
        ("x", {"scopes": ["everything"]}, "articles:write"),
        ("x", {"scopes": []}, "scope"),
    ],
)
def test_keys_that_cannot_be_made(desk: PushDesk, name: str, told: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        desk.add_key(name, **{"topics": ["sport"], **told})
    assert desk.list_keys() == []
    assert desk.add_key("x", topics=["sport"]).name == "x", "nothing was left behind"
