"""The part of an upload that has arrived: a file of this host that only ever grows at its end.

Its length is the upload's position, so nothing has to be written twice and a killed process loses
nothing. One writer at a time holds its lock (flock: the kernel gives it back when a process dies).
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import shutil
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final, TypeVar
from uuid import UUID

from app.config import settings
from app.core.errors import AppError
from app.core.ids import parse_uuid

T = TypeVar("T")
#: How long a request waits for another one about the same upload before it is sent away.
LOCK_SECONDS: Final = 5.0
#: A file without a row is young when its upload begins right now.
YOUNG_SECONDS: Final = 3600.0
_LOCK_PAUSE: Final = 0.02
_PICTURES: Final = ".pictures"
_OUT_OF_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class BusyError(AppError):
    """Another request holds the upload; PeerTube answers the same."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "This upload is already being processed by another request.",
            code="upload_is_busy",
            headers={"Retry-After": "5"},
        )


class DiskFullError(AppError):
    """No room for the file on this host."""

    status = 507

    def __init__(self) -> None:
        super().__init__(
            "The server's disk is full: the file cannot be stored now. Tell the administrators.",
            code="disk_full",
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The locked file of one upload."""

    descriptor: int

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return os.fstat(self.descriptor).st_size

    async def append(self, block: bytes | bytearray) -> None:
        """Write behind the last byte: all of the block or, where the disk is full, nothing.

        Raises DiskFullError.
        """
        await _to_its_end(lambda: _append(self.descriptor, block))

    async def flush(self) -> None:
        """Give the bytes to the disk: afterwards they survive a loss of power."""
        await _to_its_end(lambda: os.fdatasync(self.descriptor))


def folder() -> Path:
    """Where uploads under way are kept on this host."""
    return settings().storage.work / "uploads"


def path_of(upload_id: UUID) -> Path:
    """The file of an upload."""
    return folder() / str(upload_id)


def pictures_of(upload_id: UUID) -> Path:
    """The folder of the pictures that came with an upload."""
    return folder() / f"{upload_id}{_PICTURES}"


def names(older_than: float) -> dict[UUID, list[Path]]:
    """What lies in the uploads folder for longer than so many seconds, by upload."""
    found: defaultdict[UUID, list[Path]] = defaultdict(list)
    before = time.time() - older_than
    with contextlib.suppress(FileNotFoundError), os.scandir(folder()) as entries:
        for entry in entries:
            upload_id = parse_uuid(entry.name.removesuffix(_PICTURES))
            if upload_id is not None and entry.stat().st_mtime < before:
                found[upload_id].append(Path(entry.path))
    return found


class Sweeps:
    """When this process last looked for what its host need not keep.

    The timetable's job sweeps the host of one worker: a host that only serves the web looks after
    itself, when somebody begins an upload there.
    """

    last: ClassVar[float] = float("-inf")

    @classmethod
    def due(cls) -> bool:
        """Whether it looks now: not again for as long as a file is young."""
        now = time.monotonic()
        if now - cls.last < YOUNG_SECONDS:
            return False
        cls.last = now
        return True


async def create(upload_id: UUID) -> None:
    """Make the empty file of a new upload; it survives a loss of power. Raises DiskFullError."""
    await _to_its_end(lambda: _create(path_of(upload_id)))


async def adopt(upload_id: UUID, arrived: Path) -> None:
    """Take a file that has arrived whole as an upload's file, flushed to disk."""
    await _to_its_end(lambda: _adopt(path_of(upload_id), arrived))


async def remove(upload_id: UUID) -> None:
    """Remove the file of an upload, if there is one."""
    await asyncio.to_thread(path_of(upload_id).unlink, missing_ok=True)


async def discard(path: Path) -> None:
    """Remove a file or a folder of the uploads folder."""
    if await asyncio.to_thread(path.is_dir):
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)
    else:
        await asyncio.to_thread(path.unlink, missing_ok=True)


@contextlib.asynccontextmanager
async def locked(upload_id: UUID, *, wait: float = LOCK_SECONDS) -> AsyncIterator[Part | None]:
    """Hold an upload's file alone; None when this host has no such file. Raises BusyError."""
    path = path_of(upload_id)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        await _lock(descriptor, wait)
        # whoever held the lock may have moved the finished file away
        yield Part(descriptor) if _is_same(descriptor, path) else None
    finally:
        os.close(descriptor)


def free_bytes() -> int:
    """Room on the disk of the uploads folder."""
    folder().mkdir(parents=True, exist_ok=True)
    return shutil.disk_usage(folder()).free


def arrived_bytes() -> int:
    """What lies in the uploads folder."""
    with contextlib.suppress(FileNotFoundError), os.scandir(folder()) as entries:
        return sum(entry.stat().st_size for entry in entries if entry.is_file())
    return 0


async def _lock(descriptor: int, wait: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if loop.time() >= deadline:
                raise BusyError from None
            await asyncio.sleep(_LOCK_PAUSE)
        else:
            return


async def _to_its_end(function: Callable[[], T]) -> T:
    """Run in a thread, and wait for it even when cancelled: no file is closed under a write."""
    future = asyncio.get_running_loop().run_in_executor(None, function)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        await asyncio.wait([future])
        raise


def _append(descriptor: int, block: bytes | bytearray) -> None:
    before, rest = os.fstat(descriptor).st_size, memoryview(block)
    try:
        while rest:
            rest = rest[os.write(descriptor, rest) :]
    except OSError as error:
        os.ftruncate(descriptor, before)
        if error.errno in _OUT_OF_SPACE:
            raise DiskFullError from None
        raise


def _create(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _flush_folder(path.parent)
    except OSError as error:
        if error.errno in _OUT_OF_SPACE:
            raise DiskFullError from None
        raise


def _adopt(path: Path, arrived: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(arrived, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    arrived.replace(path)
    _flush_folder(path.parent)


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _is_same(descriptor: int, path: Path) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    here = os.fstat(descriptor)
    return (here.st_ino, here.st_dev) == (there.st_ino, there.st_dev)
