from collections.abc import AsyncIterator

import pytest
import structlog
from aiohttp import web
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from app.core import observe
from app.core.api import Api
from tests.core.conftest import Configure
from tests.core.small_site import Client, serving

api = Api(tag="Test")


@api.get("/things/{number}")
async def get_thing(_: web.Request, number: int) -> dict[str, object]:
    return {"bound": structlog.contextvars.get_contextvars(), "number": number}


@api.get("/refused")
async def refused(_: web.Request) -> web.Response:
    return web.Response(status=503)


@pytest.fixture
async def client(bare: Configure) -> AsyncIterator[Client]:
    async with serving(api) as site:
        yield site


def counted(method: str, route: str, status: str) -> float:
    labels = {"method": method, "route": route, "status": status}
    return REGISTRY.get_sample_value("kinora_http_request_seconds_count", labels) or 0


async def test_requests_are_counted_by_route(client: Client) -> None:
    route = "/api/v1/things/{number}"
    before = [counted("GET", route, status) for status in ("200", "400")]
    for path in ("1", "2", "x"):
        await client.get(f"/api/v1/things/{path}")
    after = [counted("GET", route, status) for status in ("200", "400")]
    assert [now - then for now, then in zip(after, before, strict=True)] == [2, 1]


async def test_paths_and_methods_that_we_do_not_have_make_no_series(client: Client) -> None:
    before = counted("other", "none", "404")
    await client.request("PROPFIND", "/coffee")
    await client.request("MKCOL", "/tea")
    assert counted("other", "none", "404") - before == 2


async def test_the_log_knows_the_request(client: Client) -> None:
    answer = await client.get("/api/v1/things/1")
    assert (await answer.json())["bound"]["request_id"] == answer.headers["X-Request-Id"]


async def test_an_ordinary_request_is_not_logged(client: Client) -> None:
    with capture_logs() as logs:
        await client.get("/api/v1/things/1")
        await client.get("/api/v1/things/x")
    assert logs == []


async def test_a_failed_request_is_logged(client: Client) -> None:
    with capture_logs() as logs:
        await client.get("/api/v1/refused?token=secret")
    (line,) = logs
    assert line["event"] == "slow_or_failed_request"
    assert (line["method"], line["path"], line["status"]) == ("GET", "/api/v1/refused", 503)
    assert line["client"] == "127.0.0.1"
    assert "secret" not in str(line)


async def test_a_slow_request_is_logged(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "SLOW_SECONDS", 0)
    with capture_logs() as logs:
        await client.get("/api/v1/things/1")
    assert logs[0]["route"] == "/api/v1/things/{number}"
