import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis

from app.core import ratelimit
from app.core.api import Api
from app.core.pages import Pages
from app.core.ratelimit import REDIS, Limit, Verdict, check, forget_tallies, parse_limit, take
from tests.core.conftest import Configure
from tests.core.small_site import Client, bearer, small_app

api, pages = Api(tag="Test"), Pages()


@api.post("/login", rate="login")
async def login(_: web.Request) -> None:
    pass


@api.get("/unlimited", rate=None)
async def unlimited(_: web.Request) -> None:
    pass


@api.get("/list")
async def list_all(_: web.Request) -> None:
    pass


@api.get("/of/{name}", rate=None)
async def of(request: web.Request, name: str) -> None:
    await check(request, "login", subject=name)


@pages.post("/login", rate="login")
async def login_page(_: web.Request) -> web.Response:
    return web.Response(text="in")


@pytest.fixture
async def redis(redis_server: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_server) as connected:
        await connected.flushall()
        forget_tallies()
        yield connected


@pytest.fixture
async def client(bare: Configure, redis: Redis) -> AsyncIterator[Client]:
    bare(
        rate_limits__enabled="true",
        rate_limits__login="2/300",
        rate_limits__api="3/600",
        web__trusted_proxies=["127.0.0.0/8"],
    )
    app = small_app(api, pages)
    app[REDIS] = redis
    async with TestClient(TestServer(app)) as site:
        yield site


def by(address: str) -> dict[str, str]:
    return {"X-Forwarded-For": address}


@pytest.mark.parametrize("text", ["", "5", "0/10", "5/0", "-1/5", "a/b", "5/", "1.5/2"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        parse_limit(text)


async def test_a_bucket_empties_and_tells_when_it_will_be_full(redis: Redis) -> None:
    limit = Limit(3, 600)
    verdicts = [await take(redis, "key", limit) for _ in range(5)]
    assert [verdict and verdict.allowed for verdict in verdicts] == [True, True, True, False, False]
    assert [verdict and verdict.remaining for verdict in verdicts] == [2, 1, 0, 0, 0]
    last = verdicts[-1]
    assert last is not None
    assert 190 < last.retry_after <= 200
    assert 590 < last.reset <= 600
    assert 0 < await redis.pttl("rate:key") <= 600_000


async def test_a_bucket_fills_again_one_by_one(redis: Redis) -> None:
    limit = Limit(2, 600)
    await take(redis, "key", limit)
    await take(redis, "key", limit)
    # Redis's clock cannot be turned: the bucket's own time goes back instead.
    empty = float(await redis.get("rate:key"))
    await redis.set("rate:key", repr(empty - 300_000))
    allowed = [(await take(redis, "key", limit)) for _ in range(2)]
    assert [verdict and verdict.allowed for verdict in allowed] == [True, False]


async def test_all_at_once_are_counted_one_by_one(redis: Redis) -> None:
    verdicts = await asyncio.gather(*(take(redis, "key", Limit(5, 600)) for _ in range(20)))
    assert sum(1 for verdict in verdicts if verdict and verdict.allowed) == 5


async def test_one_too_many_is_429_with_headers(client: Client) -> None:
    statuses = [
        (await client.post("/api/v1/login", headers=by("198.51.100.1"))).status for _ in range(3)
    ]
    assert statuses == [204, 204, 429]
    answer = await client.post("/api/v1/login", headers=by("198.51.100.1"))
    assert 140 < int(answer.headers["Retry-After"]) <= 150
    assert answer.headers["RateLimit-Limit"] == "2"
    assert answer.headers["RateLimit-Remaining"] == "0"
    assert (await answer.json())["status"] == 429
    assert (await client.post("/api/v1/login", headers=by("198.51.100.2"))).status == 204


async def test_a_page_counts_in_the_same_bucket(client: Client) -> None:
    await client.post("/api/v1/login", headers=by("198.51.100.1"))
    await client.post("/login", headers=by("198.51.100.1"))
    answer = await client.post("/login", headers=by("198.51.100.1"))
    assert (answer.status, answer.content_type) == (429, "text/html")


async def test_every_call_of_the_api_is_counted_unless_it_says_otherwise(client: Client) -> None:
    answers = [await client.get("/api/v1/list", headers=by("198.51.100.1")) for _ in range(4)]
    assert [answer.status for answer in answers] == [204, 204, 204, 429]
    assert [answer.headers["RateLimit-Remaining"] for answer in answers] == ["2", "1", "0", "0"]
    free = [await client.get("/api/v1/unlimited", headers=by("198.51.100.1")) for _ in range(6)]
    assert {answer.status for answer in free} == {204}


async def test_a_bucket_of_its_own_for_a_subject(client: Client) -> None:
    statuses = [
        (await client.get(f"/api/v1/of/{name}", headers=by(f"198.51.100.{number}"))).status
        for number, name in enumerate(["ada", "ada", "ada", "bob"])
    ]
    assert statuses == [204, 204, 429, 204]


async def test_a_process_tells_redis_of_a_tenth_at_once(
    client: Client, bare: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    bare(rate_limits__api="50/600")
    told: list[int] = []

    async def watched(redis: Redis, key: str, limit: Limit, *, requests: int) -> Verdict | None:
        told.append(requests)
        return await take(redis, key, limit, requests=requests)

    monkeypatch.setattr(ratelimit, "take", watched)
    answers = [await client.get("/api/v1/list", headers=by("198.51.100.1")) for _ in range(60)]
    assert [answer.status for answer in answers] == [204] * 54 + [429] * 6
    left = [int(answer.headers["RateLimit-Remaining"]) for answer in answers]
    assert left == [*range(49, -1, -1), *[0] * 10]
    assert told == [5] * 11, "while the bucket is known to be empty, nobody asks"
    assert 50 < int(answers[-1].headers["Retry-After"]) <= 60


async def test_a_redis_that_hangs_is_left_alone_for_a_while(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    async def silent(redis: Redis, key: str, limit: Limit, *, requests: int) -> None:
        asked.append(key)

    monkeypatch.setattr(ratelimit, "take", silent)
    for number in range(5):
        answer = await client.get("/api/v1/list", headers=by(f"198.51.100.{number}"))
        assert answer.status == 204
    assert asked == ["api:198.51.100.0"]


async def test_memory_is_bounded(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ratelimit, "REMEMBERED", 3)
    for number in range(10):
        await client.get("/api/v1/list", headers=by(f"198.51.100.{number}"))
    assert len(ratelimit._tallies) == 3


async def test_without_redis_nobody_is_refused(bare: Configure) -> None:
    forget_tallies()
    bare(rate_limits__enabled="true", rate_limits__login="1/300")
    app = small_app(api)
    app[REDIS] = Redis.from_url("unix:///nowhere/redis.sock")
    async with TestClient(TestServer(app)) as site:
        for _ in range(3):
            answer = await site.post("/api/v1/login", headers=bearer("user"))
            assert answer.status == 204
            assert "RateLimit-Limit" not in answer.headers


async def test_limits_can_be_switched_off(client: Client, bare: Configure) -> None:
    bare(rate_limits__enabled="false")
    answers = [await client.post("/api/v1/login") for _ in range(4)]
    assert {answer.status for answer in answers} == {204}
