"""Reads users, and how much of their quota they have used."""

from collections.abc import Sequence
from typing import Final

from app.accounts.queries import ordering
from app.accounts.schemas import ACCOUNT_COLUMNS
from app.core.db import Row, fetch, fetchrow, fetchval

# Bytes a user has stored: originals, renditions, and uploads that are under way.
_USED = """
(SELECT coalesce(sum(video_source.size), 0) FROM video_source
    JOIN video ON video.id = video_source.video_id JOIN channel ON channel.id = video.channel_id
    JOIN account AS owner ON owner.id = channel.account_id WHERE owner.user_id = "user".id)
+ (SELECT coalesce(sum(rendition.size), 0) FROM rendition
    JOIN video ON video.id = rendition.video_id JOIN channel ON channel.id = video.channel_id
    JOIN account AS owner ON owner.id = channel.account_id WHERE owner.user_id = "user".id)
+ (SELECT coalesce(sum(upload.size), 0) FROM upload
    WHERE upload.user_id = "user".id AND upload.video_id IS NULL)
"""

# Bytes a user has sent in the last 24 hours.
_USED_DAILY = """
(SELECT coalesce(sum(video_source.size), 0) FROM video_source
    JOIN video ON video.id = video_source.video_id JOIN channel ON channel.id = video.channel_id
    JOIN account AS owner ON owner.id = channel.account_id
    WHERE owner.user_id = "user".id AND video_source.created_at > now() - interval '24 hours')
+ (SELECT coalesce(sum(upload.size), 0) FROM upload
    WHERE upload.user_id = "user".id AND upload.video_id IS NULL)
"""

#: What `schemas.user` needs.
USER_COLUMNS: Final = f"""
    "user".id AS user_id, "user".username, "user".email, "user".pending_email,
    "user".email_verified, "user".role, "user".admin_flags, "user".blocked,
    "user".blocked_reason, "user".video_quota, "user".video_quota_daily, "user".preferences,
    "user".otp_secret IS NOT NULL AS two_factor_enabled, "user".last_login_at,
    "user".created_at AS user_created_at,
    ({_USED})::bigint AS quota_used, ({_USED_DAILY})::bigint AS quota_used_daily,
    {ACCOUNT_COLUMNS}"""

_USER = f"""
SELECT {USER_COLUMNS} FROM "user" JOIN account ON account.user_id = "user".id WHERE "user".id = $1
"""

_MATCHING = """
FROM "user" JOIN account ON account.user_id = "user".id
WHERE ($1::text IS NULL OR "user".username ILIKE '%' || $1 || '%'
        OR "user".email ILIKE '%' || $1 || '%' OR account.display_name ILIKE '%' || $1 || '%')
    AND ($2::boolean IS NULL OR "user".blocked = $2)
"""

# Users for the administrators' list, in one of the orders of `_SORTS`.
_LIST = f"SELECT {USER_COLUMNS} {_MATCHING} ORDER BY {{order}} LIMIT $3 OFFSET $4"

_COUNT = f"SELECT count(*) {_MATCHING}"

_QUOTA_USED = f"""
SELECT ({_USED})::bigint AS used, ({_USED_DAILY})::bigint AS used_daily
FROM "user" WHERE id = $1
"""

# People whose names begin so, for fields that complete a name.
_AUTOCOMPLETE = """
SELECT username FROM "user" WHERE lower(username) LIKE lower($1) || '%' AND NOT blocked
ORDER BY lower(username) LIMIT 10
"""

_EMAIL_TAKEN = """
SELECT EXISTS (SELECT FROM "user" WHERE lower(email) = lower($1) AND id IS DISTINCT FROM $2)
"""

# Whoever has an address, or waits for it to be verified; the first goes before the second.
_BY_EMAIL = """
SELECT id, email_verified, pending_email, blocked FROM "user"
WHERE lower(email) = lower($1) OR lower(pending_email) = lower($1)
ORDER BY lower(email) = lower($1) DESC LIMIT 1
"""

# Numbers about a user for those who moderate.
_STATS = """
SELECT count(*) FROM video JOIN channel ON channel.id = video.channel_id
    JOIN account ON account.id = channel.account_id WHERE account.user_id = $1
"""

_SORTS: Final = {
    "id": '"user".id',
    "username": 'lower("user".username)',
    "createdAt": '"user".created_at',
    "lastLoginDate": '"user".last_login_at',
    "role": '"user".role',
    "videoQuotaUsed": "quota_used",
}


def literal(search: str | None) -> str | None:
    """A search text for LIKE, in which `%` and `_` are no wildcards."""
    if not search:
        return None
    return search.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


async def get_user(user_id: int) -> Row | None:
    """The row of a user (`USER_COLUMNS`)."""
    return await fetchrow(_USER, user_id)


async def list_users(
    *, search: str | None, blocked: bool | None, start: int, count: int, sort: str | None
) -> Sequence[Row]:
    """A page of users."""
    order = ordering(sort, _SORTS, default="-createdAt")
    return await fetch(_LIST.format(order=order), literal(search), blocked, count, start)


async def count_users(*, search: str | None = None, blocked: bool | None = None) -> int:
    """How many users match."""
    return int(await fetchval(_COUNT, literal(search), blocked))


async def quota_used(user_id: int) -> tuple[int, int]:
    """Bytes a user has stored, and has sent in the last 24 hours."""
    row = await fetchrow(_QUOTA_USED, user_id)
    return (row["used"], row["used_daily"]) if row else (0, 0)


async def account_id_of(user_id: int) -> int:
    """The id of a user's account."""
    return int(await fetchval("SELECT id FROM account WHERE user_id = $1", user_id))


async def usernames_like(search: str) -> list[str]:
    """Up to ten names that begin so."""
    return [row["username"] for row in await fetch(_AUTOCOMPLETE, literal(search) or "")]


async def videos_count(user_id: int) -> int:
    """How many videos a user has, of any state."""
    return int(await fetchval(_STATS, user_id))


async def is_email_taken(email: str, *, but: int | None = None) -> bool:
    """Whether somebody (but that user) has the address, however it is capitalised."""
    return bool(await fetchval(_EMAIL_TAKEN, email, but))


async def user_by_email(email: str) -> Row | None:
    """What mails need to know of the user with this address."""
    return await fetchrow(_BY_EMAIL, email)
