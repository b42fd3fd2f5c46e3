"""Signing up through the form, and everything a form can be fed."""

from __future__ import annotations

import re
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.web.conftest import SignUpForm
from tests.web.desk import RosterDesk


def test_a_sign_up_from_form_to_first_digest(client: httpx.Client, desk: RosterDesk, filled: SignUpForm) -> None:
    answer = client.post("/subscribe", data=filled(email="Ada+news@Example.org", name="Ada\u202e", time="18:45"))
    assert answer.status_code == 303
    assert answer.headers["location"] == "/subscribe/sent?lang=en"
    assert client.get(answer.headers["location"]).status_code == 200
    row = desk.reader("ada+NEWS@example.org")
    assert (row.address, row.name, row.status, row.send_minute) == ("Ada+news@Example.org", "Ada", "pending", 1125)
    (_, token) = desk.mailed[0]
    page = client.get(f"/confirm/{token}")
    assert "Harbour" in page.text
    assert desk.reader("ada+news@example.org").status == "pending", "looking at the page changes nothing"
    done = client.post(f"/confirm/{token}")
    assert (done.status_code, client.post(f"/confirm/{token}").status_code) == (200, 200)
    assert "Your first digest comes today at 18:45, Berlin time." in done.text
    assert desk.reader("ada+news@example.org").status == "active"


def test_links_preselect_and_prefill(client: httpx.Client) -> None:
    page = client.get(
        "/subscribe", params=[("topic", "sport"), ("topic", "madina"), ("email", 'a"><b@example.org')]
    ).text
    assert re.findall(r'value="(\w+)" checked', page) == ["sport", "madina"]
    assert 'value="a&#34;&gt;&lt;b@example.org"' in page


def test_an_unknown_topic_lists_those_that_exist(client: httpx.Client) -> None:
    answer = client.get("/subscribe?topic=harbor<script>")
    assert answer.status_code == 404
    assert "There is no topic “harbor&lt;script&gt;”. These are the topics you can have." in answer.text
    assert all(name in answer.text for name in ("Harbour", "Sport", "أخبار المدينة"))


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"email": ""}, "Please write your email address"),
        ({"email": "ada@"}, "We cannot send to this address"),
        ({"email": "ada@example.org\nBcc: x@example.org"}, "We cannot send to this address"),
        ({"topic": ""}, "There is no topic “”"),
        ({"topic": "nope"}, "There is no topic “nope”"),
        ({"cadence": "hourly"}, "Please choose the days"),
        ({"time": "07:10"}, "quarter hour"),
        ({"time": "٠٧:٠٠"}, "quarter hour"),
        ({"time": "25:00"}, "quarter hour"),
        ({"timezone": "../../etc/passwd"}, "Please choose your time zone"),
        ({"token": "forged"}, "Please send it again"),
    ],
)
def test_errors_keep_what_was_typed_and_write_nothing(
    client: httpx.Client, desk: RosterDesk, filled: SignUpForm, fields: dict[str, str], told: str
) -> None:
    answer = client.post("/subscribe", data=filled(**{"name": "Ada & Co", **fields}))
    assert answer.status_code == 422
    assert answer.text.count(told) >= 1
    assert 'role="alert"' in answer.text
    assert 'value="Ada &amp; Co"' in answer.text
    for name in set(fields) & {"email", "cadence", "time", "timezone", "topic"}:
        assert f'id="{name}-error"' in answer.text
    assert desk.everybody() == []


def test_no_topic_at_all(client: httpx.Client, filled: SignUpForm) -> None:
    fields = filled()
    del fields["topic"]
    answer = client.post("/subscribe", data=fields)
    assert answer.status_code == 422
    assert "Please choose at least one topic." in answer.text


