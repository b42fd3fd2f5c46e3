"""The links below a story: looking changes nothing, a button does, and everything can be taken back."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import select

from digest.store.db import reading
from subscribers.models import Profile, Vote
from subscribers.sql import table
from subscribers.tokens import Keyring
from tests.service.town import Town
from tests.web.desk import WebDesk, link_of
from tests.web.looking import SIZES, looked_at
from tests.web.reading import form, press

FERRY = "Ferry aground in the fog off Cutler bank, all passengers safe"


@pytest.fixture
def mail(desk: WebDesk) -> EmailMessage:
    """The first digest of Ada: a lead, a card and more."""
    desk.join(timezone="Europe/Berlin")
    town = Town(desk.engine, desk.settings, service=desk.service)
    desk.later(days=1)
    at = desk.time - timedelta(hours=5)
    town.story(FERRY, "harbour", at=at, publisher="Quayside Wire")
    town.story("Dredging to last until the end of the month", "harbour", at=at, publisher="Die Mole")
    town.story("نادي لانثورن يفوز بكأس الساحل", "sport", at=at, publisher="فنار الخليج")
    desk.service.plan()
    (digest,) = desk.mail()
    return digest


@pytest.fixture
def page(mail: EmailMessage) -> str:
    """The path below the ferry's story."""
    return path_of(mail, FERRY)


def path_of(mail: EmailMessage, title: str) -> str:
    """Where "Why this?" leads below the story of this title."""
    html = content(mail, "html")
    found = re.search(r"href=\"https?://[^/\"]+(/why/[\w-]{38}/\d+)\"", html[html.index(title) :])
    assert found
    return found[1]


def content(mail: EmailMessage, kind: str) -> str:
    body = mail.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def votes(desk: WebDesk) -> list[tuple[str, str, int]]:
    return [(vote.kind, vote.label, vote.weight) for vote in desk.readers.votes(desk.number())]


def kept(desk: WebDesk) -> list[object]:
    """Every row that a vote could change."""
    with reading(desk.engine) as session:
        tables = (table(Vote), table(Profile))
        return [tuple(row) for each in tables for row in session.connection().execute(select(each))]


def test_every_story_of_a_mail_leads_to_a_page_of_its_own(client: httpx.Client, mail: EmailMessage) -> None:
    links = re.findall(r"https?://[^/\"\s]+(/why/[\w-]{38}/\d+)", content(mail, "html"))
    muting = re.findall(r"(/why/[\w-]{38}/\d+)#mute", content(mail, "html"))
    assert (len(links), len(set(links)), sorted(muting)) == (6, 3, sorted(set(links)))
    assert set(re.findall(r"(/why/[\w-]{38}/\d+)", content(mail, "plain"))) == set(links)
    told = {re.findall(r'class="asked"><bdi>(.*?)</bdi>', client.get(link).text)[0] for link in links}
    assert {FERRY, "Dredging to last until the end of the month"} < told


def test_the_sentence_is_plain_and_without_figures(client: httpx.Client, page: str) -> None:
    answer = client.get(page)
    assert answer.status_code == 200
    assert "one publisher tells it, and" in answer.text
    assert "<bdi>Harbour</bdi>" in answer.text
    assert "rank 0" not in answer.text
    assert "ada@" not in answer.text


def test_whoever_follows_every_link_of_a_mail_changes_nothing(
    client: httpx.Client, desk: WebDesk, mail: EmailMessage
) -> None:
    before = kept(desk)
    for link in re.findall(r"https?://[^/\"\s]+(/(?:why|preferences|leave|view)/[^\"\s]+)", content(mail, "html")):
        assert client.get(link).status_code == 200
        assert client.head(link).status_code == 200
    assert kept(desk) == before
    assert desk.status() == "active"


@pytest.mark.parametrize(
    ("wish", "kind", "label", "weight", "says"),
    [
        ("story", "story", FERRY, -1, "This story is muted"),
        ("publisher", "publisher", "Quayside Wire", -1, "<bdi>Quayside Wire</bdi> is muted"),
        ("prefer", "publisher", "Quayside Wire", 1, "<bdi>Quayside Wire</bdi> comes first"),
        ("more", "like", FERRY, 1, "move up in your digest"),
        ("less", "like", FERRY, -1, "move down in your digest"),
    ],
)
def test_each_button_and_its_undo(
    client: httpx.Client, desk: WebDesk, page: str, wish: str, kind: str, label: str, weight: int, says: str
) -> None:
    done = press(client, page, page, wish=wish)
    assert (done.status_code, says in done.text) == (200, True)
    assert votes(desk) == [(kind, label, weight)]
    undone = press(client, done, f"{page}/undo")
    assert "Taken back" in undone.text
    assert votes(desk) == []


def test_the_list_in_the_preferences_deletes(
    client: httpx.Client, desk: WebDesk, mail: EmailMessage, page: str
) -> None:
    choices = link_of(mail, "preferences")
    assert 'id="votes"' not in client.get(choices).text
    press(client, page, page, wish="publisher")
    press(client, page, page, wish="less")
    seen = client.get(choices)
    assert "Quayside Wire" in seen.text
    assert FERRY in seen.text
    listed = form(seen, f"{choices}/votes")
    stale = client.post(listed.action, data={**listed.sent(), "token": "x"})
    assert (stale.status_code, len(votes(desk))) == (422, 2)
    assert press(client, seen, f"{choices}/votes").status_code == 200
    assert votes(desk) == [("publisher", "Quayside Wire", -1)]
    assert press(client, client.get(choices), f"{choices}/votes").status_code == 200
    assert votes(desk) == []


