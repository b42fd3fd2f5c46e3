"""Bodies that lie about themselves, and addresses with a slash too many: a clear answer, never a 500."""

from __future__ import annotations

import httpx
import pytest

from tests.web.desk import WebDesk

EDGE = "the-edge-of-a-part"


def part(name: str, value: bytes) -> bytes:
    return f'--{EDGE}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() + value + b"\r\n"


@pytest.mark.parametrize("charset", ["unicode_escape", "raw_unicode_escape", "utf-7", "utf-16", "punycode", "no-such"])
@pytest.mark.parametrize("path", ["/subscribe", "/fresh"])
def test_the_charset_a_body_names_is_not_believed(client: httpx.Client, path: str, charset: str) -> None:
    """Lone surrogates in a field made every page that shows it a 500 (seen)."""
    body = part("email", rb"x\ud800@example.org") + part("name", "Zoë".encode()) + f"--{EDGE}--\r\n".encode()
    kind = f"multipart/form-data; boundary={EDGE}; charset={charset}"
    answer = client.post(path, content=body, headers={"Content-Type": kind})
    assert answer.status_code in (200, 422)
    assert rb"x\ud800@example.org" in answer.content
    assert "Zoë" in answer.text or path == "/fresh"


def test_half_a_pair_of_surrogates_is_a_400(client: httpx.Client) -> None:
    body = part("email", b"x\xed\xa0\x80@example.org") + f"--{EDGE}--\r\n".encode()
    answer = client.post("/subscribe", content=body, headers={"Content-Type": f"multipart/form-data; boundary={EDGE}"})
    assert answer.status_code in (400, 422)


@pytest.mark.parametrize("boundary", ["", "x" * 71, '"a;b"', "ü"])
def test_a_boundary_that_is_none_is_a_400(client: httpx.Client, boundary: str) -> None:
    kind = f"multipart/form-data; boundary={boundary}".encode()
    answer = client.post("/subscribe", content=b"--x--", headers={b"Content-Type": kind})
    assert answer.status_code == 400
    assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/subscribe/", "/leave/x/", "/fresh/", "//evil.example/subscribe/"])
def test_a_slash_too_many_leads_nowhere(client: httpx.Client, path: str) -> None:
    """A redirect would go to whatever host the request named, and one-click allows none (RFC 8058, section 3.1)."""
    for answer in (client.get(path, headers={"Host": "evil.example"}), client.post(path)):
        assert answer.status_code in (404, 405)
        assert "Location" not in answer.headers
        assert "Content-Security-Policy" in answer.headers


def test_one_click_leaves_whatever_the_size_of_its_body(desk: WebDesk, client: httpx.Client) -> None:
    link = desk.keyring.tokens(desk.join("ada@example.org"), 1).leave
    answer = client.post(
        f"/leave/{link}", content=b"x" * 5_000_000, headers={"Content-Type": "application/octet-stream"}
    )
    assert answer.status_code == 200
    assert desk.reader("ada@example.org").status == "left"
