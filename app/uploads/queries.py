"""All reads of uploads: how much a user keeps and has sent, and which uploads stand still."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from app.core.db import fetch, fetchrow, fetchval

#: What a user keeps: originals and renditions; what came within a day; what is on its way.
#: An upload that stands still for an hour takes nothing from the quota any more.
USAGE = """
WITH own AS (
    SELECT video.id FROM video JOIN channel ON channel.id = video.channel_id
    JOIN account ON account.id = channel.account_id WHERE account.user_id = $1)
SELECT video_quota, video_quota_daily,
    (SELECT coalesce(sum(size), 0) FROM video_source JOIN own ON own.id = video_id)
      + (SELECT coalesce(sum(size), 0) FROM rendition JOIN own ON own.id = video_id) AS kept,
    (SELECT coalesce(sum(size), 0) FROM video_source JOIN own ON own.id = video_id
       WHERE created_at > now() - interval '1 day') AS sent_today,
    (SELECT coalesce(sum(size), 0) FROM upload
       WHERE user_id = $1 AND video_id IS NULL AND updated_at > now() - interval '1 hour')
       AS arriving
FROM "user" WHERE id = $1"""

#: Bytes that all uploads under way will have when they are complete.
EXPECTED = "SELECT coalesce(sum(size), 0)::bigint FROM upload WHERE video_id IS NULL"

#: Uploads that nobody went on with, oldest first.
STALE = "SELECT id FROM upload WHERE updated_at < $1 ORDER BY updated_at LIMIT 1000"

#: Which of these uploads there are.
KNOWN = "SELECT id FROM upload WHERE id = ANY($1)"

#: Which of these videos are not yet, or not yet whole, ready.
UNFINISHED = """
SELECT id FROM video WHERE id = ANY($1) AND state <> 7
    AND NOT coalesce((playlist->>'complete')::bool, false)"""


@dataclass(frozen=True, slots=True)
class Usage:
    """A user's bytes beside its limits; a limit of -1 is none."""

    quota: int
    quota_daily: int
    kept: int
    sent_today: int
    #: uploads under way
    arriving: int

    def has_room_for(self, size: int) -> bool:
        """Whether so many bytes more, besides what has arrived already, are within both limits."""
        return (self.quota < 0 or self.kept + size <= self.quota) and (
            self.quota_daily < 0 or self.sent_today + size <= self.quota_daily
        )


async def usage_of(user_id: int) -> Usage:
    """What the user keeps and sends. Raises LookupError."""
    row = await fetchrow(USAGE, user_id)
    if row is None:
        raise LookupError(f"no user {user_id}")
    return Usage(
        quota=row["video_quota"],
        quota_daily=row["video_quota_daily"],
        kept=int(row["kept"]),
        sent_today=int(row["sent_today"]),
        arriving=int(row["arriving"]),
    )


async def expected_bytes() -> int:
    """Bytes that all uploads under way will have when they are complete."""
    return int(await fetchval(EXPECTED))


async def stale_uploads(before: datetime) -> Sequence[UUID]:
    """Up to a thousand uploads that nothing happened to since then."""
    return [row["id"] for row in await fetch(STALE, before)]


async def known(ids: Sequence[UUID]) -> frozenset[UUID]:
    """Those of the ids that are uploads."""
    return frozenset(row["id"] for row in await fetch(KNOWN, list(ids)))


async def unfinished(video_ids: Sequence[int]) -> frozenset[int]:
    """Those of the videos that are still being prepared."""
    return frozenset(row["id"] for row in await fetch(UNFINISHED, list(video_ids)))
