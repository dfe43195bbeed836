from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.core.api import Api
from app.core.auth import COOKIE
from app.core.pages import Pages
from app.core.security import allow_framing, allow_inline_styles, policy
from tests.core.conftest import Configure
from tests.core.small_site import Client, bearer, serving

api, pages = Api(tag="Test"), Pages()


@api.post("/change")
async def change(_: web.Request) -> None:
    pass


@pages.post("/change")
async def change_page(_: web.Request) -> web.Response:
    return web.Response(text="done")


@pages.get("/page")
async def page(_: web.Request) -> web.Response:
    return web.Response(text="<p>page", content_type="text/html")


@pages.get("/embed")
async def embed(request: web.Request) -> web.Response:
    allow_framing(request)
    allow_inline_styles(request)
    return web.Response(text="<p>page", content_type="text/html")


@pytest.fixture
async def client(bare: Configure) -> AsyncIterator[Client]:
    async with serving(api, pages) as site:
        yield site


OWN = "http://127.0.0.1:9000"
OTHER = "https://evil.example"

#: headers, then whether a page's form passes, and whether the API passes for a cookie
FROM_WHERE = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "nonsense"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": OWN}, False),
    ({"Sec-Fetch-Site": "same-origin", "Origin": OTHER}, True),
    ({"Origin": OWN}, True),
    ({"Origin": "http://{host}"}, True),
    ({"Origin": OTHER}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Origin": OWN + ".evil.example"}, False),
    ({}, True),
]


@pytest.mark.parametrize(("headers", "passes"), FROM_WHERE)
@pytest.mark.parametrize("cookie", ["user", "stale", None])
async def test_changes_on_pages_come_from_this_site(
    client: Client, headers: dict[str, str], passes: bool, cookie: str | None
) -> None:
    answer = await client.post(
        "/change",
        headers={name: value.format(host=host_of(client)) for name, value in headers.items()},
        cookies={COOKIE: cookie} if cookie else {},
    )
    assert answer.status == (200 if passes else 403)


@pytest.mark.parametrize(("headers", "passes"), FROM_WHERE)
@pytest.mark.parametrize("cookie", [COOKIE, "kinora_video_x"])
async def test_changes_by_the_api_with_a_cookie_come_from_this_site(
    client: Client, headers: dict[str, str], passes: bool, cookie: str
) -> None:
    headers = {name: value.format(host=host_of(client)) for name, value in headers.items()}
    answer = await client.post("/api/v1/change", headers=headers, cookies={cookie: "user"})
    assert answer.status == (204 if passes else 403)
    if not passes:
        assert (await answer.json())["code"] == "cross_site_request"


@pytest.mark.parametrize("headers", [headers for headers, _ in FROM_WHERE])
async def test_a_client_with_a_token_or_with_nothing_may_call_from_anywhere(
    client: Client, headers: dict[str, str]
) -> None:
    assert (await client.post("/api/v1/change", headers=headers)).status == 204
    answer = await client.post(
        "/api/v1/change", headers=headers | bearer("user"), cookies={COOKIE: "user"}
    )
    assert answer.status == 204


def host_of(client: Client) -> str:
    return f"{client.host}:{client.port}"


async def test_reading_is_free(client: Client) -> None:
    answer = await client.get(
        "/page", headers={"Sec-Fetch-Site": "cross-site"}, cookies={COOKIE: "user"}
    )
    assert answer.status == 200


async def test_a_page_runs_no_foreign_and_no_inline_script(client: Client) -> None:
    answer = await client.get("/page")
    directives = directives_of(answer.headers["Content-Security-Policy"])
    assert directives["default-src"] == {"'self'"}
    scripts = directives["script-src"] - {"'self'"}
    assert len(scripts) == 1
    assert scripts.pop().startswith("'sha256-")
    assert directives["style-src"] == {"'self'"}
    assert directives["object-src"] == directives["base-uri"] == {"'none'"}
    assert directives["frame-ancestors"] == {"'none'"}
    assert directives["media-src"] == {"'self'", "blob:"}
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "strict-origin-when-cross-origin"
    assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "aiohttp" not in answer.headers["Server"]
    assert "Access-Control-Allow-Origin" not in answer.headers


async def test_an_embed_may_be_framed(client: Client) -> None:
    answer = await client.get("/embed")
    directives = directives_of(answer.headers["Content-Security-Policy"])
    assert directives["frame-ancestors"] == {"*"}
    assert directives["style-src"] == {"'self'", "'unsafe-inline'"}
    assert "'unsafe-inline'" not in directives["script-src"]
    assert "X-Frame-Options" not in answer.headers


def test_no_policy_lets_scripts_in() -> None:
    for frameable in (True, False):
        for inline in (True, False):
            scripts = directives_of(policy(frameable=frameable, inline_styles=inline))["script-src"]
            assert not scripts & {
                "'unsafe-inline'",
                "'unsafe-eval'",
                "data:",
                "blob:",
                "*",
                "https:",
            }


async def test_media_come_from_the_object_store_too(client: Client, bare: Configure) -> None:
    bare(
        storage__backend="s3",
        storage__s3_endpoint="https://s3.example:9000/path",
        storage__s3_public_url="https://cdn.example/files",
    )
    directives = directives_of((await client.get("/page")).headers["Content-Security-Policy"])
    for name in ("media-src", "img-src", "connect-src"):
        assert {"https://s3.example:9000", "https://cdn.example"} <= directives[name]
    assert directives["script-src"].isdisjoint({"https://s3.example:9000", "https://cdn.example"})


async def test_the_api_may_be_called_from_every_site(client: Client) -> None:
    answer = await client.options(
        "/api/v1/change",
        headers={
            "Origin": OTHER,
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization, content-type",
        },
    )
    assert answer.status == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    assert answer.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    answer = await client.post("/api/v1/change", headers={"Origin": OTHER})
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def directives_of(header: str) -> dict[str, set[str]]:
    parts = (part.split() for part in header.split(";"))
    return {name: set(values) for name, *values in parts}
