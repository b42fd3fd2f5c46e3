"""Keys of the inbound API from the operator's side."""

from __future__ import annotations

import re

from tests.cli.conftest import Digest


def test_keys(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("topics", "add", "Sport")
    made = digest("keys", "add", "newsroom", "--topic", "harbour", "--topic", "sport", "--publisher", "The Gull")
    assert made.code == 0
    key = made.out.strip()
    assert re.fullmatch(r"dk_[A-Za-z0-9_-]{43}", key), "alone on standard output, for a script"
    assert "http://127.0.0.1:8080/api/v1/articles" in made.err
    (row,) = digest("keys", "list", "--json").rows
    source = row["source"]
    assert row == {
        "name": "newsroom",
        "hint": key[:8],
        "scopes": ["articles:write"],
        "source": source,
        "topics": ["harbour", "sport"],
        "created": row["created"],
        "used": None,
        "revoked": None,
    }
    second = digest("keys", "add", "agency", "--source", str(source), "--scope", "articles:write")
    assert second.out.strip() != key
    shown = digest("keys", "list").out
    assert re.search(rf"^newsroom +{key[:8]}\.\.\. +articles:write +{source} +harbour, sport", shown, re.MULTILINE)
    assert key not in shown
    assert [each["source"] for each in digest("keys", "list", "--json").rows] == [source, source]


def test_revoking_asks_and_can_be_repeated(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("keys", "add", "newsroom", "--topic", "harbour")
    asked = digest("keys", "revoke", "newsroom")
    assert (asked.code, digest("keys", "list", "--json").rows[0]["revoked"]) == (3, None)
    assert "nothing was done; --yes answers for you" in asked.err
    assert digest("keys", "revoke", "newsroom", "--yes").out == "revoked key newsroom\n"
    revoked = digest("keys", "list", "--json").rows[0]["revoked"]
    assert revoked
    again = digest("keys", "revoke", "newsroom")
    assert (again.code, again.out) == (0, "key newsroom was revoked before\n")
    assert digest("keys", "list", "--json").rows[0]["revoked"] == revoked
    digest("keys", "add", "newsroom", "--topic", "harbour").fails("a push source 'newsroom' already", "--source")


def test_keys_refuse(digest: Digest) -> None:
    digest("topics", "add", "Harbour")
    digest("keys", "add", "x").fails("--topic", "--source")
    digest("keys", "add", "x", "--topic", "nix").fails("no topic 'nix'")
    digest("keys", "add", "x", "--source", "7").fails("no source 7")
    digest("keys", "add", "x", "--topic", "harbour", "--rights", "all").fails("'all'", "excerpt")
    digest("keys", "add", "x", "--topic", "harbour", "--scope", "all").fails("'all'", "articles:write")
    digest("keys", "add", "x", "--topic", "harbour", "--language", "klingon").fails("'klingon'")
    digest("keys", "revoke", "nix", "--yes").fails("no key 'nix'", "digest keys list")
    assert digest("keys", "list", "--json").rows == []
