"""Reads the numbers of the site."""

from app.core.pagination import counted

_TOTALS = {
    "totalUsers": 'SELECT count(*) FROM "user"',
    "totalVideos": "SELECT count(*) FROM video WHERE state = 1 AND privacy IN (1, 4)",
    "totalLocalVideos": "SELECT count(*) FROM video WHERE state = 1 AND privacy IN (1, 4)",
    "totalLocalVideoViews": "SELECT coalesce(sum(views), 0)::bigint FROM video",
    "totalLocalVideoFilesSize": "SELECT coalesce(sum(size), 0)::bigint FROM rendition",
    "totalLocalVideoChannels": "SELECT count(*) FROM channel WHERE host IS NULL",
}


async def totals() -> dict[str, int]:
    """Each number under PeerTube's name; remembered where counting is slow."""
    return {name: await counted(sql) for name, sql in _TOTALS.items()}
