"""Files in a folder of this host.

A file appears under its key by a rename, whole, after its bytes are on the disk (fsync), so that
nobody sees half of one and none that was acknowledged is lost with the power.
"""

import asyncio
import contextlib
import errno
import os
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from app.core.storage import BLOCK, NoSuchFileError, Stored, checked, checked_prefix

#: The folder of files that are being written; no key begins with a dot.
UNFINISHED = ".unfinished"


class DiskStorage:
    """`Storage` in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def local_path(self, key: str) -> Path:
        """Where the file is, or would be."""
        return self.root / checked(key)

    async def put_file(self, key: str, path: Path) -> None:
        """Rename the file to its place; from another disk it is copied."""
        await asyncio.to_thread(_take, path, self.local_path(key), self.root)

    async def put_bytes(self, key: str, data: bytes, content_type: str = "") -> None:  # noqa: ARG002 - the name's ending says it
        """Write and rename."""
        target = self.local_path(key)

        def write(unfinished: Path) -> None:
            unfinished.write_bytes(data)

        await asyncio.to_thread(_make, target, self.root, write)

    async def get_file(self, key: str, path: Path) -> None:
        """Copy the file, by reference where the file system can."""
        source = self.local_path(key)
        with _missing_as(key):
            await asyncio.to_thread(shutil.copyfile, source, path)

    @contextlib.asynccontextmanager
    async def local(self, key: str) -> AsyncIterator[Path]:
        """The file itself."""
        path = self.local_path(key)
        if not await asyncio.to_thread(path.is_file):
            raise NoSuchFileError(key)
        yield path

    async def open_range(
        self, key: str, start: int = 0, length: int | None = None
    ) -> AsyncIterator[bytes]:
        """Read in blocks, each in a thread."""
        with _missing_as(key):
            descriptor = await asyncio.to_thread(os.open, self.local_path(key), os.O_RDONLY)

        async def read() -> AsyncIterator[bytes]:
            position, left = start, length
            try:
                while left is None or left > 0:
                    wanted = BLOCK if left is None else min(BLOCK, left)
                    block = await asyncio.to_thread(os.pread, descriptor, wanted, position)
                    if not block:
                        return
                    position += len(block)
                    left = None if left is None else left - len(block)
                    yield block
            finally:
                os.close(descriptor)

        return read()

    async def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return await asyncio.to_thread(self.local_path(key).is_file)

    async def size(self, key: str) -> int:
        """Its bytes."""
        with _missing_as(key):
            return (await asyncio.to_thread(self.local_path(key).stat)).st_size

    async def list(self, prefix: str) -> AsyncIterator[str]:
        """Walk the folder of the prefix."""
        folder = self.root / prefix.rpartition("/")[0] if "/" in prefix else self.root
        for key in await asyncio.to_thread(self._walk, folder):
            if key.startswith(prefix):
                yield key

    async def entries(self, prefix: str) -> AsyncIterator[Stored]:
        """The same, with sizes."""
        async for key in self.list(prefix):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                status = await asyncio.to_thread(self.local_path(key).stat)
                yield Stored(key, status.st_size, _version(status))

    async def version(self, key: str) -> str:
        """When it was written, and its size."""
        with _missing_as(key):
            return _version(await asyncio.to_thread(self.local_path(key).stat))

    async def delete(self, *keys: str) -> None:
        """Remove the files, and the folders that this empties."""
        paths = [self.local_path(key) for key in keys]
        await asyncio.to_thread(self._unlink, paths)

    async def delete_prefix(self, prefix: str) -> None:
        """Remove the folder."""
        folder = self.root / checked_prefix(prefix)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        await asyncio.to_thread(self._prune, folder.parent)

    async def move(self, old: str, new: str) -> None:
        """Rename."""
        with _missing_as(old):
            await asyncio.to_thread(_take, self.local_path(old), self.local_path(new), self.root)
        await asyncio.to_thread(self._prune, self.local_path(old).parent)

    async def signed_url(self, key: str, seconds: int, *, filename: str = "") -> None:  # noqa: ARG002 - served by us
        """None: we serve the files."""
        checked(key)

    async def remove_unfinished(self, *, older_than: timedelta) -> None:
        """Empty the folder of unfinished files."""
        await asyncio.to_thread(self._remove_unfinished, time.time() - older_than.total_seconds())

    async def close(self) -> None:
        """Nothing is held open."""

    def public_url(self, key: str) -> None:
        """None: we serve the files."""
        checked(key)

    def _remove_unfinished(self, before: float) -> None:
        for path in (self.root / UNFINISHED).glob("*"):
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime <= before:
                    path.unlink()

    def _walk(self, folder: Path) -> Sequence[str]:
        return sorted(
            (Path(parent) / name).relative_to(self.root).as_posix()
            for parent, _, names in os.walk(folder)
            for name in names
            if not parent.endswith(f"/{UNFINISHED}")
        )

    def _unlink(self, paths: Sequence[Path]) -> None:
        for path in paths:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                path.unlink()
            self._prune(path.parent)

    def _prune(self, folder: Path) -> None:
        """Remove a folder when it is empty, and so its parents, below the root."""
        while folder not in (self.root, folder.parent):
            try:
                folder.rmdir()
            except FileNotFoundError:
                pass
            except OSError:
                return
            folder = folder.parent


def _version(status: os.stat_result) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_ino:x}-{status.st_size:x}"


@contextlib.contextmanager
def _missing_as(key: str) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        raise NoSuchFileError(key) from None


def _take(source: Path, target: Path, root: Path) -> None:
    """Move a file to its place, durably."""
    _sync(source)
    try:
        _renamed(source, target, root)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _make(target, root, lambda unfinished: _copy(source, unfinished))
        source.unlink()


def _copy(source: Path, unfinished: Path) -> None:
    shutil.copyfile(source, unfinished)


def _make(target: Path, root: Path, write: Callable[[Path], None]) -> None:
    """Write a file on the same disk, then rename it to its place."""
    unfinished = root / UNFINISHED / secrets.token_hex(8)
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    try:
        write(unfinished)
        _sync(unfinished)
        _renamed(unfinished, target, root)
    finally:
        unfinished.unlink(missing_ok=True)


def _renamed(source: Path, target: Path, root: Path) -> None:
    """Rename, and make the folders' entries durable; a folder pruned meanwhile is made anew."""
    for attempt in range(3):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.replace(target)
            break
        except FileNotFoundError:
            if attempt == 2 or not source.exists():
                raise
    folder = target.parent
    while True:
        _sync(folder)
        if folder in (root, folder.parent):
            return
        folder = folder.parent


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
