"""Words that PostgreSQL passes on when a transaction commits (LISTEN/NOTIFY), through its restarts.

What is said while the connection is down is lost, so the listener is told when it is up again and
looks for itself; nobody relies on a word alone.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping

import asyncpg
import structlog

log = structlog.get_logger(__name__)

#: How asyncpg says that the server went away, also in the middle of something.
CONNECTION_ERRORS = (
    OSError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

#: Is given the word's payload; must not block.
Heard = Callable[[str], None]

RECONNECT_SECONDS = 0.5


async def listen(
    url: str, channels: Mapping[str, Heard], *, connected: Callable[[], Awaitable[None]]
) -> None:
    """Pass on what is said on each channel, for ever; `connected` follows every (re)connect."""
    while True:
        connection: asyncpg.Connection | None = None
        try:
            connection = await asyncpg.connect(
                url, timeout=10, server_settings={"application_name": "kinora-listen"}
            )
            lost = asyncio.Event()
            connection.add_termination_listener(lambda _, lost=lost: lost.set())
            for channel, heard in channels.items():
                await connection.add_listener(channel, _passing(heard))
            await connected()
            await lost.wait()
            log.warning("the database closed the connection")
        except CONNECTION_ERRORS as error:
            log.warning("no connection to the database", error=str(error))
        finally:
            if connection is not None and not connection.is_closed():
                with contextlib.suppress(*CONNECTION_ERRORS):
                    await connection.close(timeout=2)
        await asyncio.sleep(RECONNECT_SECONDS)


def _passing(heard: Heard) -> Callable[[asyncpg.Connection, int, str, str], None]:
    def passed(_: asyncpg.Connection, __: int, ___: str, payload: str) -> None:
        heard(payload)

    return passed