def test_preferring_and_muting_a_publisher_are_one_choice(
    client: httpx.Client, desk: WebDesk, mail: EmailMessage, page: str
) -> None:
    press(client, page, page, wish="publisher")
    preferred = press(client, page, page, wish="prefer")
    assert votes(desk) == [("publisher", "Quayside Wire", 1)]
    listed = client.get(link_of(mail, "preferences")).text
    assert "This publisher first, of several that tell a story" in listed
    assert "Nothing that only this publisher tells" not in listed
    press(client, preferred, f"{page}/undo")
    assert votes(desk) == [("publisher", "Quayside Wire", -1)]


def test_the_page_says_whose_telling_was_shown_and_why(client: httpx.Client, desk: WebDesk, page: str) -> None:
    at = desk.time + timedelta(hours=3)
    town = Town(desk.engine, desk.settings, service=desk.service)
    said = {
        "prefer": "It was told by <bdi>Quayside Wire</bdi> because you want them first.",
        "publisher": "It was told by <bdi>Die Mole</bdi> because you muted who would have told it otherwise.",
    }
    for day, (wish, leads, other) in enumerate(
        (("prefer", "Die Mole", "Quayside Wire"), ("publisher", "Quayside Wire", "Die Mole"))
    ):
        press(client, page, page, wish=wish)
        when = at + timedelta(days=day)
        story = town.story(f"Quay {day} floods", "harbour", at=when, publisher=leads)
        told = f"Pumps wanted at basin {day} before the next tide, says the harbour office."
        title = f"Pumps wanted {day}"
        town.story(title, "harbour", at=when + timedelta(minutes=9), into=story, publisher=other, text=told)
        desk.later(days=1)
        desk.service.plan()
        desk.service.dispatch()
        answer = client.get(path_of(desk.mail()[-1], title)).text
        assert [sentence in answer for sentence in said.values()] == [each == wish for each in said]


@pytest.mark.parametrize("sent", [{"wish": "more"}, {"wish": "more", "token": "x"}, {"wish": "nonsense"}, {}])
def test_a_form_that_is_not_ours_changes_nothing(
    client: httpx.Client, desk: WebDesk, page: str, sent: dict[str, str]
) -> None:
    token = {} if "wish" in sent and sent["wish"] == "more" else form(client.get(page), page).sent(wish="")
    answer = client.post(page, data={**token, **sent})
    assert (answer.status_code, "nothing was changed" in answer.text) == (422, True)
    assert votes(desk) == []


def test_links_that_are_no_links_of_this_mail(client: httpx.Client, desk: WebDesk, page: str) -> None:
    _, _, token, story = page.split("/")
    claim = desk.keyring.unseal(token, "tune")
    foreign = Keyring(["another-key-of-another-installation-0001"])
    others = desk.keyring.mail_links(claim.subscriber_id, claim.context)
    wrong = [others.manage, others.view, others.leave, foreign.seal("tune", claim.subscriber_id, claim.context), "x"]
    wrong.append(desk.keyring.seal("tune", claim.subscriber_id, claim.context + 1))
    for each in wrong:
        assert client.get(f"/why/{each}/{story}").status_code in (404, 410)
    for number in ("0", "4711", "-1", "9" * 40, "%00", "x"):
        assert client.get(f"/why/{token}/{number}").status_code == 404
        assert client.post(f"/why/{token}/{number}", data={"wish": "more"}).status_code == 404
    for path in (f"/preferences/{token}", f"/leave/{token}", f"/view/{token}"):
        assert client.get(path).status_code == 404, "the link below a story does nothing else"
    assert votes(desk) == []


def test_an_old_link_and_one_of_who_has_left(client: httpx.Client, desk: WebDesk, page: str) -> None:
    desk.later(days=91)
    old = client.get(page)
    assert old.status_code == 410
    sent = press(client, old, page.rpartition("/")[0])
    assert sent.status_code == 200
    assert any("/account/" in content(each, "plain") for each in desk.mail())
    desk.time -= timedelta(days=91)
    desk.readers.leave(desk.number(), reason="page")
    assert client.get(page).status_code == 410


# --- looked at --------------------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.parametrize(
    ("language", "size", "scheme", "script"),
    [
        ("en", "desktop", "light", True),
        ("en", "phone", "dark", False),
        ("de", "phone", "light", True),
        ("ar", "desktop", "dark", False),
        ("ar", "phone", "light", True),
    ],
)
def test_the_walk_in_a_browser(
    desk: WebDesk,
    served: str,
    page: str,
    mail: EmailMessage,
    browser: Browser,
    artifacts: Path,
    language: str,
    size: str,
    scheme: str,
    script: bool,
) -> None:
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=script,
    )
    tab = context.new_page()

    def shot(name: str) -> None:
        looked_at(tab, artifacts / f"why-{name}-{language}-{size}-{scheme}.png", script=script)

    tab.goto(f"{served}{page}?lang={language}")
    assert tab.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
    shot("asked")
    pressed(tab, "publisher")
    shot("muted")
    assert votes(desk) == [("publisher", "Quayside Wire", -1)]
    tab.click("form[action*='/undo'] button")
    assert votes(desk) == []
    pressed(tab, "prefer")
    shot("preferred")
    assert votes(desk) == [("publisher", "Quayside Wire", 1)]
    pressed(tab, "less")
    pressed(tab, "story")
    assert "/preferences/" not in tab.content()
    tab.goto(f"{served}{link_of(mail, 'preferences')}?lang={language}#votes")
    assert tab.locator("#votes li").count() == 3
    shot("listed")
    tab.click("#votes button >> nth=0")
    tab.click("#votes button >> nth=0")
    tab.click("#votes button >> nth=0")
    assert tab.locator("#votes").count() == 0
    assert votes(desk) == []
    context.close()


def pressed(tab: Page, wish: str) -> None:
    tab.click(f"button[value={wish}]")
