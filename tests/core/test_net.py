import asyncio
import gzip
import ipaddress
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import BaseTestServer, TestServer
from hypothesis import given
from hypothesis import strategies as st

from app.core.net import OutboundError, allowing, close_sessions, fetch, is_public
from tests.core.conftest import Configure

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1",
    "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.64.0.1", "100.127.255.255",
    "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.19.255.255", "198.51.100.1", "203.0.113.1",
    "192.88.99.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1",
    "2001:db8::1", "100::1", "2001::1", "2001:10::1", "3fff::1", "5f00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:7f00:1",
    "::ffff:0:127.0.0.1", "::127.0.0.1", "::10.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1",
    "64:ff9b:1::808:808",
    "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "", "localhost", "1", "0x7f.1", "127.1", "::ffff:127.0.0.1.evil",
]  # fmt: skip
PUBLIC = [
    "1.1.1.1", "8.8.8.8", "9.9.9.9", "93.184.216.34", "172.15.255.255", "172.32.0.1",
    "100.63.255.255", "100.128.0.1", "192.0.1.1", "198.17.255.255", "198.20.0.1", "223.255.255.255",
    "2606:4700:4700::1111", "2001:4860:4860::8888", "2a00:1450:4001::1", "2620:fe::fe",
    "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_private(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_judged_the_same_in_any_wrapping(address: ipaddress.IPv4Address) -> None:
    verdict = is_public(str(address))
    assert is_public(f"::ffff:{address}") is verdict
    assert is_public(f"64:ff9b::{address}") is verdict
    assert verdict is False or address.is_global


class Names(AbstractResolver):
    """A resolver that gives each name's next answer each time."""

    def __init__(self) -> None:
        self.answers: dict[str, list[str]] = {}
        self.port = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002
    ) -> list[ResolveResult]:
        answers = self.answers.get(host)
        if not answers:
            raise OSError(f"no such name {host}")
        address = answers.pop(0) if len(answers) > 1 else answers[0]
        is_six = ":" in address
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=self.port or port,
                family=socket.AF_INET6 if is_six else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
        ]

    async def close(self) -> None:
        pass


async def echo(request: web.Request) -> web.Response:
    seen = {name: request.headers.get(name, "") for name in ("Authorization", "Signature", "X-A")}
    return web.json_response(
        seen | {"method": request.method, "body": await request.text(), "host": request.host}
    )


async def redirect(request: web.Request) -> web.Response:
    status = int(request.query.get("status", "302"))
    return web.Response(status=status, headers={"Location": request.query["to"]})


async def around(request: web.Request) -> web.Response:
    raise web.HTTPFound(request.path)


async def bytes_without_end(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b"x" * 65536)


async def many_bytes(_: web.Request) -> web.Response:
    return web.Response(body=b"x" * 5000, content_type="text/plain")


async def bomb(_: web.Request) -> web.Response:
    packed = gzip.compress(b"\0" * 50_000_000)
    return web.Response(body=packed, headers={"Content-Encoding": "gzip"})


async def silence(request: web.Request) -> web.Response:
    await request.app[FOREVER].wait()
    return web.Response()


async def failure(_: web.Request) -> web.Response:
    return web.Response(status=503, text="busy")


FOREVER = web.AppKey("forever", asyncio.Event)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    found = Names()
    made = aiohttp.TCPConnector

    def connector(**options: Any) -> Any:
        return made(resolver=found, use_dns_cache=False, **options)

    monkeypatch.setattr(aiohttp, "TCPConnector", connector)
    return found


@pytest.fixture
async def site(bare: Configure, names: Names) -> AsyncIterator[BaseTestServer]:
    app = web.Application()
    app[FOREVER] = asyncio.Event()
    app.router.add_route("*", "/echo", echo)
    app.router.add_route("*", "/redirect", redirect)
    for handler in (around, bytes_without_end, many_bytes, bomb, silence, failure):
        app.router.add_get(f"/{handler.__name__}", handler)
    async with TestServer(app, host="127.0.0.1", shutdown_timeout=0) as server:
        names.answers = {"video.example": ["127.0.0.1"], "other.example": ["127.0.0.1"]}
        names.port = server.port or 0
        yield server
        app[FOREVER].set()
        await close_sessions()


@pytest.fixture
def reachable() -> Iterator[None]:
    with allowing("127.0.0.1"):
        yield


