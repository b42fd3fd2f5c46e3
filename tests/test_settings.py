"""Settings: what is read, what is refused and in which words, and that `.env.example` tells the truth."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import get_args

import pytest
from dotenv import dotenv_values

from digest.carrying import LOCAL
from digest.dispatch.providers import PROVIDERS
from digest.errors import SettingError
from digest.ready import NEEDS, missing_for_sending
from digest.settings import Loaded, Settings, load, masked, variable, with_keys
from subscribers.gate import Gate
from tests.parts import ROOT

EXAMPLE = ROOT / ".env.example"
NAMES = [variable(field) for field in Settings.model_fields]


@pytest.fixture
def env_file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        file = tmp_path / ".env"
        file.write_text(text)
        return file

    return write


def from_environment(**variables: str) -> Settings:
    return load(variables, Path("no such file")).settings


# --- .env.example -----------------------------------------------------------------------------------------------------


def test_the_example_names_every_setting_exactly_once_and_nothing_else() -> None:
    named = Counter(re.findall(r"^#? ?([A-Z][A-Z0-9_]*)=", EXAMPLE.read_text(), re.MULTILINE))
    assert named == Counter(NAMES)


def test_the_example_shows_the_defaults() -> None:
    assert load({}, EXAMPLE).settings == Settings()


def test_the_example_explains_each_setting() -> None:
    lines = EXAMPLE.read_text().splitlines()
    bare = [line for before, line in pairwise(lines) if "=" in line and not before.startswith("# ")]
    assert [line for line in bare if not line.startswith("#")] == []


def test_every_setting_says_what_it_is() -> None:
    short = [name for name, field in Settings.model_fields.items() if len(field.description or "") < 15]
    assert short == []


# --- where values come from -------------------------------------------------------------------------------------------


def test_the_environment_wins_over_the_file_and_both_are_named(env_file: Callable[[str], Path]) -> None:
    file = env_file("SITE_NAME=From the file\nPORT=9000\n")
    loaded = load({"PORT": "9001"}, file)
    assert (loaded.settings.site_name, loaded.settings.port) == ("From the file", 9001)
    assert loaded.origins["site_name"] == str(file)
    assert loaded.origins["port"] == "environment"
    assert loaded.origins["from_"] == "default"
    assert set(loaded.origins) == set(Settings.model_fields)


def test_the_file_in_the_working_directory_is_the_default(
    env_file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(env_file("SITE_NAME=Here\n").parent)
    assert load({}).settings.site_name == "Here"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().port = 1


def test_a_misspelt_name_in_the_file_is_noted_and_a_strangers_is_not(env_file: Callable[[str], Path]) -> None:
    file = env_file("POSTAL_ADRESS=Elm Street 1\nPOSTGRES_PASSWORD=theirs\n")
    assert load({}, file).notes == (f"{file}: POSTAL_ADRESS is not a setting; POSTAL_ADDRESS is",)


def test_a_file_that_is_not_text_is_one_clear_line(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_bytes(b"SITE_NAME=\xff\xfe\n")
    with pytest.raises(SettingError, match=r"\.env cannot be read"):
        load({}, file)


# --- values -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "x", "a whole number from 0 to 65535"),
        ("RANK_WEIGHTS", "coverage=0.5,karma=1", "each of coverage, freshness, source, fit"),
        ("RANK_WEIGHTS", "coverage=1,coverage=2", "each of coverage, freshness"),
        ("RANK_WEIGHTS", "coverage=much", "a number from 0 to 100 for each"),
        ("RANK_WEIGHTS", "coverage=nan", "a number from 0 to 100 for each"),
        ("RANK_WEIGHTS", "coverage=-1", "a number from 0 to 100 for each"),
        ("RANK_WEIGHTS", "coverage", "a number from 0 to 100 for each"),
        ("RANK_WEIGHTS", "", "at least one scorer above 0"),
        ("RANK_WEIGHTS", "coverage=0", "at least one scorer above 0"),
        ("LLM_URL", "localhost:11434", "an address that starts with http"),
        ("LLM_TOKENS_PER_DAY", "-1", "a whole number from 0"),
        ("LLM_SECONDS", "0", "a whole number from 1 to 600"),
        ("PORT", "70000", "a whole number from 0 to 65535"),
        ("ACCENT", "red", "a colour such as #8a3324"),
        ("FONTS", "comic", "serif, sans or system"),
        ("LOGO_URL", "http://paper.example/logo.png", "an address in plain ASCII that starts with https://"),
        ("LOGO_URL", "https://paper.example/my logo.png", "an address in plain ASCII that starts with https://"),
        ("LOGO_URL", "https://[", "an address in plain ASCII that starts with https://"),
        ("LOGO_WIDTH", "600", "a whole number of pixels from 16 to 552"),
        ("PUBLIC_URL", "ftp://paper.example", "an address that starts with http:// or https://, without ? and #"),
        ("PUBLIC_URL", "http://[", "an address that starts with http:// or https://, without ? and #"),
        ("PUBLIC_URL", "https://paper.example:99999", "an address that starts with http"),
        ("PUBLIC_URL", "https://paper.example/?a=b", "an address that starts with http"),
        ("PUBLIC_URL", "https://zeitung-bücher.example", "an address in plain ASCII"),
        ("PUBLIC_URL", "https://paper.example/a b", "an address in plain ASCII"),
        ("PUBLIC_URL", "https://user:hush@paper.example", "an address in plain ASCII without a password"),
        ("FROM", "paper@bücher.example", "a mailbox whose address is plain ASCII"),
        ("DEFAULT_TIMEZONE", "Mars", "a zone of the tz database such as Europe/Berlin"),
        ("PROVIDER", "pigeon", "outbox, console, memory, brevo, mailgun, postmark, resend, sendgrid, ses or smtp"),
        ("ALLOW_PRIVATE_NETWORKS", "maybe", "true or false"),
        ("FROM", "nobody", "one mailbox such as Morning Paper <paper@example.org>"),
        ("FROM", "a@b.example, c@d.example", "one mailbox such as"),
        ("REPLY_TO", "a@b.example\nBcc: c@d.example", "one line without control characters"),
        ("SITE_NAME", "Two\nlines", "one line without control characters"),
        ("DATA_DIR", "", "the path of a folder"),
        ("TRUSTED_PROXIES", "localhost", "addresses or networks such as 10.0.0.7"),
        ("TRUSTED_PROXIES", "*", "addresses or networks"),
        ("TRUSTED_PROXIES", "10.0.0.7/8", "addresses or networks"),
        ("TRUSTED_PROXIES", "10.0.0.1 10.0.0.2", "addresses or networks"),
        ("SMTP_HOST", "smtp://mail.example", "a host such as smtp.example.org"),
        ("SMTP_HOST", "mail.example/x", "a host such as smtp.example.org"),
        ("SMTP_HOST", "bücher.example", "a host such as smtp.example.org"),
        ("SMTP_PORT", "-1", "a whole number from 0 to 65535"),
        ("SMTP_SECURITY", "ssl", "starttls, tls or none"),
        ("SMTP_USER", "Jürgen", "printable ASCII characters"),
        ("SMTP_BOUNCE", "nobody", "one mailbox such as"),
        ("SMTP_VERP", "maybe", "true or false"),
        ("SIGN_UP_DOMAINS", "ada@example.org", "domains such as example.org"),
        ("SIGN_UP_DOMAINS", "*.example.org", "domains such as example.org"),
        ("BLOCKED_DOMAINS", "spam..example", "domains such as example.org"),
        ("BLOCKED_DOMAINS", "[192.0.2.7]", "domains such as example.org"),
        ("BLOCKED_DOMAINS", f"{'a' * 64}.example", "domains such as example.org"),
        ("SIGN_UPS_PER_NETWORK", "0", "a whole number from 1 to 1000000"),
        ("SIGN_UPS_PER_HOUR", "many", "a whole number from 1 to 100000000"),
    ],
)
def test_a_wrong_value_is_one_line_with_variable_value_and_what_is_allowed(name: str, value: str, allowed: str) -> None:
    with pytest.raises(SettingError) as caught:
        from_environment(**{name: value})
    line = str(caught.value)
    assert line.startswith(f"{name} is {value!r} (environment); allowed is {allowed}")
    assert "\n" not in line


@pytest.mark.parametrize(("name", "value"), [("SECRET_KEYS", "too-short-hush"), ("DATABASE_URL", "mysql://u:hush@h/n")])
def test_a_wrong_secret_is_not_shown(name: str, value: str) -> None:
    with pytest.raises(SettingError) as caught:
        from_environment(**{name: value})
    assert str(caught.value).startswith(f"{name} is (hidden) (environment); allowed is ")
    assert "hush" not in str(caught.value)


def test_keys_are_a_list_with_the_newest_first() -> None:
    assert from_environment(SECRET_KEYS=f"{'n' * 32}, {'o' * 40}").secret_keys == ("n" * 32, "o" * 40)


def test_a_trailing_slash_of_an_address_does_not_count() -> None:
    assert from_environment(PUBLIC_URL="https://paper.example/news/").public_url == "https://paper.example/news"


def test_proxies_are_addresses_or_networks_of_both_kinds() -> None:
    told = from_environment(TRUSTED_PROXIES="10.0.0.7, 192.168.0.0/24,::1 , 2001:DB8::/32,")
    assert told.trusted_proxies == ("10.0.0.7/32", "192.168.0.0/24", "::1/128", "2001:db8::/32")


def test_domains_are_kept_as_addresses_are_compared() -> None:
    told = from_environment(SIGN_UP_DOMAINS="Bücher.example, @Paper.Example, .ru, xn--bcher-kva.example")
    assert told.sign_up_domains == ("xn--bcher-kva.example", "paper.example", "ru"), "each once"
    gate = Gate(
        frozenset(told.sign_up_domains), frozenset(from_environment(BLOCKED_DOMAINS="例え。jp").blocked_domains)
    )
    taken = ["a@bücher.example", "a@mail.PAPER.example", "a@anything.ru"]
    assert [gate.takes(each) for each in taken] == [True] * 3
    assert [gate.takes(each) for each in ("a@newspaper.example", "a@例え.jp", "a@example.org")] == [False] * 3


# --- the generated key ------------------------------------------------------------------------------------------------


def test_without_a_key_one_is_made_once_and_only_the_owner_may_read_it(tmp_path: Path) -> None:
    bare = load({"DATA_DIR": str(tmp_path / "data")}, Path("no such file"))
    first, second = with_keys(bare), with_keys(bare)

    file = tmp_path / "data" / "secret.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert len(first.settings.secret_keys[0]) >= 32
    assert first.settings.secret_keys == second.settings.secret_keys
    assert first.origins["secret_keys"] == f"generated, {file}"
    assert "back it up" in first.notes[-1]
    assert second.notes == ()


def test_processes_that_start_at_once_share_one_key(tmp_path: Path) -> None:
    program = "from digest.settings import load, with_keys; print(with_keys(load()).settings.secret_keys[0])"
    environment = {**os.environ, "DATA_DIR": str(tmp_path), "SECRET_KEYS": "", "PYTHONPATH": str(ROOT)}
    starts = [
        subprocess.Popen(
            [sys.executable, "-c", program], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    told = {process.communicate(timeout=60)[0] for process in starts}
    assert [process.returncode for process in starts] == [0] * 4
    assert told == {(tmp_path / "secret.key").read_text()}


def test_a_key_that_was_given_is_used_and_nothing_is_made(tmp_path: Path) -> None:
    given = load({"DATA_DIR": str(tmp_path / "data"), "SECRET_KEYS": "k" * 32}, Path("no such file"))
    assert with_keys(given) is given
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("content", "told"), [("", "holds no key; delete the file"), ("short", "cannot be used: keys")]
)
def test_a_damaged_key_file_is_one_clear_line(tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "secret.key").write_text(content)
    with pytest.raises(SettingError, match=told):
        with_keys(Loaded(Settings(data_dir=tmp_path), {}))


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("in the way")
    with pytest.raises(SettingError, match=r"SECRET_KEYS is empty and .*secret\.key cannot be used"):
        with_keys(Loaded(Settings(data_dir=tmp_path / "data"), {}))


# --- before anything may leave ----------------------------------------------------------------------------------------

COMPLETE = {
    "PROVIDER": "resend",
    "RESEND_API_KEY": "re_1",
    "FROM": "Paper <paper@paper.example>",
    "REPLY_TO": "desk@paper.example",
    "POSTAL_ADDRESS": "Elm Street 1 | Springfield",
    "PUBLIC_URL": "https://paper.example",
}


def test_a_complete_set_may_send() -> None:
    assert missing_for_sending(from_environment(**COMPLETE)) == []


@pytest.mark.parametrize("name", ["FROM", "REPLY_TO", "POSTAL_ADDRESS", "PUBLIC_URL", "RESEND_API_KEY"])
def test_each_missing_setting_is_named(name: str) -> None:
    rest = {key: value for key, value in COMPLETE.items() if key != name}
    (line,) = missing_for_sending(from_environment(**rest))
    assert line.startswith(f"{name} is not ")


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS) - LOCAL))
def test_what_a_provider_cannot_do_without_is_named(provider: str) -> None:
    rest = {key: value for key, value in COMPLETE.items() if key != "RESEND_API_KEY"}
    found = missing_for_sending(from_environment(**{**rest, "PROVIDER": provider}))
    assert found == [f"{variable(name)} is not set" for name in NEEDS[provider]]
    assert found


def test_settings_and_the_registry_name_the_same_providers() -> None:
    assert set(get_args(Settings.model_fields["provider"].annotation)) == set(PROVIDERS)
    assert set(PROVIDERS) == LOCAL | set(NEEDS)
    table = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z]+)` \|", table, re.MULTILINE)) == set(PROVIDERS)


@pytest.mark.parametrize(
    "url",
    ["http://paper.example", "https://localhost", "https://127.0.0.1", "https://192.168.1.5:8443", "https://nas.local"],
)
def test_an_address_that_readers_cannot_reach_is_not_public(url: str) -> None:
    (line,) = missing_for_sending(from_environment(**{**COMPLETE, "PUBLIC_URL": url}))
    assert line == "PUBLIC_URL is not a public https address"


@pytest.mark.parametrize("sender", ["digest@localhost", "Paper <paper@localhost>", "Paper <paper@nas.local>"])
def test_a_sender_without_a_domain_of_its_own_may_not_send(sender: str) -> None:
    (line,) = missing_for_sending(from_environment(**{**COMPLETE, "FROM": sender}))
    assert line.startswith("FROM is not ")


def test_the_outbox_needs_nothing() -> None:
    assert missing_for_sending(Settings()) == []


def test_dotenv_reads_the_example_as_the_shell_would() -> None:
    assert dotenv_values(EXAMPLE)["ACCENT"] == "#8a3324"


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hush@h/db",
        "postgresql://u:pa#hush@h/db",
        "postgresql://u:pa/hush@h/db",
        "postgresql://u:pa?hush@h/db",
        "postgresql://h/db?user=u&password=hush",
    ],
)
def test_the_settings_can_be_shown_without_the_databases_password(url: str) -> None:
    shown = masked(Loaded(Settings(database_url=url), dict.fromkeys(Settings.model_fields, "default")))
    assert "hush" not in str(shown)
    assert "postgresql" in str(shown)


# --- stories ----------------------------------------------------------------------------------------------------------


def test_weights_are_read_and_shown_as_they_are_written() -> None:
    loaded = load({"RANK_WEIGHTS": " freshness = 2, coverage=0.5,diversity=0 "}, Path("no such file"))
    assert loaded.settings.rank_weights == {"coverage": 0.5, "freshness": 2.0, "diversity": 0.0}
    (shown,) = (row["value"] for row in masked(loaded) if row["setting"] == "RANK_WEIGHTS")
    assert shown == "coverage=0.5,freshness=2,diversity=0"
    assert from_environment(RANK_WEIGHTS=shown) == loaded.settings


def test_a_scorer_that_is_none_or_comes_twice_is_named() -> None:
    for weights, told in (("karma=1", "'karma' is no scorer"), ("fit=1,fit=2", "'fit' is named twice")):
        with pytest.raises(SettingError, match=told):
            from_environment(RANK_WEIGHTS=weights)


@pytest.mark.parametrize(("there", "missing"), [("LLM_URL", "LLM_MODEL"), ("LLM_MODEL", "LLM_URL")])
def test_half_a_language_model_is_refused_and_its_other_half_named(there: str, missing: str) -> None:
    with pytest.raises(SettingError, match=f"{there} is set and {missing} is not"):
        from_environment(**{there: "http://127.0.0.1:11434/v1"})


def test_the_models_key_can_stand_in_a_header_and_is_never_shown() -> None:
    told = {"LLM_URL": "https://api.example.org/v1", "LLM_MODEL": "tiny"}
    loaded = load({**told, "LLM_KEY": "sk-hush"}, Path("no such file"))
    assert "sk-hush" not in str(masked(loaded))
    for bad in ("sk hush", "sk-hüsh", "sk-hush\nX: y"):
        with pytest.raises(SettingError, match=r"LLM_KEY is \(hidden\).*a key of ASCII characters") as raised:
            load({**told, "LLM_KEY": bad}, Path("no such file"))
        assert bad not in str(raised.value)
