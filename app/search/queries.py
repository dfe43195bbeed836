"""Finds videos by their words and channels by their names, in spite of accents and typos.

Words are looked up in `video.search` (name before tags before description); only when no video has
them all does likeness of spelling decide, by trigrams of the name. At most `MOST` candidates are
ranked, so that a word that half of all videos have costs no more than a rare one.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from app.accounts.names import split_handle
from app.accounts.schemas import site_url
from app.channels.schemas import CHANNEL_COLUMNS
from app.core.auth import Actor
from app.core.db import Row, fetch
from app.core.ids import parse_uuid
from app.videos.filters import VideoFilter, conditions, order_by
from app.videos.queries import CARD_COLUMNS, count_videos, list_videos

MOST = 2000
BEST_MATCH = "-match"

#: A last word is the beginning of one: somebody may still be typing.
_WORDS = """
    SELECT CASE WHEN words::text LIKE '%''' THEN (words::text || ':*')::tsquery ELSE words END
    FROM websearch_to_tsquery('simple', plain({text})) words"""

#: Candidates with all the words, else those that are spelled nearly so; then the page of them.
_SEARCH = """
WITH asked AS MATERIALIZED ({words}),
having_words AS MATERIALIZED (
    SELECT video.id, ts_rank(video.search, (TABLE asked)) AS rank FROM video
    WHERE video.search @@ (TABLE asked) AND {where} LIMIT {most}),
looking_like AS (
    SELECT video.id, likeness AS rank FROM videos_like({text}, {most}) found
        JOIN video ON video.id = found.id
    WHERE NOT EXISTS (SELECT FROM having_words) AND {where}),
found AS MATERIALIZED (TABLE having_words UNION ALL TABLE looking_like),
page AS (
    SELECT found.id, found.rank FROM found JOIN video ON video.id = found.id
    ORDER BY {order} LIMIT {count} OFFSET {start})
SELECT (SELECT count(*) FROM found) AS total, {columns}
FROM page found JOIN video ON video.id = found.id
    JOIN channel ON channel.id = video.channel_id JOIN account ON account.id = channel.account_id
ORDER BY {order}"""

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
    rows = await _search(text, wanted, viewer)
    if not rows and wanted.start:
        first = await _search(text, replace(wanted, start=0, count=1), viewer)
        return rows, first[0]["total"] if first else 0
    return rows, rows[0]["total"] if rows else 0


async def _search(text: str, wanted: VideoFilter, viewer: Actor | None) -> Sequence[Row]:
    where = conditions(wanted, viewer)
    asked = where.argument(text)
    by_rank = "found.rank DESC, video.views DESC, video.id DESC"
    sql = _SEARCH.format(
        words=_WORDS.format(text=f"{asked}::text"),
        text=f"{asked}::text",
        most=MOST,
        where=where.where(),
        order=by_rank if wanted.sort == BEST_MATCH else order_by(wanted.sort),
        count=f"{where.argument(wanted.count)}::bigint",
        start=f"{where.argument(wanted.start)}::bigint",
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