def test_a_resent_form_works_at_once(client: httpx.Client, desk: RosterDesk, filled: SignUpForm) -> None:
    old = filled()
    desk.later(hours=25)
    again = client.post("/subscribe", data=old)
    assert again.status_code == 422
    token = re.search(r'name="token" value="([^"]+)"', again.text)
    assert token
    assert client.post("/subscribe", data={**old, "token": token[1]}).status_code == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"sec-fetch-site": "none"}, 303),
        ({"sec-fetch-site": "cross-site"}, 422),
        ({"sec-fetch-site": "same-site"}, 422),
        ({"origin": "null"}, 303),
        ({"origin": "http://127.0.0.1:8080"}, 303),
        ({"origin": "https://elsewhere.example"}, 422),
        ({}, 303),
    ],
)
def test_another_site_cannot_send_the_form(
    client: httpx.Client, filled: SignUpForm, headers: dict[str, str], status: int
) -> None:
    assert client.post("/subscribe", data=filled(), headers=headers).status_code == status


def test_machines_that_fill_in_everything_get_the_same_answer(
    client: httpx.Client, desk: RosterDesk, filled: SignUpForm
) -> None:
    trapped = client.post("/subscribe", data=filled(website="https://spam.example"))
    honest = client.post("/subscribe", data=filled(email="eda@example.org"))
    assert (trapped.status_code, trapped.headers["location"]) == (honest.status_code, honest.headers["location"])
    assert [row.address for row in desk.everybody()] == ["eda@example.org"]


def test_nobody_learns_who_is_subscribed(client: httpx.Client, desk: RosterDesk, filled: SignUpForm) -> None:
    client.post("/subscribe", data=filled())
    client.post(f"/confirm/{desk.mailed[0][1]}")
    answers = [client.post("/subscribe", data=filled(email=each)) for each in ("ada@example.org", "eda@example.org")]
    told = [(answer.status_code, answer.text, sorted(set(answer.headers) - {"date"})) for answer in answers]
    assert told[0] == told[1]
    assert answers[0].headers["location"] == answers[1].headers["location"]


@pytest.mark.parametrize("path", ["/subscribe", "/leave/{leave}"])
def test_five_megabytes_are_too_much(client: httpx.Client, desk: RosterDesk, path: str) -> None:
    big = b"name=" + b"x" * 5_000_000
    target = path.format(leave=desk.keyring.tokens(1, 1).leave)
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
        (
            b'--x\r\nContent-Disposition: form-data; name="email"; filename="a"\r\n\r\nx\r\n--x--\r\n',
            "multipart/form-data; boundary=x",
            400,
        ),
    ],
)
def test_bodies_that_are_no_form(
    client: httpx.Client, desk: RosterDesk, content: bytes, kind: str, status: int
) -> None:
    answer = client.post("/subscribe", content=content, headers={"content-type": kind} if kind else {})
    assert answer.status_code == status
    assert "<h1>" in answer.text
    assert desk.everybody() == []


def test_multipart_forms_work_as_well(client: httpx.Client, desk: RosterDesk, filled: SignUpForm) -> None:
    fields = {name: (None, value) for name, value in filled().items()}
    assert client.post("/subscribe", files=fields).status_code == 303
    assert desk.reader("ada@example.org").pending == ("harbour",)


def test_a_name_of_ten_kilobytes_is_cut(client: httpx.Client, desk: RosterDesk, filled: SignUpForm) -> None:
    assert client.post("/subscribe", data=filled(name="\u200bX" * 5000)).status_code == 303
    assert set(desk.reader("ada@example.org").name) == {"X"}
    assert len(desk.reader("ada@example.org").name) == 200


def test_sign_ups_at_the_same_time_are_one_reader(client: httpx.Client, desk: RosterDesk, filled: SignUpForm) -> None:
    fields = filled()
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/subscribe", data=fields).status_code, range(40)))
    assert set(answers) == {303}
    assert len(desk.everybody()) == 1


def test_a_broken_database_is_a_calm_page(client: httpx.Client, desk: RosterDesk) -> None:
    with sqlite3.connect(str(desk.engine.url.database)) as database:
        database.execute("ALTER TABLE topic RENAME TO lost")
    answer = client.get("/subscribe")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "Please try again in a minute" in answer.text
    assert "Traceback" not in answer.text
    assert "sqlite" not in answer.text.lower()
