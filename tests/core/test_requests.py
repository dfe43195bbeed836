from collections.abc import Sequence

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request
from multidict import CIMultiDict

from app.core.requests import client_address, is_https, request_id
from tests.core.conftest import Configure


def request_from(peer: str | None, *headers: tuple[str, str]) -> web.Request:
    request = make_mocked_request("GET", "/", headers=CIMultiDict(headers))
    return request.clone(remote=peer) if peer is not None else request.clone(remote="")


def forwarded(*values: str) -> Sequence[tuple[str, str]]:
    return [("X-Forwarded-For", value) for value in values]


@pytest.mark.parametrize(
    ("peer", "headers", "client"),
    [
        ("203.0.113.9", forwarded("198.51.100.1"), "203.0.113.9"),
        ("127.0.0.1", forwarded("198.51.100.1"), "198.51.100.1"),
        ("127.0.0.1", forwarded("1.1.1.1, 198.51.100.1"), "198.51.100.1"),
        ("127.0.0.1", forwarded("198.51.100.1, 10.1.2.3"), "198.51.100.1"),
        ("127.0.0.1", forwarded("198.51.100.1", "10.1.2.3"), "198.51.100.1"),
        ("127.0.0.1", forwarded("nonsense, 10.1.2.3"), "10.1.2.3"),
        ("127.0.0.1", forwarded("10.1.2.3, nonsense"), "127.0.0.1"),
        ("127.0.0.1", forwarded("2001:db8::7"), "2001:db8::7"),
        ("::ffff:127.0.0.1", forwarded("198.51.100.1"), "198.51.100.1"),
        ("127.0.0.1", (), "127.0.0.1"),
        (None, forwarded("198.51.100.1"), "198.51.100.1"),
        (None, (), ""),
    ],
)
def test_whose_address_counts(
    bare: Configure, peer: str | None, headers: Sequence[tuple[str, str]], client: str
) -> None:
    bare(web__trusted_proxies=["127.0.0.0/8", "::1/128", "10.0.0.0/8"])
    assert client_address(request_from(peer, *headers)) == client


@pytest.mark.parametrize(
    ("peer", "given", "kept"),
    [
        ("127.0.0.1", "0123456789abcdef", True),
        ("203.0.113.9", "0123456789abcdef", False),
        ("127.0.0.1", "short", False),
        ("127.0.0.1", "with spaces and more", False),
        ("127.0.0.1", "x" * 65, False),
    ],
)
def test_a_request_id_is_believed_to_a_proxy(
    bare: Configure, peer: str, given: str, kept: bool
) -> None:
    request = request_from(peer, ("X-Request-Id", given))
    assert (request_id(request) == given) is kept
    assert request_id(request) == request_id(request)


def test_request_ids_differ(bare: Configure) -> None:
    assert len({request_id(request_from("127.0.0.1")) for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("peer", "scheme", "secure"),
    [
        ("127.0.0.1", "https", True),
        ("127.0.0.1", "http", False),
        ("203.0.113.9", "https", False),
    ],
)
def test_tls_is_believed_to_a_proxy(bare: Configure, peer: str, scheme: str, secure: bool) -> None:
    assert is_https(request_from(peer, ("X-Forwarded-Proto", scheme))) is secure
