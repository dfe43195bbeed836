"""The files that pictures and sound are taken from, on this host's disk.

From an object store a file is fetched once for all the chunks of it that are encoded here, and kept
until none of them has asked for it for a while.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path, PurePath
from typing import Final

from app.config import settings
from app.core.storage import storage

KEPT_SECONDS: Final = 1800
_PAUSE: Final = 0.2


@contextlib.asynccontextmanager
async def input_file(key: str) -> AsyncIterator[Path]:
    """A file of the storage, to be read only, for as long as the block runs.

    Raises NoSuchFileError.
    """
    if storage().local_path(key) is not None:
        async with storage().local(key) as path:
            yield path
        return
    await asyncio.to_thread(remove_unused, older_than=KEPT_SECONDS)
    path = _folder() / f"{hashlib.sha256(key.encode()).hexdigest()[:40]}{PurePath(key).suffix}"
    lock = await _locked(path)
    try:
        if not await asyncio.to_thread(path.exists):
            await _fetch(key, path)
        path.touch()
        fcntl.flock(lock, fcntl.LOCK_SH)  # others may read it, too; nobody may remove it
        yield path
    finally:
        os.close(lock)


def remove_unused(*, older_than: float) -> int:
    """Remove what no job reads and none has asked for in so many seconds; gives how many files."""
    removed = 0
    with contextlib.suppress(FileNotFoundError):
        for lock_path in _folder().glob("*.lock"):
            path = lock_path.with_suffix("")
            removed += _remove(path, lock_path, before=time.time() - older_than)
    return removed


def _folder() -> Path:
    return settings().storage.work / "inputs"


async def _fetch(key: str, path: Path) -> None:
    """Appear whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        await storage().get_file(key, unfinished)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


async def _locked(path: Path) -> int:
    """A descriptor that holds the file alone; whoever fetches it lets the others wait."""
    lock_path = path.with_name(f"{path.name}.lock")
    await asyncio.to_thread(lock_path.parent.mkdir, parents=True, exist_ok=True)
    while True:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_same(descriptor, lock_path):
                return descriptor
        except BlockingIOError:
            await asyncio.sleep(_PAUSE)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove(path: Path, lock_path: Path, *, before: float) -> bool:
    try:
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        asked = path.stat().st_mtime if path.exists() else lock_path.stat().st_mtime
        if asked >= before:
            return False
        path.with_name(f"{path.name}.part").unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        lock_path.unlink()
        return True
    except (BlockingIOError, FileNotFoundError):
        return False
    finally:
        os.close(descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    """Whether the lock is still the one that others find there."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)
