"""Steering by the links of a digest: everything on one page, nothing about the person, old links kindly refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from subscribers.tokens import Keyring
from subscribers.types import ReaderRow
from tests.web.desk import WebDesk, link_of, statements
from tests.web.reading import form, forms, press

DIGEST = 1
"""The number of the edition that every reader of these tests has had: the mail that asked them to confirm."""


@pytest.fixture
def ada(desk: WebDesk) -> int:
    return desk.join(name="Ada Lovelace", timezone="Europe/Berlin")


@pytest.fixture
def page(desk: WebDesk, ada: int) -> str:
    """The path that her digests link to."""
    return f"/preferences/{desk.keyring.tokens(ada, DIGEST).manage}"


def reader(desk: WebDesk) -> ReaderRow:
    return desk.reader("ada@example.org")


def save(client: httpx.Client, page: str, **others: str | list[str]) -> httpx.Response:
    return press(client, page, page, **{name.replace("__", "-"): value for name, value in others.items()})


def test_the_page_tells_choices_and_nobodys_name(client: httpx.Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert "Your next digest comes tomorrow at 07:00, Berlin time." in answer.text
    for unwanted in ("ada@", "Lovelace"):
        assert unwanted not in answer.text
    sent = form(answer, page).sent()
    assert sent["topic"] == ["harbour", "sport"]
    assert (sent["cadence"], sent["time"], sent["timezone"], sent["format"]) == (
        "daily",
        "07:00",
        "Europe/Berlin",
        "html",
    )
    assert 'id="pause"' in answer.text, "footers of digests link to it"


def test_one_form_saves_everything(client: httpx.Client, desk: WebDesk, page: str) -> None:
    answer = save(
        client,
        page,
        topic=["harbour", "sport", "madina"],
        place__sport="1",
        cadence="days",
        day=["fri", "mon"],
        time="18:45",
        timezone="Asia/Kolkata",
        locale="de",
        format="text",
        most="5",
    )
    assert answer.status_code == 200
    assert answer.headers["content-language"] == "de"
    assert "Montag" in answer.text
    row = reader(desk)
    assert row.topics == ("sport", "harbour", "madina")
    assert (row.cadence, row.send_minute, row.timezone) == ("days:mon,fri", 18 * 60 + 45, "Asia/Kolkata")
    assert (row.locale, row.format, row.max_stories) == ("de", "text", 5)
    assert row.next_due_at == datetime(2026, 3, 2, 13, 15, tzinfo=UTC)


def test_a_mail_without_news_is_asked_for_by_a_box(client: httpx.Client, desk: WebDesk, page: str, ada: int) -> None:
    answer = client.get(page)
    assert form(answer, page).sent()["quiet"] == "no", "it is not ticked unless the reader does"
    assert save(client, page).status_code == 200
    assert reader(desk).all_quiet is False
    for _ in range(2):
        client.get(f"{page}?quiet=yes")
    assert reader(desk).all_quiet is False, "looking changes nothing"
    ticked = save(client, page, quiet=["no", "yes"])
    assert reader(desk).all_quiet is True
    assert form(ticked, page).sent()["quiet"] == ["no", "yes"], "the page shows it ticked"
    wrong = save(client, page, quiet="no", most="99")
    assert wrong.status_code == 422
    assert form(wrong, page).sent()["quiet"] == "no", "what was chosen stays beside what is wrong"
    assert reader(desk).all_quiet is True
    untouched = form(client.get(page), page).sent()
    del untouched["quiet"]
    assert client.post(page, data=untouched).status_code == 200
    assert reader(desk).all_quiet is True, "a page of before there was the box takes nothing away"
    save(client, page, quiet="no")
    assert reader(desk).all_quiet is False
    assert [each.action for each in desk.readers.consents("ada@example.org")] == ["asked", "confirmed"]


def test_saving_says_when_the_next_digest_comes(client: httpx.Client, page: str) -> None:
    answer = save(client, page, cadence="weekly", weekday="sun")
    assert "Saved" in answer.text
    assert "Your next digest comes on Sunday, March 8 at 07:00, Berlin time." in answer.text


@pytest.mark.parametrize(
    ("fields", "cadence"),
    [
        ({"cadence": "weekdays"}, "weekdays"),
        ({"cadence": "as-it-happens"}, "as-it-happens"),
        ({"cadence": "several", "also": ["18:00", "12:00", ""]}, "several:12:00,18:00"),
        ({"cadence": "weekly", "weekday": "tue"}, "weekly:tue"),
    ],
)
def test_every_rhythm_comes_back_as_it_was_chosen(
    client: httpx.Client, desk: WebDesk, page: str, fields: dict[str, str | list[str]], cadence: str
) -> None:
    assert save(client, page, **fields).status_code == 200
    assert reader(desk).cadence == cadence
    assert save(client, page).status_code == 200
    assert reader(desk).cadence == cadence


def test_a_topic_with_days_and_a_time_of_its_own(client: httpx.Client, desk: WebDesk, page: str) -> None:
    answer = save(client, page, own__sport="weekly:sat", own__sport__time="09:30")
    assert "Its own days and time: Saturdays, 09:30" in answer.text
    who = desk.number()
    (_, sport) = desk.readers.choices(who, edition_id=DIGEST).topics
    assert (sport.cadence, sport.send_minute) == ("weekly:sat", 570)
    assert "Its own days and time: Saturdays" not in save(client, page, own__sport="").text


def test_what_was_typed_stays_beside_what_is_wrong(client: httpx.Client, desk: WebDesk, page: str) -> None:
    before = reader(desk)
    answer = save(client, page, topic="hafen", time="07:01", most="99", cadence="days", own__harbour="days")
    assert answer.status_code == 422
    sent = form(answer, page).sent()
    assert (sent["topic"], sent["time"], sent["most"], sent["cadence"]) == ("hafen", "07:01", "99", "days")
    for field in ("cadence", "time", "most"):
        assert f'<a href="#{field}">' in answer.text
        assert f'id="{field}-error"' in answer.text
    assert reader(desk) == before
    assert save(client, page, topic=[]).status_code == 422
    assert reader(desk) == before


def test_a_form_that_is_not_ours_changes_nothing(client: httpx.Client, desk: WebDesk, page: str, ada: int) -> None:
    before = reader(desk)
    ben = desk.join("ben@example.org", "sport")
    foreign = form(client.get(f"/preferences/{desk.keyring.seal('steer', ben, desk.minute())}"), "/preferences")
    wrong = ("", "x", str(foreign.sent()["token"]), desk.keyring.seal("form", 0, int(desk.time.timestamp())))
    for token in wrong:
        answer = save(client, page, token=token, time="18:00")
        assert answer.status_code == 422
        assert "Please send it again." in answer.text
        assert form(answer, page).sent()["time"] == "18:00"
        assert press(client, page, f"{page}/pause", token=token).status_code == 422
        assert press(client, page, f"{page}/fresh", token=token).status_code == 410
    asked = form(client.get(page), page)
    for told in ({"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}):
        assert client.post(page, data=asked.sent(time="18:00"), headers=told).status_code == 422
    desk.later(hours=25)
    assert client.post(page, data=asked.sent(time="18:00")).status_code == 422, "older than a day"
    assert reader(desk).send_minute == before.send_minute
    assert reader(desk).paused_until is None
    assert desk.waiting() == 0
    again = form(client.post(page, data=asked.sent(time="18:00")), page)
    assert client.post(page, data=again.sent()).status_code == 200
    assert reader(desk).send_minute == 1080


# --- pausing ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "until"),
    [
        ({"for": "week"}, datetime(2026, 3, 8, 23, 0, tzinfo=UTC)),
        ({"for": "month"}, datetime(2026, 4, 1, 22, 0, tzinfo=UTC)),
        ({"for": "date", "until": "2026-03-20"}, datetime(2026, 3, 19, 23, 0, tzinfo=UTC)),
    ],
)
def test_a_pause_and_its_end(
    client: httpx.Client, desk: WebDesk, page: str, fields: dict[str, str], until: datetime
) -> None:
    answer = press(client, page, f"{page}/pause", **fields)
    assert answer.status_code == 200
    assert reader(desk).paused_until == until
    due = reader(desk).next_due_at
    assert due is not None
    assert due >= until
    told = client.get(page).text
    assert "Paused until" in told
    assert f"{(until + timedelta(hours=2)).day}, 2026" in told
    press(client, answer, f"{page}/pause")
    assert reader(desk).paused_until is None
    assert reader(desk).next_due_at == datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
    assert "Paused until" not in client.get(page).text


@pytest.mark.parametrize(
    "until", ["2026-03-02", "2026-03-01", "2028-01-01", "", "tomorrow", "9999-12-31", "2026-02-30"]
)
def test_a_pause_until_no_day_to_come(client: httpx.Client, desk: WebDesk, page: str, until: str) -> None:
    answer = press(client, page, f"{page}/pause", **{"for": "date", "until": until})
    assert answer.status_code == 422
    assert 'id="until-error"' in answer.text
    assert reader(desk).paused_until is None


# --- links that are too old, too late, or nobody's --------------------------------------------------------------------


def test_an_old_link_offers_a_fresh_one(client: httpx.Client, desk: WebDesk, page: str) -> None:
    desk.later(days=91)
    answer = client.get(page)
    assert answer.status_code == 410
    assert client.post(page).status_code == 410
    assert "harbour" not in answer.text.lower()
    sent = press(client, answer, f"{page}/fresh")
    assert sent.status_code == 200
    (mail,) = desk.mail()
    assert mail["To"] == "ada@example.org"
    assert client.get(link_of(mail, "account")).status_code == 200


def test_the_answer_to_who_wants_a_fresh_link_is_always_the_same(
    client: httpx.Client, desk: WebDesk, page: str, ada: int
) -> None:
    by_link = press(client, page, f"{page}/fresh").text
    desk.mail()
    desk.later(hours=1)
    desk.readers.leave(ada, reason="page")
    token = desk.keyring.seal("form", ada, int(desk.time.timestamp()))
    again = client.post(f"{page}/fresh", params={"lang": "en"}, data={"token": token}).text
    assert again == by_link
    typed = set()
    for address in ("ada@example.org", "nobody@example.org"):
        asked = form(client.get("/fresh"), "/fresh")
        desk.later(seconds=10)
        answer = client.post("/fresh", data=asked.sent(email=address)).text
        assert answer.count(address) == 1, "a slip can be seen"
        typed.add(answer.replace(address, ""))
    assert len(typed) == 1
    (mail,) = desk.mail()
    assert mail["To"] == "ada@example.org", "who has left may see what we hold; ten minutes lie between two such mails"
    assert "/account/" in link_of(mail, "account")


def test_who_has_left_learns_that_and_no_more(client: httpx.Client, desk: WebDesk, page: str, ada: int) -> None:
    desk.readers.leave(ada, reason="page")
    left = client.get(page)
    assert left.status_code == 410
    assert 'href="/subscribe"' in left.text
    desk.readers.erase(ada)
    assert client.get(page).text == left.text
    assert client.post(page).status_code == 410
    assert client.post(f"{page}/pause").status_code == 410


def test_every_page_of_another_reader_is_the_same_404(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    """Whatever a link is wrong about, nobody can tell from the answer."""
    ours, key = desk.keyring.tokens(ada, DIGEST), desk.keyring
    other = Keyring(["another-key-of-another-installation-0001"])
    steer = key.seal("steer", ada, desk.minute())
    wrong = [
        ours.leave,
        ours.view,
        key.seal("fresh", ada, 1),
        key.seal("form", ada, desk.minute()),
        other.tokens(ada, DIGEST).manage,
        other.seal("steer", ada, desk.minute()),
        ours.manage[:-1],
        ours.manage + "A",
        steer[:8] + ("A" if steer[8] != "A" else "B") + steer[9:],
        "x",
        "%00",
        "ä",
        "a" * 3000,
        "..%2f..%2fetc",
    ]
    heads = set()
    for token in wrong:
        for method, path in (
            ("GET", f"/preferences/{token}"),
            ("POST", f"/preferences/{token}"),
            ("POST", f"/preferences/{token}/pause"),
            ("POST", f"/preferences/{token}/fresh"),
        ):
            answer = client.request(method, path)
            assert answer.status_code == 404, (method, path)
            heads.add(answer.text.split("</main>")[0])
    heads.add(client.get("/nowhere").text.split("</main>")[0])
    assert len(heads) == 1


def test_a_page_of_ours_steers_as_a_digest_does(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    page = f"/preferences/{desk.keyring.seal('steer', ada, desk.minute())}"
    assert save(client, page, time="18:00").status_code == 200
    assert reader(desk).send_minute == 1080
    leave = next(part for part in client.get(page).text.split('"') if part.startswith("/leave/"))
    assert client.get(leave).status_code == 200
    desk.later(days=91)
    assert client.get(page).status_code == 410


# --- typing an address ------------------------------------------------------------------------------------------------


def test_a_typed_address_gets_one_mail(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    asked = form(client.get("/fresh"), "/fresh")
    desk.later(seconds=10)
    assert client.post("/fresh", data=asked.sent(email=" ADA@example.org ")).status_code == 200
    (mail,) = desk.mail()
    assert mail["To"] == "ada@example.org"
    assert client.post("/fresh", data=asked.sent(email="ada@example.org", website="spam")).status_code == 200
    assert desk.waiting() == 0, "the field that nobody sees"


def test_a_hasty_or_foreign_form_needs_one_more_press(client: httpx.Client, desk: WebDesk, ada: int) -> None:
    hasty = press(client, "/fresh", "/fresh", email="ada@example.org")
    assert hasty.status_code == 422
    assert form(hasty, "/fresh").sent()["email"] == "ada@example.org"
    foreign = client.post("/fresh", data={"email": "ada@example.org"})
    assert foreign.status_code == 422
    assert desk.waiting() == 0
    desk.later(seconds=10)
    assert press(client, foreign, "/fresh").status_code == 200
    assert desk.waiting() == 1


def test_addresses_that_are_none(client: httpx.Client, desk: WebDesk) -> None:
    for email in ("", "ada", "ada@", "a b@example.org", "x" * 5000 + "@example.org"):
        asked = form(client.get("/fresh"), "/fresh")
        desk.later(seconds=10)
        answer = client.post("/fresh", data=asked.sent(email=email))
        assert answer.status_code == 422
        assert 'id="email-error"' in answer.text
    assert desk.waiting() == 0


def test_the_caps_hold_for_fresh_links(client: httpx.Client, desk: WebDesk, page: str) -> None:
    most = desk.settings.sign_ups_per_network
    statuses = [press(client, page, f"{page}/fresh").status_code for _ in range(most + 1)]
    assert statuses[-1] == 429
    assert set(statuses[:-1]) <= {200, 429}


# --- anything else ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "", 422),
        (b"{}", "application/json", 415),
        (b"x" * 5_000_000, "application/x-www-form-urlencoded", 413),
        (b"--x\r\n", "multipart/form-data", 400),
        (b"topic=%00&topic=%ff&cadence=%E2%80%AE&time=" + b"9" * 9000, "application/x-www-form-urlencoded", 422),
        (b"&".join(b"a=%d" % n for n in range(9000)), "application/x-www-form-urlencoded", 400),
    ],
)
def test_bodies_that_no_browser_sends(
    client: httpx.Client, desk: WebDesk, page: str, content: bytes, kind: str, status: int
) -> None:
    before = reader(desk)
    headers = {"content-type": kind} if kind else {}
    assert client.post(page, content=content, headers=headers).status_code == status
    assert client.post(f"{page}/pause", content=content, headers=headers).status_code == status
    assert reader(desk) == before


def test_a_reader_of_many_topics(client: httpx.Client, desk: WebDesk) -> None:
    slugs = [f"topic-{number}" for number in range(120)]
    for slug in slugs:
        desk.service.topics.add(slug.title(), slug=slug)
    who = desk.join("ada@example.org", *slugs)
    page = f"/preferences/{desk.keyring.tokens(who, DIGEST).manage}"
    assert save(client, page, **{"place-topic-119": "1"}).status_code == 200
    assert reader(desk).topics == (slugs[-1], *slugs[:-1])


def test_looking_takes_one_reading(client: httpx.Client, desk: WebDesk, page: str) -> None:
    client.get(page)
    with statements(desk.engine) as told:
        assert client.get(page).status_code == 200
    asked = [each for each in told if each.startswith("SELECT")]
    assert len(asked) == 1, asked
    assert len(forms(client.get(page))) == 4
