import gzip
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.core.compress import APART
from tests.core.conftest import Configure
from tests.core.small_site import Client, serving

TEXT = "<p>Kinora " * 500


async def answer(request: web.Request) -> web.Response:
    size, kind = int(request.query["size"]), request.query["kind"]
    body = (TEXT * (size // len(TEXT) + 1))[:size].encode()
    headers = {"Vary": "Cookie"} if "vary" in request.query else {}
    if "packed" in request.query:
        headers["Content-Encoding"] = "identity"
    return web.Response(body=body, content_type=kind, headers=headers)


async def stream(request: web.Request) -> web.StreamResponse:
    sent = web.StreamResponse()
    await sent.prepare(request)
    await sent.write(TEXT.encode())
    return sent


@pytest.fixture
async def client(bare: Configure) -> AsyncIterator[Client]:
    async with serving(web.get("/", answer), web.get("/stream", stream)) as site:
        site.session._auto_decompress = False
        yield site


@pytest.mark.parametrize("size", [1024, 20_000, APART, 3 * APART])
@pytest.mark.parametrize("kind", ["text/html", "application/json", "text/vtt"])
async def test_text_is_compressed(client: Client, size: int, kind: str) -> None:
    got = await client.get("/", params={"size": size, "kind": kind})
    assert got.headers["Content-Encoding"] == "gzip"
    body = await got.read()
    assert int(got.headers["Content-Length"]) == len(body) < size // 4
    assert len(gzip.decompress(body)) == size


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("size=1023&kind=text/html", {}),
        ("size=5000&kind=image/jpeg", {}),
        ("size=5000&kind=video/mp4", {}),
        ("size=5000&kind=text/html&packed=1", {}),
        ("size=5000&kind=text/html", {"Accept-Encoding": "identity"}),
        ("size=5000&kind=text/html", {"Accept-Encoding": "br"}),
        ("size=5000&kind=text/html", {"X-Forwarded-For": "198.51.100.1"}),
    ],
)
async def test_what_is_left_alone(client: Client, query: str, headers: dict[str, str]) -> None:
    got = await client.get(f"/?{query}", headers={"Accept-Encoding": "gzip"} | headers)
    assert got.headers.get("Content-Encoding") != "gzip"
    assert len(await got.read()) == int(query.split("&", maxsplit=1)[0].removeprefix("size="))


async def test_streams_are_left_alone(client: Client) -> None:
    got = await client.get("/stream")
    assert await got.text() == TEXT


async def test_caches_are_told(client: Client) -> None:
    got = await client.get("/?size=5000&kind=text/html")
    assert got.headers["Vary"] == "Accept-Encoding"
    got = await client.get("/?size=5000&kind=text/html&vary=1")
    assert got.headers["Vary"] == "Cookie, Accept-Encoding"
