"""Finds videos by their words and channels by their names, in spite of accents and typos.

Words are looked up in `video.search` (name before tags before description). Only when no video has
them all are they replaced by the known words that are spelled most like them. Of what is found the
`MOST` watched are ranked, so that a word in half of all names costs no more than a rare one.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from app.accounts.names import split_handle
from app.accounts.schemas import site_url
from app.channels.schemas import CHANNEL_COLUMNS
from app.core.auth import Actor
from app.core.db import Row, fetch, fetchval
from app.core.ids import parse_uuid
from app.videos.filters import VideoFilter, conditions, order_by
from app.videos.queries import CARD_COLUMNS, count_videos, list_videos

MOST = 1000
BEST_MATCH = "-match"

#: The most watched of the videos with all the words; then the page of the best of them. What is
#: asked stands in the condition itself, so that the planner knows how rare it is: rare words are
#: looked up, for common ones the most watched are tried until there are enough.
_SEARCH = """
WITH found AS MATERIALIZED (
    SELECT video.id, ts_rank(video.search, {words}) AS rank FROM video
    WHERE video.search @@ {words} AND {where}
    ORDER BY video.views DESC, video.id DESC LIMIT {most}),
page AS (
    SELECT found.id, found.rank FROM found JOIN video ON video.id = found.id
    ORDER BY {order} {limit})
SELECT (SELECT count(*) FROM found) AS total, {columns}
FROM page found JOIN video ON video.id = found.id
    JOIN channel ON channel.id = video.channel_id JOIN account ON account.id = channel.account_id
ORDER BY {order}"""

#: As it was asked, and as known words that are spelled like it (the argument is a tsquery).
_AS_ASKED, _AS_GIVEN = "asked_words({}::text)", "{}::text::tsquery"
_NEAREST = "SELECT nearest_words($1)::text"

#: Channels whose names look like it, of people who are not blocked.
_CHANNELS = f"""
SELECT {CHANNEL_COLUMNS}, count(*) OVER () AS total
FROM channels_like($1, {MOST}) found JOIN channel ON channel.id = found.id
    JOIN account ON account.id = channel.account_id
    LEFT JOIN "user" ON "user".id = account.user_id
WHERE "user".blocked IS NOT TRUE
ORDER BY likeness DESC, channel.followers_count DESC, channel.id LIMIT $2 OFFSET $3"""

#: Channels by their handles.
_CHANNELS_BY_NAME = f"""
SELECT {CHANNEL_COLUMNS}, count(*) OVER () AS total
FROM channel JOIN account ON account.id = channel.account_id
    LEFT JOIN "user" ON "user".id = account.user_id
WHERE "user".blocked IS NOT TRUE AND channel.host IS NULL
    AND lower(channel.name) = ANY($1::text[])
ORDER BY channel.id LIMIT $2 OFFSET $3"""


async def search_videos(
    text: str, wanted: VideoFilter, viewer: Actor | None
) -> tuple[Sequence[Row], int]:
    """The cards of a page of what was found, and how many were found (up to `MOST`).

    The address of a video of this site finds that video. Raises what `list_videos` does.
    """
    if uuid := parse_uuid(_reference(text)):
        wanted = replace(wanted, uuids=(uuid,))
        text = ""
    if not text.strip():
        sort = "-publishedAt" if wanted.sort == BEST_MATCH else wanted.sort
        wanted = replace(wanted, sort=sort)
        return await list_videos(wanted, viewer), await count_videos(wanted, viewer)
    rows, total = await _find(_AS_ASKED, text, wanted, viewer)
    if not total and (nearest := await fetchval(_NEAREST, text)):
        rows, total = await _find(_AS_GIVEN, nearest, wanted, viewer)
    return rows, total


async def _find(
    words: str, asked: str, wanted: VideoFilter, viewer: Actor | None
) -> tuple[Sequence[Row], int]:
    rows = await _search(words, asked, wanted, viewer)
    if rows or not wanted.start:
        return rows, rows[0]["total"] if rows else 0
    first = await _search(words, asked, replace(wanted, start=0, count=1), viewer)
    return rows, first[0]["total"] if first else 0


async def _search(
    words: str, asked: str, wanted: VideoFilter, viewer: Actor | None
) -> Sequence[Row]:
    where = conditions(wanted, viewer)
    by_rank = "found.rank DESC, video.views DESC, video.id DESC"
    start = where.argument(wanted.start)
    sql = _SEARCH.format(
        words=words.format(where.argument(asked)),
        most=MOST,
        where=where.where(),
        order=by_rank if wanted.sort == BEST_MATCH else order_by(wanted.sort),
        limit=f"LIMIT {int(wanted.count)} OFFSET {start}::bigint",
        columns=CARD_COLUMNS,
    )
    return await fetch(sql, *where.arguments)


def _reference(text: str) -> str:
    """The short or long uuid in the address of a video of this site."""
    found = re.fullmatch(
        re.escape(site_url()) + r"/(?:w|videos/watch)/([0-9A-Za-z-]+)/?(?:\?.*)?", text.strip()
    )
    return found[1] if found else ""


async def search_channels(
    text: str, *, handles: Sequence[str] = (), start: int = 0, count: int = 15
) -> tuple[Sequence[Row], int]:
    """The rows of a page of channels (`CHANNEL_COLUMNS`), and how many were found."""
    if handles:
        local = [name.lower() for name, host in map(split_handle, handles) if host is None]
        rows = await fetch(_CHANNELS_BY_NAME, local, count, start)
    else:
        rows = await fetch(_CHANNELS, text.strip().removeprefix("@"), count, start)
    return rows, rows[0]["total"] if rows else 0
