"""Views: once a viewer and hour, written in a batch; and what they make of trending and hot."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient
from redis.asyncio import Redis

from app.config import settings
from app.core.db import fetch, fetchval
from app.videos import popularity, views
from app.videos.models import Privacy, Video, VideoViewDay
from tests.factories import login, make_user, make_video

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def redis(settings_env: dict[str, str]) -> Any:
    async with Redis.from_url(settings().redis.url.get_secret_value()) as connection:
        await connection.flushall()
        yield connection


async def watch(
    client: Client,
    video: Video,
    *,
    at: float = 30,
    agent: str = "x",
    headers: dict[str, str] | None = None,
) -> int:
    answer = await client.post(
        f"/api/v1/videos/{video.uuid}/views",
        json={"currentTime": at},
        headers={"User-Agent": agent} | (headers or {}),
    )
    return answer.status


async def test_a_viewer_counts_once(client: Client, redis: Redis) -> None:
    video, other = await make_video(), await make_video()
    for agent in ("one", "two", "one", "one"):
        assert await watch(client, video, agent=agent) == 204
    assert await watch(client, other, agent="one") == 204
    headers = await login(client, await make_user())
    for agent in ("one", "three"):
        assert await watch(client, video, agent=agent, headers=headers) == 204
    await video.refresh_from_db()
    assert video.views == 0
    assert await views.write_views(redis) == 2
    assert await views.write_views(redis) == 0
    for watched, count in ((video, 3), (other, 1)):
        await watched.refresh_from_db()
        assert watched.views == count
        day = await VideoViewDay.get(video=watched)
        assert (day.day, day.views) == (datetime.now(UTC).date(), count)


async def test_a_glance_is_no_view(client: Client, redis: Redis) -> None:
    long, short = await make_video(duration=600), await make_video(duration=4)
    await watch(client, long, at=9.9)
    await watch(client, short, at=1.9)
    assert await views.write_views(redis) == 0
    await watch(client, long, at=10)
    await watch(client, short, at=2)
    assert await views.write_views(redis) == 2


@pytest.mark.parametrize(
    "body", [{}, {"currentTime": -1}, {"currentTime": "x"}, {"currentTime": 1e9}]
)
async def test_what_is_no_time_is_an_error(client: Client, body: dict[str, object]) -> None:
    video = await make_video()
    answer = await client.post(f"/api/v1/videos/{video.uuid}/views", json=body)
    assert answer.status == 400


async def test_who_may_not_see_does_not_count(client: Client, redis: Redis) -> None:
    video = await make_video(privacy=Privacy.PRIVATE)
    assert await watch(client, video) == 401
    assert await views.write_views(redis) == 0


async def test_a_deleted_video_s_views_are_dropped(db: None, redis: Redis) -> None:
    kept, gone = await make_video(), await make_video()
    for video in (kept, gone):
        await views.count_view(redis, video.id, "somebody")
    await gone.delete()
    assert await views.write_views(redis) == 1
    assert await VideoViewDay.all().count() == 1


async def test_what_a_crash_left_behind_is_written_once(db: None, redis: Redis) -> None:
    video = await make_video()
    await views.count_view(redis, video.id, "one")
    await redis.rename("views:pending", "views:writing")  # the attempt before died here
    await views.count_view(redis, video.id, "two")
    assert await views.write_views(redis) == 2
    await video.refresh_from_db()
    assert video.views == 2


async def test_the_viewer_is_forgotten_with_the_day(db: None, redis: Redis) -> None:
    await views.count_view(redis, 1, "192.0.2.1 Firefox")
    keys = sorted(key.decode() for key in await redis.keys("*"))
    assert not [key for key in keys if "192.0.2.1" in key]
    for key in keys:
        if key != "views:pending":
            assert 0 < await redis.ttl(key) <= 2 * 86400


async def test_without_redis_nothing_breaks(db: None) -> None:
    async with Redis.from_url("unix:///nowhere/redis.sock") as redis:
        await views.count_view(redis, 1, "somebody")


async def test_trending_counts_the_week_and_forgets_it(db: None) -> None:
    today = datetime.now(UTC).date()
    fresh, older, long_ago = [await make_video(name=name) for name in ("fresh", "older", "past")]
    for video, day, count in (
        (fresh, today, 10),
        (older, today - timedelta(days=2), 10),
        (long_ago, today - timedelta(days=popularity.TRENDING_DAYS), 1000),
    ):
        await VideoViewDay.create(video=video, day=day, views=count)
    await Video.filter(id=long_ago.id).update(trending_score=5)
    assert await popularity.refresh_trending() == 3
    scores = {row["name"]: row["trending_score"] for row in await fetch("SELECT * FROM video")}
    assert scores == pytest.approx({"fresh": 10, "older": 4.9, "past": 0})
    assert await popularity.refresh_trending() == 0


async def test_hot_in_sql_and_in_python_are_the_same(db: None) -> None:
    published = datetime(2026, 11, 22, tzinfo=UTC)
    video = await make_video(
        views=90, likes=10, dislikes=4, comments_count=2, published_at=published
    )
    in_sql = await fetchval(f"SELECT {popularity.hot_sql('10')} FROM video WHERE id = {video.id}")
    video.views += 10
    assert in_sql == pytest.approx(popularity.hot_score(video, published))


def test_half_a_day_makes_up_for_ten_times_the_applause() -> None:
    monday = datetime(2026, 11, 23, tzinfo=UTC)
    old, new = Video(views=1000), Video(views=100)
    later = monday + timedelta(seconds=popularity.HOT_SECONDS)
    assert popularity.hot_score(old, monday) == pytest.approx(popularity.hot_score(new, later))
    assert date(2026, 11, 23) == monday.date()
