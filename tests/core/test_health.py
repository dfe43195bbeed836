"""What a web process lacks."""

from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from app.config import settings
from app.core import health


@pytest.fixture
async def redis(settings_env: dict[str, str]) -> AsyncIterator[Redis]:
    client = Redis.from_url(settings().redis.url.get_secret_value())
    yield client
    await client.aclose()


async def test_a_healthy_process_lacks_nothing(db: None, redis: Redis) -> None:
    assert await health.lacking(redis) == {}


async def test_each_part_that_does_not_answer_is_named(redis: Redis) -> None:
    """No database is open here."""
    away = Redis.from_url("redis://127.0.0.1:1/0")
    assert set(await health.lacking(away)) == {"database", "redis"}
    assert set(await health.lacking(redis)) == {"database"}
