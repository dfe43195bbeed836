import asyncio
import contextlib
import os
from collections.abc import AsyncIterator

import asyncpg
import pytest
from aiohttp import ClientPayloadError, web
from structlog.testing import capture_logs

from app.core.api import Api
from app.core.db import database, fetchval, transaction
from app.core.errors import AppError, NotFoundError
from app.core.pages import Pages
from tests import servers
from tests.core.conftest import Configure
from tests.core.small_site import Client, serving

SECRET = "password=hunter2"
api, pages = Api(tag="Test"), Pages()


@api.get("/fault")
async def fault(_: web.Request) -> None:
    raise RuntimeError(SECRET)


@api.get("/out-of-range")
async def out_of_range(_: web.Request) -> None:
    raise asyncpg.DataError("value out of int64 range")


@api.get("/begun")
async def begun(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    answer.content_length = 100
    await answer.prepare(request)
    await answer.write(b"half")
    raise RuntimeError(SECRET)


@api.get("/redirect")
async def redirect(_: web.Request) -> None:
    raise web.HTTPFound("/elsewhere")


@api.get("/teapot")
async def teapot(_: web.Request) -> None:
    raise AppError("Short and stout.", status=418, code="teapot", headers={"X-Tea": "green"})


@api.get("/asks-the-database")
async def asks_the_database(_: web.Request) -> None:
    await fetchval("SELECT 1")


@api.get("/writes-to-the-database")
async def writes_to_the_database(_: web.Request) -> None:
    async with transaction():
        await fetchval("SELECT 1")


@pages.get("/fault")
async def fault_page(_: web.Request) -> web.Response:
    raise RuntimeError(SECRET)


@pages.get("/missing")
async def missing_page(_: web.Request) -> web.Response:
    raise NotFoundError("There is no such <video>.")


@pytest.fixture
async def client(bare: Configure) -> AsyncIterator[Client]:
    async with serving(api, pages) as site:
        yield site


async def test_a_fault_of_ours_tells_nothing_but_an_id(client: Client) -> None:
    with capture_logs() as logs:
        answer = await client.get("/api/v1/fault")
    assert answer.status == 500
    assert answer.content_type == "application/problem+json"
    text = await answer.text()
    assert SECRET not in text
    assert "RuntimeError" not in text
    problem = await answer.json()
    assert problem["code"] == "internal_error"
    assert problem["requestId"] == answer.headers["X-Request-Id"]
    logged = {entry["event"]: entry for entry in logs}
    assert logged["request_failed"]["exc_info"]
    assert logged["slow_or_failed_request"]["route"] == "/api/v1/fault"


async def test_a_fault_on_a_page_is_a_page(client: Client) -> None:
    answer = await client.get("/fault")
    text = await answer.text()
    assert answer.status == 500
    assert answer.content_type == "text/html"
    assert SECRET not in text
    assert answer.headers["X-Request-Id"] in text


async def test_an_error_page_says_what_is_wrong_and_escapes_it(client: Client) -> None:
    answer = await client.get("/missing")
    text = await answer.text()
    assert answer.status == 404
    assert "There is no such &lt;video&gt;." in text
    assert answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/nowhere", "/api/v1/nowhere", "/static/app/none.js"])
async def test_an_address_without_anything(client: Client, path: str) -> None:
    answer = await client.get(path)
    assert answer.status == 404
    is_api = path.startswith("/api")
    assert answer.content_type == ("application/problem+json" if is_api else "text/html")


async def test_a_wrong_method_names_the_right_ones(client: Client) -> None:
    answer = await client.post("/api/v1/teapot")
    assert answer.status == 405
    assert answer.headers["Allow"] == "GET,HEAD"
    assert (await answer.json())["title"] == "Method Not Allowed"


async def test_an_error_carries_its_code_and_headers(client: Client) -> None:
    answer = await client.get("/api/v1/teapot")
    assert (answer.status, answer.headers["X-Tea"]) == (418, "green")
    assert (await answer.json())["code"] == "teapot"


async def test_redirects_pass(client: Client) -> None:
    answer = await client.get("/api/v1/redirect", allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (302, "/elsewhere")


async def test_what_the_database_cannot_hold_is_the_askers_fault(client: Client) -> None:
    answer = await client.get("/api/v1/out-of-range")
    assert answer.status == 400
    assert "int64" not in await answer.text()


async def test_an_answer_that_had_begun_is_cut_off(client: Client) -> None:
    answer = await client.get("/api/v1/begun")
    with pytest.raises(ClientPayloadError):
        await answer.read()


@pytest.mark.parametrize("path", ["/asks-the-database", "/writes-to-the-database"])
async def test_a_database_that_is_away_is_nobodys_fault(client: Client, path: str) -> None:
    server = await asyncio.to_thread(servers.start_postgres, watched=os.getpid())
    async with contextlib.AsyncExitStack() as stack:
        stop = stack.callback(server.stop)
        await stack.enter_async_context(
            database(f"postgres://kinora@/postgres?host={server.folder}")
        )
        assert (await client.get(f"/api/v1{path}")).status == 204
        await asyncio.to_thread(stop)
        for _ in range(3):  # connections that are lost, then none to be had
            answer = await client.get(f"/api/v1{path}")
            assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
            assert (await answer.json())["code"] == "database_away"
