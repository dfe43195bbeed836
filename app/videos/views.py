"""Counts who watches: once a viewer and hour, gathered in Redis, written to the rows each minute.

A view costs PostgreSQL nothing when it happens. Redis holds at most a minute of views; they are
lost with it, which is what they are worth.
"""

import hashlib
import secrets
from datetime import UTC, date, datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.core.db import execute
from app.videos.popularity import hot_sql

#: After so long the same viewer counts again.
WINDOW_SECONDS = 3600
#: A view is ten seconds of watching, or half of a shorter video.
WATCHED_SECONDS = 10

_PENDING, _WRITING = "views:pending", "views:writing"

# KEYS[1] this viewer of this video, KEYS[2] pending; ARGV[1] window, ARGV[2] field
_COUNT = """
if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then
    return redis.call('HINCRBY', KEYS[2], ARGV[2], 1)
end
return 0
"""

#: Add what was gathered to each video that still exists, and to its day.
_WRITE = f"""
WITH seen AS (
    SELECT video.id AS video_id, given.day, given.views
    FROM unnest($1::bigint[], $2::date[], $3::bigint[]) AS given (video_id, day, views)
        JOIN video ON video.id = given.video_id FOR UPDATE OF video),
days AS (
    INSERT INTO video_view_day (video_id, day, views) SELECT video_id, day, views FROM seen
    ON CONFLICT (video_id, day)
        DO UPDATE SET views = video_view_day.views + excluded.views),
totals AS (SELECT video_id, sum(views)::bigint AS views FROM seen GROUP BY video_id)
UPDATE video SET views = video.views + totals.views, hot_score = {hot_sql("totals.views")}
FROM totals WHERE video.id = totals.video_id"""  # noqa: S608 - the formula is our own


def is_watched(current_time: float, duration: float) -> bool:
    """Whether somebody who has got so far (seconds) has watched the video."""
    return current_time >= min(WATCHED_SECONDS, duration / 2)


async def count_view(redis: Redis, video_id: int, viewer: str) -> None:
    """Count a view, unless this viewer was counted within the hour; without Redis nobody is."""
    today = datetime.now(UTC).date()
    try:
        who = hashlib.sha256(await _secret_of(redis, today) + viewer.encode()).hexdigest()[:24]
        await redis.eval(  # type: ignore[misc]
            _COUNT,
            2,
            f"view:{video_id}:{who}",
            _PENDING,
            str(WINDOW_SECONDS),
            f"{video_id} {today.isoformat()}",
        )
    except (RedisError, OSError):
        return


async def _secret_of(redis: Redis, day: date) -> bytes:
    """The day's secret: with it forgotten, nobody can tell addresses from the hashes."""
    key = f"views:secret:{day.isoformat()}"
    await redis.set(key, secrets.token_hex(16), nx=True, ex=2 * 86400)
    found = await redis.get(key)
    return found if isinstance(found, bytes) else str(found).encode()


async def write_views(redis: Redis) -> int:
    """Write what was gathered to the rows; gives how many videos gained views.

    What an earlier attempt left behind is written first. A crash between the last two steps counts
    a minute twice.
    """
    written = 0
    for _ in range(2):
        if await redis.exists(_WRITING):
            written += await _write(await redis.hgetall(_WRITING))  # type: ignore[misc]
            await redis.delete(_WRITING)
        if not await redis.exists(_PENDING):
            break
        await redis.rename(_PENDING, _WRITING)
    return written


async def _write(gathered: dict[bytes | str, bytes | str]) -> int:
    fields = [(key.decode() if isinstance(key, bytes) else key).split() for key in gathered]
    return await execute(
        _WRITE,
        [int(video_id) for video_id, _ in fields],
        [date.fromisoformat(day) for _, day in fields],
        [int(views) for views in gathered.values()],
    )
