"""Work that videos owe by the clock: the views that were gathered, the scores of the week."""

from redis.asyncio import Redis

from app.config import settings
from app.core.jobs import JobContext, Lane, job
from app.videos.popularity import refresh_trending
from app.videos.views import write_views


@job("videos.count_views", lane=Lane.DEFAULT)
async def count_views(_: JobContext) -> None:
    """Write the views that were gathered in Redis to the rows; due every minute."""
    async with Redis.from_url(settings().redis.url.get_secret_value()) as redis:
        await write_views(redis)


@job("videos.refresh_trending", lane=Lane.DEFAULT)
async def refresh_scores(_: JobContext) -> None:
    """Bring the trending scores up to date; due every ten minutes."""
    await refresh_trending()
