"""Reads requests to sign up."""

from collections.abc import Sequence
from typing import Final

from app.accounts.queries import ordering
from app.core.db import Row, fetch, fetchrow, fetchval
from app.core.errors import NotFoundError
from app.users.queries import literal

_MATCHING = """
FROM registration
WHERE ($1::text IS NULL OR username ILIKE '%' || $1 || '%' OR email ILIKE '%' || $1 || '%'
        OR reason ILIKE '%' || $1 || '%')
    AND (cardinality($2::int[]) = 0 OR state = ANY($2))
"""

# Requests, in one of the orders of `_SORTS`.
_LIST = f"SELECT * {_MATCHING} ORDER BY {{order}} LIMIT $3 OFFSET $4"

_COUNT = f"SELECT count(*) {_MATCHING}"

# The newest request of an address that still waits for its verification.
_UNVERIFIED = """
SELECT id FROM registration WHERE lower(email) = lower($1) AND email_verified = false
ORDER BY id DESC LIMIT 1
"""

# Whether a request under review has this name or address, or wants this channel.
_PENDING = """
SELECT EXISTS (SELECT FROM registration WHERE state = 1
    AND (lower(username) = lower($1) OR lower(email) = lower($2)
        OR lower(channel_name) = lower($3)))
"""

_SORTS: Final = {"id": "id", "createdAt": "created_at", "state": "state"}


async def list_registrations(
    *, search: str | None, states: Sequence[int], start: int, count: int, sort: str | None
) -> Sequence[Row]:
    """A page of requests."""
    order = ordering(sort, _SORTS, default="-createdAt")
    return await fetch(_LIST.format(order=order), literal(search), list(states), count, start)


async def get_registration(registration_id: int) -> Row:
    """The row of a request. Raises NotFoundError."""
    row = await fetchrow("SELECT * FROM registration WHERE id = $1", registration_id)
    if row is None:
        raise NotFoundError("There is no such request.")
    return row


async def count_registrations(*, search: str | None = None, states: Sequence[int] = ()) -> int:
    """How many requests match."""
    return int(await fetchval(_COUNT, literal(search), list(states)))


async def is_pending(username: str, email: str, channel_name: str | None) -> bool:
    """Whether a request under review is in the way of another one."""
    return bool(await fetchval(_PENDING, username, email, channel_name))


async def unverified_by_email(email: str) -> int | None:
    """The request whose address still waits for its verification."""
    row = await fetchrow(_UNVERIFIED, email)
    return row["id"] if row else None


async def count_users() -> int:
    """How many users there are."""
    return int(await fetchval('SELECT count(*) FROM "user"'))
