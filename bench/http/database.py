"""A database with N videos, made inside PostgreSQL; indexes are built after the rows."""

import itertools

import asyncpg

from app.accounts.models import Account, User
from app.channels.models import Channel
from app.core import db

#: So many videos have files; details are measured on them.
WITH_FILES = 10_000

REAL_WORDS = [
    "sea",
    "volcano",
    "glacier",
    "river",
    "forest",
    "desert",
    "island",
    "harbour",
    "bridge",
    "tower",
]
SYLLABLES = ["ka", "ri", "mo", "te", "lu", "sha", "ne", "vo", "bri", "do", "ga", "pel", "zu"]

#: Nine of ten are public. WORD is one of $3: the first stand in one of twenty titles, most in few.
_VIDEOS = """
INSERT INTO video (id, uuid, channel_id, name, description, category, licence, language, tags,
    privacy, state, nsfw, nsfw_flags, wait_transcoding, comments_policy, download_enabled, duration,
    aspect_ratio, views, likes, dislikes, comments_count, trending_score, hot_score, file_secret,
    thumbnails, storyboard, playlist, published_at, created_at, updated_at)
SELECT n, gen_random_uuid(), 1 + (n * 7919) % $2::bigint, 'The ' || WORD || ' and the ' || WORD,
    repeat('What one should know about ' || WORD || '. ', 8),
    1 + n % 18, 1 + n % 7, (ARRAY['en', 'fr', 'de', 'es', NULL])[1 + n % 5],
    jsonb_build_array(WORD, WORD),
    CASE WHEN n % 20 = 0 THEN 3 WHEN n % 20 = 1 THEN 4 ELSE 1 END, 1, n % 50 = 0, 0, false, 1, true,
    30 + random() * 3000, 1.7778, floor(power(random(), 4) * 100000), floor(random() * 500),
    floor(random() * 50), floor(random() * 90), CASE WHEN n % 10 = 0 THEN random() * 100 ELSE 0 END,
    random() * 10 + n / 1000.0, decode(md5(n::text), 'hex'),
    ('[{"width": 280, "height": 157, "filename": "s' || n || '.jpg"},
       {"width": 850, "height": 480, "filename": "m' || n || '.jpg"}]')::jsonb,
    ('{"filename": "b' || n || '.jpg", "tile_width": 192, "tile_height": 108, "columns": 11,
       "rows": 3, "interval": 2.0, "count": 31}')::jsonb,
    ('{"master": "m' || n || '.m3u8", "dash": "d' || n || '.mpd", "complete": true}')::jsonb,
    now() - make_interval(secs => ($1 - n) * 60 + random() * 3600),
    now() - make_interval(secs => ($1 - n) * 60 + 7200), now()
FROM generate_series(1, $1::bigint) n""".replace(
    "WORD", "($3::text[])[1 + floor(power(random(), 3) * cardinality($3))]"
)

#: The trigger that learns words one row at a time would take longer than the rows.
_WORDS = """
INSERT INTO word SELECT DISTINCT unnest(tsvector_to_array(
    to_tsvector('simple', plain(name || ' ' || tags::text)))) FROM video"""

_RENDITIONS = """
INSERT INTO rendition (video_id, resolution, width, height, fps, codecs, bandwidth,
    average_bandwidth, filename, playlist_filename, size, created_at)
SELECT n, height, height * 16 / 9, height, 30, 'avc1.64001f', height * 4000, height * 3000,
    'f' || n || '-' || height || '.mp4', 'f' || n || '-' || height || '.m3u8', height * 100000,
    now()
FROM generate_series(1, $1::int) n, unnest(ARRAY[0, 240, 360, 480, 720, 1080]) height"""

#: Indexes of `video` that no constraint needs.
_INDEXES = """
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index WHERE indrelid = 'video'::regclass AND NOT indisunique"""


def vocabulary() -> list[str]:
    """Some real words and thousands that look like words."""
    made = ["".join(parts) for parts in itertools.product(SYLLABLES, SYLLABLES, SYLLABLES)]
    endings = ("", "n", "s", "lo")
    return REAL_WORDS + sorted(word + end for word in made for end in endings)


async def fill(url: str, videos: int) -> None:
    """Fill a migrated, empty database."""
    people = max(20, min(videos // 100, 10_000))
    await _invite(url, people)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("SET maintenance_work_mem = '512MB'")
        indexes = await connection.fetch(_INDEXES)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['name']}")
        await connection.execute("ALTER TABLE video DISABLE TRIGGER video_words")
        await connection.execute(_VIDEOS, videos, people, vocabulary())
        await connection.execute(_WORDS)
        await connection.execute("ALTER TABLE video ENABLE TRIGGER video_words")
        for index in indexes:
            await connection.execute(index["definition"])
        await connection.execute(_RENDITIONS, min(videos, WITH_FILES))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _invite(url: str, people: int) -> None:
    """Users with an account and a channel each."""

    def pictures(name: str) -> list[dict[str, object]]:
        return [
            {"width": side, "height": side, "filename": f"{name}-{side}.jpg"} for side in (48, 120)
        ]

    numbers = range(1, people + 1)
    async with db.database(url):
        await User.bulk_create(
            User(id=n, username=f"user{n}", email=f"user{n}@example.org", password_hash="")
            for n in numbers
        )
        await Account.bulk_create(
            Account(
                id=n, user_id=n, name=f"user{n}", display_name=f"User {n}", avatars=pictures(f"{n}")
            )
            for n in numbers
        )
        await Channel.bulk_create(
            Channel(
                id=n,
                account_id=n,
                name=f"channel{n}",
                display_name=f"Channel {n}",
                avatars=pictures(f"c{n}"),
            )
            for n in numbers
        )


async def some_uuids(url: str, count: int) -> list[str]:
    """Public videos with files, spread over the table."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            "SELECT uuid FROM video WHERE id <= $1 AND privacy = 1 ORDER BY md5(id::text) LIMIT $2",
            WITH_FILES,
            count,
        )
        return [str(row["uuid"]) for row in rows]
    finally:
        await connection.close()
