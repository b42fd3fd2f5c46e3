"""Rows: the short ways give what the long ways give, formats are recognised, nobody who left becomes a reader."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from subscribers.errors import BadAddress, BadFile
from subscribers.transfer.formats import layout
from subscribers.transfer.rows import Incoming, Problem, Rows, is_plain_domain, shield, tidy, unshield
from subscribers.types import address_key, check_address, clean_name

TOPICS = {"town": 1, "harbour": 2}

LISTMONK = ("uuid", "email", "name", "attributes", "status", "created_at", "updated_at")
MAILCHIMP = (
    *("Email Address", "First Name", "Last Name", "MEMBER_RATING", "OPTIN_TIME", "OPTIN_IP", "CONFIRM_TIME"),
    *("CONFIRM_IP", "TIMEZONE", "LAST_CHANGED", "LEID", "EUID", "NOTES", "TAGS"),
)
GHOST = (
    *("id", "email", "name", "note", "subscribed_to_emails", "complimentary_plan", "stripe_customer_id"),
    *("created_at", "deleted_at", "labels", "tiers"),
)


def rows(columns: Sequence[str], mapping: Mapping[str, str] | None = None, always: Sequence[str] = ("town",)) -> Rows:
    return Rows(layout(columns, mapping or {}), TOPICS, always, "Europe/Berlin")


def good(found: Incoming | Problem) -> Incoming:
    assert isinstance(found, Incoming), found
    return found


def bad(found: Incoming | Problem) -> str:
    assert isinstance(found, Problem), found
    return found.reason


# --- the short ways ---------------------------------------------------------------------------------------------------

LOCAL = st.text(st.sampled_from("abzAZ09._+-'@ é"), max_size=70)
LABEL = st.text(st.sampled_from("abxnzAZ09-_é"), max_size=66)
TOP = st.sampled_from(["org", "test", "local", "localhost", "invalid", "onion", "arpa", "Com", "a1", "c", "xn--p1ai"])


@given(LOCAL, st.lists(LABEL, max_size=5), TOP)
@example("a", ["xn--a"], "org")
@example("a", ["a--b"], "org")
@example("a", ["x" * 63] * 4, "org")
@example("x" * 64, ["x" * 60] * 3, "org")
@example("a..b", ["example"], "org")
@example(".a", ["example"], "org")
@settings(deadline=None)
def test_the_short_way_takes_only_addresses_that_the_long_way_leaves_as_they_are(
    local: str, labels: list[str], top: str
) -> None:
    typed = f"{local}@{'.'.join([*labels, top])}"
    found = rows(("email",)).read(2, [typed])
    try:
        expected = check_address(typed)
    except BadAddress:
        assert isinstance(found, Problem)
        return
    assert good(found).address == expected
    assert good(found).key == address_key(expected)


@given(st.lists(LABEL | st.text(st.sampled_from("axn0Z-"), max_size=8), min_size=1, max_size=4), TOP)
@example(["example"], "org")
@example(["xn--a"], "org")
@settings(deadline=None)
def test_a_plain_domain_is_one_that_the_long_way_leaves_as_it_is(labels: list[str], top: str) -> None:
    domain = ".".join([*labels, top])
    assert is_plain_domain("mail.example.org")
    if is_plain_domain(domain):
        assert check_address(f"a@{domain}") == f"a@{domain}"


@given(st.text(max_size=250))
@example("é")
@example("e\u0301")
@example(" a  b ")
@example("a\u202eb\u200d")
@example("a\u00a0b")
def test_tidy_is_clean_name(text: str) -> None:
    assert tidy(text) == clean_name(text)


@given(st.text(st.sampled_from("'=+-@\t\r\nab＝＋"), max_size=8))
def test_a_shielded_cell_is_no_formula_and_comes_back_as_it_was(text: str) -> None:
    assert not shield(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert unshield(shield(text)) == text


@given(st.lists(st.text(max_size=30), max_size=16))
@settings(deadline=None)
def test_no_row_of_any_kind_raises(cells: list[str]) -> None:
    for columns in (LISTMONK, MAILCHIMP, GHOST, ("email", "name", "status", "timezone", "language")):
        padded = (cells + [""] * len(columns))[: len(columns)]
        for each in (cells, padded):
            assert isinstance(rows(columns).read(2, each), (Incoming, Problem))


# --- whose export it is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "fate"), [("enabled", "active"), ("disabled", "left"), ("blocklisted", "left")])
def test_listmonk(status: str, fate: str) -> None:
    reader = rows(LISTMONK)
    assert (reader.layout.format, reader.layout.is_of_people) == ("listmonk", True)
    reader.enabled_are_subscribed = True
    when = "2023-01-02 15:04:05.999 +0000 UTC"
    row = good(reader.read(2, ["u-1", "mina@example.org", "Mina", "{}", status, when, when]))
    assert (row.fate, row.name, row.note) == (fate, "Mina", f"opted in {when}")


@pytest.mark.parametrize("columns", [LISTMONK, ("email", "status")])
def test_enabled_says_nothing_of_a_list_unless_the_operator_vouches_for_it(columns: Sequence[str]) -> None:
    cells = {"email": "mina@example.org", "status": " Enabled"}
    assert "--enabled-are-subscribed" in bad(rows(columns).read(2, [cells.get(each, "") for each in columns]))


def test_mailchimp_of_the_subscribed() -> None:
    reader = rows(MAILCHIMP)
    assert reader.layout.format == "mailchimp"
    cells = ["mina@example.org", "Mina", "Haddad", "2", "2019-05-01 08:00:00", "192.0.2.1", "2019-05-01 08:01:00"]
    row = good(reader.read(2, [*cells, "192.0.2.2", "Asia/Beirut", "", "1", "a1", "", ""]))
    assert (row.fate, row.name, row.choice.timezone) == ("active", "Mina Haddad", "Asia/Beirut")
    assert row.note == "opted in 2019-05-01 08:01:00", "the time is kept, the network address is not"


@pytest.mark.parametrize(("column", "fate"), [("UNSUB_TIME", "left"), ("CLEAN_TIME", "bounced")])
def test_mailchimp_of_the_unsubscribed_and_the_cleaned(column: str, fate: str) -> None:
    reader = rows((*MAILCHIMP, column))
    for when in ("2020-01-01 00:00:00", ""):
        assert good(reader.read(2, ["mina@example.org", *[""] * 13, when])).fate == fate


def test_mailchimps_guess_of_a_zone_that_is_none_is_passed_over() -> None:
    row = good(rows(MAILCHIMP).read(2, ["mina@example.org", *[""] * 7, "Nowhere/Town", *[""] * 5]))
    assert row.choice.timezone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("subscribed", "deleted", "fate"),
    [("true", "", "active"), ("false", "", "left"), ("true", "2024-01-01T00:00:00.000Z", "left")],
)
def test_ghost(subscribed: str, deleted: str, fate: str) -> None:
    reader = rows(GHOST)
    assert reader.layout.format == "ghost"
    made = "2024-01-15T10:00:00.000Z"
    row = good(reader.read(2, ["1", "mina@example.org", "Mina", "", subscribed, "false", "", made, deleted, "", ""]))
    assert (row.fate, row.note) == (fate, f"opted in {made}")


@pytest.mark.parametrize(
    ("word", "fate"),
    [("Subscribed", "active"), (" unsubscribed ", "left"), ("Bounced", "bounced"), ("pending", "unconfirmed")],
)
def test_a_status_column_of_any_table_counts(word: str, fate: str) -> None:
    assert good(rows(("E-Mail", "Status")).read(2, ["mina@example.org", word])).fate == fate


@pytest.mark.parametrize(("word", "told"), [("", "no status"), ("maybe", "is not known"), ("aktiv", "is not known")])
def test_a_status_that_is_not_known_makes_nobody_a_reader(word: str, told: str) -> None:
    assert told in bad(rows(("email", "status")).read(2, ["mina@example.org", word]))


def test_columns_are_mapped_by_hand() -> None:
    mapping = {"email": "Adresse", "name": "wer", "timezone": "ZONE", "locale": "Sprache", "topics": "Themen"}
    reader = rows(("Themen", "Adresse", "Wer", "Zone", "Sprache"), mapping, always=())
    row = good(reader.read(2, ["harbour, town", "mina@example.org", "Mina", "Asia/Beirut", "ar"]))
    assert (row.name, row.choice.timezone, row.choice.locale) == ("Mina", "Asia/Beirut", "ar")
    assert row.choice.slugs == "harbour town"
    assert "no topic 'sea'" in bad(reader.read(3, ["sea", "mina@example.org", "", "", ""]))
    assert "no time zone" in bad(reader.read(4, ["town", "mina@example.org", "", "Nowhere", ""]))
    assert "no language" in bad(reader.read(5, ["town", "mina@example.org", "", "", "<b>"]))
    assert "names no topic" in bad(reader.read(6, ["", "mina@example.org", "", "", ""]))


@pytest.mark.parametrize(
    ("columns", "mapping", "told"),
    [
        (("who", "where"), {}, "--map email=COLUMN"),
        (("email",), {"email": "mail"}, "no column 'mail'"),
        (("email",), {"colour": "email"}, "none of them"),
    ],
)
def test_columns_that_do_not_fit_are_one_clear_line(
    columns: Sequence[str], mapping: Mapping[str, str], told: str
) -> None:
    with pytest.raises(BadFile, match=told):
        layout(columns, mapping)


def test_a_row_of_another_width_is_bad_unless_the_rest_is_empty() -> None:
    reader = rows(("email", "name"))
    assert good(reader.read(2, ["mina@example.org", "Mina", "", ""])).name == "Mina"
    assert "3 columns instead of 2" in bad(reader.read(3, ["mina@example.org", "Mina", "x"]))
    assert "1 columns instead of 2" in bad(reader.read(4, ["mina@example.org"]))
    assert bad(reader.read(5, ["", "Mina"])) == "it has no address"
