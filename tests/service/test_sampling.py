"""The sample mail of a topic: today's digest as a page, for anybody who thinks about signing up."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import event

from digest.service.places import templates_folder
from digest.service.sampling import KEPT
from digest.types import ViewedMail
from digest.web.app import create_app
from digest.web.views import MAIL_CSP
from subscribers.errors import UnknownTopic
from tests.service.town import NOW, Town
from tests.web.conftest import AUTHORITIES, serving


def sample(town: Town, slug: str, language: str = "en") -> ViewedMail:
    mail = town.service.readers.sample(slug, language)
    assert mail is not None
    return mail


def test_a_sample_is_todays_digest_and_leaves_no_trace(town: Town) -> None:
    town.topics("Harbour", "Energy")
    town.story("Ferry aground", "harbour", at=NOW - timedelta(hours=3))
    town.story("Old hat", "harbour", at=NOW - timedelta(days=2))
    town.story("Turbine stands still", "energy", at=NOW - timedelta(hours=3))
    mail = sample(town, "harbour")
    assert mail.subject == "Ferry aground"
    assert "Ferry aground" in mail.text
    assert "Old hat" not in mail.html
    assert "Turbine" not in mail.html, "of this topic only"
    assert "/leave/" not in mail.html + mail.text
    assert town.editions() == []
    assert 'lang="de"' in sample(town, "harbour", "de").html
    assert 'dir="rtl"' in sample(town, "harbour", "ar").html
    assert 'lang="en"' in sample(town, "harbour", "xx").html, "English where we have no catalogue"


def test_a_quiet_day_shows_the_week_and_a_quiet_week_nothing(town: Town) -> None:
    town.topics("Harbour", "Energy")
    town.story("Ferry aground", "harbour", at=NOW - timedelta(days=4))
    town.story("Long ago", "energy", at=NOW - timedelta(days=9))
    assert sample(town, "harbour").subject == "Ferry aground"
    assert town.service.readers.sample("energy", "en") is None


def test_what_readers_were_told_before_does_not_matter(town: Town) -> None:
    town.topics("Harbour")
    town.story("Ferry aground", "harbour")
    town.reader("ada@example.org", "harbour")
    assert town.morning() == 1
    assert sample(town, "harbour").subject == "Ferry aground"


@pytest.mark.parametrize("slug", ["nowhere", "secret", "", "../harbour", "x" * 500])
def test_only_public_topics_have_one(small_town: Town, slug: str) -> None:
    small_town.topics("Harbour")
    small_town.service.topics.add("Secret", public=False)
    small_town.story("Ferry aground", "harbour")
    with pytest.raises(UnknownTopic):
        small_town.service.readers.sample(slug, "en")


def test_a_sample_is_made_once_in_a_quarter_hour(small_town: Town) -> None:
    """Anybody may ask; compiling a digest for each who does would be a way to wear us out."""
    small_town.topics("Harbour")
    small_town.story("Ferry aground", "harbour")
    asked: list[str] = []

    @event.listens_for(small_town.engine, "before_cursor_execute")
    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        if "FROM article" in statement:
            asked.append(statement)

    with ThreadPoolExecutor(8) as pool:
        mails = list(pool.map(lambda _: sample(small_town, "harbour"), range(16)))
    assert len({id(mail) for mail in mails}) == 1
    once = len(asked)
    small_town.clock.at += timedelta(minutes=10)
    sample(small_town, "harbour")
    assert len(asked) == once
    small_town.clock.at += timedelta(minutes=10)
    sample(small_town, "harbour")
    assert len(asked) == 2 * once


def test_what_is_kept_is_bounded(small_town: Town) -> None:
    small_town.topics("Harbour")
    for _ in range(KEPT + 5):
        small_town.clock.at += timedelta(minutes=15)
        small_town.service.readers.sample("harbour", "en")
    assert len(small_town.service.readers._sampler._kept) == KEPT


def test_the_page_of_a_sample(small_town: Town) -> None:
    small_town.topics("Harbour", "Energy")
    small_town.service.topics.add("Secret", public=False)
    small_town.story("Ferry aground", "harbour")
    app = create_app(small_town.service.readers, templates_folder())
    with serving(app) as address, httpx.Client(base_url=address, trust_env=False, verify=AUTHORITIES) as client:
        shown = client.get("/sample/harbour?lang=de")
        assert shown.status_code == 200
        assert shown.headers["content-security-policy"] == MAIL_CSP
        assert shown.headers["x-robots-tag"] == "noindex"
        assert "Ferry aground" in shown.text
        assert 'lang="de"' in shown.text
        quiet = client.get("/sample/energy", headers={"Accept-Language": "en"})
        assert quiet.status_code == 200
        assert "A quiet week" in quiet.text
        assert "sandbox" not in quiet.headers["content-security-policy"], "a page of ours, not a mail"
        unknown, secret = client.get("/sample/nowhere?lang=en"), client.get("/sample/secret?lang=en")
        assert unknown.status_code == secret.status_code == 404
        assert unknown.text.replace("nowhere", "") == secret.text.replace("secret", "")
