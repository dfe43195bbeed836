"""What a web process lacks to serve its site: asked by a deployment before it goes on."""

import asyncio

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core import db

SECONDS = 3.0


async def lacking(redis: Redis) -> dict[str, str]:
    """For each part that does not answer, a sentence that says why; empty is healthy."""
    found = {}
    try:
        async with asyncio.timeout(SECONDS):
            await db.fetchval("SELECT 1")
    except Exception as error:  # noqa: BLE001 - whatever it is, the asker wants to read it
        found["database"] = str(error) or type(error).__name__
    try:
        async with asyncio.timeout(SECONDS):
            await redis.ping()
    except (RedisError, OSError, TimeoutError) as error:
        found["redis"] = str(error) or type(error).__name__
    return found
