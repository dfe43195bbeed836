"""Reads accounts."""

from collections.abc import Sequence
from typing import Final

from app.accounts.names import split_handle
from app.accounts.schemas import ACCOUNT_COLUMNS
from app.core.db import Row, fetch, fetchrow, fetchval
from app.core.errors import InvalidError
from app.core.pagination import counted

# One account by its handle, in the words of the index on handles.
_BY_HANDLE = f"""
SELECT {ACCOUNT_COLUMNS} FROM account
WHERE lower(account.name) = lower($1) AND coalesce(account.host, '') = coalesce($2, '')
"""

# Accounts for the list, in one of the orders of `_SORTS`.
_LIST = f"""
SELECT {ACCOUNT_COLUMNS} FROM account ORDER BY {{order}} LIMIT $1 OFFSET $2
"""

_COUNT = "SELECT count(*) FROM account"

# Whether an account or a channel of this site has the name; they share one name space.
_NAME_TAKEN = """
SELECT EXISTS (SELECT FROM account WHERE lower(name) = lower($1) AND host IS NULL)
    OR EXISTS (SELECT FROM channel WHERE lower(name) = lower($1) AND host IS NULL)
"""

_SORTS: Final = {
    "createdAt": "account.created_at",
    "id": "account.id",
    "name": "lower(account.name)",
    "displayName": "lower(account.display_name)",
    "followersCount": "account.followers_count",
    "followingCount": "account.following_count",
    "updatedAt": "account.updated_at",
}


def ordering(sort: str | None, columns: dict[str, str], *, default: str) -> str:
    """The ORDER BY of a list query: `-field` turns it; the id makes the order total."""
    wanted = sort or default
    column = columns.get(wanted.removeprefix("-"))
    if column is None:
        raise InvalidError(f"Lists are sorted by {', '.join(sorted(columns))}.", field="sort")
    direction = "DESC" if wanted.startswith("-") else "ASC"
    return f"{column} {direction}, {columns['id']} {direction}"


async def account_by_handle(handle: str) -> Row | None:
    """The row of an account (`ACCOUNT_COLUMNS`), by `name` or `name@host`."""
    name, host = split_handle(handle)
    return await fetchrow(_BY_HANDLE, name, host)


async def list_accounts(*, start: int, count: int, sort: str | None) -> Sequence[Row]:
    """A page of accounts."""
    order = ordering(sort, _SORTS, default="-createdAt")
    return await fetch(_LIST.format(order=order), count, start)


async def count_accounts() -> int:
    """How many accounts the list has."""
    return await counted(_COUNT)


async def is_name_taken(name: str) -> bool:
    """Whether an account or a channel here has the name, however it is capitalised."""
    return bool(await fetchval(_NAME_TAKEN, name))
