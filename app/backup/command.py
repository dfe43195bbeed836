"""`kinora backup …`: what the appliance's backup calls, and anybody's own can."""

import asyncio
import os
import select
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path

from app.backup import mirror
from app.backup.hold import Hold
from app.config import settings
from app.core import db
from app.core.errors import AppError
from app.core.storage import storage
from app.core.storage_copy import Tally

#: How often the hold looks whether the database is still there.
LOOK_SECONDS = 5.0


def hold(minutes: int) -> int:
    """Keep files from being deleted until the input ends."""
    try:
        asyncio.run(_hold(timedelta(minutes=minutes)))
    except (ConnectionError, TimeoutError, OSError) as error:
        print(f"kinora: files may have been deleted: {error}", file=sys.stderr)
        return 1
    return 0


def fill_mirror(folder: str) -> int:
    """Bring a folder up to date with the object store."""

    async def run() -> None:
        try:
            gone = await mirror.fill(Path(folder), storage(), _say)
            print(f"{gone} files that the site no longer has were removed.")
        finally:
            await storage().close()

    return _copied(run)


def give_back(folder: str) -> int:
    """Put the files of a folder into the object store."""

    async def run() -> None:
        try:
            await mirror.give_back(Path(folder), storage(), _say)
        finally:
            await storage().close()

    return _copied(run)


async def _hold(longest: timedelta) -> None:
    connection = await db.wait_for(settings().database.url.get_secret_value())
    try:
        held = Hold(connection)
        await held.take()
        print("held", flush=True)
        until = time.monotonic() + longest.total_seconds()
        while not await asyncio.to_thread(_input_ended, LOOK_SECONDS):
            await held.check()
            if time.monotonic() > until:
                raise TimeoutError(f"the backup took longer than {longest}")
        await held.check()
    finally:
        connection.terminate()


def _input_ended(seconds: float) -> bool:
    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    return bool(ready) and not os.read(sys.stdin.fileno(), 4096)


def _copied(run: Callable[[], Coroutine[object, object, None]]) -> int:
    try:
        asyncio.run(run())
    except (AppError, OSError) as error:
        print(f"kinora: {error}", file=sys.stderr)
        return 1
    return 0


def _say(tally: Tally) -> None:
    print(tally.sentence(), flush=True)
