"""Changes accounts: their names, what they say about themselves, their pictures."""

from pathlib import Path

from app.accounts import pictures
from app.accounts.models import Account
from app.accounts.queries import is_name_taken
from app.core.db import execute, transaction
from app.core.errors import ConflictError

#: names under which the site itself speaks to other sites
RESERVED_NAMES = frozenset({"peertube", "kinora"})


async def claim_name(name: str, *, field: str) -> None:
    """Make sure that a name is free, and that nobody else takes it before this transaction ends.

    The lock is the one that the tables' own triggers take (app/migrations/0002_indexes.py).
    """
    await execute("SELECT pg_advisory_xact_lock(hashtextextended(lower($1) || '@', 0))", name)
    if name.lower() in RESERVED_NAMES or await is_name_taken(name):
        raise ConflictError(f"The name “{name}” is taken here.", field=field)


async def set_avatar(account_id: int, picture: Path) -> list[dict[str, object]]:
    """Give an account a picture; gives its stored sizes. Raises InvalidError when it is none."""
    async with pictures.stored(picture, pictures.AVATAR) as sizes, transaction():
        account = await Account.select_for_update().get(id=account_id)
        await pictures.remove_later(pictures.AVATAR, account.avatars)
        account.avatars = sizes
        await account.save(update_fields=["avatars", "updated_at"])
    return sizes


async def remove_avatar(account_id: int) -> None:
    """Take an account's picture away."""
    async with transaction():
        account = await Account.select_for_update().get(id=account_id)
        await pictures.remove_later(pictures.AVATAR, account.avatars)
        account.avatars = []
        await account.save(update_fields=["avatars", "updated_at"])
