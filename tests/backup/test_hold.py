"""While a backup reads, nothing that its dump may name is deleted."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator

import asyncpg
import pytest

from app.backup.hold import Hold, wait_for_backup
from app.core.ids import new_uuid
from app.core.jobs import Retry
from app.core.storage import storage
from app.videos.leftovers import remove_files
from tests.videos.test_leftovers import attempt


@pytest.fixture
async def held(db_commit: None, settings_env: dict[str, str]) -> AsyncIterator[asyncpg.Connection]:
    """The connection that holds the files."""
    connection = await asyncpg.connect(settings_env["KINORA_DATABASE__URL"])
    await Hold(connection).take()
    yield connection
    await connection.close()


async def test_a_deletion_waits_for_the_backups_end(held: asyncpg.Connection) -> None:
    key = f"hls/{new_uuid()}/v.mp4"
    await storage().put_bytes(key, b"bytes")
    with pytest.raises(Retry):
        await remove_files(attempt(), keys=[key], prefixes=[])
    assert await storage().exists(key)
    await held.close()
    await remove_files(attempt(), keys=[key], prefixes=[])
    assert not await storage().exists(key)


async def test_a_hold_that_was_cut_off_is_no_hold_and_says_so(
    held: asyncpg.Connection, settings_env: dict[str, str]
) -> None:
    other = await asyncpg.connect(settings_env["KINORA_DATABASE__URL"])
    await other.execute("SELECT pg_terminate_backend($1)", held.get_server_pid())
    await other.close()
    with pytest.raises(ConnectionError):
        await Hold(held).check()
    await wait_for_backup()


async def test_the_command_holds_until_its_input_ends(
    db_commit: None, settings_env: dict[str, str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "backup", "hold"),
        env=os.environ | settings_env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert await asyncio.wait_for(process.stdout.readline(), 30) == b"held\n"
    with pytest.raises(Retry):
        await wait_for_backup()
    process.stdin.close()
    assert await process.wait() == 0
    await wait_for_backup()


async def test_the_command_gives_up_after_its_time(
    db_commit: None, settings_env: dict[str, str]
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app", "backup", "hold", "--minutes", "0"),
        env=os.environ | settings_env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    told = await asyncio.wait_for(process.stderr.readline(), 30)
    assert b"files may have been deleted" in told
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 1
    await wait_for_backup()
