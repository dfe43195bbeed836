"""Reads channels."""

from collections.abc import Sequence
from typing import Final

from app.accounts.names import split_handle
from app.accounts.queries import ordering
from app.channels.schemas import CHANNEL_COLUMNS
from app.core.db import Row, fetch, fetchrow, fetchval
from app.core.pagination import counted

_FROM = "FROM channel JOIN account ON account.id = channel.account_id"

# One channel by its handle, in the words of the index on handles.
_BY_HANDLE = f"""
SELECT {CHANNEL_COLUMNS} {_FROM}
WHERE lower(channel.name) = lower($1) AND coalesce(channel.host, '') = coalesce($2, '')
"""

# Channels for the list, in one of the orders of `_SORTS`.
_LIST = f"SELECT {CHANNEL_COLUMNS} {_FROM} ORDER BY {{order}} LIMIT $1 OFFSET $2"

_COUNT = "SELECT count(*) FROM channel"

# The channels of an account whose names match; an account has a few dozen at most.
_OF_ACCOUNT = f"""
SELECT {CHANNEL_COLUMNS}, count(*) OVER () AS total {_FROM} WHERE channel.account_id = $1
    AND ($2::text IS NULL OR channel.name ILIKE '%' || $2 || '%'
        OR channel.display_name ILIKE '%' || $2 || '%')
ORDER BY {{order}} LIMIT $3 OFFSET $4
"""

# Numbers that only the owner sees.
_STATS = """
SELECT channel.id, count(video.id) AS videos, coalesce(sum(video.views), 0)::bigint AS views
FROM channel LEFT JOIN video ON video.channel_id = channel.id
WHERE channel.account_id = $1 GROUP BY channel.id
"""

_SORTS: Final = {
    "createdAt": "channel.created_at",
    "id": "channel.id",
    "name": "lower(channel.name)",
    "displayName": "lower(channel.display_name)",
    "followersCount": "channel.followers_count",
    "followingCount": "channel.following_count",
    "updatedAt": "channel.updated_at",
}


async def channel_by_handle(handle: str) -> Row | None:
    """The row of a channel (`CHANNEL_COLUMNS`), by `name` or `name@host`."""
    name, host = split_handle(handle)
    return await fetchrow(_BY_HANDLE, name, host)


async def list_channels(*, start: int, count: int, sort: str | None) -> Sequence[Row]:
    """A page of channels."""
    order = ordering(sort, _SORTS, default="-createdAt")
    return await fetch(_LIST.format(order=order), count, start)


async def count_channels() -> int:
    """How many channels the list has."""
    return await counted(_COUNT)


async def channels_of(
    account_id: int,
    *,
    search: str | None = None,
    start: int = 0,
    count: int = 100,
    sort: str | None = None,
) -> Sequence[Row]:
    """An account's channels, oldest first unless asked otherwise; each row has the `total`."""
    order = ordering(sort, _SORTS, default="createdAt")
    pattern = search and search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
    return await fetch(_OF_ACCOUNT.format(order=order), account_id, pattern, count, start)


async def channel_stats(account_id: int) -> dict[int, Row]:
    """Videos and views of each of an account's channels, by the channel's id."""
    return {row["id"]: row for row in await fetch(_STATS, account_id)}


async def count_of(account_id: int) -> int:
    """How many channels an account has."""
    return int(await fetchval("SELECT count(*) FROM channel WHERE account_id = $1", account_id))
