"""While a backup reads, files stay: its dump was taken first, and names them.

A backup holds an advisory lock of the database. The lock ends with its connection, so a backup that
crashed holds nothing. What deletes files asks first, and comes back later.
"""

from datetime import timedelta

import asyncpg

from app.core.db import fetchval
from app.core.jobs import Retry

LOCK = 0x6B6E6261636B  # "knback"
#: How often a job that deletes files asks, and how often it may: no backup takes so long.
AGAIN = timedelta(minutes=5)
ATTEMPTS = 1000
_CUT_OFF = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
)


async def wait_for_backup() -> None:
    """Raise Retry while a backup reads; ask after the rows are gone and before their files go."""
    # Taken and given back by the one statement.
    if not await fetchval("SELECT pg_try_advisory_xact_lock_shared($1)", LOCK):
        raise Retry(AGAIN, "a backup reads the files")


class Hold:
    """The lock, for as long as this connection lives."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def take(self) -> None:
        """Wait until no other backup reads; every deletion from here on waits for this one."""
        await self._connection.execute("SELECT pg_advisory_lock($1)", LOCK)

    async def check(self) -> None:
        """Raise ConnectionError if the lock may have been lost meanwhile."""
        try:
            await self._connection.execute("SELECT 1")
        except _CUT_OFF as error:
            raise ConnectionError("the database went away during the backup") from error
