"""Signing up through the form, and everything a form can be fed."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import httpx
import pytest

from digest.store.db import reading
from subscribers.consent import consents
from subscribers.forms import FORM_VERSION
from subscribers.types import ConsentRow
from tests.web.conftest import SignUpForm
from tests.web.desk import WebDesk, link_of
from tests.web.reading import form, press

AGREED = (
    "By signing up you ask Morning Paper to email you digests of the topics you chose. You can stop at any time with "
    "one click in every mail."
)


def test_a_sign_up_from_form_to_first_digest(client: httpx.Client, desk: WebDesk, filled: SignUpForm) -> None:
    answer = client.post("/subscribe", data=filled(email="Ada+news@Example.org", name="Ada\u202e", time="18:45"))
    assert answer.status_code == 202
    assert "a mail is on its way to" in answer.text
    assert "Ada+news@Example.org" in answer.text, "a slip can be seen"
    assert "location" not in answer.headers, "no address of a page holds the reader's"
    assert desk.everybody() == [], "the request only notes what was asked"
    (mail,) = desk.mail()
    row = desk.reader("ada+NEWS@example.org")
    assert (row.address, row.name, row.status, row.send_minute) == ("Ada+news@Example.org", "Ada", "pending", 1125)
    page = client.get(link_of(mail, "confirm"))
    assert "Harbour" in page.text
    assert desk.status("ada+news@example.org") == "pending", "looking at the page changes nothing"
    done = press(client, page)
    assert (done.status_code, press(client, page).status_code) == (200, 200)
    assert "Your first digest comes today at 18:45, Berlin time." in done.text
    assert desk.status("ada+news@example.org") == "active"


def test_links_preselect_and_prefill(client: httpx.Client, desk: WebDesk) -> None:
    query = [("topic", "sport"), ("topic", "madina"), ("email", 'a"><b@example.org'), ("source", "poster\u202e")]
    page = client.get(f"/subscribe?{urlencode(query)}")
    assert sorted(re.findall(r'value="(\w+)" checked', page.text)) == ["madina", "sport"]
    assert 'value="a&#34;&gt;&lt;b@example.org"' in page.text
    desk.later(seconds=5)
    assert press(client, page, email="ada@example.org").status_code == 202
    desk.mail()
    assert logged(desk)[0].source == "poster"


def logged(desk: WebDesk, address: str = "ada@example.org") -> list[ConsentRow]:
    with reading(desk.engine) as session:
        return consents(session, desk.number(address))


@pytest.mark.parametrize("language", ["en", "de", "ar"])
def test_what_was_agreed_is_logged_as_it_was_shown(client: httpx.Client, desk: WebDesk, language: str) -> None:
    page = client.get("/subscribe?topic=harbour", headers={"accept-language": language})
    shown = re.search(r'<p class="agreement">([^<]+)</p>', page.text)
    assert shown
    desk.later(seconds=5)
    # The browser's own language does not matter once the page was read: its text is what was agreed to.
    press(client, page, email="ada@example.org")
    desk.mail()
    line = logged(desk)[0]
    assert (line.action, line.form, line.topics) == ("asked", FORM_VERSION, ("harbour",))
    assert line.wording == shown[1]
    if language == "en":
        assert line.wording == AGREED
    assert len(line.network) == 64
    assert desk.reader("ada@example.org").locale == language


def test_an_unknown_topic_lists_those_that_exist(client: httpx.Client) -> None:
    answer = client.get("/subscribe?topic=harbor<script>")
    assert answer.status_code == 404
    assert "There is no topic “harbor&lt;script&gt;”. These are the topics you can have." in answer.text
    assert all(name in answer.text for name in ("Harbour", "Sport", "أخبار المدينة"))
    assert 'href="/sample/harbour"' in answer.text


def test_a_private_topic_is_not_offered(client: httpx.Client, desk: WebDesk, filled: SignUpForm) -> None:
    with sqlite3.connect(str(desk.engine.url.database)) as database:
        database.execute("UPDATE topic SET public = 0 WHERE slug = 'sport'")
    assert "sport" not in client.get("/subscribe").text.lower()
    assert client.get("/subscribe?topic=sport").status_code == 404
    assert client.post("/subscribe", data=filled(topic="sport")).status_code == 422


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": ""}, "Please write your email address"),
        ({"email": "ada@"}, "We cannot send to this address"),
        ({"email": "ada@example.org\nBcc: x@example.org"}, "We cannot send to this address"),
        ({"email": f"{'a' * 65}@example.org"}, "We cannot send to this address"),
        ({"email": "ädä@example.org"}, "We cannot send to this address"),
        ({"email": "ada@[192.0.2.1]"}, "We cannot send to this address"),
        ({"email": '"a b"@example.org'}, "We cannot send to this address"),
        ({"email": "ada@localhost"}, "We cannot send to this address"),
        ({"email": "a..b@example.org"}, "We cannot send to this address"),
        ({"email": "ada@example.org\x00"}, "We cannot send to this address"),
        ({"email": "x" * 10_000 + "@example.org"}, "We cannot send to this address"),
        ({"topic": ""}, "There is no topic “”"),
        ({"topic": "nope"}, "There is no topic “nope”"),
        ({"cadence": "days:mon,wed"}, "Please choose how often"),
        ({"cadence": "hourly"}, "Please choose how often"),
        ({"cadence": "several:" + ",".join(["12:00"] * 40)}, "Please choose how often"),
        ({"time": "07:10"}, "quarter hour"),
        ({"time": "٠٧:٠٠"}, "quarter hour"),
        ({"time": "25:00"}, "quarter hour"),
        ({"time": "18:00", "cadence": "several:18:00"}, "choose another time for the other"),
        ({"timezone": "../../etc/passwd"}, "Please choose your time zone"),
    ],
)
def test_errors_keep_what_was_typed_and_write_nothing(
    client: httpx.Client, desk: WebDesk, filled: SignUpForm, fields: dict[str, str], told: str
) -> None:
    answer = client.post("/subscribe", data=filled(**{"name": "Ada & Co", **fields}))
    assert answer.status_code == 422
    assert answer.text.count(told) >= 2, "at the top and beside the field"
    assert 'role="alert"' in answer.text
    assert 'value="Ada &amp; Co"' in answer.text
    for name in {"email", "time", "timezone", "topic"} & set(fields):
        assert f'id="{name}-error"' in answer.text
    assert desk.waiting() == 0


@pytest.mark.parametrize(
    "address", ["ada@bücher.example", "A.D.A+x=y/z@example.org", "o'hara@example.org", "ada@xn--bcher-kva.example"]
)
def test_rare_addresses_that_are_right(client: httpx.Client, desk: WebDesk, filled: SignUpForm, address: str) -> None:
    assert client.post("/subscribe", data=filled(email=f" {address} ")).status_code == 202
    assert len(desk.mail()) == 1
    assert desk.reader(address.upper()).address == address


@pytest.mark.parametrize(
    ("cadence", "time"), [("weekly:fri", "07:15"), ("several:18:00", "06:00"), ("as-it-happens", "07:00")]
)
def test_every_rhythm_that_is_offered(
    client: httpx.Client, desk: WebDesk, filled: SignUpForm, cadence: str, time: str
) -> None:
    assert client.post("/subscribe", data=filled(cadence=cadence, time=time)).status_code == 202
    desk.mail()
    assert desk.reader("ada@example.org").cadence == cadence


def test_no_topic_at_all(client: httpx.Client, filled: SignUpForm) -> None:
    fields = filled()
    del fields["topic"]
    answer = client.post("/subscribe", data=fields)
    assert answer.status_code == 422
    assert "Please choose at least one topic." in answer.text


def test_machines_that_fill_in_everything_get_the_same_answer(
    client: httpx.Client, desk: WebDesk, filled: SignUpForm
) -> None:
    trapped = client.post("/subscribe", data=filled(website="https://spam.example"))
    honest = client.post("/subscribe", data=filled(email="eda@example.org"))
    assert trapped.status_code == honest.status_code
    assert trapped.text.replace("ada@", "eda@") == honest.text
    desk.mail()
    assert [row.address for row in desk.everybody()] == ["eda@example.org"]


def test_the_form_of_the_error_page_can_be_sent_at_once_corrected(
    client: httpx.Client, desk: WebDesk, filled: SignUpForm
) -> None:
    wrong = client.post("/subscribe", data=filled(email="ada@", topic=["sport", "madina"], name="Ada"))
    desk.later(seconds=3)
    again = form(wrong, "/subscribe")
    assert ("name", "Ada") in again.fields
    assert [value for name, value in again.fields if name == "topic"] == ["sport", "madina"]
    assert client.post("/subscribe", data=again.sent(email="ada@example.org")).status_code == 202


@pytest.mark.parametrize("path", ["/subscribe", "/confirm/{confirm}", "/confirm/{confirm}/again"])
def test_five_megabytes_are_too_much(client: httpx.Client, desk: WebDesk, path: str) -> None:
    big = b"name=" + b"x" * 5_000_000
    tokens = desk.keyring.tokens(1, desk.minute())
    target = path.format(confirm=tokens.confirm)
    kind = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post(target, content=big, headers=kind).status_code == 413
    parts = {"content-type": "multipart/form-data; boundary=x"}
    body = b'--x\r\nContent-Disposition: form-data; name="name"\r\n\r\n' + big + b"\r\n--x--\r\n"
    assert client.post(target, content=body, headers=parts).status_code == 413


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "", 422),
        (b"", "application/x-www-form-urlencoded", 422),
        (b"\xff\xfe%zz=%", "application/x-www-form-urlencoded", 422),
        (b'{"email": 1}', "application/json", 415),
        (b"hello", "text/plain", 415),
        (b"hello", "multipart/form-data", 400),
        (b"hello", "multipart/form-data; boundary=x", 400),
        (b"&".join(b"topic=%d" % n for n in range(5000)), "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=x" % n for n in range(2500)), "application/x-www-form-urlencoded", 422),
        (b"&".join(b"f%d=x" % n for n in range(2501)), "application/x-www-form-urlencoded", 400),
        (
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\nx\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
    ],
)
def test_bodies_that_are_no_form(client: httpx.Client, desk: WebDesk, content: bytes, kind: str, status: int) -> None:
    answer = client.post("/subscribe", content=content, headers={"content-type": kind} if kind else {})
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert desk.waiting() == 0


def test_multipart_forms_work_as_well(client: httpx.Client, desk: WebDesk, filled: SignUpForm) -> None:
    fields = {name: (None, str(value)) for name, value in filled().items()}
    assert client.post("/subscribe", files=fields).status_code == 202
    desk.mail()
    assert desk.reader("ada@example.org").pending == ("harbour",)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("\u200bX" * 5000, "X" * 200),
        ("\u202eadA\u2066 \u2029Byron\x07\x00", "adA Byron"),
        ("\U000e0041\ufeff", ""),
        ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
    ],
)
def test_names_are_cleaned(client: httpx.Client, desk: WebDesk, filled: SignUpForm, name: str, kept: str) -> None:
    assert client.post("/subscribe", data=filled(name=name)).status_code == 202
    desk.mail()
    assert desk.reader("ada@example.org").name == kept


def test_sign_ups_at_the_same_time_are_one_reader_and_one_mail(
    client: httpx.Client, desk: WebDesk, filled: SignUpForm
) -> None:
    fields = filled()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/subscribe", data=fields).status_code, range(20)))
    assert set(answers) == {202}
    assert len(desk.mail()) == 1
    assert len(desk.everybody()) == 1


def test_a_broken_database_is_a_calm_page(client: httpx.Client, desk: WebDesk) -> None:
    with sqlite3.connect(str(desk.engine.url.database)) as database:
        database.execute("ALTER TABLE topic RENAME TO lost")
    answer = client.get("/subscribe")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "Please try again in a minute" in answer.text
    assert "Traceback" not in answer.text
    assert "sqlite" not in answer.text.lower()
