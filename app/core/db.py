"""The database: one asyncpg pool, spoken to in two ways.

Tortoise models write and load single objects; `fetch()` and its kin run the SQL of `queries.py` on
the same connection and in the same transaction (lists through the ORM cost eleven times the CPU).
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
from tortoise import Tortoise
from tortoise.backends.asyncpg.client import AsyncpgDBClient, TransactionWrapper
from tortoise.backends.base.client import TransactionContext, TransactionContextPooled
from tortoise.backends.base.config_generator import expand_db_url
from tortoise.connection import get_connection, get_connections
from tortoise.context import TortoiseContext, get_current_context
from tortoise.migrations.api import migrate as run_migrations
from tortoise.transactions import in_transaction  # noqa: TID251 - this is the one place

#: A row by column name (asyncpg's Record, which also answers to positions).
Row = Mapping[str, Any]

MODELS = (
    "app.core.models",
    "app.accounts.models",
    "app.channels.models",
    "app.videos.models",
    "app.uploads.models",
    "app.transcoding.models",
)
ACQUIRE_SECONDS = 10
STATEMENT_SECONDS = 30
STARTING_SECONDS = 60  # a server that recovers from a crash
MIGRATION_LOCK = 0x6B696E6F7261  # "kinora": two processes that migrate at once would both fail

#: How a statement says that it is the database that is away.
_OUTAGES = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.InternalClientError,  # cut off in the midst of an answer
    ConnectionRefusedError,
)


def is_outage(error: BaseException) -> bool:
    """Whether the database was away (restarting, overrun): the same may well work in a moment."""
    if isinstance(error, asyncpg.InterfaceError):
        return "closed" in str(error)
    if isinstance(error, FileNotFoundError):
        return error.filename is None  # the socket; one of our own files would have a name
    return isinstance(error, _OUTAGES)


class _SafeTransaction(TransactionContextPooled):
    """A transaction that gives its connection back when it is cancelled during BEGIN.

    Tortoise 1.1.9 leaks it: a few thousand cancelled requests empty the pool and the site hangs.
    """

    async def __aenter__(self) -> Any:
        await self.ensure_connection()
        client: Any = self.client
        pool = client._parent._pool  # noqa: SLF001 - Tortoise's own __aenter__ does the same
        connection = await pool.acquire(timeout=ACQUIRE_SECONDS)
        client._connection = connection  # noqa: SLF001
        self.token = get_connections().set(self.connection_name, client)
        try:
            await client.begin()
        except BaseException:
            get_connections().reset(self.token)
            await pool.release(connection)
            raise
        return client


async def _keep_session(_: asyncpg.Connection) -> None:
    """Leave a connection that comes back as it is; asyncpg itself has rolled back what was open.

    Its usual RESET ALL would be a second statement after each of ours; nothing changes a session.
    """


class SafeAsyncpgClient(AsyncpgDBClient):
    """Tortoise's asyncpg client with the leak mended, and one round trip a statement."""

    async def create_pool(self, **options: Any) -> asyncpg.Pool:
        """A pool whose connections are given back without a statement.

        asyncpg reads the address itself: it knows all of libpq's words, Tortoise does not.
        """
        for word in ("host", "port", "user", "database"):
            del options[word]
        return await asyncpg.create_pool(options.pop("dsn"), reset=_keep_session, **options)

    def _in_transaction(self) -> TransactionContext:
        return _SafeTransaction(TransactionWrapper(self), self._pool_init_lock)


client_class = SafeAsyncpgClient  # what Tortoise looks for in the module named as `engine`


def tortoise_config(
    url: str, *, pool_size: int = 10, application_name: str = "kinora"
) -> dict[str, Any]:
    """Tortoise's configuration for a `postgres://` URL.

    A socket folder goes into `?host=`; other words of libpq, such as `sslmode`, hold, too.
    """
    parts = urlsplit(url)
    who, at, where = parts.netloc.rpartition("@")
    plain = parts._replace(scheme="postgres", query="")
    credentials = expand_db_url(plain.geturl())["credentials"]
    # Tortoise logs what it is given, but for the password.
    named = parts._replace(netloc=who.partition(":")[0] + at + where)
    return {
        "connections": {
            "default": {
                "engine": "app.core.db",
                "credentials": credentials
                | {
                    "dsn": named.geturl(),
                    "minsize": min(2, pool_size),
                    "maxsize": pool_size,
                    "command_timeout": STATEMENT_SECONDS,
                    "application_name": application_name,
                },
            }
        },
        "apps": {
            "models": {
                "models": list(MODELS),
                "default_connection": "default",
                "migrations": "app.migrations",
            }
        },
        "use_tz": True,
        "timezone": "UTC",
    }


@contextlib.asynccontextmanager
async def database(
    url: str, *, pool_size: int = 10, application_name: str = "kinora"
) -> AsyncIterator[TortoiseContext]:
    """Open the pool for as long as the block runs; an error at once where there is no database."""
    config = tortoise_config(url, pool_size=pool_size, application_name=application_name)
    context = await Tortoise.init(config=config, _enable_global_fallback=True)
    try:
        await fetchval("SELECT 1")
        yield context
    finally:
        await context.close_connections()


def is_open() -> bool:
    """Whether this process (or this test) holds a pool already."""
    return get_current_context() is not None


@contextlib.asynccontextmanager
async def transaction() -> AsyncIterator[None]:
    """Everything inside commits together or not at all; a nested one is a savepoint.

    Start no task inside: it would inherit a connection that is given back before it ends.
    """
    async with in_transaction():
        yield


async def fetch(sql: str, *arguments: object) -> Sequence[Row]:
    """All rows of a statement (`$1`, `$2` … are the arguments)."""
    async with get_connection("default").acquire_connection() as connection:
        rows: Sequence[Row] = await connection.fetch(sql, *arguments)
        return rows


async def fetchrow(sql: str, *arguments: object) -> Row | None:
    """The first row, or None."""
    async with get_connection("default").acquire_connection() as connection:
        row: Row | None = await connection.fetchrow(sql, *arguments)
        return row


async def fetchval(sql: str, *arguments: object) -> Any:
    """The first column of the first row, or None."""
    async with get_connection("default").acquire_connection() as connection:
        return await connection.fetchval(sql, *arguments)


async def execute(sql: str, *arguments: object) -> int:
    """Run a statement; gives the number of rows it touched."""
    async with get_connection("default").acquire_connection() as connection:
        status: str = await connection.execute(sql, *arguments)
    count = status.rpartition(" ")[2]
    return int(count) if count.isdigit() else 0


async def wait_for(url: str, *, seconds: float = STARTING_SECONDS) -> asyncpg.Connection:
    """A connection to a server that may only just be starting; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while True:
            try:
                return await asyncpg.connect(url)
            except (OSError, asyncpg.CannotConnectNowError):  # no socket yet, or still recovering
                await asyncio.sleep(0.02)


async def migrate(url: str) -> None:
    """Bring the schema up to date; one process at a time, the others wait for it."""
    guard = await asyncpg.connect(url)
    try:
        await guard.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await run_migrations(config=tortoise_config(url, application_name="kinora-migrate"))
        await Tortoise.close_connections()
    finally:
        await guard.close()


def migrations_folder() -> Path:
    """Where the migrations are."""
    return Path(__file__).parent.parent / "migrations"