async def refused(url: str, **options: Any) -> str:
    with pytest.raises(OutboundError) as caught:
        await fetch(url, **options)
    assert caught.value.status == 502
    return caught.value.detail


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1",
        "0177.0.0.1", "0", "127.1", "169.254.169.254", "100.64.0.1",
        "[64:ff9b::7f00:1]", "[2002:7f00:1::]",
        "[fe80::1]", "10.0.0.1", "video.example",
    ],
)  # fmt: skip
async def test_no_way_to_write_it_reaches_this_host(site: BaseTestServer, host: str) -> None:
    names = {"localhost", "video.example"}
    detail = await refused(f"http://{host}:{site.port}/echo", seconds=5)
    if host in names - {"localhost"}:
        assert detail.endswith("is not on the open Internet.")


async def test_a_public_name_that_turns_private_is_caught_at_the_socket(
    site: BaseTestServer, names: Names
) -> None:
    names.answers["rebinding.example"] = ["127.0.0.1"]
    detail = await refused("http://rebinding.example/echo")
    assert detail == "http://rebinding.example/echo is not on the open Internet."


async def test_a_redirect_to_this_host_is_caught(site: BaseTestServer, names: Names) -> None:
    names.answers["inner.example"] = ["127.0.0.2"]
    with allowing("127.0.0.1"):
        detail = await refused("http://video.example/redirect?to=http://inner.example/echo")
    assert "open Internet" in detail


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd", "ftp://video.example/", "gopher://video.example/", "video.example",
        "", "//video.example", "http://", "http:///path", "http://user:password@video.example/",
        "http://video.example:99999/", "javascript:alert(1)",
    ],
)  # fmt: skip
async def test_what_is_no_address_on_the_web(site: BaseTestServer, url: str) -> None:
    await refused(url)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://video.example/", "http://[", ""])
async def test_a_redirect_stays_on_the_web(
    site: BaseTestServer, reachable: None, target: str
) -> None:
    await refused(f"http://video.example/redirect?to={target}")


async def test_an_answer(site: BaseTestServer, reachable: None) -> None:
    answer = await fetch("http://video.example/echo", headers={"X-A": "b"})
    assert answer.status == 200
    assert answer.content_type == "application/json"
    assert b'"X-A": "b"' in answer.body
    assert answer.url == "http://video.example/echo"
    answer = await fetch("http://video.example/echo", method="POST", body=b"hello")
    assert b'"body": "hello"' in answer.body


async def test_an_error_status_is_an_answer(site: BaseTestServer, reachable: None) -> None:
    answer = await fetch("http://video.example/failure", content_types=["application/json"])
    assert (answer.status, answer.body) == (503, b"busy")


async def test_redirects_are_followed_and_secrets_are_not_carried_along(
    site: BaseTestServer, reachable: None
) -> None:
    secret = {"Authorization": "a", "Signature": "s", "X-A": "b"}
    same = await fetch("http://video.example/redirect?to=/echo", headers=secret)
    assert b'"Authorization": "a"' in same.body
    other = await fetch(
        "http://video.example/redirect?to=http://other.example/echo", headers=secret
    )
    assert other.url == "http://other.example/echo"
    assert b'"Authorization": "", "Signature": "", "X-A": "b"' in other.body


async def test_a_post_is_not_repeated_elsewhere(site: BaseTestServer, reachable: None) -> None:
    answer = await fetch(
        "http://video.example/redirect?to=/echo&status=307", method="POST", body=b"x"
    )
    assert answer.status == 307


async def test_circles_end(site: BaseTestServer, reachable: None) -> None:
    assert "circles" in await refused("http://video.example/around")


@pytest.mark.parametrize("path", ["many_bytes", "bytes_without_end", "bomb"])
async def test_size_is_bounded(site: BaseTestServer, reachable: None, path: str) -> None:
    assert "more than 4999 bytes" in await refused(f"http://video.example/{path}", max_size=4999)
    if path == "many_bytes":
        answer = await fetch(f"http://video.example/{path}", max_size=5000)
        assert len(answer.body) == 5000


async def test_time_is_bounded(site: BaseTestServer, reachable: None) -> None:
    assert "did not answer" in await refused("http://video.example/silence", seconds=0.05)


async def test_types_are_bounded(site: BaseTestServer, reachable: None) -> None:
    wanted = ["application/activity+json"]
    assert "text/plain" in await refused("http://video.example/many_bytes", content_types=wanted)
    answer = await fetch("http://video.example/many_bytes", content_types=["text/plain"])
    assert answer.status == 200


async def test_a_name_that_nobody_has(site: BaseTestServer) -> None:
    assert "could not be reached" in await refused("http://nobody.example/")


async def test_sessions_end_and_begin_anew(site: BaseTestServer, reachable: None) -> None:
    await fetch("http://video.example/echo")
    await close_sessions()
    await close_sessions()
    assert (await fetch("http://video.example/echo")).status == 200
