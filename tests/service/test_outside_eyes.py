"""Every built mail in the eyes of others: a validator of HTML, and a filter that many mail servers run.

Each reads all mails of all themes in all languages in one go, for it is starting them that takes long.
"""

from __future__ import annotations

import email
import email.policy
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from digest.compose.theme import theme_names
from digest.service.specimens import MAILS, Specimen, specimens
from subscribers.i18n import Catalogues
from tests.compose.bench import bench
from tests.compose.morning import TEMPLATES
from tests.parts import HTML_VALIDATE

HAM = 1.0
"""Points below which a mail must stay. SpamAssassin's own border is 5, but servers add what they know of a sender."""

RULES: Mapping[str, str] = {
    "no-inline-style": "Gmail drops style sheets in some of its apps; an element's own style is what all keep",
    "no-deprecated-attr": "Outlook lays out by width, cellpadding, valign and bgcolor, which only pages have outgrown",
    "no-conditional-comment": "Outlook on Windows takes its pixel density from one",
    "prefer-tbody": "it changes nothing, and every table of a mail is one row or two",
}
"""What of html-validate's recommended rules is not for mails, and why. All the others hold."""

SPAM = """From: eve@example.org
To: reader@example.org
Subject: Test
Date: Mon, 23 Nov 2026 06:00:00 +0000
Message-ID: <gtube@example.org>

XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X
"""
"""What every installation of SpamAssassin must take for spam (https://spamassassin.apache.org/gtube/)."""


@pytest.fixture(scope="module")
def mails() -> dict[str, Specimen]:
    """By theme, mail and language: "paper.digest.en"."""
    languages = Catalogues(TEMPLATES / "locale").languages
    return {
        f"{look}.{each.mail}.{each.language}": each
        for look in theme_names(TEMPLATES)
        for each in specimens(bench(look), MAILS, languages)
    }


def validated(folder: Path, pages: Mapping[str, str]) -> list[str]:
    """What html-validate says of these pages by name: "digest.en: alt-require: ..."."""
    config = {"root": True, "extends": ["html-validate:recommended"], "rules": dict.fromkeys(RULES, "off")}
    (folder / "rules.json").write_text(json.dumps(config))
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page)
    asked = [
        "node",
        str(HTML_VALIDATE),
        "--config",
        "rules.json",
        "--formatter",
        "json",
        *(f"{name}.html" for name in pages),
    ]
    done = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    return [
        f"{Path(file['filePath']).stem}: {said['ruleId']}: {said['message']}"
        for file in json.loads(done.stdout)
        for said in file["messages"]
    ]


@pytest.mark.htmlvalidate
def test_every_mail_is_valid_html(tmp_path: Path, mails: dict[str, Specimen]) -> None:
    pages = {name: each.envelope.html.decode() for name, each in mails.items()}
    assert validated(tmp_path, pages) == []


@pytest.mark.htmlvalidate
def test_the_validator_sees_what_is_wrong(tmp_path: Path, mails: dict[str, Specimen]) -> None:
    page = mails["paper.digest.en"].envelope.html.decode()
    assert page.count("</h1>") == 1
    worse = page.replace("</h1>", '</h1><p>a<div>b</div></p><img src="https://x.example/1.png"><b>c</i>', 1)
    rules = {line.split(": ")[1] for line in validated(tmp_path, {"worse": worse})}
    assert {"element-permitted-content", "wcag/h37", "close-order"} <= rules


def scored(folder: Path, messages: Mapping[str, bytes]) -> Iterator[tuple[str, float, str]]:
    """(name, points, the rules that gave them) for each message: local rules only, nothing learnt, nothing asked.

    A box comes back in another order, so each message carries its name.
    """
    box = b"".join(
        b"From mailer@example.org Mon Nov 23 06:00:00 2026\nX-Specimen: %s\n%s\n"
        % (name.encode(), re.sub(b"(?m)^From ", b">From ", message.replace(b"\r\n", b"\n")))
        for name, message in messages.items()
    )
    asked = [
        "spamassassin",
        "--local",
        "--mbox",
        "--cf=use_bayes 0",
        "--cf=report_safe 0",
        f"--prefspath={folder}/prefs",
    ]
    (folder / "prefs").touch()
    done = subprocess.run(
        asked, input=box, capture_output=True, check=True, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}
    )
    read = re.split(rb"(?m)^From mailer@example.org .*\n", done.stdout)[1:]
    assert len(read) == len(messages), done.stderr.decode()
    for each in read:
        message = email.message_from_bytes(each, policy=email.policy.default)
        status = str(message["X-Spam-Status"])
        found = re.search(r"score=(-?[\d.]+) .*tests=(.*?)\s+autolearn", " ".join(status.split()))
        assert found, status
        yield str(message["X-Specimen"]), float(found[1]), found[2]


@pytest.mark.spamassassin
def test_no_mail_looks_like_spam(tmp_path: Path, mails: dict[str, Specimen]) -> None:
    messages = {name: each.message for name, each in mails.items()} | {"spam": SPAM.encode()}
    points = {name: (given, rules) for name, given, rules in scored(tmp_path, messages)}
    assert points.keys() == messages.keys()
    assert points.pop("spam")[0] > 100, "the filter is awake"
    assert {name: told for name, told in points.items() if told[0] >= HAM} == {}
